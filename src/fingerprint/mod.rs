//! Fingerprints of hellos: JA3, JA3S, JA4, the resumption-stable key, and (feature `ja4plus`) JA4+.
//!
//! In: borrowed hellos. Out: `Copy` values, and the text they are hashes of. Does not parse and does not decide.

pub mod ja3;
pub mod ja4;
#[cfg(feature = "ja4plus")]
pub mod ja4plus;
mod write;

pub use ja3::{Ja3, Ja3Frame, Ja3s};
pub use ja4::{Ja4, Stable, Transport};
