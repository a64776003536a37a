//! Conditions that more sessions may still undo (`lt`, `lte`, `eq`, `neq`, `not`), averages and percentiles: only a whole
//! time span can answer them. A window opens with a group's first match and is judged when its span is over.

use std::collections::VecDeque;

use ahash::AHashSet;

use crate::capture::Timestamp;

use super::{Finding, MATCHES, Match, SESSIONS, Seen, SessionId, heap_of};

/// One span of time, and what was seen in it.
#[derive(Debug)]
pub struct Closing {
    first: Timestamp,
    last: Timestamp,
    matches: u64,
    tally: Tally,
    ids: VecDeque<SessionId>,
}

/// What is counted.
#[derive(Debug)]
pub enum Tally {
    Sessions,
    /// Different values; past the greatest number that the condition names all counts are alike.
    Values {
        seen: AHashSet<u64>,
        most: usize,
    },
    Numbers {
        statistic: Statistic,
        total: i128,
        count: u64,
        kept: Vec<i64>,
    },
    /// Which rules matched, a bit each.
    Rules(u64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    Sum,
    Average,
    /// From 0 to 100; the median is 50.
    Percentile(f64),
}

/// What a window comes to when it is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome {
    Figure(f64),
    Rules(u64),
}

impl Tally {
    pub fn values(most: usize) -> Self {
        Self::Values { seen: AHashSet::new(), most }
    }

    pub fn numbers(statistic: Statistic) -> Self {
        Self::Numbers { statistic, total: 0, count: 0, kept: Vec::new() }
    }
}

impl Closing {
    pub fn new(at: Timestamp, tally: Tally) -> Self {
        Self { first: at, last: at, matches: 0, tally, ids: VecDeque::new() }
    }

    /// When the span is over.
    pub fn due(&self, span: i64) -> Timestamp {
        Timestamp(self.first.0.saturating_add(span))
    }

    /// Takes a match, unless it stands outside of the span.
    pub fn add(&mut self, found: &Match<'_>, span: i64) -> Seen {
        let first = self.first.min(found.at);
        if self.last.since(first) > span.unsigned_abs() {
            return Seen::Late;
        }
        self.first = first;
        self.matches += 1;
        if found.at >= self.last || self.ids.is_empty() {
            self.last = found.at;
            self.ids.push_back(found.session);
        } else {
            // Among those told, only that the last is the last matters.
            self.ids.insert(self.ids.len() - 1, found.session);
        }
        if self.ids.len() > SESSIONS {
            self.ids.pop_front();
        }
        match &mut self.tally {
            Tally::Sessions => {}
            Tally::Values { seen, most } => {
                for value in found.values {
                    if seen.len() < *most {
                        seen.insert(*value);
                    }
                }
            }
            Tally::Numbers { statistic, total, count, kept } => {
                for number in found.numbers {
                    *total += i128::from(*number);
                    *count += 1;
                    if matches!(statistic, Statistic::Percentile(_)) && kept.len() < MATCHES {
                        kept.push(*number);
                    }
                }
            }
            Tally::Rules(seen) => *seen |= 1u64.checked_shl(found.input as u32).unwrap_or(0),
        }
        Seen::Kept
    }

    /// What it comes to; `None` where there was no number to reckon with.
    pub fn outcome(&mut self) -> Option<Outcome> {
        Some(match &mut self.tally {
            Tally::Sessions => Outcome::Figure(self.matches as f64),
            Tally::Values { seen, .. } => Outcome::Figure(seen.len() as f64),
            Tally::Numbers { count: 0, .. } => return None,
            Tally::Numbers { statistic, total, count, kept } => Outcome::Figure(match statistic {
                Statistic::Sum => *total as f64,
                Statistic::Average => *total as f64 / *count as f64,
                Statistic::Percentile(rank) => percentile(kept, *rank)?,
            }),
            Tally::Rules(seen) => Outcome::Rules(*seen),
        })
    }

    pub fn finding(&mut self) -> Finding {
        let (count, figure) = match (self.outcome(), &self.tally) {
            (Some(Outcome::Figure(figure)), Tally::Numbers { .. }) => (self.matches, Some(figure)),
            (_, Tally::Values { seen, .. }) => (seen.len() as u64, None),
            _ => (self.matches, None),
        };
        Finding { sessions: self.ids.drain(..).collect(), count, figure }
    }

    /// Numbers that a percentile had no room for.
    pub fn left_out(&self) -> u64 {
        match &self.tally {
            Tally::Numbers { statistic: Statistic::Percentile(_), count, kept, .. } => count - kept.len() as u64,
            _ => 0,
        }
    }

    pub fn heap(&self) -> usize {
        let tally = match &self.tally {
            Tally::Sessions | Tally::Rules(_) => 0,
            Tally::Values { seen, .. } => seen.capacity() * 8 / 7 * (size_of::<u64>() + 1),
            Tally::Numbers { kept, .. } => kept.capacity() * size_of::<i64>(),
        };
        size_of::<Self>() + tally + heap_of(&self.ids)
    }
}

/// The number below which `rank` percent lie: between two of them, by how near it is to each (Hyndman and Fan's type 7,
/// which is what spreadsheets and numpy give).
fn percentile(numbers: &mut [i64], rank: f64) -> Option<f64> {
    numbers.sort_unstable();
    let place = rank.clamp(0.0, 100.0) / 100.0 * numbers.len().checked_sub(1)? as f64;
    let below = *numbers.get(place.floor() as usize)? as f64;
    let above = *numbers.get(place.ceil() as usize)? as f64;
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{SECOND, id};
    use super::*;

    const SPAN: i64 = 60 * SECOND;

    fn window(tally: Tally, matches: &[(i64, usize, u64, i64)]) -> Closing {
        let mut window = Closing::new(Timestamp(matches[0].0 * SECOND), tally);
        for (n, (at, input, value, number)) in matches.iter().enumerate() {
            let found = Match {
                at: Timestamp(at * SECOND),
                session: id(n as u64),
                input: *input,
                values: &[*value],
                numbers: &[*number],
            };
            assert_eq!(window.add(&found, SPAN), Seen::Kept, "{n}");
        }
        window
    }

    fn figure(tally: Tally, numbers: &[i64]) -> Option<f64> {
        let matches: Vec<_> = numbers.iter().map(|number| (0, 0, 0, *number)).collect();
        match window(tally, &matches).outcome() {
            Some(Outcome::Figure(figure)) => Some(figure),
            _ => None,
        }
    }

    #[test]
    fn sessions_values_and_rules_are_counted() {
        let matches = [(0, 0, 7, 0), (1, 2, 8, 0), (2, 2, 7, 0)];
        assert_eq!(window(Tally::Sessions, &matches).outcome(), Some(Outcome::Figure(3.0)));
        assert_eq!(window(Tally::values(10), &matches).outcome(), Some(Outcome::Figure(2.0)));
        assert_eq!(window(Tally::values(1), &matches).outcome(), Some(Outcome::Figure(1.0)));
        assert_eq!(window(Tally::Rules(0), &matches).outcome(), Some(Outcome::Rules(0b101)));
    }

    #[test]
    fn statistics_are_those_of_the_numbers() {
        // numpy 2: percentile([15, 20, 35, 40, 50], [25, 40, 50, 100]) is 20, 29, 35, 50.
        let numbers = [50, 15, 40, 20, 35];
        let percentile = |rank| figure(Tally::numbers(Statistic::Percentile(rank)), &numbers);
        assert_eq!([25.0, 40.0, 50.0, 100.0].map(percentile), [20.0, 29.0, 35.0, 50.0].map(Some));
        assert_eq!(figure(Tally::numbers(Statistic::Average), &numbers), Some(32.0));
        assert_eq!(figure(Tally::numbers(Statistic::Sum), &numbers), Some(160.0));
        assert_eq!(figure(Tally::numbers(Statistic::Percentile(50.0)), &[1, 2]), Some(1.5));
    }

    #[test]
    fn nothing_is_reckoned_of_no_number() {
        let mut window = Closing::new(Timestamp(0), Tally::numbers(Statistic::Average));
        let found = Match { at: Timestamp(0), session: id(0), input: 0, values: &[], numbers: &[] };
        assert_eq!(window.add(&found, SPAN), Seen::Kept);
        assert_eq!(window.outcome(), None);
    }

    #[test]
    fn a_late_match_opens_the_window_earlier_if_the_span_allows() {
        let mut window = window(Tally::Sessions, &[(30, 0, 0, 0), (60, 0, 0, 0)]);
        let at = |seconds: i64| Match {
            at: Timestamp(seconds * SECOND),
            session: id(9),
            input: 0,
            values: &[],
            numbers: &[],
        };
        assert_eq!(window.add(&at(-1), SPAN), Seen::Late);
        assert_eq!(window.add(&at(0), SPAN), Seen::Kept);
        assert_eq!(window.due(SPAN), Timestamp(SPAN));
        let finding = window.finding();
        assert_eq!((finding.count, finding.sessions.last()), (3, Some(&id(1))));
    }

    #[test]
    fn numbers_without_room_are_counted() {
        let mut window = Closing::new(Timestamp(0), Tally::numbers(Statistic::Percentile(50.0)));
        let numbers = vec![1; MATCHES + 5];
        let found = Match { at: Timestamp(0), session: id(0), input: 0, values: &[], numbers: &numbers };
        assert_eq!(window.add(&found, SPAN), Seen::Kept);
        assert_eq!((window.left_out(), window.outcome()), (5, Some(Outcome::Figure(1.0))));
    }
}
