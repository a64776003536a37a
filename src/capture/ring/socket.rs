//! The system calls of packet(7) that rings are made with.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::net::netdevice::name_to_index;

use super::frame::TAG;

/// A packet socket that is bound to an interface and lets nothing in until [`Socket::set_filter`].
pub struct Socket {
    descriptor: OwnedFd,
    interface: i32,
}

/// What an interface's frames begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hardware {
    Ethernet,
    Loopback,
    /// Its ARPHRD_ number.
    Other(u16),
}

/// An instruction of classic BPF, as the kernel takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instruction {
    pub code: u16,
    pub jt: u8,
    pub jf: u8,
    pub k: u32,
}

impl Instruction {
    /// From `code jt jf k`. What accepts a packet accepts `snap_len` bytes of it.
    pub(super) fn parse(text: &str, snap_len: u32) -> Option<Self> {
        let mut parts = text.split(' ');
        let mut part = || parts.next().and_then(|part| part.parse::<u32>().ok());
        let (code, jt, jf, k) = (part()?, part()?, part()?, part()?);
        let code = u16::try_from(code).ok()?;
        let k = if code == RETURN && k != 0 { snap_len } else { k };
        Some(Self { code, jt: u8::try_from(jt).ok()?, jf: u8::try_from(jf).ok()?, k })
    }
}

/// Opens so many sockets on an interface.
pub(super) fn join(
    interface: &str,
    count: usize,
    prepare: &dyn Fn(&Socket) -> io::Result<()>,
) -> io::Result<Vec<(Socket, Hardware)>> {
    let one = |_| {
        let mut socket = Socket::new()?;
        socket.interface = name_to_index(&socket.descriptor, interface)?.cast_signed();
        socket.set_filter(Some(&[Instruction { code: RETURN, jt: 0, jf: 0, k: 0 }]))?;
        socket.set(libc::SOL_PACKET, libc::PACKET_VERSION, &(libc::tpacket_versions::TPACKET_V3 as libc::c_int))?;
        socket.set(libc::SOL_PACKET, libc::PACKET_RESERVE, &(TAG as libc::c_int))?;
        let hardware = socket.bind()?;
        if hardware == Hardware::Loopback {
            // What leaves comes again. A kernel that does not know this lets it into the ring, where it is left out.
            let _ = socket.set(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1_i32);
        }
        prepare(&socket)?;
        Ok((socket, hardware))
    };
    (0..count).map(one).collect()
}

/// Has the kernel deal the packets of an interface out to these sockets.
pub(super) fn fan_out(sockets: &[&Socket], hardware: Hardware, program: &[Instruction]) -> io::Result<()> {
    let Some((first, others)) = sockets.split_first() else { return Ok(()) };
    let begin = |mode: u32| {
        first
            .set(libc::SOL_PACKET, libc::PACKET_FANOUT, &((mode | libc::PACKET_FANOUT_FLAG_UNIQUEID) << 16))
            .map(|()| mode)
    };
    let plain = libc::PACKET_FANOUT_CBPF;
    let mode = match hardware {
        // As for one socket alone; older kernels do not have the flag.
        Hardware::Loopback => begin(plain | libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING).or_else(|_| begin(plain))?,
        _ => begin(plain)?,
    };
    let group: u32 = first.get(libc::SOL_PACKET, libc::PACKET_FANOUT)?;
    with_program(program, |program| first.set(libc::SOL_PACKET, libc::PACKET_FANOUT_DATA, program))?;
    others
        .iter()
        .try_for_each(|socket| socket.set(libc::SOL_PACKET, libc::PACKET_FANOUT, &(group & 0xffff | mode << 16)))
}

impl Socket {
    fn new() -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: a system call without pointers. Protocol 0: no packets until it is bound.
        let descriptor = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it is new, and nobody else's.
        Ok(Self { descriptor: unsafe { OwnedFd::from_raw_fd(descriptor) }, interface: 0 })
    }

    /// Listens to the interface from now on.
    fn bind(&self) -> io::Result<Hardware> {
        // SAFETY: plain numbers, of which all zeros is a value.
        let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
        address.sll_family = libc::AF_PACKET as libc::c_ushort;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = self.interface;
        let mut size = mem::size_of_val(&address) as libc::socklen_t;
        // SAFETY: the address is as long as is said.
        checked(unsafe { libc::bind(self.descriptor.as_raw_fd(), (&raw const address).cast(), size) })?;
        // SAFETY: at most `size` bytes are written into the address.
        checked(unsafe { libc::getsockname(self.descriptor.as_raw_fd(), (&raw mut address).cast(), &raw mut size) })?;
        Ok(match address.sll_hatype {
            libc::ARPHRD_ETHER => Hardware::Ethernet,
            libc::ARPHRD_LOOPBACK => Hardware::Loopback,
            other => Hardware::Other(other),
        })
    }

    /// Takes what passes the interface, whomever it is for.
    pub(super) fn set_promiscuous(&self) -> io::Result<()> {
        let request = libc::packet_mreq {
            mr_ifindex: self.interface,
            mr_type: libc::PACKET_MR_PROMISC as libc::c_ushort,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        self.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)
    }

    /// Has packets told with the interface's stamps; one that has none has the kernel's.
    pub(super) fn set_hardware_stamps(&self) -> io::Result<()> {
        let raw = libc::SOF_TIMESTAMPING_RAW_HARDWARE.cast_signed();
        self.set(libc::SOL_PACKET, libc::PACKET_TIMESTAMP, &raw)
    }

    /// Makes the ring: blocks of so many bytes, handed over after so many milliseconds at the latest.
    pub(super) fn set_ring(&self, block: usize, count: usize, retire: u32) -> io::Result<()> {
        let number =
            |number: usize| libc::c_uint::try_from(number).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
        let request = libc::tpacket_req3 {
            tp_block_size: number(block)?,
            tp_block_nr: number(count)?,
            tp_frame_size: FRAME,
            tp_frame_nr: number(block * count)? / FRAME,
            tp_retire_blk_tov: retire,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        self.set(libc::SOL_PACKET, libc::PACKET_RX_RING, &request)
    }

    /// Lets in what the program accepts; everything without one.
    pub(super) fn set_filter(&self, program: Option<&[Instruction]>) -> io::Result<()> {
        match program {
            Some(program) => {
                with_program(program, |program| self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, program))
            }
            None => self.set(libc::SOL_SOCKET, libc::SO_DETACH_FILTER, &0_i32),
        }
    }

    /// Packets for which the ring had no room since the last call.
    pub(super) fn take_drops(&self) -> io::Result<u64> {
        let counts: [u32; 3] = self.get(libc::SOL_PACKET, libc::PACKET_STATISTICS)?;
        let [_packets, drops, _freezes] = counts;
        Ok(u64::from(drops))
    }

    /// An error that has come since the last call.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        let error: i32 = self.get(libc::SOL_SOCKET, libc::SO_ERROR).ok()?;
        (error != 0).then(|| io::Error::from_raw_os_error(error))
    }

    fn set<T>(&self, level: i32, name: i32, value: &T) -> io::Result<()> {
        let size = mem::size_of::<T>() as libc::socklen_t;
        // SAFETY: the value is as long as is said; the kernel copies it.
        checked(unsafe { libc::setsockopt(self.descriptor.as_raw_fd(), level, name, (&raw const *value).cast(), size) })
    }

    /// `T` is of numbers that may have any value.
    fn get<T: Copy + Default>(&self, level: i32, name: i32) -> io::Result<T> {
        let (mut value, mut size) = (T::default(), mem::size_of::<T>() as libc::socklen_t);
        // SAFETY: at most `size` bytes are written into the value.
        checked(unsafe {
            libc::getsockopt(self.descriptor.as_raw_fd(), level, name, (&raw mut value).cast(), &raw mut size)
        })?;
        Ok(value)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }
}

/// Lends a program in the form in which the kernel copies it.
fn with_program<T>(program: &[Instruction], act: impl FnOnce(&libc::sock_fprog) -> io::Result<T>) -> io::Result<T> {
    let mut filters: Vec<libc::sock_filter> =
        program.iter().map(|&Instruction { code, jt, jf, k }| libc::sock_filter { code, jt, jf, k }).collect();
    let len = u16::try_from(filters.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    act(&libc::sock_fprog { len, filter: filters.as_mut_ptr() })
}

fn checked(status: libc::c_int) -> io::Result<()> {
    if status < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// `BPF_RET | BPF_K`
const RETURN: u16 = 0x06;
/// What the ring's size is counted in; a block holds packets of any length.
const FRAME: libc::c_uint = 2048;
