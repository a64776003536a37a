//! Packets from an interface, as they pass.
//!
//! In: an interface's name. Out: batches whose blocks hold copies of the packets of one round. libpcap does the work
//! with the kernel; this waits for packets, so that a quiet interface does not keep its owner from stopping.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::batch::{Batch, Fill, Source, Store};
use super::listen::{Backlog, Closing, Listen, Losing, PATIENCE, Tally, wait_for};
use super::{LinkType, Slot, Timestamp};
use crate::Error;
use pcap::{Active, Capture, Device, Precision, TimestampType};

/// What to listen to, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapOptions {
    /// A name as [`interfaces`] gives it; on Linux `any` is all of them.
    pub interface: String,
    /// An expression that the kernel applies (pcap-filter(7)).
    pub filter: Option<String>,
    /// Bytes of a packet that are taken.
    pub snap_len: u32,
    /// Bytes of the kernel's buffer, which holds what comes while nobody reads.
    pub buffer_bytes: u32,
    pub mode: TapMode,
    pub stamps: Stamps,
}

/// Whose clock packets are stamped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stamps {
    #[default]
    Kernel,
    /// The interface's own clock, which somebody keeps in step with the system's. Linux alone.
    Hardware,
}

/// Whose packets are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TapMode {
    /// All that pass the interface.
    Promiscuous,
    /// Those from and to this machine.
    OwnTraffic,
}

impl TapOptions {
    /// An interface with a snap length of 256 KiB and a buffer of 64 MiB, promiscuous.
    pub fn new(interface: impl Into<String>) -> Self {
        Self {
            interface: interface.into(),
            filter: None,
            snap_len: 262_144,
            buffer_bytes: 64 << 20,
            mode: TapMode::Promiscuous,
            stamps: Stamps::default(),
        }
    }
}

/// An interface that is listened to.
pub struct Tap {
    name: String,
    capture: Capture<Active>,
    link: LinkType,
    stop: Arc<AtomicBool>,
    blocks: Vec<Arc<Vec<u8>>>,
    closing: Closing,
    patience: Duration,
    packets: u64,
    counted: TapStats,
    losing: Losing,
}

/// What the kernel counted since the tap was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TapStats {
    pub received: u64,
    /// Lost because the buffer was full.
    pub dropped: u64,
    /// Lost by the interface or its driver, where it tells.
    pub interface_dropped: u64,
}

impl Tap {
    /// Opens the interface. It is listened to until `stop` is set.
    pub fn open(options: &TapOptions, stop: Arc<AtomicBool>) -> Result<Self, Error> {
        let name = &options.interface;
        let failed = |error| Error::Interface { interface: name.clone(), why: why(error) };
        let signed = |bytes: u32| i32::try_from(bytes).unwrap_or(i32::MAX);
        let capture = Capture::from_device(name.as_str()).map_err(failed)?;
        let capture = match options.stamps {
            Stamps::Kernel => capture,
            Stamps::Hardware => {
                stamped_by_hardware(name)?;
                capture.tstamp_type(TimestampType::AdapterUnsynced)
            }
        };
        let mut capture = capture
            .snaplen(signed(options.snap_len))
            .buffer_size(signed(options.buffer_bytes))
            .promisc(options.mode == TapMode::Promiscuous)
            .timeout(WAIT_MILLISECONDS)
            .precision(PRECISION)
            .open()
            .and_then(Capture::setnonblock)
            .map_err(failed)?;
        if let Some(filter) = &options.filter {
            capture
                .filter(filter, true)
                .map_err(|error| Error::Filter { filter: filter.clone(), why: words(error) })?;
        }
        let link = LinkType(u16::try_from(capture.get_datalink().0).unwrap_or(u16::MAX));
        Ok(Self {
            name: name.clone(),
            capture,
            link,
            stop,
            blocks: Vec::new(),
            closing: Closing::default(),
            patience: PATIENCE,
            packets: 0,
            counted: TapStats::default(),
            losing: Losing::default(),
        })
    }

    pub fn link(&self) -> LinkType {
        self.link
    }

    /// The kernel's counters. They have 32 bits and wrap on long runs: take differences.
    pub fn stats(&mut self) -> Result<TapStats, Error> {
        let stats = self.capture.stats().map_err(|error| self.failed(error))?;
        Ok(TapStats {
            received: u64::from(stats.received),
            dropped: u64::from(stats.dropped),
            interface_dropped: u64::from(stats.if_dropped),
        })
    }

    fn failed(&self, error: pcap::Error) -> Error {
        Error::Interface { interface: self.name.clone(), why: why(error) }
    }

    /// A block that nobody holds, empty.
    fn block(&mut self) -> Arc<Vec<u8>> {
        let free = self.blocks.iter_mut().position(|block| Arc::get_mut(block).is_some());
        let mut block = free.map(|index| self.blocks.swap_remove(index)).unwrap_or_default();
        if let Some(bytes) = Arc::get_mut(&mut block) {
            bytes.clear();
        }
        block
    }
}

impl Source for Tap {
    /// Takes the packets that are there, up to some thousand; waits a tenth of a second if there are none.
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
        batch.slots.clear();
        batch.store = Store::Block(self.block());
        let over = self.closing.is_over(&self.stop, LAST_WAIT);
        if self.closing.is_late() {
            return Ok(Fill::End);
        }
        let (link, slots) = (self.link, &mut batch.slots);
        if let Store::Block(block) = &mut batch.store
            && let Some(bytes) = Arc::get_mut(block)
        {
            let taken = self.capture.dispatch(Some(PACKETS_MAX), |packet| {
                slots.push(Slot {
                    ts: timestamp(packet.header.ts.tv_sec, packet.header.ts.tv_usec),
                    offset: bytes.len() as u64,
                    len: packet.data.len() as u32,
                    wire_len: packet.header.len,
                    link,
                    interface: 0,
                });
                bytes.extend_from_slice(packet.data);
            });
            taken.map_err(|error| self.failed(error))?;
            let kept = Arc::clone(block);
            if self.blocks.len() < BLOCKS_KEPT {
                self.blocks.push(kept);
            }
        }
        self.packets += batch.slots.len() as u64;
        let waits = batch.slots.len() >= PACKETS_MAX;
        batch.lost = self.losing.before(&batch.slots, if waits { Backlog::Waits } else { Backlog::None });
        if over && batch.slots.is_empty() && batch.lost.is_none() {
            return Ok(Fill::End);
        }
        if batch.slots.is_empty() && !self.patience.is_zero() {
            wait_for(&self.capture, self.patience);
        }
        Ok(Fill::More)
    }
}

impl Listen for Tap {
    fn tally(&mut self) -> Result<Tally, Error> {
        let now = self.stats()?;
        let before = std::mem::replace(&mut self.counted, now);
        let kernel = since(now.dropped, before.dropped);
        let interface = since(now.interface_dropped, before.interface_dropped);
        self.losing.asked(kernel + interface);
        Ok(Tally { packets: std::mem::take(&mut self.packets), kernel, interface, shed: 0 })
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.capture.as_fd()
    }

    fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }
}

/// Has the interface stamp what it takes in.
#[cfg(target_os = "linux")]
fn stamped_by_hardware(interface: &str) -> Result<(), Error> {
    super::ring::stamps::switch_on(interface).map_err(|why| Error::Interface { interface: interface.to_owned(), why })
}

#[cfg(not(target_os = "linux"))]
fn stamped_by_hardware(interface: &str) -> Result<(), Error> {
    let why = "timestamps of hardware are there on Linux alone: use --timestamp-source kernel".to_owned();
    Err(Error::Interface { interface: interface.to_owned(), why })
}

/// The difference of two states of a 32-bit counter, which may have wrapped between them.
fn since(now: u64, before: u64) -> u64 {
    u64::from((now as u32).wrapping_sub(before as u32))
}

/// One interface of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    pub description: Option<String>,
    pub addresses: Vec<std::net::IpAddr>,
    pub state: InterfaceState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterfaceState {
    Up,
    Down,
}

/// The interfaces that can be listened to, as libpcap lists them.
pub fn interfaces() -> Result<Vec<Interface>, Error> {
    let devices =
        Device::list().map_err(|error| Error::Interface { interface: "list".to_owned(), why: words(error) })?;
    let interface = |device: Device| Interface {
        state: if device.flags.is_up() { InterfaceState::Up } else { InterfaceState::Down },
        name: device.name,
        description: device.desc,
        addresses: device.addresses.into_iter().map(|address| address.addr).collect(),
    };
    Ok(devices.into_iter().map(interface).collect())
}

/// libpcap's words, and how to mend what is most often wrong.
fn why(error: pcap::Error) -> String {
    let words = words(error);
    mended(&words).unwrap_or(words)
}

/// The system's words, and how to mend what is most often wrong.
pub(super) fn why_not(error: &io::Error, what: &str) -> String {
    let words = error.to_string();
    mended(&words).unwrap_or_else(|| format!("{what}: {words}"))
}

fn mended(words: &str) -> Option<String> {
    let lower = words.to_lowercase();
    if lower.contains("permission") || lower.contains("not permitted") {
        return Some("no permission to capture: run as root, or `setcap cap_net_raw+ep` the program".to_owned());
    }
    if lower.contains("no such device") {
        let names = interfaces().unwrap_or_default().into_iter().map(|interface| interface.name);
        return Some(format!("there is no such interface; there are {}", names.collect::<Vec<_>>().join(", ")));
    }
    None
}

pub(super) fn words(error: pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(words) => words,
        error => error.to_string(),
    }
}

/// With nanosecond precision libpcap puts nanoseconds where microseconds would be.
fn timestamp(seconds: i64, fraction: i64) -> Timestamp {
    let fraction = match PRECISION {
        Precision::Nano => fraction,
        Precision::Micro => fraction.saturating_mul(1000),
    };
    Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(fraction))
}

/// Linux stamps every packet with nanoseconds; elsewhere the request may be refused without a word.
#[cfg(target_os = "linux")]
const PRECISION: Precision = Precision::Nano;
#[cfg(not(target_os = "linux"))]
const PRECISION: Precision = Precision::Micro;

/// How long packets may lie in the kernel's buffer before they are handed over, and a quiet interface is waited for.
const WAIT_MILLISECONDS: i32 = 100;

/// After the end is asked for, what had come is taken for so long.
const LAST_WAIT: Duration = Duration::from_millis(2 * WAIT_MILLISECONDS as u64);
const PACKETS_MAX: usize = 2048;
const BLOCKS_KEPT: usize = 32;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn an_unknown_interface_is_answered_with_those_that_exist() {
        let options = TapOptions::new("no-such-if0");
        let error = Tap::open(&options, Arc::default()).err().unwrap().to_string();
        // Without the right to open a socket at all, that is what is said.
        assert!(error.contains("there is no such interface") || error.contains("no permission"), "{error}");
    }

    #[test]
    fn differences_survive_a_wrap() {
        assert_eq!(since(7, 3), 4);
        assert_eq!(since(2, u64::from(u32::MAX)), 3);
    }

    #[test]
    fn the_fraction_is_in_nanoseconds_on_linux() {
        if cfg!(target_os = "linux") {
            assert_eq!(timestamp(2, 7), Timestamp(2_000_000_007));
        }
    }

    #[test]
    fn packets_of_the_loopback_are_taken_where_capturing_is_allowed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        for interface in ["lo", "any"] {
            let stop = Arc::new(AtomicBool::new(false));
            let filter = Some(format!("tcp dst port {port}"));
            let options = TapOptions { filter, ..TapOptions::new(interface) };
            let Ok(mut tap) = Tap::open(&options, Arc::clone(&stop)) else { return };
            let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let mut batch = Batch::new();
            for _ in 0..50 {
                assert_eq!(tap.fill(&mut batch).unwrap(), Fill::More);
                if !batch.slots.is_empty() {
                    break;
                }
            }
            let frame = batch.frames().next().unwrap();
            assert!(frame.data.windows(2).any(|two| two == port.to_be_bytes()));
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as i64;
            assert!((now - frame.ts.0).abs() < 10_000_000_000);
            assert!(tap.stats().unwrap().received >= 1);
            stop.store(true, Ordering::Relaxed);
            while tap.fill(&mut batch).unwrap() == Fill::More {}
            assert!(batch.slots.is_empty());
        }
    }

    #[test]
    fn a_bad_filter_is_a_filter_error() {
        let options = TapOptions { filter: Some("port none-such-port".to_owned()), ..TapOptions::new("lo") };
        match Tap::open(&options, Arc::default()) {
            Err(Error::Filter { .. } | Error::Interface { .. }) => {}
            _ => panic!("opened"),
        }
    }
}
