//! One readable line a session, as it comes: for eyes, `grep` and `less`. On request what it means stands below it.
//!
//! In: events, alerts. Out: lines of columns, as many as the screen is wide; with no width all of them, uncut. What peers
//! wrote is made safe. Counters are not shown.
#![forbid(unsafe_code)]

mod meaning;

use std::fmt::Write as _;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::forms::Time;
use super::screen::{Screen, Tone, counted};
use super::{Sink, written};
use crate::Error;
use crate::capture::Timestamp;
use crate::detect::{Alert, Level};
use crate::event::terms::Version;
use crate::event::{Endpoint, Event, Reason, Resumption};
use crate::wire::registry;
use crate::wire::text::{Code, printable};
use crate::x509::flaws::{Flaw, Flaws, Place};

/// Writes lines to `W`.
pub struct Sessions<W> {
    to: W,
    /// What errors call `to`.
    name: PathBuf,
    screen: Screen,
    layout: Layout,
    detail: Detail,
    buffer: String,
    /// The day of the last line, where lines show the time of day alone.
    day: String,
}

/// How much is said of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Line,
    /// What it means, too.
    Meaning,
}

impl<W: Write + Send> Sessions<W> {
    /// Lines to `to`, which errors call `name`.
    pub fn new(to: W, name: impl AsRef<Path>, screen: Screen, detail: Detail) -> Self {
        let name = name.as_ref().to_owned();
        Self { to, name, screen, layout: Layout::of(screen.width), detail, buffer: String::new(), day: String::new() }
    }

    fn event(&mut self, event: &Event) {
        self.day(event.timestamp);
        let (screen, layout) = (self.screen, self.layout);
        let mut line = Line { screen, text: &mut self.buffer, used: 0 };
        line.time(event.timestamp, layout.time);
        line.put(Tone::Plain, &endpoint(event.client, layout.client), layout.client_width());
        line.put(Tone::Faint, screen.glyph("→", "->"), 0);
        let name = event.server_name();
        let name = name.filter(|name| !name.is_empty()).map(printable);
        match layout.server {
            Server::AddressAndName { name: width } => {
                line.put(Tone::Plain, &endpoint(event.server, Ports::Shown), PORT_WIDTH);
                line.cell(Tone::Strong, name.as_deref().unwrap_or("-"), width);
            }
            Server::NameOrAddress { width } => {
                let text = match &name {
                    Some(name) if event.server.port == HTTPS => name.to_string(),
                    Some(name) => format!("{name}:{}", event.server.port),
                    None => endpoint(event.server, Ports::Shown),
                };
                line.cell(Tone::Strong, &text, Some(width));
            }
        }
        let shape = event.server_hello.as_ref().map(|hello| &*hello.shape);
        let (version, tone) = version(event);
        line.put(tone, &version, 3);
        if layout.cipher == Cipher::Shown {
            let cipher = shape.map(|shape| cipher(shape.cipher_suite)).unwrap_or_else(|| "-".to_owned());
            line.put(Tone::Plain, &cipher, CIPHER_WIDTH);
        }
        let prints = event.client_hello.as_ref().and_then(|hello| hello.shape.prints.as_ref());
        let ja4 = prints.map_or("-", |prints| prints.ja4.as_str());
        match layout.ja4 {
            Ja4Form::Whole => line.put(Tone::Plain, ja4, JA4_WIDTH),
            Ja4Form::Head => line.put(Tone::Plain, ja4.get(..JA4_HEAD).unwrap_or(ja4), JA4_HEAD),
        }
        line.marks(event);
        self.end_line();
        if self.detail == Detail::Meaning {
            self.meaning(event);
        }
    }

    fn meaning(&mut self, event: &Event) {
        for (tone, sentence) in meaning::of(event) {
            let mut line = Line { screen: self.screen, text: &mut self.buffer, used: 0 };
            line.put(Tone::Plain, "", INDENT - 1);
            let (first, rest) = sentence.split_once(' ').unwrap_or((&sentence, ""));
            line.put(tone, &self.screen.safe(first), 0);
            line.words(&self.screen.safe(rest), INDENT + 2);
            self.end_line();
        }
    }

    /// A heading for each new day, where the lines themselves do not say it.
    fn day(&mut self, at: Timestamp) {
        if self.layout.time == Clock::Whole {
            return;
        }
        let now = Time(at).text();
        let day = now.as_str().get(..10).unwrap_or_default();
        if self.day != day {
            self.day.replace_range(.., day);
            self.buffer.push_str(&self.screen.paint(Tone::Faint, day));
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        let end = self.buffer.trim_end_matches(' ').len();
        self.buffer.truncate(end);
        self.buffer.push('\n');
    }

    fn write_if_full(&mut self) -> Result<ControlFlow<()>, Error> {
        if self.buffer.len() < FULL { Ok(ControlFlow::Continue(())) } else { self.write() }
    }

    fn write(&mut self) -> Result<ControlFlow<()>, Error> {
        let done = self.to.write_all(self.buffer.as_bytes());
        self.buffer.clear();
        written(done, &self.name)
    }
}

impl<W: Write + Send> Sink for Sessions<W> {
    fn events(&mut self, events: &Arc<Vec<Event>>) -> Result<ControlFlow<()>, Error> {
        for event in events.iter() {
            self.event(event);
            if self.write_if_full()?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn alert(&mut self, alert: &Alert) -> Result<ControlFlow<()>, Error> {
        self.day(alert.timestamp);
        let mut line = Line { screen: self.screen, text: &mut self.buffer, used: 0 };
        line.time(alert.timestamp, self.layout.time);
        let indent = line.used;
        line.put(level_tone(alert.rule.level), &format!("ALERT {}:", alert.rule.level), 0);
        line.put(Tone::Strong, &format!("{}:", self.screen.safe(&alert.rule.title)), 0);
        // An alert is shown whole, on as many lines as it takes.
        line.words(&self.screen.safe(&alert.message), indent);
        let several = (alert.count > 1).then(|| counted(alert.count, "session"));
        let held =
            (alert.suppressed > 0).then(|| format!("{} like it held back before", counted(alert.suppressed, "alert")));
        let more: Vec<String> = [several, held].into_iter().flatten().collect();
        if !more.is_empty() {
            line.words(&format!("({})", more.join(", ")), indent);
        }
        self.end_line();
        self.write_if_full()
    }

    fn flush(&mut self) -> Result<ControlFlow<()>, Error> {
        if self.write()?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let done = self.to.flush();
        written(done, &self.name)
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<String>, Error> {
        self.flush().map(|_| Vec::new())
    }
}

/// How loud an alert of a level is.
pub(super) fn level_tone(level: Level) -> Tone {
    match level {
        Level::High | Level::Critical => Tone::Bad,
        Level::Medium => Tone::Warning,
        Level::Low | Level::Informational => Tone::Plain,
    }
}

/// A suite's name without the prefix that they all share.
pub(super) fn cipher(suite: u16) -> String {
    match registry::cipher_suite(suite) {
        Some(name) => name.strip_prefix("TLS_").unwrap_or(name).to_owned(),
        None => Code(suite).to_string(),
    }
}

/// The flaws of all certificates that the server sent.
pub(super) fn chain_flaws(event: &Event) -> Flaws {
    let second = event.timestamp.0.div_euclid(1_000_000_000);
    let places = std::iter::once(Place::Leaf).chain(std::iter::repeat(Place::Above));
    let each = event.server_chain.iter().zip(places);
    each.fold(Flaws::default(), |all, (certificate, place)| all.or(Flaws::of(certificate, place, second)))
}

/// Which columns there are, and how wide those are that give way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    time: Clock,
    client: Ports,
    server: Server,
    cipher: Cipher,
    ja4: Ja4Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Whole,
    /// To the millisecond.
    Millis,
    Seconds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ports {
    Shown,
    Hidden,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    /// With the width of the name; `None`: as it comes.
    AddressAndName {
        name: Option<usize>,
    },
    NameOrAddress {
        width: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cipher {
    Shown,
    Hidden,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ja4Form {
    Whole,
    /// Its readable first part.
    Head,
}

impl Layout {
    /// The most that fits with room for the marks.
    fn of(width: Option<usize>) -> Self {
        let rest = |fixed: usize| width.unwrap_or(fixed).saturating_sub(fixed);
        let everything = Self {
            time: Clock::Whole,
            client: Ports::Shown,
            server: Server::AddressAndName { name: None },
            cipher: Cipher::Shown,
            ja4: Ja4Form::Whole,
        };
        match width {
            None => everything,
            Some(178..) => Self {
                time: Clock::Millis,
                server: Server::AddressAndName { name: Some(rest(150).min(50)) },
                ..everything
            },
            Some(136..178) => Self {
                time: Clock::Millis,
                server: Server::AddressAndName { name: Some(rest(116)) },
                cipher: Cipher::Hidden,
                ..everything
            },
            Some(112..136) => Self {
                time: Clock::Seconds,
                client: Ports::Hidden,
                server: Server::NameOrAddress { width: rest(86) },
                cipher: Cipher::Hidden,
                ..everything
            },
            Some(_) => Self {
                time: Clock::Seconds,
                client: Ports::Hidden,
                server: Server::NameOrAddress { width: rest(60).max(12) },
                cipher: Cipher::Hidden,
                ja4: Ja4Form::Head,
            },
        }
    }

    fn client_width(self) -> usize {
        match self.client {
            Ports::Shown => PORT_WIDTH,
            Ports::Hidden => ADDRESS_WIDTH,
        }
    }
}

/// A line in the making. Texts are ASCII, so that bytes are columns.
struct Line<'a> {
    screen: Screen,
    text: &'a mut String,
    used: usize,
}

impl Line<'_> {
    /// A column of at least `width` characters, and the blank after it.
    fn put(&mut self, tone: Tone, text: &str, width: usize) {
        self.text.push_str(&self.screen.paint(tone, text));
        let columns = text.chars().count();
        let padding = width.saturating_sub(columns) + 1;
        self.text.extend(std::iter::repeat_n(' ', padding));
        self.used += columns + padding;
    }

    /// A column of exactly `width` characters, where it has one.
    fn cell(&mut self, tone: Tone, text: &str, width: Option<usize>) {
        match width {
            Some(width) => self.put(tone, &self.screen.name(text, width), width),
            None => self.put(tone, text, 0),
        }
    }

    /// Words, where there is a width in lines that begin at `indent`. A word that is longer than a line is cut into lines.
    fn words(&mut self, text: &str, indent: usize) {
        let room = self.screen.width.map_or(usize::MAX, |width| width.saturating_sub(indent)).max(1);
        for word in text.split(' ').flat_map(|word| pieces(word, room)) {
            let columns = word.chars().count();
            if self.used > indent && self.screen.width.is_some_and(|width| self.used + columns > width) {
                self.text.truncate(self.text.trim_end_matches(' ').len());
                self.text.push('\n');
                self.text.extend(std::iter::repeat_n(' ', indent));
                self.used = indent;
            }
            self.put(Tone::Plain, word, 0);
        }
    }

    fn time(&mut self, at: Timestamp, clock: Clock) {
        let now = Time(at).text();
        let now = now.as_str();
        let text = match clock {
            Clock::Whole => now,
            Clock::Millis => now.get(11..23).unwrap_or(now),
            Clock::Seconds => now.get(11..19).unwrap_or(now),
        };
        self.put(Tone::Faint, text, 0);
    }

    /// What is to be said of the session, most important first, as far as there is room.
    fn marks(&mut self, event: &Event) {
        let mut put = |tone, text: &str| {
            let room = self.screen.width.map_or(usize::MAX, |width| width.saturating_sub(self.used));
            match text.get(..room.saturating_sub(1)) {
                Some(cut) if text.len() > room && cut.len() >= SHORTEST_CUT => {
                    self.put(tone, &format!("{cut}{}", self.screen.ellipsis()), 0);
                }
                _ if text.len() > room => {}
                _ => self.put(tone, text, 0),
            }
        };
        let handshake = &event.handshake;
        if let Some(alert) = handshake.alert {
            let name = registry::alert_description(alert.description);
            let name = name.map_or_else(|| format!("alert_{}", alert.description), str::to_owned);
            put(if alert.level == FATAL { Tone::Bad } else { Tone::Faint }, &format!("{name}({})", alert.from));
        }
        for flaw in chain_flaws(event).iter() {
            put(if flaw == Flaw::SelfSigned { Tone::Warning } else { Tone::Bad }, mark(flaw));
        }
        for missing in &event.missing {
            if !matches!(missing.why, Reason::Encrypted | Reason::Resumed | Reason::NotSeen) {
                put(Tone::Warning, &missing.to_string());
            }
        }
        if event.server_hello.is_none() && !handshake.sslv2 && handshake.alert.is_none() {
            put(Tone::Warning, "no-answer");
        } else if !handshake.established && handshake.alert.is_none() {
            put(Tone::Warning, "unfinished");
        }
        if handshake.resumption.is_some_and(|how| how != Resumption::None) {
            put(Tone::Faint, "resumed");
        }
        if handshake.hello_retry {
            put(Tone::Faint, "retry");
        }
        if event.anomalies.iter().any(|anomaly| !is_of_certificate(anomaly.as_str())) {
            put(Tone::Warning, "odd");
        }
    }
}

/// Text in pieces of so many characters and a rest; an empty one is a piece.
fn pieces(text: &str, room: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = text.char_indices().nth(room).map(|(at, _)| at);
        let (piece, after) = end.and_then(|end| text.split_at_checked(end)).unwrap_or((text, ""));
        rest = (!after.is_empty()).then_some(after);
        Some(piece)
    })
}

/// Flaws of certificates have marks of their own.
fn is_of_certificate(anomaly: &str) -> bool {
    anomaly.starts_with("certificate:")
}

/// A flaw as one word.
fn mark(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Expired => "expired",
        Flaw::NotYetValid => "not-yet-valid",
        Flaw::SelfSigned => "self-signed",
        Flaw::WeakKey => "weak-key",
        Flaw::WeakSignature => "weak-signature",
        Flaw::Malformed => "malformed-certificate",
    }
}

/// The version in force, else what the client would have had.
fn version(event: &Event) -> (String, Tone) {
    let version = match &event.server_hello {
        Some(hello) => hello.shape.version,
        None if event.handshake.sslv2 => SSL_2,
        None => return ("-".to_owned(), Tone::Faint),
    };
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = match Version(version).protocol() {
        "ssl" => write!(text, "s{}", Version(version)),
        _ => write!(text, "{}", Version(version)),
    };
    (text, version_tone(version))
}

/// Versions that are deprecated (RFC 6176, RFC 7568, RFC 8996) stand out.
pub(super) fn version_tone(version: u16) -> Tone {
    match version {
        SSL_2 | 0x0300 => Tone::Bad,
        0x0301 | 0x0302 => Tone::Warning,
        _ => Tone::Plain,
    }
}

fn endpoint(end: Endpoint, ports: Ports) -> String {
    match (ports, end.ip) {
        (Ports::Hidden, ip) => ip.to_string(),
        (Ports::Shown, ip) => std::net::SocketAddr::new(ip, end.port).to_string(),
    }
}

pub(super) const SSL_2: u16 = 0x0002;
pub(super) const FATAL: u8 = 2;
pub(super) const HTTPS: u16 = 443;

/// `255.255.255.255`, without and with a port.
const ADDRESS_WIDTH: usize = 15;
const PORT_WIDTH: usize = 21;
/// `ECDHE_RSA_WITH_AES_256_GCM_SHA384`
const CIPHER_WIDTH: usize = 33;
const JA4_WIDTH: usize = 36;
const JA4_HEAD: usize = 10;
/// Marks that would be cut to less are left out.
const SHORTEST_CUT: usize = 6;

/// Bytes after which the buffer is written.
/// Columns before a sentence.
const INDENT: usize = 9;
const FULL: usize = 64 << 10;
