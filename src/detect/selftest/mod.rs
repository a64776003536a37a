//! The tests that rules bring along: traffic of which a rule has to tell, and traffic of which it must not.
//!
//! In: rules, their `custom: tests:` or the `.tests.yml` beside them, and who can read captures. Out: a [`Report`] for each
//! rule. Everything goes through [`Detector`](super::Detector), so that what rules remember is tested as it runs.

mod read;
mod run;
mod steps;

pub use read::{Suite, suite};
pub use run::{Report, Selftest};
