//! Spread: one fingerprint comes from many hosts to one name at a steady rate, as in credential stuffing through proxies.
//!
//! In: sessions by target (a name and a fingerprint) with the host each came from. Out: a finding where many hosts share the
//! work evenly and what arrives is paced: people come in bursts and by themselves, programs by a clock or a queue.

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Latest, Told};
use super::key::Key;
use super::memory::{Bounds, Memory};
use super::window::{Distinct, Limits, Rate};

/// What a rule says; times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    pub bounds: Bounds,
    pub window: i64,
    /// Hosts that are needed within the window.
    pub hosts: usize,
    /// Sessions that are needed within the window.
    pub sessions: u64,
    pub score: f64,
    pub again: i64,
}

#[derive(Debug)]
pub struct Spread {
    settings: Settings,
    pub targets: Memory<Target>,
}

#[derive(Debug, Clone, Copy)]
pub struct Visit {
    pub target: Key,
    pub host: Key,
    pub at: i64,
    pub session: [u8; 16],
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Target {
    hosts: Distinct,
    rate: Rate,
    latest: Latest,
    told: Told,
}

impl Spread {
    pub fn new(settings: Settings) -> Self {
        Self { settings, targets: Memory::new(settings.bounds) }
    }

    pub fn see(&mut self, visit: Visit) -> Option<Finding> {
        let settings = self.settings;
        let (target, _) = self.targets.touch(visit.target, visit.at);
        let limits = Limits { window: settings.window, cap: settings.hosts.saturating_mul(ROOM) };
        // Half of the key is enough to tell hosts apart.
        let hosts = target.hosts.add(visit.host.0 as u64, visit.at, limits);
        target.rate.add(visit.at, settings.window);
        target.latest.push(visit.session);
        let sessions = target.rate.total();
        if hosts < settings.hosts || sessions < settings.sessions || !target.told.is_due(visit.at, settings.again) {
            return None;
        }
        let dispersion = target.rate.dispersion()?;
        let score = 1.0 / (1.0 + dispersion);
        if score < settings.score {
            return None;
        }
        target.told.now(visit.at);
        let measures = vec![
            ("score", score),
            ("hosts", hosts as f64),
            ("sessions", sessions as f64),
            ("sessions_per_host", sessions as f64 / hosts as f64),
            ("dispersion", dispersion),
            ("per_minute", sessions as f64 / (settings.window as f64 / 60e9)),
        ];
        Some(Finding { score, measures, note: None, sessions: target.latest.list(), count: sessions })
    }
}

/// Hosts are counted up to this many times what is asked for.
const ROOM: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn spread() -> Spread {
        Spread::new(Settings {
            bounds: Bounds { keys: 100, retention: i64::MAX },
            window: 600 * SECOND,
            hosts: 20,
            sessions: 60,
            score: 0.4,
            again: 3_600 * SECOND,
        })
    }

    fn visit(host: u128, at: i64) -> Visit {
        Visit { target: Key(1), host: Key(host), at, session: [0; 16] }
    }

    #[test]
    fn many_hosts_at_a_steady_rate_are_told_once() {
        let mut spread = spread();
        let told: Vec<Finding> =
            (0..600i64).filter_map(|n| spread.see(visit(n as u128 % 40, n * 3 * SECOND))).collect();
        assert_eq!(told.len(), 1);
        assert!(told[0].score > 0.8 && told[0].count >= 60, "{told:?}");
    }

    #[test]
    fn a_crowd_that_comes_in_bursts_is_quiet() {
        let mut spread = spread();
        // Each host loads a page with ten sessions at once; one a minute or so, some more.
        let told = (0..600i64).any(|n| {
            let page = n / 10;
            spread.see(visit(page as u128, page * page % 37 * 60 * SECOND / 10 + page * 30 * SECOND)).is_some()
        });
        assert!(!told);
    }

    #[test]
    fn few_hosts_are_quiet_however_steady() {
        let mut spread = spread();
        assert!((0..600i64).all(|n| spread.see(visit(n as u128 % 19, n * 3 * SECOND)).is_none()));
    }

    #[test]
    fn a_target_costs_a_bounded_amount() {
        let mut spread = spread();
        (0..100_000i64).for_each(|n| drop(spread.see(visit(n as u128, n * 1000))));
        assert!(postcard::to_stdvec(&spread.targets).unwrap().len() < 3_000);
    }
}
