//! The two yardsticks: what nobody's packet loop can go below with libpcap, and with a memory map.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::{Advice, Mmap};

/// `pcap_loop` with a callback that counts; returns the number of packets.
///
/// Through the foreign function, for `Capture::for_each` of the crate wraps each call in `catch_unwind` and builds a
/// packet: that would be the crate's cost, not libpcap's.
pub fn libpcap(path: &Path) -> io::Result<u64> {
    let capture = pcap::Capture::from_file(path).map_err(io::Error::other)?;
    let mut packets: u64 = 0;
    // SAFETY: `capture` lives until the end of this function, the callback has the type of a pcap_handler, and
    // `packets` outlives the loop.
    let status = unsafe { pcap_loop(capture.as_ptr().cast(), -1, count, (&raw mut packets).cast()) };
    match status {
        0 => Ok(packets),
        status => Err(io::Error::other(format!("pcap_loop ended with {status}"))),
    }
}

/// Walks the records of a little-endian pcap file through a map and reads the first byte of each packet.
pub fn cache_lines(path: &Path) -> io::Result<u64> {
    let file = File::open(path)?;
    // SAFETY: the file is this benchmark's own and nobody writes to it any more.
    let map = unsafe { Mmap::map(&file)? };
    map.advise(Advice::Sequential)?;
    let mut packets = 0;
    let mut at = 24;
    while let Some(head) = map.get(at..at + 16) {
        let captured = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
        let Some(first) = map.get(at + 16) else { break };
        // SAFETY: a reference to a byte of the map.
        unsafe { std::ptr::read_volatile(first) };
        packets += 1;
        at += 16 + captured;
    }
    Ok(packets)
}

extern "C" fn count(packets: *mut u8, _header: *const c_void, _bytes: *const u8) {
    // SAFETY: `libpcap` passes a pointer to its counter.
    unsafe { *packets.cast::<u64>() += 1 };
}

unsafe extern "C" {
    /// Of libpcap, which the `pcap` crate links.
    fn pcap_loop(
        capture: *mut c_void,
        count: c_int,
        callback: extern "C" fn(*mut u8, *const c_void, *const u8),
        user: *mut u8,
    ) -> c_int;
}
