//! What a certificate says.
//!
//! In: DER bytes as a peer sent them. Out: [`Certificate`], owned facts that sessions share. Malformed certificates keep
//! what could be read; their hashes are always there. Does not verify signatures or chains.

pub mod certificate;
pub mod flaws;

mod der;
mod key;
mod name;
mod parse;
mod validity;

pub use certificate::{Certificate, Key, Malformed, Parsed};
