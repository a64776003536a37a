//! The packets of sessions, out of captures.
//!
//! In: captures, and the ids of sessions. Out: a pcapng file with all packets of their connections, as they were captured. The
//! captures are read three times: once to find whose the sessions are, once to see where the connections between the same
//! ends begin and end, and once to write. What is held meanwhile grows with the sessions that are asked for, not with the
//! captures.

mod find;
mod flows;
mod output;
mod parts;

use std::collections::{BTreeSet, HashSet};
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::Error;
use crate::capture::{Input, Inputs};

use flows::{Survey, Visit};
use output::Output;

pub use find::Found;

/// A session's `event.id`.
pub type Id = [u8; 16];

/// Sessions whose packets can be written.
pub struct Extraction<'a> {
    inputs: &'a Inputs,
    found: Found,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Extracted {
    pub packets: u64,
    /// Sessions of which packets were written.
    pub sessions: usize,
}

impl<'a> Extraction<'a> {
    /// Looks for sessions in captures, with so many threads.
    ///
    /// # Errors
    /// The captures cannot be read.
    pub fn find(inputs: &'a Inputs, ids: &HashSet<Id>, threads: usize) -> Result<Self, Error> {
        Ok(Self { inputs, found: find::find(inputs, ids, threads)? })
    }

    pub fn found(&self) -> &Found {
        &self.found
    }

    /// Writes the packets; `path` is what the output is called.
    ///
    /// # Errors
    /// A capture cannot be read any more, or the output cannot be written.
    pub fn write(&self, out: impl Write, path: &Path) -> Result<Extracted, Error> {
        let mut survey = Survey::new(&self.found);
        self.visit(|visit, _| {
            survey.see(&visit);
            Ok(())
        })?;
        let mut chosen = survey.choose();
        let mut output = Output::begin(out, path)?;
        self.visit(|visit, input| match chosen.takes(&visit) {
            true => output.put(&visit.frame, input.interface_name(visit.frame.interface)),
            false => Ok(()),
        })?;
        let sessions: BTreeSet<Id> = chosen.ids();
        Ok(Extracted { packets: output.end()?, sessions: sessions.len() })
    }

    /// Hands on every frame of every capture, with its place.
    fn visit(&self, mut see: impl FnMut(Visit<'_>, &Input) -> Result<(), Error>) -> Result<(), Error> {
        for (capture, input) in self.inputs.clone().enumerate() {
            match input {
                Ok(mut input) => flows::frames(&mut input, capture, &mut see)?,
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The sensor that keeps the captures has removed one, for others to have room.
fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Read { source, .. } if source.kind() == ErrorKind::NotFound)
}
