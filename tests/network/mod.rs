//! Networks that tests make for themselves, what is sent through them, and a sensor in them.

pub mod frames;
pub mod sensor;
pub mod told;

use std::ffi::CString;
use std::fs;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::child::Ended;

/// A network namespace, in which a test's thread and the programs that it starts are.
pub struct Net {
    pub folder: tempfile::TempDir,
}

/// Runs a test in a namespace of its own, where that is permitted.
pub fn in_namespace(test: impl FnOnce(&Net) + Send) {
    thread::scope(|scope| {
        let body = || {
            // SAFETY: a system call without pointers; it concerns this thread alone.
            if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
                let why = io::Error::last_os_error();
                // Not through the macro, whose output is only shown of tests that fail.
                let _ = writeln!(
                    io::stderr(),
                    "sensor: nothing checked: no network namespace ({why}); run the tests as root"
                );
                return;
            }
            ip(&["link", "set", "lo", "up"]);
            test(&Net { folder: tempfile::tempdir().expect("a folder") });
        };
        if let Err(panic) = scope.spawn(body).join() {
            std::panic::resume_unwind(panic);
        }
    });
}

impl Net {
    /// A cable. Nothing is sent through it but by tests.
    pub fn pair(&self, one: &str, other: &str) {
        ip(&["link", "add", "name", one, "type", "veth", "peer", "name", other]);
        for end in [one, other] {
            ip(&["link", "set", "dev", end, "mtu", "65535", "addrgenmode", "none"]);
            ip(&["link", "set", "dev", end, "up"]);
        }
    }

    /// A disk of so many KiB, for this test and the programs that it starts alone.
    pub fn disk(&self, name: &str, kibibytes: usize) -> PathBuf {
        let at = self.folder.path().join(name);
        fs::create_dir(&at).expect("a folder");
        let place = CString::new(at.to_str().expect("UTF-8")).expect("a path");
        let size = CString::new(format!("size={kibibytes}k")).expect("no zero");
        // SAFETY: system calls with texts that live as long as they last; they concern this thread and its children.
        unsafe {
            assert_eq!(libc::unshare(libc::CLONE_NEWNS), 0, "{}", io::Error::last_os_error());
            let private = libc::MS_REC | libc::MS_PRIVATE;
            assert_eq!(libc::mount(c"none".as_ptr(), c"/".as_ptr(), std::ptr::null(), private, std::ptr::null()), 0);
            let mounted = libc::mount(c"tmpfs".as_ptr(), place.as_ptr(), c"tmpfs".as_ptr(), 0, size.as_ptr().cast());
            assert_eq!(mounted, 0, "{}", io::Error::last_os_error());
        }
        at
    }

    /// Somebody at an address of this network who takes connections and whatever comes by them, and never answers.
    pub fn silent(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            let mut taken: Vec<TcpStream> = Vec::new();
            taken.extend(listener.incoming().flatten());
        });
        address
    }

    /// Sends a capture's frames, with tcpreplay, in a process of its own.
    pub fn replay(&self, interface: &str, capture: &Path, rate: &[&str]) -> Replay {
        let child = Command::new("tcpreplay")
            .args(["--intf1", interface, "--quiet"])
            .args(rate)
            .arg(capture)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("tcpreplay runs (`make setup` installs it)");
        Replay(Ended(child))
    }

    pub fn send(&self, interface: &str, frames: &[Vec<u8>]) {
        let socket = PacketSocket::open(interface);
        frames.iter().for_each(|frame| socket.send(frame));
    }
}

/// Frames that are being sent.
pub struct Replay(Ended);

impl Replay {
    /// Waits until all of them are sent.
    pub fn end(mut self) {
        assert_eq!(self.0.wait(PATIENCE), Some(0), "tcpreplay");
    }
}

pub fn ip(arguments: &[&str]) {
    let done = Command::new("ip").args(arguments).output().expect("ip runs (iproute2)");
    assert!(done.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

pub struct PacketSocket(OwnedFd);

impl PacketSocket {
    pub fn open(interface: &str) -> Self {
        let name = CString::new(interface).expect("a name");
        // SAFETY: system calls with a name and an address that live as long as they last.
        unsafe {
            let socket = libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0);
            assert!(socket >= 0, "{}", io::Error::last_os_error());
            let socket = OwnedFd::from_raw_fd(socket);
            let mut address: libc::sockaddr_ll = std::mem::zeroed();
            address.sll_family = libc::AF_PACKET as u16;
            address.sll_ifindex = libc::if_nametoindex(name.as_ptr()) as i32;
            let size = std::mem::size_of_val(&address) as u32;
            assert_eq!(
                libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size),
                0,
                "{}",
                io::Error::last_os_error()
            );
            Self(socket)
        }
    }

    pub fn send(&self, frame: &[u8]) {
        loop {
            // SAFETY: a system call that reads a slice.
            let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
            match io::Error::last_os_error().raw_os_error() {
                _ if sent == frame.len() as isize => return,
                Some(libc::ENOBUFS) => thread::sleep(Duration::from_millis(1)),
                error => panic!("{error:?}"),
            }
        }
    }
}

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_tlsight");
pub const PATIENCE: Duration = Duration::from_secs(60);
