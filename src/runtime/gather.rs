//! All sessions of a capture at once, for whoever wants to look at them again and again.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Plan, run};
use crate::Error;
use crate::capture::{Chain, Inputs};
use crate::event::Event;
use crate::judge::Measures;
use crate::sink::Sink;

/// The sessions of a capture file, judged, in the order in which a run tells of them.
///
/// # Errors
/// The capture cannot be read, or not to its end.
pub fn sessions(path: &Path, measures: Measures) -> Result<Vec<Event>, Error> {
    let (inputs, errors) = Inputs::find(&[path]);
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    let gathered = Arc::new(Mutex::new(Vec::new()));
    let plan = Plan::of_captures(1, measures, vec![Box::new(Gather(Arc::clone(&gathered)))]);
    let mut source = Chain::new(inputs);
    run(&mut source, plan, &mut |_, _| ())?;
    if let Some(error) = source.take_errors().into_iter().next() {
        return Err(error);
    }
    Ok(std::mem::take(&mut *gathered.lock().unwrap_or_else(PoisonError::into_inner)))
}

struct Gather(Arc<Mutex<Vec<Event>>>);

impl Sink for Gather {
    fn events(&mut self, events: &Arc<Vec<Event>>) -> Result<ControlFlow<()>, Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(events.iter().cloned());
        Ok(ControlFlow::Continue(()))
    }

    fn finish(self: Box<Self>) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
}
