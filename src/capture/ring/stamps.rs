//! Timestamps of an interface's own clock: whether it has one, and that it stamps what it takes in (timestamping.rst in the
//! kernel's documentation; `SIOCETHTOOL`, `SIOCGHWTSTAMP`, `SIOCSHWTSTAMP`).

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Has the interface stamp every packet that it takes in.
///
/// # Errors
/// Why it does not, and what can be done.
pub(in crate::capture) fn switch_on(interface: &str) -> Result<(), String> {
    let none = || {
        format!(
            "it has no timestamps of its own (`ethtool -T {interface}` says what it has): use --timestamp-source kernel"
        )
    };
    let control = Control::open().map_err(|why| format!("its timestamps cannot be asked for: {why}"))?;
    let mut about = TimestampingInfo { cmd: GET_TS_INFO, ..TimestampingInfo::default() };
    control.ask(interface, SIOCETHTOOL, &mut about).map_err(|_| none())?;
    let needed = libc::SOF_TIMESTAMPING_RX_HARDWARE | libc::SOF_TIMESTAMPING_RAW_HARDWARE;
    if about.so_timestamping & needed != needed || about.rx_filters & (1 << FILTER_ALL) == 0 {
        return Err(none());
    }
    let mut config = Config::default();
    if control.ask(interface, SIOCGHWTSTAMP, &mut config).is_ok() && config.rx_filter == FILTER_ALL {
        return Ok(());
    }
    let mut config = Config { rx_filter: FILTER_ALL, ..config };
    control.ask(interface, SIOCSHWTSTAMP, &mut config).map_err(|why| match why.raw_os_error() {
        Some(libc::EPERM) => format!(
            "its timestamps are off, and no permission to switch them on: run `hwstamp_ctl -i {interface} -r 1` as root before, or \
             give the program CAP_NET_ADMIN"
        ),
        _ => format!("its timestamps cannot be switched on: {why}"),
    })?;
    // A driver may settle for less than it was asked for.
    if config.rx_filter == FILTER_ALL { Ok(()) } else { Err(none()) }
}

/// A socket that interfaces are asked by.
struct Control(OwnedFd);

impl Control {
    fn open() -> io::Result<Self> {
        // SAFETY: a system call without pointers.
        let descriptor = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it is new, and nobody else's.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// `T` is the structure that the request reads and writes.
    fn ask<T>(&self, interface: &str, request: libc::c_ulong, about: &mut T) -> io::Result<()> {
        // SAFETY: plain numbers and a pointer, of which all zeros is a value.
        let mut question: libc::ifreq = unsafe { mem::zeroed() };
        // The last octet stays zero.
        let room = question.ifr_name.len().saturating_sub(1);
        if interface.len() > room {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        for (to, byte) in question.ifr_name.iter_mut().zip(interface.bytes()) {
            *to = byte.cast_signed();
        }
        question.ifr_ifru.ifru_data = (&raw mut *about).cast();
        // SAFETY: the name ends in a zero, and the structure, which is the request's own, lives as long as the call.
        let status = unsafe { libc::ioctl(self.0.as_raw_fd(), request as libc::Ioctl, &raw mut question) };
        if status < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// `ethtool_ts_info` (linux/ethtool.h)
#[repr(C)]
#[derive(Debug, Default)]
struct TimestampingInfo {
    cmd: u32,
    so_timestamping: u32,
    phc_index: i32,
    tx_types: u32,
    tx_reserved: [u32; 3],
    rx_filters: u32,
    rx_reserved: [u32; 3],
}

/// `hwtstamp_config` (linux/net_tstamp.h)
#[repr(C)]
#[derive(Debug, Default)]
struct Config {
    flags: i32,
    tx_type: i32,
    rx_filter: i32,
}

const SIOCETHTOOL: libc::c_ulong = 0x8946;
const SIOCSHWTSTAMP: libc::c_ulong = 0x89b0;
const SIOCGHWTSTAMP: libc::c_ulong = 0x89b1;
/// `ETHTOOL_GET_TS_INFO`
const GET_TS_INFO: u32 = 0x41;
/// `HWTSTAMP_FILTER_ALL`
const FILTER_ALL: i32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_without_a_clock_is_told_as_such() {
        for interface in ["lo", "no-such-if0", "a-name-that-is-much-too-long-for-one"] {
            let why = switch_on(interface).expect_err("it has none");
            assert!(why.starts_with("it has no timestamps of its own (`ethtool -T "), "{why}");
        }
    }
}
