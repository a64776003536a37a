//! The first reading: the captures are analysed, and the sessions that are asked for give their flows.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Id, is_gone};
use crate::Error;
use crate::capture::{Chain, Inputs};
use crate::event::{Event, Protocol};
use crate::flow::Key;
use crate::judge::Measures;
use crate::runtime::{self, Plan};
use crate::sink::Sink;
use crate::x509::verify::Anchors;

/// What the first reading has found.
#[derive(Debug, Default)]
pub struct Found {
    /// The flows of the sessions.
    pub(super) sessions: HashMap<Id, Key>,
    /// Lines about captures that ended early.
    pub warnings: Vec<String>,
}

impl Found {
    pub fn has(&self, id: &Id) -> bool {
        self.sessions.contains_key(id)
    }

    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}

pub(super) fn find(inputs: &Inputs, ids: &HashSet<Id>, threads: usize) -> Result<Found, Error> {
    let sessions = Arc::default();
    // What certificates are worth does not matter here.
    let measures = Measures { anchors: Arc::new(Anchors::none()), chain_checks: Some(0), knowledge: None };
    let wanted = Wanted { ids: ids.clone(), sessions: Arc::clone(&sessions) };
    let plan = Plan::of_captures(threads, measures, vec![Box::new(wanted)]);
    let mut source = Chain::new(inputs.clone());
    runtime::run(&mut source, plan, &mut |_, _| ())?;
    if let Some(error) = source.take_errors().into_iter().find(|error| !is_gone(error)) {
        return Err(error);
    }
    let sessions = std::mem::take(&mut *sessions.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Found { sessions, warnings: source.take_warnings() })
}

/// The flow that a session was told of.
pub(super) fn flow(event: &Event) -> Key {
    let (client, server) = ((event.client.ip, event.client.port), (event.server.ip, event.server.port));
    match event.protocol {
        Protocol::Tls => Key::of_tcp(client, server),
        Protocol::Dtls | Protocol::Quic => Key::of_udp(client, server),
    }
}

struct Wanted {
    ids: HashSet<Id>,
    sessions: Arc<Mutex<HashMap<Id, Key>>>,
}

impl Sink for Wanted {
    fn events(&mut self, events: &Arc<Vec<Event>>) -> Result<ControlFlow<()>, Error> {
        let wanted = events.iter().filter(|event| self.ids.contains(&event.id));
        let wanted = wanted.map(|event| (event.id, flow(event)));
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).extend(wanted);
        Ok(ControlFlow::Continue(()))
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
}
