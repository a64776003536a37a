//! Keys for the tests of this module.
#![forbid(unsafe_code)]

use std::net::Ipv4Addr;

use super::Key;
use crate::capture::Timestamp;
use crate::decode::{Packet, Tcp, TcpFlags, Transport, Vlans};

/// The key of the flow from the `n`th address.
pub(super) fn key(n: u32) -> Key {
    let tcp = Tcp {
        source_port: 1,
        destination_port: 2,
        seq: 0,
        ack: 0,
        flags: TcpFlags(TcpFlags::SYN),
        window: 0,
        options: &[],
        payload: &[],
        cut: 0,
    };
    let (source, destination) = (Ipv4Addr::from(n).into(), Ipv4Addr::LOCALHOST.into());
    let transport = Transport::Tcp(tcp);
    Key::of(&Packet {
        ts: Timestamp(0),
        source,
        destination,
        vlans: Vlans::default(),
        ttl: 64,
        tunnels: Default::default(),
        transport,
    })
    .0
}
