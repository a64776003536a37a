//! What a certificate says, and whether a chain of them holds.
//!
//! In: DER bytes as a peer sent them. Out: [`Certificate`], owned facts that sessions share. Malformed certificates keep
//! what could be read; their hashes are always there. [`verify`] judges chains, [`ocsp`] reads stapled answers, [`sct`]
//! what logs have signed.

pub mod certificate;
pub mod facts;
pub mod flaws;
pub mod ocsp;
pub mod sct;
pub mod verify;

mod der;
mod fields;
mod key;
mod name;
mod parse;
mod signature;
mod validity;

pub use certificate::{Certificate, Key, Malformed, Parsed};
pub use facts::Facts;
