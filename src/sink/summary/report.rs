//! A digest as a responder reads it: a few lines of figures, then tables, fitted to the screen.
//!
//! In: a [`Digest`] and the [`Setting`] of its run. Out: text. What peers wrote is made safe before it gets here or here.
#![forbid(unsafe_code)]

mod table;
mod words;

use std::time::Duration;

use super::{Digest, Flawed, Service};
use crate::capture::Timestamp;
use crate::detect::Level;
use crate::event::terms::Version;
use crate::event::{Missing, Reason};
use crate::sink::forms::{Date, Time};
use crate::sink::screen::{Screen, Tone, bytes, count, counted, duration};
use crate::sink::sessions::{cipher, level_tone, version_tone};
use crate::stats::Counters;
use crate::wire::registry;
use crate::wire::text::printable;
use crate::x509::flaws::{Flaw, Place};

use table::{Column, Table};

/// What a digest cannot know of its run.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// What was read, in words: `3 captures`, `eth0`.
    pub source: &'a str,
    /// Times of the first and the last packet.
    pub span: Option<(Timestamp, Timestamp)>,
    /// What the time was taken for: `read in`, `listened for`.
    pub verb: &'a str,
    pub took: Duration,
    pub filter: Option<&'a str>,
    /// Rules that were applied, where there were any.
    pub rules: Option<usize>,
    pub counters: Counters,
}

/// How much is shown, and on what.
#[derive(Debug, Clone, Copy)]
pub struct View {
    pub screen: Screen,
    /// Rows of a table.
    pub rows: usize,
}

impl Digest {
    /// The report, with its last line's end.
    pub fn report(&self, setting: &Setting<'_>, view: View) -> String {
        let page = Page { digest: self, setting, view, width: view.screen.width.unwrap_or(WIDTH).clamp(MIN, MAX) };
        let mut out = page.head();
        let sections = [
            page.versions(),
            page.carriers(),
            page.clients(),
            page.servers(),
            page.refusals(),
            page.certificates(),
            page.alerts(),
            page.unseen(),
            page.lost(),
        ];
        for section in sections.into_iter().flatten() {
            out.push('\n');
            out.push_str(&section);
        }
        out
    }
}

struct Page<'a> {
    digest: &'a Digest,
    setting: &'a Setting<'a>,
    view: View,
    width: usize,
}

impl Page<'_> {
    fn head(&self) -> String {
        let Setting { source, span, verb, took, filter, rules, counters } = self.setting;
        let screen = self.view.screen;
        let mut input = vec![
            (Tone::Strong, screen.safe(source).into_owned()),
            (Tone::Plain, counted(counters.packets, "packet")),
            (Tone::Plain, bytes(counters.bytes)),
        ];
        if let Some((first, last)) = *span {
            input.push((Tone::Plain, period(first, last, screen)));
        }
        input.push((Tone::Faint, format!("{verb} {}", duration(took.as_nanos().try_into().unwrap_or(u64::MAX)))));
        if let Some(filter) = filter {
            input.push((Tone::Plain, format!("filter: {}", screen.safe(filter))));
        }

        let digest = self.digest;
        let mut sessions = vec![(Tone::Strong, counted(digest.sessions, "TLS session"))];
        if digest.sessions > 0 {
            sessions.push((Tone::Plain, format!("{} established", count(digest.established))));
            let failed = digest.sessions - digest.established;
            sessions.extend((failed > 0).then(|| (Tone::Warning, format!("{} not established", count(failed)))));
            sessions.extend((digest.resumed > 0).then(|| (Tone::Plain, format!("{} resumed", count(digest.resumed)))));
        }
        sessions.push((Tone::Plain, format!("of {}", counted(counters.flows, "flow"))));

        let mut verdict = Vec::new();
        let highest = digest.alerts.values().map(|hits| hits.rule.level).max();
        let alerts = digest.alerts.values().map(|hits| hits.count).sum();
        match (highest, rules) {
            (Some(level), _) => {
                verdict.push((level_tone(level), format!("{}, highest: {level}", counted(alerts, "alert"))));
            }
            (None, Some(0)) => verdict.push((Tone::Good, "no alert of the threat lists".to_owned())),
            (None, Some(rules)) => {
                verdict.push((Tone::Good, format!("no alert of {}", counted(*rules as u64, "rule"))));
            }
            (None, None) => verdict.push((Tone::Faint, "no rules applied (--rules DIR)".to_owned())),
        }
        match digest.certificates.len() as u64 {
            0 => {}
            flawed => verdict.push((Tone::Warning, format!("{} to look at", counted(flawed, "certificate")))),
        }
        if loss(counters).next().is_some() {
            verdict.push((Tone::Warning, "something was lost, see below".to_owned()));
        }
        [input, sessions, verdict].map(|pieces| self.line(&pieces)).concat()
    }

    /// Pieces in a line, or more lines if they do not fit one.
    fn line(&self, pieces: &[(Tone, String)]) -> String {
        let screen = self.view.screen;
        let (mut out, mut used) = (String::new(), 0);
        for (tone, text) in pieces {
            let columns = text.chars().count();
            if used > 0 && used + 3 + columns > self.width {
                out.push_str("\n  ");
                used = 2;
            } else if used > 0 {
                out.push_str(&screen.paint(Tone::Faint, screen.glyph(" · ", " - ")));
                used += 3;
            }
            out.push_str(&screen.paint(*tone, text));
            used += columns;
        }
        out.push('\n');
        out
    }

    fn table(&self, columns: &[Column]) -> Table {
        Table::new(self.view.screen, self.width, columns)
    }

    fn versions(&self) -> Option<String> {
        let sessions = self.digest.sessions;
        let ranking = self.digest.versions.ranking(self.view.rows, |_| ());
        let mut table =
            self.table(&[Column::Left("VERSION"), Column::Right("sessions"), Column::Right("share"), Column::Left("")]);
        for (version, entry) in &ranking.first {
            let (tone, name) = match **version {
                Some(version) => (version_tone(version), version_name(version)),
                None => (Tone::Faint, "no answer seen".to_owned()),
            };
            let share = entry.count as f64 / sessions.max(1) as f64;
            let bar = self.view.screen.glyph("█", "#").repeat((share * BAR).ceil() as usize);
            table.row(vec![
                (tone, name),
                (Tone::Plain, count(entry.count)),
                (Tone::Plain, percent(share)),
                (if tone == Tone::Plain { Tone::Faint } else { tone }, bar),
            ]);
        }
        table.others(ranking.other_keys, ranking.other_count);
        (!self.digest.versions.is_empty()).then(|| table.text())
    }

    /// Where all sessions are TLS over TCP there is nothing to tell.
    fn carriers(&self) -> Option<String> {
        let carriers = &self.digest.carriers;
        let ranking = carriers.ranking(self.view.rows, |_| ());
        let mut table = self.table(&[Column::Left("CARRIED AS"), Column::Right("sessions")]);
        for (carrier, entry) in &ranking.first {
            table.row(vec![(Tone::Plain, carrier.text()), (Tone::Plain, count(entry.count))]);
        }
        table.others(ranking.other_keys, ranking.other_count);
        ranking.first.iter().any(|(carrier, _)| !carrier.is_plain()).then(|| table.text())
    }

    fn clients(&self) -> Option<String> {
        let clients = &self.digest.clients;
        let ranking = clients.ranking(self.view.rows, |_| ());
        let columns =
            [Column::Fixed("CLIENT (JA4)"), Column::Right("sessions"), Column::Right("from"), Column::Left("asks for")];
        let mut table = self.table(&columns);
        for (ja4, entry) in &ranking.first {
            let client = &entry.facts;
            let room = self.width.saturating_sub(JA4_COLUMNS).max(16);
            table.row(vec![
                (Tone::Strong, String::from_utf8_lossy(*ja4).into_owned()),
                (Tone::Plain, count(entry.count)),
                (Tone::Plain, client.sources.text()),
                (Tone::Plain, self.names(&client.examples, room, client.names.number())),
            ]);
        }
        table.others(ranking.other_keys, ranking.other_count);
        (!clients.is_empty()).then(|| table.text())
    }

    /// As many names as there is room for, and how many there are beside.
    fn names(&self, examples: &[Box<[u8]>], room: usize, all: u64) -> String {
        let screen = self.view.screen;
        if examples.is_empty() {
            return "(no name)".to_owned();
        }
        let (mut out, mut shown) = (String::new(), 0);
        for name in examples {
            let name = printable(name);
            let more = all.saturating_sub(shown + 1);
            let reserve = if more > 0 { 3 + count(more).len() } else { 0 };
            let used = out.chars().count() + if shown > 0 { 2 } else { 0 };
            if shown == 0 {
                out.push_str(&screen.name(&name, room.saturating_sub(reserve)));
            } else if used + name.len() + reserve <= room {
                out.push_str(", ");
                out.push_str(&name);
            } else {
                break;
            }
            shown += 1;
        }
        match all.saturating_sub(shown) {
            0 => out,
            more => format!("{out} +{}", count(more)),
        }
    }

    fn servers(&self) -> Option<String> {
        let servers = &self.digest.servers;
        let ranking = servers.ranking(self.view.rows, |_| ());
        let columns = [
            Column::Left("SERVER"),
            Column::Right("sessions"),
            Column::Right("from"),
            Column::Left("version"),
            Column::Left("cipher"),
        ];
        let mut table = self.table(&columns);
        let terms: Vec<_> = ranking.first.iter().map(|(_, entry)| usual_terms(&entry.facts)).collect();
        let widest = terms.iter().map(|(.., cipher)| cipher.len()).max().unwrap_or(0);
        let room = self.width.saturating_sub(SERVER_COLUMNS + widest).clamp(16, NAME);
        for ((server, entry), (tone, version, cipher)) in ranking.first.iter().zip(terms) {
            table.row(vec![
                (Tone::Strong, self.view.screen.name(&server.text(), room).into_owned()),
                (Tone::Plain, count(entry.count)),
                (Tone::Plain, entry.facts.clients.text()),
                (tone, version),
                (tone, cipher),
            ]);
        }
        table.others(ranking.other_keys, ranking.other_count);
        (!servers.is_empty()).then(|| table.text())
    }

    fn refusals(&self) -> Option<String> {
        let refusals = &self.digest.refusals;
        let ranking = refusals.ranking(self.view.rows, |_| ());
        let columns =
            [Column::Left("REFUSED"), Column::Left("by"), Column::Right("sessions"), Column::Left("for example")];
        let mut table = self.table(&columns);
        for (refusal, entry) in &ranking.first {
            let name = registry::alert_description(refusal.description);
            table.row(vec![
                (Tone::Warning, name.map_or_else(|| format!("alert {}", refusal.description), str::to_owned)),
                (Tone::Plain, format!("the {}", refusal.by)),
                (Tone::Plain, count(entry.count)),
                (Tone::Plain, self.view.screen.name(&entry.facts, self.width.saturating_sub(45).max(16)).into_owned()),
            ]);
        }
        table.others(ranking.other_keys, ranking.other_count);
        (!refusals.is_empty()).then(|| table.text())
    }

    fn certificates(&self) -> Option<String> {
        let certificates = &self.digest.certificates;
        let ranking = certificates.ranking(self.view.rows, |entry| entry.facts.rank());
        let screen = self.view.screen;
        let wide = self.width >= WIDE;
        let mut columns =
            vec![Column::Left("CERTIFICATE OF"), Column::Right("seen"), Column::Left("look at"), Column::Left("valid")];
        columns.extend(wide.then_some(Column::Left("subject")));
        let mut table = self.table(&columns);
        for (_, entry) in &ranking.first {
            let flawed = &entry.facts;
            let room = self.width.saturating_sub(if wide { 100 } else { 62 }).max(16);
            let serious = flawed.flaws.has(Flaw::Expired) || flawed.flaws.has(Flaw::NotYetValid);
            let mut cells = vec![
                (Tone::Strong, screen.name(&flawed.server, room).into_owned()),
                (Tone::Plain, count(entry.count)),
                (if serious { Tone::Bad } else { Tone::Warning }, complaint(flawed)),
                (Tone::Plain, format!("{} to {}", day(flawed.not_before), day(flawed.not_after))),
            ];
            cells.extend(wide.then(|| (Tone::Plain, screen.safe(&flawed.subject).into_owned())));
            table.wrapped_row(cells);
        }
        table.others(ranking.other_keys, ranking.other_count);
        (!certificates.is_empty()).then(|| table.text())
    }

    fn alerts(&self) -> Option<String> {
        let mut alerts: Vec<_> = self.digest.alerts.values().collect();
        alerts.sort_by(|a, b| {
            let by_level = b.rule.level.cmp(&a.rule.level).then(b.count.cmp(&a.count));
            by_level.then_with(|| a.rule.id.cmp(&b.rule.id))
        });
        let screen = self.view.screen;
        let mut table =
            self.table(&[Column::Left("ALERT"), Column::Right("hits"), Column::Left("rule, and its first hit")]);
        // All of the serious ones, whatever the rows.
        let shown = alerts.iter().take_while(|hits| hits.rule.level >= Level::High).count().max(self.view.rows);
        for hits in alerts.iter().take(shown) {
            let tone = level_tone(hits.rule.level);
            table.row(vec![
                (tone, hits.rule.level.to_string()),
                (Tone::Plain, count(hits.count)),
                (Tone::Strong, screen.safe(&hits.rule.title).into_owned()),
            ]);
            let first = screen.safe(&hits.first).into_owned();
            table.wrapped_row(vec![(Tone::Plain, String::new()), (Tone::Plain, String::new()), (Tone::Faint, first)]);
        }
        let rest = alerts.get(shown..).unwrap_or_default();
        table.others(rest.len() as u64, rest.iter().map(|hits| hits.count).sum());
        (!alerts.is_empty()).then(|| table.text())
    }

    /// What could not be seen or was odd; what is natural comes last.
    fn unseen(&self) -> Option<String> {
        let is_natural = |missing: &Missing| matches!(missing.why, Reason::Encrypted | Reason::Resumed);
        let mut rows: Vec<_> = self
            .digest
            .missing
            .iter()
            .map(|(missing, count)| (is_natural(missing), *count, words::missing(*missing)))
            .chain(self.digest.anomalies.iter().map(|(odd, count)| (false, *count, words::anomaly(*odd).to_owned())))
            .collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)).then_with(|| a.2.cmp(&b.2)));
        let mut table = self.table(&[Column::Right("SESSIONS"), Column::Left("where something was missing or odd")]);
        for (natural, number, words) in &rows {
            let tone = if *natural { Tone::Faint } else { Tone::Plain };
            table.wrapped_row(vec![(tone, count(*number)), (tone, words.clone())]);
        }
        (!rows.is_empty()).then(|| table.text())
    }

    /// Packets that were not read, and caps that were hit.
    fn lost(&self) -> Option<String> {
        let mut table = self.table(&[Column::Right("COUNT"), Column::Left("not read, or lost")]);
        for (number, words) in loss(&self.setting.counters) {
            table.wrapped_row(vec![(Tone::Warning, count(number)), (Tone::Plain, words.to_owned())]);
        }
        for (number, words) in words::passed_over(&self.setting.counters).filter(|(number, _)| *number > 0) {
            table.wrapped_row(vec![(Tone::Faint, count(number)), (Tone::Faint, words.to_owned())]);
        }
        table.has_rows().then(|| table.text())
    }
}

fn loss(counters: &Counters) -> impl Iterator<Item = (u64, &'static str)> {
    words::losses(counters).filter(|(number, _)| *number > 0)
}

/// The version and suite that a server chose most often, and how many others it chose beside.
fn usual_terms(service: &Service) -> (Tone, String, String) {
    let Some(((version, suite), _)) = service.terms.iter().max_by_key(|(terms, count)| (*count, *terms)) else {
        return (Tone::Faint, "-".to_owned(), "no answer seen".to_owned());
    };
    let cipher = match service.terms.len() {
        1 => cipher(*suite),
        known => format!("{} +{}", cipher(*suite), known - 1),
    };
    (version_tone(*version), version_name(*version), cipher)
}

/// What is wrong with a certificate, in words.
fn complaint(flawed: &Flawed) -> String {
    let second = flawed.first.0.div_euclid(1_000_000_000);
    let days = |from: i64, to: i64| counted(to.saturating_sub(from).max(0) as u64 / 86_400, "day");
    let texts = flawed.flaws.iter().map(|flaw| match (flaw, flawed.not_before, flawed.not_after) {
        (Flaw::Expired, _, Some(end)) => format!("expired {} before", days(end, second)),
        (Flaw::NotYetValid, Some(start), _) => format!("valid only {} later", days(second, start)),
        (Flaw::WeakKey, ..) if !flawed.key.is_empty() => format!("weak key: {}", flawed.key),
        (Flaw::WeakSignature, ..) => format!("weak signature: {}", flawed.signature),
        (flaw, ..) => flaw.as_str().to_owned(),
    });
    let texts = texts.collect::<Vec<_>>().join(", ");
    match flawed.place {
        Place::Leaf => texts,
        Place::Above => format!("in its chain: {texts}"),
    }
}

/// `2025-01-01`, or a question mark.
fn day(second: Option<i64>) -> String {
    let text = second.and_then(|second| Date(second).text());
    text.as_ref().and_then(|text| text.as_str().get(..10)).unwrap_or("?").to_owned()
}

/// `2026-11-23 16:44:33 – 16:51:42 UTC (7 min 9 s)`
fn period(first: Timestamp, last: Timestamp, screen: Screen) -> String {
    let (from, to) = (Time(first).text(), Time(last).text());
    let part = |text: &str, range: std::ops::Range<usize>| text.get(range).unwrap_or_default().to_owned();
    let (from_day, to_day) = (part(from.as_str(), 0..10), part(to.as_str(), 0..10));
    let end = if from_day == to_day { String::new() } else { format!("{to_day} ") };
    let dash = screen.glyph("–", "to");
    let length = duration(last.since(first));
    format!("{from_day} {} {dash} {end}{} UTC ({length})", part(from.as_str(), 11..19), part(to.as_str(), 11..19))
}

fn version_name(version: u16) -> String {
    match registry::version(version) {
        Some(known) => format!("{} {}", known.protocol.to_uppercase(), known.number),
        None => Version(version).to_string(),
    }
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        small if small > 0.0 && small < 1.0 => "<1 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

/// Where the screen's width is not known; and the widths that tables are made for.
const WIDTH: usize = 100;
const MIN: usize = 60;
const MAX: usize = 180;
/// From here on there is room for subjects.
const WIDE: usize = 120;
/// The longest bar.
const BAR: f64 = 24.0;
/// The longest name in a table of its own.
const NAME: usize = 56;
/// What the other columns of their tables take.
const JA4_COLUMNS: usize = 36 + 2 + 9 + 2 + 7 + 2;
const SERVER_COLUMNS: usize = 2 + 9 + 2 + 7 + 2 + 7 + 2;
