//! Which texts an event needs, and who writes them.
//!
//! In: an event. Out: a [`Shared`] that can tell of it.

use std::sync::Arc;

use super::handshake::Course;
use super::security::{Findings, Members};
use super::session::Agreed;
use super::shared::Shared;
use super::shared::Split;
use super::{certificate, client, label, server};
use crate::event::Event;
use crate::event::labels::LabelSet;
use crate::sink::json;
use crate::x509::Certificate;

impl Shared {
    /// Makes the texts that `event` needs and that are not there yet; the methods below then tell of this event.
    pub fn prepare(&mut self, event: &Event) {
        let Self { clients, servers, certificates, labels, postures, agreed, courses, findings, event: places } = self;
        places.agreed = agreed.place(Agreed::of(event));
        places.course = courses.place(Course::of(event));
        places.findings = findings.place(Findings::of(event));
        clients.make_room();
        servers.make_room();
        certificates.make_room();
        labels.make_room();
        postures.make_room();
        places.client_hello = event.client_hello.as_ref().map(|hello| {
            let length = Some(hello.session_id_len);
            clients.place(&hello.shape, length, 0, |out| client::members(&hello.shape, length, out))
        });
        places.second_hello = event
            .second_hello
            .as_ref()
            .map(|shape| clients.place(shape, None, 0, |out| client::members(shape, None, out)));
        places.server_hello = event.server_hello.as_ref().map(|hello| {
            let length = hello.session_id_len;
            servers.place(&hello.shape, Some(length), 0, |out| server::members(&hello.shape, length, out))
        });
        let mut chain = |certificate: &Arc<Certificate>| {
            let weight = certificate.der.len();
            certificates.place(certificate, None, weight, |out| certificate::members(certificate, out))
        };
        places.posture = event.security.posture.as_ref().map(|posture| {
            postures.place(posture, None, 0, |out| {
                let own = json::append_object(out, &Members::of(posture));
                Split { ecs: own.start..own.start, own }
            })
        });
        let mut labels = |set: &Arc<LabelSet>| labels.place(set, None, 0, |out| label::elements(set, out));
        places.client_labels = event.labels.client.as_ref().map(&mut labels);
        places.server_labels = event.labels.server.as_ref().map(&mut labels);
        places.client_chain.clear();
        places.client_chain.extend(event.client_chain.iter().map(&mut chain));
        places.server_chain.clear();
        places.server_chain.extend(event.server_chain.iter().map(&mut chain));
    }
}
