//! tlsight: from packets to TLS sessions, fingerprints and alerts.
//!
//! Layers point down: `wire < capture < decode < flow`, `wire < tls < {dtls, quic}`, `tls < fingerprint < x509`, then
//! `event < {engine, judge} < detect < sink < runtime < extract < cli`; `capture < keep < runtime`. `tests/layers.rs` holds them to it.

pub mod capture;
pub mod cli;
pub mod config;
pub mod decode;
pub mod detect;
pub mod dtls;
pub mod engine;
pub mod error;
pub mod event;
pub mod extract;
pub mod feed;
pub mod fingerprint;
pub mod flow;
pub mod judge;
pub mod keep;
pub mod quic;
pub mod runtime;
pub mod sink;
pub mod stats;
pub mod tls;
pub mod wire;
pub mod x509;

pub use error::Error;
