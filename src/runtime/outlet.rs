//! Where the events of all shards meet: they are judged, rules look at them, sinks take them.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::{Events, Outcome, Renewal};
use crate::Error;
use crate::capture::Timestamp;
use crate::detect::{Alert, DetectCounters, Detector};
use crate::judge::Judge;
use crate::sink::{Sink, Stats};
use crate::stats::{Counters, Lane, Ledger};

/// Rules and sinks, on one thread.
pub(super) struct Outlet {
    judge: Judge,
    detection: Detection,
    sinks: Vec<Box<dyn Sink>>,
    told: Told,
    outcome: Outcome,
    sessions: u64,
    /// The latest packet time told.
    latest: Timestamp,
    error: Option<Error>,
    /// When what was learnt is written next; once in a while, for a long run may be cut off.
    next_save: Instant,
}

/// Whose figures are told, and where they stand.
pub(super) struct Told {
    pub sensor: String,
    pub ledger: Arc<Ledger>,
}

/// The detector, and what it is to go by from some time on.
pub(super) struct Detection {
    pub detector: Option<Detector>,
    pub renewals: Option<Receiver<Renewal>>,
}

impl Outlet {
    pub(super) fn new(judge: Judge, detection: Detection, sinks: Vec<Box<dyn Sink>>, told: Told) -> Self {
        Self {
            judge,
            detection,
            sinks,
            told,
            outcome: Outcome::default(),
            sessions: 0,
            latest: Timestamp::default(),
            error: None,
            next_save: Instant::now() + SAVE_EVERY,
        }
    }

    /// Takes events; [`ControlFlow::Break`] where nobody reads any more.
    pub(super) fn take(&mut self, mut events: Events) -> Result<ControlFlow<()>, Error> {
        if events.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let renewed = self.renew()?;
        self.sessions += events.len() as u64;
        self.beat();
        events.iter_mut().for_each(|event| self.judge.judge(event));
        self.latest = events.iter().map(|event| event.end).fold(self.latest, Timestamp::max);
        let events = Arc::new(events);
        let mut flow = renewed;
        for sink in &mut self.sinks {
            flow = stricter(flow, sink.events(&events)?);
        }
        let detected =
            self.detect(|detector, alert| events.iter().for_each(|event| detector.see(event, &mut *alert)))?;
        Ok(stricter(flow, detected))
    }

    /// Goes on with the newest rules, lists and labels, where there are newer ones.
    fn renew(&mut self) -> Result<ControlFlow<()>, Error> {
        let newest = self.detection.renewals.as_ref().and_then(|renewals| renewals.try_iter().last());
        let Some(Renewal { rules, lists, measures, limits }) = newest else { return Ok(ControlFlow::Continue(())) };
        self.judge.renew(measures);
        if self.detection.detector.is_none() {
            if !rules.is_empty() || !lists.is_empty() {
                self.detection.detector = Some(Detector::with_limits(rules, &limits).with_lists(lists));
            }
            return Ok(ControlFlow::Continue(()));
        }
        self.detect(|detector, alert| {
            detector.set_limits(&limits);
            detector.reload(rules, alert);
            detector.renew_lists(lists);
        })
    }

    /// Lets the detector look, and hands its alerts to the sinks.
    fn detect(&mut self, look: impl FnOnce(&mut Detector, &mut dyn FnMut(Alert))) -> Result<ControlFlow<()>, Error> {
        let Self { detection, sinks, outcome, told, .. } = self;
        let Detection { detector, .. } = detection;
        let (mut flow, mut failed) = (ControlFlow::Continue(()), None);
        let Some(detector) = detector else { return Ok(flow) };
        look(detector, &mut |alert| {
            outcome.alerts += 1;
            told.ledger.alert(alert.rule.level as usize);
            outcome.highest_alert = outcome.highest_alert.max(Some(alert.rule.level));
            for sink in sinks.iter_mut() {
                match sink.alert(&alert) {
                    Ok(said) => flow = stricter(flow, said),
                    Err(error) => failed = failed.take().or(Some(error)),
                }
            }
        });
        failed.map_or(Ok(flow), Err)
    }

    /// An interval's counters.
    pub(super) fn stats(&mut self, counters: Counters) -> Result<ControlFlow<()>, Error> {
        let counters = self.counted(counters);
        if Instant::now() >= self.next_save {
            self.save();
        }
        let Told { sensor, ledger } = &self.told;
        let stats = Stats { counters, interfaces: ledger.interfaces(), sensor: sensor.clone(), end: self.latest };
        self.each(|sink| sink.stats(&stats))
    }

    /// What the shards counted, and what is counted here.
    fn counted(&self, counters: Counters) -> Counters {
        let DetectCounters { groups_evicted, late_matches, numbers_left_out, alerts_suppressed, suppressions_evicted } =
            self.detection.detector.as_ref().map(Detector::counters).unwrap_or_default();
        Counters {
            sessions: self.sessions,
            chains_unchecked: self.judge.unchecked(),
            rule_groups_evicted: groups_evicted,
            late_matches,
            numbers_left_out,
            alerts_suppressed,
            suppressions_evicted,
            ..counters
        }
    }

    /// Tells the ledger what is counted here, and that this thread is alive.
    pub(super) fn beat(&self) {
        self.told.ledger.tell(Lane::Outlet, self.counted(Counters::default()));
    }

    /// The counters of everyone, as far as they have told.
    pub(super) fn counters(&self) -> Counters {
        self.told.ledger.counters()
    }

    pub(super) fn flush(&mut self) -> Result<ControlFlow<()>, Error> {
        self.each(|sink| sink.flush())
    }

    /// The end: the whole run's counters, and what is left in the sinks.
    pub(super) fn finish(mut self, counters: Counters) -> Result<Outcome, Error> {
        self.beat();
        self.told.ledger.ended(Lane::Outlet);
        let _: ControlFlow<()> = self.detect(|detector, alert| detector.finish(alert))?;
        self.save();
        let _: ControlFlow<()> = self.stats(counters)?;
        self.outcome.counters = self.counted(counters);
        for sink in self.sinks {
            match sink.finish() {
                Ok(lines) => self.outcome.complaints.extend(lines),
                Err(error) => self.error = self.error.or(Some(error)),
            }
        }
        self.error.map_or(Ok(self.outcome), Err)
    }

    /// Writes what was learnt. That it could not be is told in the end, once.
    fn save(&mut self) {
        self.next_save = Instant::now() + SAVE_EVERY;
        let Some(Err(error)) = self.detection.detector.as_ref().map(Detector::save) else { return };
        let complaint = format!("what was learnt is not kept: {error}");
        if !self.outcome.complaints.contains(&complaint) {
            self.outcome.complaints.push(complaint);
        }
    }

    fn each(
        &mut self,
        mut act: impl FnMut(&mut dyn Sink) -> Result<ControlFlow<()>, Error>,
    ) -> Result<ControlFlow<()>, Error> {
        let mut flow = ControlFlow::Continue(());
        for sink in &mut self.sinks {
            flow = stricter(flow, act(&mut **sink)?);
        }
        Ok(flow)
    }
}

fn stricter(a: ControlFlow<()>, b: ControlFlow<()>) -> ControlFlow<()> {
    if a.is_break() { a } else { b }
}

const SAVE_EVERY: Duration = Duration::from_secs(300);
