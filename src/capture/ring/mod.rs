//! Packets from an interface through rings that the kernel writes into (`PACKET_RX_RING`, `TPACKET_V3`; packet(7)).
//!
//! In: an interface. Out: batches over the ring's blocks; no packet is copied, and a block goes back to the kernel when
//! the last batch over it does. Several rings share an interface: the kernel deals the packets out by their pair of
//! addresses ([`fanout`]). Tags that the interface took off (802.1Q) are put back. Linux alone, Ethernet alone.
//!
//! Of the crates that do this, netring 0.29 (MIT or Apache-2.0) is the one that is kept up. It lends a batch of packets to
//! its caller until the next is asked for, where batches here are shared by threads; and brings 53,000 lines with it.

mod block;
mod fanout;
mod finished;
mod frame;
mod socket;
pub(super) mod stamps;

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use pcap::{Capture, Linktype};

use super::batch::{Batch, Fill, Source, Store};
use super::listen::{Backlog, Closing, Listen, Losing, PATIENCE, Tally, wait_for};
use super::tap::{Stamps, TapMode, TapOptions};
use crate::Error;

pub use block::Block;
use block::Ring as Blocks;
pub use finished::Finished;
use socket::{Hardware, Instruction, Socket};

/// A ring, and its share of an interface's packets.
pub struct Ring {
    name: String,
    socket: Arc<Socket>,
    blocks: Blocks,
    /// Of an interface that shows each packet twice, as it leaves and as it comes: the one that leaves is left out.
    loops: bool,
    stop: Arc<AtomicBool>,
    closing: Closing,
    patience: Duration,
    packets: u64,
    /// Whose data is left out while half of the ring waits to be read.
    finished: Option<Arc<Finished>>,
    shed: u64,
    /// What the kernel has lost, of which it was asked before the time to tell.
    dropped: u64,
    losing: Losing,
    /// What the interface had lost when it was last asked; the first ring of an interface asks.
    interface_lost: Option<u64>,
}

impl Ring {
    /// Opens rings on an interface, between which its packets are dealt out. They are listened to until `stop` is set.
    ///
    /// # Errors
    /// Also where the interface is none of Ethernet's, or `any`: [`Tap`](super::Tap) can do that.
    pub fn open(options: &TapOptions, count: usize, stop: &Arc<AtomicBool>) -> Result<Vec<Self>, Error> {
        let failed = |why: String| Error::Interface { interface: options.interface.clone(), why };
        let program = program(options)?;
        let count = count.max(1);
        let bytes = (options.buffer_bytes as usize / count).max(RING_MIN);
        if options.stamps == Stamps::Hardware {
            stamps::switch_on(&options.interface).map_err(failed)?;
        }
        let sockets = socket::join(&options.interface, count, &|socket| {
            if options.stamps == Stamps::Hardware {
                socket.set_hardware_stamps()?;
            }
            if options.mode == TapMode::Promiscuous {
                socket.set_promiscuous()?;
            }
            Ok(())
        });
        let sockets =
            sockets.map_err(|error| failed(super::tap::why_not(&error, "the interface cannot be listened to")))?;
        let mut rings = Vec::new();
        for (index, (socket, hardware)) in sockets.into_iter().enumerate() {
            let loops = match hardware {
                Hardware::Ethernet => false,
                Hardware::Loopback => true,
                Hardware::Other(number) => {
                    return Err(failed(format!("its hardware (ARPHRD {number}) has no Ethernet frames")));
                }
            };
            let socket = Arc::new(socket);
            let blocks = Blocks::map(Arc::clone(&socket), bytes)
                .map_err(|error| failed(super::tap::why_not(&error, "there is no room for its ring")))?;
            rings.push(Self {
                name: options.interface.clone(),
                socket,
                blocks,
                loops,
                stop: Arc::clone(stop),
                closing: Closing::default(),
                patience: PATIENCE,
                packets: 0,
                finished: None,
                shed: 0,
                dropped: 0,
                losing: Losing::default(),
                interface_lost: (index == 0).then(|| lost_by(&options.interface)),
            });
        }
        if count > 1 {
            let sockets: Vec<&Socket> = rings.iter().map(|ring| &*ring.socket).collect();
            let hardware = if rings.iter().any(|ring| ring.loops) { Hardware::Loopback } else { Hardware::Ethernet };
            socket::fan_out(&sockets, hardware, &fanout::program())
                .map_err(|error| failed(super::tap::why_not(&error, "its packets cannot be dealt out")))?;
        }
        // Until here nothing was let in: what comes before all rings stand together would come to several of them.
        for ring in &rings {
            ring.socket
                .set_filter(program.as_deref())
                .map_err(|error| failed(super::tap::why_not(&error, "the kernel does not take the filter")))?;
        }
        Ok(rings)
    }

    /// Leaves out, while half of the ring or more waits to be read, application data of the connections that are marked.
    pub fn shed(&mut self, finished: Arc<Finished>) {
        self.finished = Some(finished);
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::Interface { interface: self.name.clone(), why: error.to_string() }
    }
}

impl Source for Ring {
    /// Takes the next block, if the kernel has filled one or its time is over; waits a tenth of a second if not.
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
        batch.slots.clear();
        batch.store = Store::Block(Arc::default());
        let over = self.closing.is_over(&self.stop, LAST_WAIT);
        match self.blocks.take() {
            Some(_) if self.closing.is_late() => return Ok(Fill::End),
            Some(mut block) => {
                frame::read(block.bytes_mut(), self.loops, &mut batch.slots);
                if let Some(finished) = self.finished.as_ref().filter(|_| self.blocks.is_half_full()) {
                    let (before, bytes) = (batch.slots.len(), block.bytes());
                    batch.slots.retain(|slot| !slot.frame(bytes).is_some_and(|frame| finished.is_spare(frame.data)));
                    self.shed += (before - batch.slots.len()) as u64;
                }
                self.packets += batch.slots.len() as u64;
                // Says so until the kernel is asked: then the blocks behind this one need not.
                if block.follows_a_loss() {
                    self.losing.found();
                    self.dropped += self.socket.take_drops().map_err(|error| self.failed(&error))?;
                }
                let backlog = if self.blocks.has_next() { Backlog::Waits } else { Backlog::None };
                batch.lost = self.losing.before(&batch.slots, backlog);
                batch.store = Store::Ring(Arc::new(block));
            }
            None => {
                batch.lost = self.losing.before(&[], Backlog::None);
                if over {
                    return Ok(if batch.lost.is_some() { Fill::More } else { Fill::End });
                }
                if !self.patience.is_zero() {
                    wait_for(&*self.socket, self.patience);
                }
                // An interface that is down gives an error once, and packets again when it is up.
                match self.socket.take_error() {
                    Some(error) if error.raw_os_error() != Some(libc::ENETDOWN) => {
                        return Err(self.failed(&error));
                    }
                    _ => {}
                }
            }
        }
        Ok(Fill::More)
    }
}

impl Listen for Ring {
    fn tally(&mut self) -> Result<Tally, Error> {
        let kernel = self.socket.take_drops().map_err(|error| self.failed(&error))?;
        let interface = match &mut self.interface_lost {
            Some(before) => {
                let now = lost_by(&self.name);
                // An interface that was taken away and came back begins anew.
                let lost = now.checked_sub(*before).unwrap_or(now);
                *before = now;
                lost
            }
            None => 0,
        };
        self.losing.asked(kernel + interface);
        let kernel = kernel + std::mem::take(&mut self.dropped);
        Ok(Tally {
            packets: std::mem::take(&mut self.packets),
            kernel,
            interface,
            shed: std::mem::take(&mut self.shed),
        })
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }
}

/// The filter as the kernel takes it.
fn program(options: &TapOptions) -> Result<Option<Vec<Instruction>>, Error> {
    let Some(filter) = options.filter.as_deref().filter(|filter| !asks_for_tags(filter)) else { return Ok(None) };
    let failed = |error: pcap::Error| Error::Filter { filter: filter.to_owned(), why: super::tap::words(error) };
    let dead = Capture::dead(Linktype::ETHERNET).map_err(failed)?;
    let program = dead.compile(filter, true).map_err(failed)?;
    let instructions: Option<Vec<Instruction>> = program
        .get_instructions()
        .iter()
        // The crate shows an instruction's parts as text alone.
        .map(|instruction| Instruction::parse(&instruction.to_string(), options.snap_len))
        .collect();
    let unreadable = || Error::Filter { filter: filter.to_owned(), why: "its program cannot be read".to_owned() };
    instructions.map(Some).ok_or_else(unreadable)
}

/// Whether the expression asks for VLAN tags. The kernel keeps them beside the packet while it filters: such an expression
/// is applied to what the ring gives, where they stand in their place.
pub fn asks_for_tags(filter: &str) -> bool {
    filter.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == "vlan")
}

/// What the interface has lost since it is there, as far as its driver counts it.
fn lost_by(interface: &str) -> u64 {
    let count = |name: &str| -> u64 {
        let path = format!("/sys/class/net/{interface}/statistics/{name}");
        fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    };
    count("rx_missed_errors") + count("rx_fifo_errors")
}

/// The least that a ring has.
const RING_MIN: usize = 8 * block::BYTES;
/// After the end is asked for, packets that have come may lie in a block that is not full for so long.
const LAST_WAIT: Duration = Duration::from_millis(3 * block::RETIRE_MILLISECONDS as u64);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::{Ipv4Addr, UdpSocket};
    use std::sync::atomic::Ordering;

    use super::*;

    /// What each ring gives: source, destination and payload of datagrams, until nothing has come for a while.
    fn take(rings: &mut [Ring]) -> Vec<Vec<(Ipv4Addr, Ipv4Addr, Vec<u8>)>> {
        let mut taken: Vec<_> = rings.iter().map(|_| Vec::new()).collect();
        let (mut batch, mut quiet) = (Batch::new(), 0);
        while quiet < 4 {
            quiet += 1;
            for (ring, taken) in rings.iter_mut().zip(&mut taken) {
                assert_eq!(ring.fill(&mut batch).unwrap(), Fill::More);
                for frame in batch.frames() {
                    let address = |at: usize| Ipv4Addr::from(*frame.data[at..].first_chunk::<4>().unwrap());
                    taken.push((address(26), address(30), frame.data[42..].to_vec()));
                    quiet = 0;
                }
            }
        }
        taken
    }

    #[test]
    fn two_rings_share_the_packets_and_double_none_where_capturing_is_allowed() {
        let server = UdpSocket::bind("0.0.0.0:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let filter = Some(format!("udp port {port}"));
        let options = TapOptions { filter, buffer_bytes: 16 << 20, ..TapOptions::new("lo") };
        let stop = Arc::new(AtomicBool::new(false));
        let Ok(mut rings) = Ring::open(&options, 2, &stop) else { return };
        let mut buffer = [0; 16];
        for client in 2..62_u8 {
            let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, client), 0)).unwrap();
            socket.send_to(&[client, 1], ("127.0.0.1", port)).unwrap();
            let (_, from) = server.recv_from(&mut buffer).unwrap();
            server.send_to(&[client, 2], from).unwrap();
        }
        let taken = take(&mut rings);
        assert!(
            taken.iter().all(|packets| packets.len() >= 30),
            "{:?}",
            taken.iter().map(Vec::len).collect::<Vec<_>>()
        );
        // Both directions of each, once, in one ring.
        let mut rings_of: BTreeMap<u8, Vec<(usize, u8)>> = BTreeMap::new();
        for (index, packets) in taken.iter().enumerate() {
            for (_, _, payload) in packets {
                rings_of.entry(payload[0]).or_default().push((index, payload[1]));
            }
        }
        assert_eq!(rings_of.len(), 60);
        for (client, seen) in rings_of {
            assert!(matches!(*seen, [(a, 1), (b, 2)] if a == b), "{client}: {seen:?}");
        }
        assert_eq!(rings.iter_mut().map(|ring| ring.tally().unwrap().packets).sum::<u64>(), 120);
        stop.store(true, Ordering::Relaxed);
        let mut batch = Batch::new();
        while rings[0].fill(&mut batch).unwrap() == Fill::More {}
    }

    #[test]
    fn blocks_that_are_held_are_not_written_over() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let options =
            TapOptions { filter: Some(format!("udp port {port}")), buffer_bytes: 1 << 20, ..TapOptions::new("lo") };
        let Ok(mut rings) = Ring::open(&options, 1, &Arc::default()) else { return };
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        // More than the ring has room for, with the first block held all the while.
        let (mut first, mut batch, mut taken) = (Batch::new(), Batch::new(), 0_u64);
        let payload = [7; 32_000];
        rings[0].set_patience(Duration::ZERO);
        for _ in 0..1_000 {
            client.send_to(&payload, ("127.0.0.1", port)).unwrap();
            assert_eq!(rings[0].fill(&mut batch).unwrap(), Fill::More);
            taken += batch.slots.len() as u64;
            if first.slots.is_empty() {
                first = batch.clone();
            }
        }
        assert!(first.frames().all(|frame| frame.data[42..] == payload), "written over");
        let lost = rings[0].tally().unwrap().kernel;
        assert!(lost > 0, "the ring went around a block that is held");
        drop(first);
        rings[0].set_patience(PATIENCE);
        let mut quiet = 0;
        while quiet < 3 {
            assert_eq!(rings[0].fill(&mut batch).unwrap(), Fill::More);
            taken += batch.slots.len() as u64;
            quiet = if batch.slots.is_empty() { quiet + 1 } else { 0 };
        }
        assert_eq!(taken + lost + rings[0].tally().unwrap().kernel, 1_000);
    }

    #[test]
    fn an_expression_that_asks_for_tags_is_known() {
        for (expression, asks) in
            [("vlan 7", true), ("not (vlan and tcp)", true), ("host vlan7", false), ("tcp", false)]
        {
            assert_eq!(asks_for_tags(expression), asks, "{expression}");
        }
    }
}
