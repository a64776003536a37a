//! Labels: which software is known by a session's fingerprints.
//!
//! In: the knowledge base of `rules/labels`, the user's own files, lists of others; events. Out: [`crate::event::labels`]. A label
//! says what is known to send such a hello, and who says so; it is no proof, and never asks anybody.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects))]

mod base;
pub mod entry;
pub mod file;
pub mod import;
mod labeller;
mod load;

pub use base::{KnowledgeBase, MEASURED};
pub use labeller::Labeller;
pub use load::BUILT_IN;
