//! Packets for tests and benches, written as scripts.
//!
//! In: what two ends do, `tcp(C, S).syn().syn_ack().ack().client(hello.record()).server(flight).fin()`. Out: Ethernet
//! frames with times, and capture files of them. It knows nothing of tlsight's own types, so that a mistake there
//! cannot hide behind the same mistake here. Nothing here reads a clock or the system's randomness: the same script
//! gives the same bytes.
#![allow(dead_code, unused_imports)]

pub mod clients;
pub mod dtls;
pub mod file;
pub mod frame;
pub mod hello;
pub mod option;
pub mod quic;
pub mod rng;
pub mod tcp;
pub mod tls;
pub mod udp;
pub mod x509;

pub use clients::{CLIENTS, Client, Resumption, client_named};
pub use file::{ByteOrder, FileFormat, Resolution, pcap, pcapng};
pub use frame::{Endpoint, Envelope, Segment, TimedFrame};
pub use hello::{ClientHello, ServerHello};
pub use option::TcpOption;
pub use rng::Rng;
pub use tcp::{Tcp, tcp};
pub use udp::{Udp, udp};

/// The client of most scripts.
pub const C: Endpoint = Endpoint::v4([192, 0, 2, 10], 49_152);
/// The server of most scripts.
pub const S: Endpoint = Endpoint::v4([198, 51, 100, 20], 443);
/// The client of IPv6 scripts.
pub const C6: Endpoint = Endpoint::v6([0x2001, 0xdb8, 0, 1, 0, 0, 0, 0x10], 49_152);
/// The server of IPv6 scripts.
pub const S6: Endpoint = Endpoint::v6([0x2001, 0xdb8, 0, 2, 0, 0, 0, 0x20], 443);
