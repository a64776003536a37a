//! What the view knows: the latest snapshot, the rates between those before, and what the user has chosen to see.

use std::collections::{BTreeMap, VecDeque};

use crate::sink::overview::{Notice, Row, Snapshot};
use crate::sink::screen::Screen;

/// All that is drawn.
pub struct State {
    /// Where the snapshots come from.
    pub source: String,
    pub screen: Screen,
    pub snapshot: Snapshot,
    pub rates: Rates,
    pub pane: Pane,
    pub order: Order,
    /// Lists are of what has this in it.
    pub filter: String,
    pub mode: Mode,
    /// Lines of the pane that are above its first.
    pub scroll: usize,
    /// Why there is no newer snapshot.
    pub fault: Option<String>,
    /// Sessions a second of each row, by its list and name.
    growth: BTreeMap<(Pane, String), f64>,
}

/// What the keys mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Watching,
    /// The picture stands still.
    Paused,
    /// Letters go into the filter.
    Filtering,
    Help,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pane {
    Clients,
    Servers,
    Alerts,
    Losses,
    Queues,
    Versions,
}

/// What rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Count,
    /// What came since the last snapshot.
    Rate,
    Name,
}

/// Per second, the latest last.
#[derive(Debug, Default)]
pub struct Rates {
    pub packets: VecDeque<f64>,
    pub bits: VecDeque<f64>,
    pub sessions: VecDeque<f64>,
    pub alerts: VecDeque<f64>,
    pub lost: VecDeque<f64>,
}

/// What the user does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    Letter(char),
    Tab,
    BackTab,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    Enter,
    Escape,
    Backspace,
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    Stay,
    Leave,
}

impl State {
    pub fn new(source: &str, screen: Screen) -> Self {
        Self {
            source: source.to_owned(),
            screen,
            snapshot: Snapshot::default(),
            rates: Rates::default(),
            pane: Pane::Clients,
            order: Order::Count,
            filter: String::new(),
            mode: Mode::Watching,
            scroll: 0,
            fault: None,
            growth: BTreeMap::new(),
        }
    }

    /// Takes a snapshot, unless the picture is to stand still.
    pub fn take(&mut self, snapshot: Snapshot) {
        self.fault = None;
        if self.mode == Mode::Paused {
            return;
        }
        let took = snapshot.uptime_seconds - self.snapshot.uptime_seconds;
        let is_first = self.snapshot.version.is_empty();
        // One that was started anew begins anew.
        if !is_first && took > 0.0 {
            self.rates.add(&self.snapshot, &snapshot, took);
            self.growth = growth(&self.snapshot, &snapshot, took);
        } else if took < 0.0 {
            (self.rates, self.growth) = (Rates::default(), BTreeMap::new());
        }
        // Nothing was before the beginning: what there is came in its time.
        if is_first && snapshot.span_seconds.is_none() && snapshot.uptime_seconds > 0.0 {
            self.rates.add(&Snapshot::default(), &snapshot, snapshot.uptime_seconds);
        }
        self.snapshot = snapshot;
    }

    /// Why none came.
    pub fn fail(&mut self, why: String) {
        self.fault = Some(why);
    }

    /// Does what a key says.
    pub fn press(&mut self, press: Press) -> Turn {
        match (self.mode, press) {
            (Mode::Filtering, Press::Letter(letter)) => {
                if self.filter.chars().count() < FILTER_CHARS {
                    self.filter.push(letter);
                }
                self.scroll = 0;
            }
            (Mode::Filtering, Press::Backspace) => drop(self.filter.pop()),
            (Mode::Filtering, Press::Enter) => self.mode = Mode::Watching,
            (Mode::Filtering, Press::Escape) => (self.mode, self.filter) = (Mode::Watching, String::new()),
            (_, Press::Letter('q')) => return Turn::Leave,
            (Mode::Help, _) => self.mode = Mode::Watching,
            (_, Press::Letter('?' | 'h')) => self.mode = Mode::Help,
            (Mode::Paused, Press::Letter('p' | ' ')) => self.mode = Mode::Watching,
            (_, Press::Letter('p' | ' ')) => self.mode = Mode::Paused,
            (_, Press::Letter('/')) => self.mode = Mode::Filtering,
            (_, Press::Letter('s')) => self.order = self.order.next(),
            (_, Press::Tab) => (self.pane, self.scroll) = (self.pane.step(1), 0),
            (_, Press::BackTab) => (self.pane, self.scroll) = (self.pane.step(Pane::ALL.len() - 1), 0),
            (_, Press::Up | Press::Letter('k')) => self.scroll = self.scroll.saturating_sub(1),
            (_, Press::Down | Press::Letter('j')) => self.scroll = (self.scroll + 1).min(SCROLL),
            (_, Press::PageUp) => self.scroll = self.scroll.saturating_sub(PAGE),
            (_, Press::PageDown) => self.scroll = (self.scroll + PAGE).min(SCROLL),
            (_, Press::Home) => self.scroll = 0,
            (_, Press::Escape) => self.filter.clear(),
            _ => {}
        }
        Turn::Stay
    }

    /// The rows of a list, filtered and in order, each with its sessions a second.
    pub fn rows(&self, pane: Pane) -> Vec<(&Row, f64)> {
        let list = match pane {
            Pane::Servers => &self.snapshot.servers,
            Pane::Versions => &self.snapshot.versions,
            _ => &self.snapshot.clients,
        };
        let is_shown = |row: &&Row| {
            [Some(&row.name), row.label.as_ref(), row.example.as_ref()].into_iter().flatten().any(|text| self.has(text))
        };
        let rate = |row: &Row| self.growth.get(&(pane, row.name.clone())).copied().unwrap_or_default();
        let mut rows: Vec<(&Row, f64)> = list.iter().filter(is_shown).map(|row| (row, rate(row))).collect();
        match self.order {
            Order::Count => rows.sort_by(|(a, _), (b, _)| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name))),
            Order::Rate => rows.sort_by(|(a, fast), (b, other)| {
                other.total_cmp(fast).then(b.count.cmp(&a.count)).then_with(|| a.name.cmp(&b.name))
            }),
            Order::Name => rows.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name)),
        }
        rows
    }

    /// The alerts that the filter lets through, the latest first.
    pub fn notices(&self) -> impl Iterator<Item = &Notice> {
        self.snapshot.notices.iter().filter(|notice| {
            let texts = [&notice.rule, &notice.message, &notice.source, &notice.destination, &notice.level];
            texts.into_iter().any(|text| self.has(text))
        })
    }

    fn has(&self, text: &str) -> bool {
        self.filter.is_empty() || text.to_lowercase().contains(&self.filter.to_lowercase())
    }
}

impl Pane {
    pub const ALL: [Self; 6] = [Self::Clients, Self::Servers, Self::Alerts, Self::Losses, Self::Queues, Self::Versions];

    fn step(self, by: usize) -> Self {
        let at = Self::ALL.into_iter().position(|pane| pane == self).unwrap_or_default();
        Self::ALL.into_iter().cycle().nth(at + by).unwrap_or(self)
    }
}

impl Order {
    fn next(self) -> Self {
        match self {
            Self::Count => Self::Rate,
            Self::Rate => Self::Name,
            Self::Name => Self::Count,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "sessions",
            Self::Rate => "sessions a second",
            Self::Name => "name",
        }
    }
}

impl Rates {
    fn add(&mut self, before: &Snapshot, now: &Snapshot, took: f64) {
        let per_second = |now: u64, before: u64| now.saturating_sub(before) as f64 / took;
        let alerts = |snapshot: &Snapshot| snapshot.alerts.iter().map(|level| level.count).sum::<u64>();
        let (counters, older) = (&now.counters, &before.counters);
        for (rates, rate) in [
            (&mut self.packets, per_second(counters.packets, older.packets)),
            (&mut self.bits, 8.0 * per_second(counters.bytes, older.bytes)),
            (&mut self.sessions, per_second(counters.sessions, older.sessions)),
            (&mut self.alerts, per_second(alerts(now), alerts(before))),
            (&mut self.lost, per_second(counters.packets_dropped, older.packets_dropped)),
        ] {
            if rates.len() >= HISTORY {
                rates.pop_front();
            }
            rates.push_back(rate);
        }
    }
}

/// How fast rows grow. A row that was not there before is left out: it may only have been too rare.
fn growth(before: &Snapshot, now: &Snapshot, took: f64) -> BTreeMap<(Pane, String), f64> {
    let lists = [
        (Pane::Clients, &before.clients, &now.clients),
        (Pane::Servers, &before.servers, &now.servers),
        (Pane::Versions, &before.versions, &now.versions),
    ];
    let mut growth = BTreeMap::new();
    for (pane, before, now) in lists {
        let counts: BTreeMap<&str, u64> = before.iter().map(|row| (&*row.name, row.count)).collect();
        for row in now {
            if let Some(count) = counts.get(&*row.name) {
                growth.insert((pane, row.name.clone()), row.count.saturating_sub(*count) as f64 / took);
            }
        }
    }
    growth
}

/// Rates that are kept for the curve.
const HISTORY: usize = 240;
const FILTER_CHARS: usize = 64;
const SCROLL: usize = 200;
const PAGE: usize = 10;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn snapshot(uptime_seconds: f64, packets: u64, rows: &[(&str, u64)]) -> Snapshot {
        let row = |(name, count): &(&str, u64)| Row { name: (*name).to_owned(), count: *count, ..Row::default() };
        let mut snapshot =
            Snapshot { version: "0".to_owned(), uptime_seconds, span_seconds: Some(300), ..Snapshot::default() };
        snapshot.counters.packets = packets;
        snapshot.clients = rows.iter().map(row).collect();
        snapshot
    }

    fn state() -> State {
        State::new("x", Screen::PLAIN)
    }

    fn names(state: &State) -> Vec<&str> {
        state.rows(Pane::Clients).into_iter().map(|(row, _)| &*row.name).collect()
    }

    #[test]
    fn rates_are_what_came_between_two_snapshots() {
        let mut state = state();
        for (uptime, packets) in [(1.0, 10), (3.0, 30), (3.5, 30), (4.5, 130)] {
            state.take(snapshot(uptime, packets, &[]));
        }
        assert_eq!(state.rates.packets, [10.0, 0.0, 100.0]);
        // Started anew.
        state.take(snapshot(0.5, 5, &[]));
        assert!(state.rates.packets.is_empty());
        state.take(snapshot(1.5, 6, &[]));
        assert_eq!(state.rates.packets, [1.0]);
    }

    #[test]
    fn rows_are_ordered_as_the_user_asks() {
        let mut state = state();
        state.take(snapshot(1.0, 0, &[("c", 90), ("a", 50)]));
        state.take(snapshot(2.0, 0, &[("c", 91), ("a", 70), ("b", 80)]));
        assert_eq!(names(&state), ["c", "b", "a"]);
        state.press(Press::Letter('s'));
        assert_eq!(names(&state), ["a", "c", "b"]);
        state.press(Press::Letter('s'));
        assert_eq!(names(&state), ["a", "b", "c"]);
        state.press(Press::Letter('s'));
        assert_eq!(state.order, Order::Count);
    }

    #[test]
    fn a_filter_is_written_and_taken_back() {
        let mut state = state();
        state.take(snapshot(1.0, 0, &[("curl", 1), ("chrome", 2), ("quic", 3)]));
        for press in [Press::Letter('/'), Press::Letter('C'), Press::Letter('q'), Press::Backspace, Press::Letter('h')]
        {
            assert_eq!(state.press(press), Turn::Stay);
        }
        assert_eq!((&*state.filter, names(&state)), ("Ch", vec!["chrome"]));
        state.press(Press::Enter);
        assert_eq!((state.mode, names(&state).len()), (Mode::Watching, 1));
        state.press(Press::Escape);
        assert_eq!(names(&state).len(), 3);
        assert_eq!(state.press(Press::Letter('q')), Turn::Leave);
    }

    #[test]
    fn a_picture_that_stands_still_takes_nothing() {
        let mut state = state();
        state.take(snapshot(1.0, 1, &[]));
        state.press(Press::Letter('p'));
        state.take(snapshot(2.0, 2, &[]));
        assert_eq!(state.snapshot.counters.packets, 1);
        state.press(Press::Letter('p'));
        state.take(snapshot(3.0, 3, &[]));
        assert_eq!(state.snapshot.counters.packets, 3);
    }

    #[test]
    fn panes_follow_each_other_around() {
        let mut state = state();
        for _ in Pane::ALL {
            state.press(Press::Tab);
        }
        assert_eq!(state.pane, Pane::Clients);
        state.press(Press::BackTab);
        assert_eq!(state.pane, Pane::Versions);
    }
}
