//! Beaconing: one client comes back to one server at regular intervals.
//!
//! In: when sessions of a pair began, and how much they said first. Out: a score from 0 to 1 where enough sessions are
//! there. The parts are those of the literature on beacons (Bowley's skewness, the median absolute deviation, a histogram,
//! how long it has lasted); the formula is in `rules/README.md`. Memory is bounded by the number of pairs and of samples.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::finding::{Finding, Latest, Told};
use super::key::Key;
use super::memory::{Bounds, Memory};

/// What a rule says; times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    pub bounds: Bounds,
    /// Sessions of a pair that are looked at, the latest.
    pub samples: usize,
    /// As many are needed.
    pub sessions: usize,
    /// What begins within this time after another session belongs to it.
    pub merge: i64,
    /// What has lasted this long is persistent; for less than half of it, it is no beacon.
    pub lasting: i64,
    pub score: f64,
    pub again: i64,
}

#[derive(Debug)]
pub struct Beaconing {
    settings: Settings,
    pub pairs: Memory<Pair>,
    room: Room,
}

/// Room for the figures of a score, used again for the next.
#[derive(Debug, Default)]
struct Room {
    times: Vec<i64>,
    figures: Vec<f64>,
    deviations: Vec<f64>,
}

/// A session of a pair.
#[derive(Debug, Clone, Copy)]
pub struct Beat {
    pub pair: Key,
    pub at: i64,
    /// Octets that the client said first, where they were watched.
    pub size: Option<u32>,
    pub session: [u8; 16],
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Pair {
    /// In the order of time.
    beats: VecDeque<(i64, Option<u32>)>,
    latest: Latest,
    first: Option<i64>,
    count: u64,
    /// Since the score was computed last.
    fresh: u32,
    told: Told,
}

impl Beaconing {
    pub fn new(settings: Settings) -> Self {
        Self { settings, pairs: Memory::new(settings.bounds), room: Room::default() }
    }

    pub fn see(&mut self, beat: Beat) -> Option<Finding> {
        let settings = self.settings;
        let (pair, _) = self.pairs.touch(beat.pair, beat.at);
        pair.count += 1;
        pair.latest.push(beat.session);
        pair.first = Some(pair.first.map_or(beat.at, |first| first.min(beat.at)));
        pair.insert(beat, settings)?;
        let is_due = pair.beats.len() >= settings.sessions.max(LEAST)
            // A score costs a sort: it is computed when enough has been added to change it.
            && pair.fresh as usize * 8 >= pair.beats.len()
            && pair.told.is_due(beat.at, settings.again);
        if !is_due {
            return None;
        }
        pair.fresh = 0;
        let lasted = beat.at.saturating_sub(pair.first.unwrap_or(beat.at));
        let lasted = lasted as f64 / settings.lasting.max(1) as f64;
        if lasted < PERSISTENT {
            return None;
        }
        let parts = Parts::of(&pair.beats, lasted, &mut self.room)?;
        let score = parts.score();
        if score < settings.score {
            return None;
        }
        pair.told.now(beat.at);
        let mut measures = vec![
            ("score", score),
            ("interval_score", parts.intervals.score()),
            ("interval_skew_score", parts.intervals.skew),
            ("interval_deviation_score", parts.intervals.deviation),
            ("histogram_score", parts.histogram),
            ("persistence_score", parts.persistence),
            ("interval_seconds", parts.intervals.median),
            ("jitter", parts.intervals.spread),
        ];
        if let Some(sizes) = parts.sizes {
            measures.extend([("size_score", sizes.score()), ("size_octets", sizes.median)]);
        }
        Some(Finding { score, measures, note: None, sessions: pair.latest.list(), count: pair.count })
    }
}

impl Pair {
    /// Puts a session where its time belongs, unless it is part of another.
    fn insert(&mut self, beat: Beat, settings: Settings) -> Option<()> {
        let place = self.beats.partition_point(|&(at, _)| at <= beat.at);
        let is_near = |other: Option<&(i64, Option<u32>)>| {
            other.is_some_and(|&(at, _)| beat.at.abs_diff(at) < settings.merge.unsigned_abs().max(1))
        };
        let before = place.checked_sub(1).and_then(|before| self.beats.get(before));
        if is_near(before) || is_near(self.beats.get(place)) {
            return None;
        }
        if self.beats.len() >= settings.samples.max(LEAST) {
            if place == 0 {
                return None;
            }
            self.beats.pop_front();
            self.beats.insert(place - 1, (beat.at, beat.size));
        } else {
            self.beats.insert(place, (beat.at, beat.size));
        }
        self.fresh = self.fresh.saturating_add(1);
        Some(())
    }
}

/// The parts of a score, each from 0 to 1.
#[derive(Debug, Clone, Copy)]
struct Parts {
    intervals: Regularity,
    sizes: Option<Regularity>,
    histogram: f64,
    persistence: f64,
}

impl Parts {
    fn of(beats: &VecDeque<(i64, Option<u32>)>, lasted: f64, room: &mut Room) -> Option<Self> {
        let Room { times, figures, deviations } = room;
        times.clear();
        times.extend(beats.iter().map(|&(at, _)| at));
        let seconds = |nanos: i64| nanos as f64 / 1e9;
        figures.clear();
        figures.extend(times.windows(2).map(|pair| seconds(pair[1].saturating_sub(pair[0]))));
        let intervals = Regularity::of(figures, deviations)?;
        figures.clear();
        figures.extend(beats.iter().filter_map(|&(_, size)| size).map(f64::from));
        let has_sizes = figures.len() >= LEAST && figures.len() * 2 >= beats.len();
        Some(Self {
            intervals,
            sizes: if has_sizes { Regularity::of(figures, deviations) } else { None },
            histogram: evenness(times)?,
            persistence: lasted.clamp(0.0, 1.0),
        })
    }

    /// The mean of what is known, by weight.
    fn score(&self) -> f64 {
        let parts = [
            (INTERVALS, Some(self.intervals.score())),
            (SIZES, self.sizes.map(|sizes| sizes.score())),
            (HISTOGRAM, Some(self.histogram)),
            (PERSISTENCE, Some(self.persistence)),
        ];
        let known = parts.into_iter().filter_map(|(weight, part)| Some((weight, part?)));
        let (sum, weights) =
            known.fold((0.0, 0.0), |(sum, weights), (weight, part)| (sum + weight * part, weights + weight));
        sum / weights
    }
}

/// How alike some figures are.
#[derive(Debug, Clone, Copy)]
struct Regularity {
    /// 1 less the absolute value of Bowley's skewness.
    skew: f64,
    /// 1 less twice the median absolute deviation as a share of the median.
    deviation: f64,
    median: f64,
    /// The median absolute deviation as a share of the median.
    spread: f64,
}

impl Regularity {
    /// Sorts the figures; `deviations` is room, of any content.
    fn of(figures: &mut [f64], deviations: &mut Vec<f64>) -> Option<Self> {
        figures.sort_unstable_by(f64::total_cmp);
        let [q1, median, q3] = [0.25, 0.5, 0.75].map(|share| quantile(figures, share));
        let (q1, median, q3) = (q1?, median?, q3?);
        if median <= 0.0 {
            return None;
        }
        let width = q3 - q1;
        // Of figures that are all but equal, the skewness is that of the clock's noise.
        let skew = if width < NOISE * median { 1.0 } else { 1.0 - ((q1 + q3 - 2.0 * median) / width).abs() };
        deviations.clear();
        deviations.extend(figures.iter().map(|figure| (figure - median).abs()));
        deviations.sort_unstable_by(f64::total_cmp);
        let spread = quantile(deviations, 0.5)? / median;
        Some(Self {
            skew: skew.clamp(0.0, 1.0),
            deviation: (1.0 - STRICTNESS * spread).clamp(0.0, 1.0),
            median,
            spread,
        })
    }

    fn score(self) -> f64 {
        (self.skew + self.deviation) / 2.0
    }
}

/// The quantile of sorted figures, between two of them in proportion (type 7 of Hyndman and Fan).
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = (sorted.len().checked_sub(1)?) as f64 * share;
    let low = sorted.get(place.floor() as usize)?;
    let high = sorted.get(place.ceil() as usize)?;
    Some(low + (high - low) * place.fract())
}

/// 1 less the coefficient of variation of how many sessions fell into each of equal parts of the time between the first and
/// the last.
fn evenness(times: &[i64]) -> Option<f64> {
    let (first, last) = (*times.first()?, *times.last()?);
    let span = last.saturating_sub(first);
    if span <= 0 {
        return None;
    }
    let parts = (times.len() / 4).clamp(3, MOST_PARTS);
    let mut counts = [0f64; MOST_PARTS];
    for at in times {
        let place = (at.saturating_sub(first) as f64 / span as f64 * parts as f64) as usize;
        counts[place.min(parts - 1)] += 1.0;
    }
    let counts = &counts[..parts];
    let mean = times.len() as f64 / parts as f64;
    let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / parts as f64;
    Some((1.0 - variance.sqrt() / mean).clamp(0.0, 1.0))
}

/// What has lasted for less than this share of the time is a burst, however regular.
const PERSISTENT: f64 = 0.5;
/// Of a histogram.
const MOST_PARTS: usize = 24;
/// Of fewer, quartiles say nothing.
const LEAST: usize = 4;
/// As a share of the median.
const NOISE: f64 = 0.05;
/// Half of a deviation is as good as none: what comes independently has a deviation of 0.69, a jitter of 30 percent one of
/// 0.15.
const STRICTNESS: f64 = 2.0;
const INTERVALS: f64 = 0.5;
const SIZES: f64 = 0.15;
const HISTOGRAM: f64 = 0.2;
const PERSISTENCE: f64 = 0.15;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn settings() -> Settings {
        Settings {
            bounds: Bounds { keys: 100, retention: i64::MAX },
            samples: 64,
            sessions: 16,
            merge: SECOND,
            lasting: 3_600 * SECOND,
            score: 0.78,
            again: 86_400 * SECOND,
        }
    }

    fn beat(at: i64) -> Beat {
        Beat { pair: Key(1), at, size: None, session: [0; 16] }
    }

    /// Numbers from 0 to 1 that are the same each time (Knuth's MMIX generator).
    fn random(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        }
    }

    /// The best score of a pair whose intervals, in seconds, are those.
    fn best(intervals: impl Iterator<Item = f64>) -> f64 {
        let mut beaconing = Beaconing::new(Settings { score: 0.0, again: 0, ..settings() });
        let mut at = 1_700_000_000 * SECOND;
        let scores = intervals.filter_map(|interval| {
            at += (interval * 1e9) as i64;
            beaconing.see(beat(at))
        });
        scores.map(|finding| finding.score).fold(0.0, f64::max)
    }

    #[test]
    fn the_parts_are_those_of_the_formula() {
        // Quartiles 1.25, 2, 4.25 of 1, 1, 2, 3, 8 by type 7 of R's quantile(): 1, 2, 3.
        let regularity = Regularity::of(&mut [8.0, 1.0, 2.0, 1.0, 3.0], &mut Vec::new()).unwrap();
        assert_eq!((regularity.skew, regularity.median), (1.0, 2.0));
        // Deviations 1, 1, 0, 1, 6: their median is 1.
        assert_eq!((regularity.spread, regularity.deviation), (0.5, 0.0));
        let even = Regularity::of(&mut [9.0, 10.0, 10.0, 10.0, 11.0, 11.0, 9.0], &mut Vec::new()).unwrap();
        assert_eq!((even.spread, even.deviation), (0.1, 0.8));
        // Quartiles 1, 2, 7: (1 + 7 - 4) / 6.
        let skewed = Regularity::of(&mut [1.0, 1.0, 2.0, 7.0, 8.0], &mut Vec::new()).unwrap();
        assert!((skewed.skew - (1.0 - 4.0 / 6.0)).abs() < 1e-9);
        // Of 12 in three parts: 4, 4, 4; and of 3, 0, 9 a deviation of √14 around 4.
        assert_eq!(evenness(&(0..12).collect::<Vec<_>>()), Some(1.0));
        let uneven = [0, 1, 2, 20, 21, 22, 23, 24, 25, 26, 27, 30];
        assert!((evenness(&uneven).unwrap() - (1.0 - 14f64.sqrt() / 4.0)).abs() < 1e-9);
    }

    #[test]
    fn a_beacon_is_found_whatever_its_jitter_up_to_thirty_percent() {
        for jitter in [0.0, 0.1, 0.3] {
            let found = (0..200).filter(|&seed| {
                let mut random = random(seed);
                best((0..80).map(|_| 60.0 * (1.0 + jitter * (2.0 * random() - 1.0)))) >= 0.78
            });
            let found = found.count();
            assert!(found >= 196, "jitter {jitter}: {found} of 200");
        }
    }

    #[test]
    fn what_comes_independently_of_each_other_is_no_beacon() {
        let found = (0..500).filter(|&seed| {
            let mut random = random(seed);
            best((0..200).map(|_| -60.0 * (1.0 - random()).ln())) >= 0.78
        });
        let found = found.count();
        assert!(found <= 5, "{found} of 500");
    }

    #[test]
    fn people_who_browse_are_no_beacon() {
        // Pages in quick succession, then pauses of all lengths: Pareto-distributed with a shape of 1.2.
        let found = (0..500).filter(|&seed| {
            let mut random = random(seed);
            best(
                (0..200)
                    .map(|n| if n % 5 == 0 { 30.0 / (1.0 - random()).powf(1.0 / 1.2) } else { 2.0 + 6.0 * random() }),
            ) >= 0.78
        });
        let found = found.count();
        assert!(found <= 5, "{found} of 500");
    }

    #[test]
    fn a_beacon_that_was_asleep_is_found_again() {
        let mut random = random(7);
        let intervals = (0..120).map(|n| if n == 50 { 8.0 * 3_600.0 } else { 60.0 * (0.9 + 0.2 * random()) });
        assert!(best(intervals) >= 0.78);
    }

    #[test]
    fn a_pair_is_told_once_in_the_while_that_the_rule_says() {
        let mut beaconing = Beaconing::new(Settings { again: 3_600 * SECOND, ..settings() });
        let told = (0..180).filter_map(|n| beaconing.see(beat(n * 60 * SECOND)).map(|_| n)).collect::<Vec<_>>();
        assert!(told.len() == 3 || told.len() == 2, "{told:?}");
        assert!(told.windows(2).all(|pair| pair[1] - pair[0] >= 60), "{told:?}");
    }

    #[test]
    fn sizes_that_vary_lower_the_score() {
        let score = |size: &dyn Fn(i64) -> u32| {
            let mut beaconing = Beaconing::new(Settings { score: 0.0, ..settings() });
            (0..64).find_map(|n| beaconing.see(Beat { size: Some(size(n)), ..beat(n * 60 * SECOND) })).unwrap()
        };
        let (same, different) = (score(&|_| 517), score(&|n| 200 + (n as u32 * 7919) % 1500));
        assert!(same.score > different.score + 0.02, "{} {}", same.score, different.score);
        assert!(same.measures.contains(&("size_score", 1.0)));
    }

    #[test]
    fn late_sessions_find_their_place_and_extreme_times_do_no_harm() {
        let mut beaconing = Beaconing::new(settings());
        let mut times: Vec<i64> = (0..64).map(|n| n * 60 * SECOND).collect();
        times.chunks_mut(3).for_each(<[i64]>::reverse);
        assert!(times.into_iter().any(|at| beaconing.see(beat(at)).is_some()));
        for at in [i64::MAX, i64::MIN, 0, -1, i64::MAX - 1, i64::MIN + 1] {
            let _ = beaconing.see(beat(at));
        }
    }
}
