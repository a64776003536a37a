//! What a run shows while it lasts: who comes most often, and the latest alerts; in bounded memory.
//!
//! In: events and alerts. Out: a [`Snapshot`] for whoever asks, at any time and from any thread. Of a sensor that runs for
//! months the last minutes count, of captures everything.
#![forbid(unsafe_code)]

mod snapshot;

use std::collections::VecDeque;
use std::hash::Hash;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::Sink;
use super::sessions::SSL_2;
use super::summary::Server;
use super::summary::top::Top;
use crate::Error;
use crate::detect::Alert;
use crate::event::Event;
use crate::event::labels::Label;
use crate::event::terms::Version;
use crate::wire::text::printable;

pub use snapshot::{LevelCount, Notice, Row, Snapshot, ThreadState};

/// The sink that fills a [`Board`].
#[derive(Debug)]
pub struct Overview(Arc<Board>);

/// Where it stands, for all who look.
#[derive(Debug)]
pub struct Board(Mutex<State>);

/// How far back is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    Whole,
    /// Once to twice this time.
    Recent(Duration),
}

#[derive(Debug)]
struct State {
    span: Span,
    now: Counts,
    before: Counts,
    /// When counting began anew.
    turned: Instant,
    /// The latest first.
    notices: VecDeque<Notice>,
    /// Alerts so far.
    alerts: u64,
}

/// What came in a stretch of time.
#[derive(Debug)]
struct Counts {
    /// By JA4.
    clients: Top<[u8; 36], Client>,
    servers: Top<Server, ()>,
    /// `None`: no server answered.
    versions: Top<Option<u16>, ()>,
}

#[derive(Debug, Clone, Default)]
struct Client {
    label: Option<String>,
    /// A server's name that it asked for.
    example: Option<String>,
}

impl Overview {
    pub fn new(span: Span) -> Self {
        let (now, before) = (Counts::default(), Counts::default());
        let state = State { span, now, before, turned: Instant::now(), notices: VecDeque::new(), alerts: 0 };
        Self(Arc::new(Board(Mutex::new(state))))
    }

    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.0)
    }
}

impl Sink for Overview {
    fn events(&mut self, events: &Arc<Vec<Event>>) -> Result<ControlFlow<()>, Error> {
        let mut state = self.0.state();
        state.turn(Instant::now());
        events.iter().for_each(|event| state.now.add(event));
        Ok(ControlFlow::Continue(()))
    }

    fn alert(&mut self, alert: &Alert) -> Result<ControlFlow<()>, Error> {
        let mut state = self.0.state();
        state.alerts += 1;
        let number = state.alerts;
        if state.notices.len() >= NOTICES {
            state.notices.pop_back();
        }
        state.notices.push_front(Notice::of(number, alert));
        Ok(ControlFlow::Continue(()))
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
}

impl Board {
    /// Adds what it knows to a snapshot.
    pub fn fill(&self, snapshot: &mut Snapshot) {
        let mut state = self.state();
        state.turn(Instant::now());
        let State { span, now, before, turned, notices, .. } = &*state;
        snapshot.span_seconds = match span {
            Span::Whole => None,
            Span::Recent(period) if before.versions.is_empty() => Some(turned.elapsed().min(*period).as_secs()),
            Span::Recent(period) => Some((turned.elapsed() + *period).as_secs()),
        };
        snapshot.clients = rows(&now.clients, &before.clients, |ja4, client| Row {
            name: String::from_utf8_lossy(ja4).into_owned(),
            count: 0,
            label: client.label.clone(),
            example: client.example.clone(),
        });
        snapshot.servers = rows(&now.servers, &before.servers, |server, ()| Row::named(server.text()));
        snapshot.versions = rows(&now.versions, &before.versions, |version, ()| Row::named(version_text(*version)));
        snapshot.notices = notices.iter().cloned().collect();
    }

    /// Counts stay what they are, whoever panicked.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Begins anew when the time is over.
    fn turn(&mut self, now: Instant) {
        let Span::Recent(period) = self.span else { return };
        let over = now.saturating_duration_since(self.turned);
        if over < period {
            return;
        }
        // After a longer silence, nothing of what was counted is recent.
        let counted = std::mem::take(&mut self.now);
        self.before = if over < 2 * period { counted } else { Counts::default() };
        self.turned = now;
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self { clients: Top::new(KEPT), servers: Top::new(KEPT), versions: Top::new(VERSIONS) }
    }
}

impl Counts {
    fn add(&mut self, event: &Event) {
        let version = event.server_hello.as_ref().map(|hello| hello.shape.version);
        self.versions.hit(version.or(event.handshake.sslv2.then_some(SSL_2)), || ());
        self.servers.hit(Server::of(event), || ());
        let Some(hello) = &event.client_hello else { return };
        let Some(prints) = &hello.shape.prints else { return };
        self.clients.hit(prints.ja4.0, || Client {
            label: event.labels.client.as_ref().and_then(|known| known.labels.first()).map(name_of),
            example: hello.server_name.as_deref().filter(|name| !name.is_empty()).map(shortened),
        });
    }
}

/// The most frequent of both stretches together.
fn rows<K: Hash + Ord + Clone, V>(now: &Top<K, V>, before: &Top<K, V>, row: impl Fn(&K, &V) -> Row) -> Vec<Row> {
    let mut sums: HashMap<&K, (u64, &V), ahash::RandomState> = HashMap::default();
    for (key, entry) in before.entries().chain(now.entries()) {
        let sum = sums.entry(key).or_insert((0, &entry.facts));
        // Labels may have been read again since.
        *sum = (sum.0 + entry.count, &entry.facts);
    }
    let mut order: Vec<(&K, (u64, &V))> = sums.into_iter().collect();
    order.sort_by(|(a_key, (a, _)), (b_key, (b, _))| b.cmp(a).then_with(|| a_key.cmp(b_key)));
    order.truncate(ROWS);
    order.into_iter().map(|(key, (count, facts))| Row { count, ..row(key, facts) }).collect()
}

/// `curl 7.88.1`
fn name_of(label: &Label) -> String {
    let parts = [Some(&label.software), label.version.as_ref()];
    parts.into_iter().flatten().map(|part| &**part).collect::<Vec<_>>().join(" ")
}

fn shortened(name: &[u8]) -> String {
    printable(name.get(..NAME_BYTES).unwrap_or(name)).into_owned()
}

fn version_text(version: Option<u16>) -> String {
    match version {
        None => "no answer".to_owned(),
        Some(number) => format!("{} {}", Version(number).protocol().to_uppercase(), Version(number)),
    }
}

/// Fingerprints and servers that are kept for certain, in each stretch.
const KEPT: usize = 1_024;
const VERSIONS: usize = 32;
/// Rows of a list that are told.
const ROWS: usize = 50;
/// Alerts that are kept.
const NOTICES: usize = 100;
/// The longest name of the DNS (RFC 1035, section 2.3.4).
const NAME_BYTES: usize = 255;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn counts(names: &[&[u8; 36]]) -> Counts {
        let mut counts = Counts::default();
        for name in names {
            counts.clients.hit(**name, Client::default);
        }
        counts
    }

    #[test]
    fn what_came_in_both_stretches_is_counted_together() {
        let (a, b) = ([b'a'; 36], [b'b'; 36]);
        let overview = Overview::new(Span::Recent(Duration::from_secs(600)));
        let board = overview.board();
        board.state().before = counts(&[&a, &a]);
        board.state().now = counts(&[&b, &a]);
        let mut snapshot = Snapshot::default();
        board.fill(&mut snapshot);
        let told: Vec<(char, u64)> =
            snapshot.clients.iter().map(|row| (row.name.chars().next().unwrap(), row.count)).collect();
        assert_eq!(told, [('a', 3), ('b', 1)]);
    }

    #[test]
    fn what_is_older_than_two_stretches_is_forgotten() {
        let overview = Overview::new(Span::Recent(Duration::from_secs(60)));
        let board = overview.board();
        let count = |after: u64| {
            let mut state = board.state();
            state.turned = Instant::now();
            state.before = Counts::default();
            state.now = counts(&[&[b'a'; 36]]);
            let then = state.turned + Duration::from_secs(after);
            state.turn(then);
            rows(&state.now.clients, &state.before.clients, |_, _| Row::named(String::new())).len()
        };
        assert_eq!([59, 61, 119, 121].map(count), [1, 1, 1, 0]);
    }

    #[test]
    fn a_flood_of_names_leaves_what_is_told_bounded() {
        let overview = Overview::new(Span::Whole);
        let board = overview.board();
        for number in 0..20_000_u64 {
            let mut name = [b'x'; 36];
            name[..8].copy_from_slice(&number.to_be_bytes());
            board.state().now.clients.hit(name, Client::default);
            board.state().now.clients.hit([b'a'; 36], Client::default);
        }
        assert!(board.state().now.clients.len() <= 2 * KEPT);
        let mut snapshot = Snapshot::default();
        board.fill(&mut snapshot);
        assert_eq!(snapshot.clients.len(), ROWS);
        assert_eq!((snapshot.clients[0].name.as_str(), snapshot.clients[0].count), (&*"a".repeat(36), 20_000));
        assert_eq!(snapshot.span_seconds, None);
    }

    #[test]
    fn versions_have_their_names() {
        let texts = [Some(0x0304), Some(0x0300), Some(0xfefd), Some(0x5a5a), None].map(version_text);
        assert_eq!(texts, ["TLS 1.3", "SSL 3.0", "DTLS 1.2", "TLS 0x5a5a", "no answer"]);
    }
}
