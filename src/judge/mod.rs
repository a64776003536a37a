//! What a session means: adds to events, in the order of their packet times and off the packet path, what no single
//! packet says.
//!
//! In: events. Out: verdicts about them. Does no I/O, starts no thread and reads no clock; what it keeps is bounded.

pub mod browser;
