//! The panes as lines: what stands in each, cut to a width. What peers wrote is made safe here.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::state::{Order, Pane, State};
use crate::sink::Standing;
use crate::sink::overview::{Notice, Row};
use crate::sink::screen::{Colours, Screen, Tone, bytes, count, counted, duration};
use crate::stats::{InterfaceCounters, Losses, STUCK};

/// What is above a pane's lines.
pub fn title(state: &State, pane: Pane) -> String {
    let order = match state.order {
        Order::Count => String::new(),
        order => format!(", by {}", order.as_str()),
    };
    let span = match state.snapshot.span_seconds {
        None => String::new(),
        Some(seconds) => format!(", last {}", duration(seconds.saturating_mul(1_000_000_000))),
    };
    match pane {
        Pane::Clients => format!("Clients{span}{order}"),
        Pane::Servers => format!("Servers{span}{order}"),
        Pane::Versions => format!("Versions{span}{order}"),
        Pane::Alerts => {
            let levels: Vec<String> = state
                .snapshot
                .alerts
                .iter()
                .rev()
                .filter(|level| level.count > 0)
                .map(|level| format!("{} {}", count(level.count), state.screen.safe(&level.level)))
                .collect();
            let levels = if levels.is_empty() { String::new() } else { format!(": {}", levels.join(", ")) };
            format!("Alerts{levels}")
        }
        Pane::Losses => "Losses".to_owned(),
        Pane::Queues => "Queues".to_owned(),
    }
}

/// A pane's lines, at most so many of them.
pub fn lines(state: &State, pane: Pane, width: usize, most: usize) -> Vec<Line<'static>> {
    let page = Page { screen: state.screen, width };
    let lines: Vec<Line<'static>> = match pane {
        Pane::Clients | Pane::Servers | Pane::Versions => {
            state.rows(pane).into_iter().take(most).map(|(row, rate)| page.row(pane, row, rate)).collect()
        }
        Pane::Alerts => state.notices().take(most).map(|notice| page.notice(notice)).collect(),
        Pane::Losses => page.losses(state),
        Pane::Queues => page.queues(state),
    };
    if lines.is_empty() {
        return vec![page.line(vec![(Tone::Faint, "none".to_owned())])];
    }
    lines.into_iter().take(most).collect()
}

/// The rates, each with the curve of those before it.
pub fn rates(state: &State, width: usize) -> Vec<Line<'static>> {
    let page = Page { screen: state.screen, width };
    let rates = &state.rates;
    let figures = [
        ("packets/s", &rates.packets, Tone::Strong),
        ("bits/s", &rates.bits, Tone::Strong),
        ("sessions/s", &rates.sessions, Tone::Strong),
        ("alerts/s", &rates.alerts, Tone::Warning),
        ("lost/s", &rates.lost, Tone::Bad),
    ];
    let line = |(name, values, tone): (&str, &std::collections::VecDeque<f64>, Tone)| {
        let latest = values.back().copied();
        let tone = if latest.is_some_and(|rate| rate > 0.0) { tone } else { Tone::Faint };
        let curve = page.curve(values, width.saturating_sub(RATE_COLUMNS));
        let shown = latest.map_or_else(|| "-".to_owned(), short);
        page.line(vec![(Tone::Plain, format!("{name:<11}")), (tone, format!("{shown:>9}  ")), (Tone::Good, curve)])
    };
    figures.map(line).into()
}

/// A tone as ratatui has it.
pub fn style(screen: Screen, tone: Tone) -> Style {
    if screen.colours == Colours::Off {
        return Style::default();
    }
    match tone {
        Tone::Plain => Style::default(),
        Tone::Strong => Style::default().add_modifier(Modifier::BOLD),
        Tone::Faint => Style::default().add_modifier(Modifier::DIM),
        Tone::Good => Style::default().fg(Color::Green),
        Tone::Warning => Style::default().fg(Color::Yellow),
        Tone::Bad => Style::default().fg(Color::Red).add_modifier(Modifier::BOLD),
    }
}

struct Page {
    screen: Screen,
    width: usize,
}

impl Page {
    /// Pieces beside each other, cut at the width.
    fn line(&self, pieces: Vec<(Tone, String)>) -> Line<'static> {
        let mut left = self.width;
        let mut spans = Vec::new();
        for (tone, text) in pieces {
            let text = self.cut(&text, left);
            left = left.saturating_sub(text.chars().count());
            spans.push(Span::styled(text, style(self.screen, tone)));
        }
        Line::from(spans)
    }

    fn cut(&self, text: &str, most: usize) -> String {
        if text.chars().count() <= most {
            return text.to_owned();
        }
        let mut kept: String = text.chars().take(most.saturating_sub(1)).collect();
        if most > 0 {
            kept.push_str(self.screen.ellipsis());
        }
        kept
    }

    fn safe(&self, text: &str) -> String {
        self.screen.safe(text).into_owned()
    }

    fn row(&self, pane: Pane, row: &Row, rate: f64) -> Line<'static> {
        let rate = if rate > 0.0 { format!("{}/s", short(rate)) } else { String::new() };
        let mut pieces = vec![(Tone::Strong, format!("{:>9}", count(row.count))), (Tone::Good, format!("{rate:>8}  "))];
        let (name, label) = (self.safe(&row.name), row.label.as_deref().map(|label| self.safe(label)));
        let example = row.example.as_deref().map(|example| self.safe(example));
        match label {
            // What is known is worth more than what it is known by.
            Some(label) if pane == Pane::Clients && self.width < WIDE => {
                pieces.extend([(Tone::Plain, label), (Tone::Faint, format!("  {name}"))]);
            }
            label if pane == Pane::Clients => {
                pieces.push((Tone::Plain, format!("{name:<37} ")));
                pieces.push((Tone::Plain, label.unwrap_or_else(|| "-".to_owned())));
                pieces.extend(example.map(|example| (Tone::Faint, format!("  {example}"))));
            }
            _ => pieces.push((Tone::Plain, name)),
        }
        self.line(pieces)
    }

    fn notice(&self, notice: &Notice) -> Line<'static> {
        let second = notice.timestamp.div_euclid(1_000_000_000).rem_euclid(86_400);
        let time = format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60);
        let ends = format!("{} > {}", self.safe(&notice.source), self.safe(&notice.destination));
        let rule = if notice.rule.is_empty() { String::new() } else { format!("{}: ", self.safe(&notice.rule)) };
        self.line(vec![
            (Tone::Faint, format!("{time}  ")),
            (level_tone(&notice.level), format!("{:<13} ", self.safe(&notice.level))),
            (Tone::Strong, rule),
            (Tone::Plain, self.safe(&notice.message)),
            (Tone::Faint, format!("  {ends}")),
        ])
    }

    fn losses(&self, state: &State) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        for InterfaceCounters { name, packets, losses } in &state.snapshot.interfaces {
            let Losses { kernel, interface, shed } = *losses;
            let mut pieces =
                vec![(Tone::Strong, format!("{}  ", self.safe(name))), (Tone::Plain, counted(*packets, "packet"))];
            let lost = [(kernel, "lost by the kernel"), (interface, "by the interface"), (shed, "left out")];
            let lost: Vec<String> = lost
                .iter()
                .filter(|(lost, _)| *lost > 0)
                .map(|(lost, how)| format!("{} {how}", count(*lost)))
                .collect();
            pieces.push(match lost.is_empty() {
                true => (Tone::Good, "  none lost".to_owned()),
                false => (Tone::Bad, format!("  {}", lost.join(", "))),
            });
            lines.push(self.line(pieces));
        }
        let counters = &state.snapshot.counters;
        for (number, noun, what) in [
            (counters.events_shed, "session", "not told: an output was too slow"),
            (counters.flows_evicted, "connection", "given up for others"),
            (counters.gaps, "direction", "with a gap"),
            (counters.truncated, "direction", "cut short"),
            (counters.reassembly_limit + counters.message_limit, "handshake", "over a limit"),
            (counters.fragments_dropped, "IP fragment", "without a packet"),
            (counters.chains_unchecked, "chain", "not judged"),
            (counters.packets_malformed, "packet", "malformed"),
        ] {
            if number > 0 {
                lines.push(self.line(vec![(Tone::Warning, counted(number, noun)), (Tone::Plain, format!(" {what}"))]));
            }
        }
        lines
    }

    fn queues(&self, state: &State) -> Vec<Line<'static>> {
        let snapshot = &state.snapshot;
        let mut lines =
            vec![self.queue("rules, outputs", snapshot.outlet_waiting, snapshot.outlet_capacity, "batches")];
        for standing in &snapshot.outputs {
            let Standing { output, unit, waiting, capacity, .. } = standing;
            lines.push(self.queue(&self.safe(output), *waiting, *capacity, &self.safe(unit)));
            lines.extend(self.troubles(standing));
        }
        for thread in snapshot.threads.iter().filter(|thread| thread.silent_seconds > STUCK.as_secs_f64()) {
            let stuck = format!("{} is stuck for {:.0} s", self.safe(&thread.name), thread.silent_seconds);
            lines.push(self.line(vec![(Tone::Bad, stuck)]));
        }
        lines
    }

    fn queue(&self, name: &str, waiting: u64, capacity: u64, unit: &str) -> Line<'static> {
        let share = waiting as f64 / capacity.max(1) as f64;
        let filled = ((share * BAR as f64).ceil() as usize).min(BAR);
        let tone = if share >= 0.9 {
            Tone::Bad
        } else if share >= 0.5 {
            Tone::Warning
        } else {
            Tone::Good
        };
        self.line(vec![
            (Tone::Plain, format!("{name:<15}")),
            (tone, self.screen.glyph("█", "#").repeat(filled)),
            (Tone::Faint, self.screen.glyph("░", ".").repeat(BAR - filled)),
            (Tone::Plain, format!(" {} of {} {unit}", count(waiting), count(capacity))),
        ])
    }

    /// What is wrong with an output, and what waits on disk.
    fn troubles(&self, standing: &Standing) -> Vec<Line<'static>> {
        let Standing { shed, refused, failures, lag_seconds, last_error, spool, .. } = standing;
        let mut lines = Vec::new();
        if let Some(spool) = spool.filter(|spool| spool.batches > 0) {
            let on_disk = match spool.max_bytes {
                0 => String::new(),
                most => format!(", {} of {} on disk", bytes(spool.bytes), bytes(most)),
            };
            let spool = format!("  spool: {} batches{on_disk}", count(spool.batches));
            lines.push(self.line(vec![(Tone::Plain, spool)]));
        }
        let lost = [(*shed, "found no room"), (*refused, "were refused")];
        let lost: Vec<String> =
            lost.iter().filter(|(lost, _)| *lost > 0).map(|(lost, how)| format!("{} {how}", count(*lost))).collect();
        if !lost.is_empty() {
            lines.push(self.line(vec![(Tone::Bad, format!("  {}", lost.join(", ")))]));
        }
        if *failures > 0 && *lag_seconds >= LATE {
            let why = last_error.as_deref().map(|why| format!(": {}", self.safe(why))).unwrap_or_default();
            let line = format!("  nothing taken for {lag_seconds:.0} s, {}{why}", counted(*failures, "failed attempt"));
            lines.push(self.line(vec![(Tone::Warning, line)]));
        }
        lines
    }

    /// Values as bars, the latest on the right.
    fn curve(&self, values: &std::collections::VecDeque<f64>, width: usize) -> String {
        let steps = self.screen.glyph("▁▂▃▄▅▆▇█", "_.-=+*#@");
        let steps: Vec<char> = steps.chars().collect();
        let shown = values.iter().skip(values.len().saturating_sub(width));
        let most = shown.clone().copied().fold(0.0, f64::max);
        let step = |value: &f64| {
            let at = if most > 0.0 { (value / most * (steps.len() - 1) as f64).ceil() as usize } else { 0 };
            steps.get(at.min(steps.len() - 1)).copied().unwrap_or(' ')
        };
        shown.map(step).collect()
    }
}

fn level_tone(level: &str) -> Tone {
    match level {
        "critical" | "high" => Tone::Bad,
        "medium" => Tone::Warning,
        "informational" => Tone::Faint,
        _ => Tone::Plain,
    }
}

/// `0.4`, `12`, `1,234`, `56.7k`, `1.2M`
pub fn short(number: f64) -> String {
    match number {
        _ if number < 10.0 => format!("{number:.1}"),
        _ if number < 10_000.0 => count(number.round() as u64),
        _ if number < 1e6 => format!("{:.1}k", number / 1e3),
        _ if number < 1e9 => format!("{:.1}M", number / 1e6),
        _ => format!("{:.1}G", number / 1e9),
    }
}

/// Columns before a rate's curve.
pub const RATE_COLUMNS: usize = 22;
/// Columns in which a fingerprint and its label have room.
const WIDE: usize = 76;
/// Columns of a queue's bar.
const BAR: usize = 10;
/// Seconds after which an output is late.
const LATE: f64 = 2.0;
