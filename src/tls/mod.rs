//! TLS as it stands on the wire: records, handshake messages, hellos, and how far a session has come.
//!
//! In: the bytes of both directions of a stream, in order. Out: [`Message`]s that borrow from them, and [`Progress`].
//! Does not know where the bytes came from, computes no fingerprint and decides nothing about what it reads.

mod early;
pub mod ech;
mod end;
pub mod extension;
mod first_records;
pub mod hello;
pub mod key_exchange;
pub mod message;
mod preamble;
mod probe;
pub(crate) mod record;
pub mod server_hello;
pub mod session;
pub mod sslv2;
pub(crate) mod story;
pub mod upgrade;

pub use ech::{EncryptedHello, OuterHello};
pub use first_records::{FIRST_RECORDS, Watch};
pub use hello::{Alpn, ClientHello, Flaws, HybridShare, KeyShares, U16s};
pub use key_exchange::{DhParameters, ServerKeyExchange};
pub use message::{Certificates, Message};
pub use server_hello::ServerHello;
pub use session::{Caps, Progress, Session};
pub use story::{CERTIFICATE, is_tls13};
pub use upgrade::{Proxied, Upgrade};
