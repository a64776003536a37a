//! What correlations remember, written down and taken up again.
//!
//! In: groups at work. Out: [`Kept`]s that serde reads and writes. A group is taken up by the plan of the same text alone. Of
//! plans that are judged when a span is over, nothing is kept: such a span begins anew.

use serde::{Deserialize, Serialize};

use super::plan::Window;
use super::{Correlations, Group, Plan};
use crate::capture::Timestamp;
use crate::detect::store::Life;

/// The groups of one correlation; `W` is a window or a reference to one.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept<W> {
    /// [`Plan::identity`].
    plan: u64,
    /// The rule's id.
    rule: String,
    groups: Vec<KeptGroup<W>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptGroup<W> {
    key: Vec<u8>,
    touched: Timestamp,
    due: Timestamp,
    window: W,
}

impl Correlations {
    /// What is remembered now, the latest of it where it is much. `id_of` says the id of a rule by its number.
    pub fn kept<'a>(&'a self, id_of: impl Fn(usize) -> Option<&'a str>) -> Vec<Kept<&'a Window>> {
        let open = || self.plans.plans.iter().enumerate().filter(|(_, numbered)| !numbered.plan.is_told_at_close());
        let room = MAX_BYTES / open().count().max(1);
        let kept = open().filter_map(|(number, numbered)| {
            let mut left = room;
            let fits = |takes: usize| {
                let rest = left.checked_sub(takes);
                left = rest.unwrap_or(0);
                rest.is_some()
            };
            let groups = self.groups_that(number, fits);
            let rule = id_of(numbered.rule)?.to_owned();
            (!groups.is_empty()).then_some(Kept { plan: numbered.plan.identity, rule, groups })
        });
        kept.collect()
    }

    /// The newest groups of a plan as long as they fit, the oldest of those first.
    fn groups_that(&self, plan: usize, mut fit: impl FnMut(usize) -> bool) -> Vec<KeptGroup<&Window>> {
        let newest = self.store.newest_first(plan);
        let fitting = newest.take_while(|entry| fit(entry.key.len() + entry.value.window.heap() + BESIDE));
        let mut groups: Vec<_> = fitting
            .map(|entry| KeptGroup {
                key: entry.key.to_vec(),
                touched: entry.touched,
                due: entry.due,
                window: &entry.value.window,
            })
            .collect();
        groups.reverse();
        groups
    }

    /// Goes on from what was kept, as far as the caps allow; gives back the ids of rules that have changed or are gone.
    pub fn resume(&mut self, kept: Vec<Kept<Window>>) -> Vec<String> {
        let mut refused = Vec::new();
        for Kept { plan, rule, groups } in kept {
            let is_it = |here: &Plan| here.identity == plan && !here.is_told_at_close();
            let Some(number) = self.plans.plans.iter().position(|numbered| is_it(&numbered.plan)) else {
                refused.push(rule);
                continue;
            };
            for KeptGroup { key, touched, due, window } in groups {
                if self.store.find(number, &key).is_some() {
                    continue;
                }
                self.make_room(number);
                let heap = window.heap();
                let life = Life { touched, due };
                if let Some(place) = self.store.insert(number, &key, life, Group { window, last: None }) {
                    self.store.weigh(place, heap);
                    self.fit(place);
                }
            }
        }
        refused
    }
}

/// Octets of groups that are written, about, over all correlations.
const MAX_BYTES: usize = 64 << 20;
/// What a group takes beside its key and its matches.
const BESIDE: usize = 64;
