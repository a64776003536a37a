//! What is worth telling somebody: Sigma rules over sessions.
//!
//! In: [`Event`](crate::event::Event)s, a folder of rules, threat lists. Out: [`Alert`]s, owned. Fields have the names of the public
//! schema; [`field`] is the one table that ties them to the event. Does not read captures, does not print.

mod alert;
mod behaviour;
pub mod check;
mod compile;
mod condition;
mod correlation;
mod detector;
pub mod field;
pub mod import;
mod index;
mod key;
pub mod library;
mod list;
mod load;
mod matcher;
mod message;
mod pattern;
mod recall;
mod rule;
mod sample;
pub mod selftest;
mod snapshot;
mod source;
mod store;
mod suppress;
pub mod threat;
mod timespan;
mod value;
pub mod words;

pub use alert::{Alert, Facts, Level};
pub use detector::{DetectCounters, Detector};
pub use rule::Rules;
pub use suppress::{By, Suppress};
pub use threat::ThreatLists;
pub use value::{Kind, Moment, Value};
