//! The public schema: every JSON object that tlsight writes, field by field.
//!
//! In: [`Event`]s, [`Alert`]s, [`Stats`]. Out: one line of JSON each, names as in ECS where it has one and under `tlsight.`
//! elsewhere; nested objects. What is not known is absent. The structs that derive `Serialize` here and in the modules
//! below are the schema; [`json`] gives them their bytes and [`forms`](super::forms) the texts of single values.
//!
//! What many sessions share (the shape of a hello, a certificate) is written once and put in as text: see [`shared`].

mod alert;
mod certificate;
mod certificate_record;
mod client;
mod handshake;
mod label;
mod memo;
mod path;
mod prepare;
mod security;
mod server;
mod session;
pub mod shared;
mod stats;

use crate::detect::Alert;
use crate::event::Event;

use super::{Stats, json};

pub use alert::{AlertRecord, severity};
pub(super) use certificate::{Key, signature};
pub use certificate_record::{CertificateRecord, Sighting};
pub(super) use certificate_record::{days, left_out, name_count};
pub use session::Record;
pub use shared::Shared;
pub use stats::StatsRecord;

/// Prints records, one a line.
#[derive(Debug, Default)]
pub struct Printer {
    shared: Shared,
}

impl Printer {
    /// Appends a session's line, with its end; before it, those of certificates that no session had shown.
    pub fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        for new in event.security.new_certificates.iter().flatten() {
            self.certificate(&Sighting::of(new, event), out);
        }
        self.shared.prepare(event);
        line(&Record::of(event, &self.shared), out);
    }

    /// Appends an alert's line.
    pub fn alert(&mut self, alert: &Alert, out: &mut Vec<u8>) {
        line(&AlertRecord::of(alert), out);
    }

    /// Appends a certificate's line: all that it says.
    pub fn certificate(&mut self, sighting: &Sighting<'_>, out: &mut Vec<u8>) {
        line(&CertificateRecord::of(sighting), out);
    }

    /// Appends a line of counters.
    pub fn stats(&mut self, stats: &Stats, out: &mut Vec<u8>) {
        line(&StatsRecord::of(stats), out);
    }
}

fn line<T: serde::Serialize>(record: &T, out: &mut Vec<u8>) {
    let written = json::append(out, record);
    debug_assert!(written.is_ok(), "the schema uses a kind of value that the serializer does not know");
    out.push(b'\n');
}
