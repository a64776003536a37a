//! Several captures as one source: the files of a rotated capture, a folder, a pipe among files.
//!
//! In: [`Inputs`]. Out: their frames, one capture after the other. A capture that cannot be read is told and passed over;
//! the others are still read.

use super::{Batch, Fill, Input, Inputs, Source};
use crate::Error;

/// The captures of a run.
pub struct Chain {
    inputs: Inputs,
    current: Option<Input>,
    done: u64,
    read: usize,
    warnings: Vec<String>,
    errors: Vec<Error>,
}

impl Chain {
    pub fn new(inputs: Inputs) -> Self {
        Self { inputs, current: None, done: 0, read: 0, warnings: Vec::new(), errors: Vec::new() }
    }

    /// Bytes read so far, of all captures.
    pub fn position(&self) -> u64 {
        self.done + self.current.as_ref().map_or(0, Input::position)
    }

    /// Captures that were opened.
    pub fn read(&self) -> usize {
        self.read
    }

    /// Lines about captures that ended early, in order; each once.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Captures that could not be read since the last call.
    pub fn take_errors(&mut self) -> Vec<Error> {
        std::mem::take(&mut self.errors)
    }
}

impl Source for Chain {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
        loop {
            let Some(input) = &mut self.current else {
                match self.inputs.next() {
                    None => {
                        batch.slots.clear();
                        return Ok(Fill::End);
                    }
                    Some(Ok(input)) => {
                        self.read += 1;
                        self.current = Some(input);
                    }
                    Some(Err(error)) => self.errors.push(error),
                }
                continue;
            };
            match input.fill(batch) {
                Ok(fill @ (Fill::More | Fill::Quiet(_))) => return Ok(fill),
                Ok(Fill::End) => {}
                Err(error) => self.errors.push(error),
            }
            self.warnings.extend(input.warning().map(ToString::to_string));
            self.done += input.total().unwrap_or_else(|| input.position());
            self.current = None;
        }
    }
}
