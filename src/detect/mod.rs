//! What is worth telling somebody: Sigma rules over sessions.
//!
//! In: [`Event`](crate::event::Event)s and a folder of rules. Out: [`Alert`]s, owned. Fields have the names of the public
//! schema; [`field`] is the one table that ties them to the event. Does not read captures, does not print.

mod alert;
mod behaviour;
mod compile;
mod condition;
mod correlation;
mod detector;
pub mod field;
mod index;
mod key;
mod list;
mod load;
mod matcher;
mod message;
mod pattern;
mod rule;
mod snapshot;
mod source;
mod store;
mod suppress;
mod timespan;
mod value;

pub use alert::{Alert, Facts, Level};
pub use detector::{DetectCounters, Detector};
pub use rule::Rules;
pub use suppress::{By, Suppress};
pub use value::{Kind, Moment, Value};
