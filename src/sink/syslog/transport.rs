//! A socket to a syslog receiver, opened when there is something to send and again when it broke.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use super::Target;
use crate::sink::courier::{Carry, Failure, one_line};

/// A receiver, and what is open to it.
#[derive(Debug)]
pub struct Transport {
    target: Target,
    socket: Option<Socket>,
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixDatagram),
}

impl Transport {
    pub fn new(target: Target) -> Self {
        Self { target, socket: None }
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) if !socket.is_closed() => socket,
            _ => Socket::open(&self.target)?,
        };
        // One that failed is not kept.
        self.socket = Some(socket.send(message)?);
        Ok(())
    }
}

impl Carry for Transport {
    fn carry(&mut self, message: &[u8]) -> Result<(), Failure> {
        self.send(message).map_err(|error| match error.kind() {
            ErrorKind::Unsupported => Failure::Refused(one_line(&error)),
            _ => Failure::Away(one_line(&error)),
        })
    }

    /// What is under way over TCP has arrived when the other side closes too.
    fn close(&mut self) {
        let Some(Socket::Tcp(mut stream)) = self.socket.take() else { return };
        let ended = stream.shutdown(Shutdown::Write).and_then(|()| stream.set_read_timeout(Some(LAST_WAIT)));
        if ended.is_ok() {
            let _ = stream.read(&mut [0; 256]);
        }
    }
}

impl Socket {
    fn open(target: &Target) -> io::Result<Self> {
        match target {
            Target::Udp(host) => {
                let address = resolved(host)?;
                let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(any)?;
                socket.connect(address)?;
                Ok(Self::Udp(socket))
            }
            Target::Tcp(host) => {
                let stream = TcpStream::connect_timeout(&resolved(host)?, CONNECT_WAIT)?;
                stream.set_write_timeout(Some(WRITE_WAIT))?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
            #[cfg(unix)]
            Target::Unix(path) => {
                let socket = std::os::unix::net::UnixDatagram::unbound()?;
                socket.connect(path)?;
                socket.set_write_timeout(Some(WRITE_WAIT))?;
                Ok(Self::Unix(socket))
            }
            #[cfg(not(unix))]
            Target::Unix(_) => Err(io::Error::new(ErrorKind::Unsupported, "there are no Unix sockets here")),
        }
    }

    /// Whether the other side has hung up: what is written then is lost without an error.
    fn is_closed(&self) -> bool {
        let Self::Tcp(stream) = self else { return false };
        if stream.set_nonblocking(true).is_err() {
            return true;
        }
        let seen = stream.peek(&mut [0]);
        let still_open = match seen {
            Ok(0) => false,
            // Receivers say nothing; one that does is there.
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
        !(still_open && stream.set_nonblocking(false).is_ok())
    }

    fn send(self, message: &[u8]) -> io::Result<Self> {
        match &self {
            Self::Udp(socket) => socket.send(message).map(drop)?,
            Self::Tcp(stream) => {
                let mut framed = format!("{} ", message.len()).into_bytes();
                framed.extend_from_slice(message);
                (&*stream).write_all(&framed)?;
            }
            #[cfg(unix)]
            Self::Unix(socket) => socket.send(message).map(drop)?,
        }
        Ok(self)
    }
}

fn resolved(host: &str) -> io::Result<SocketAddr> {
    host.to_socket_addrs()?.next().ok_or_else(|| io::Error::new(ErrorKind::NotFound, "the name has no address"))
}

const CONNECT_WAIT: Duration = Duration::from_secs(5);
const WRITE_WAIT: Duration = Duration::from_secs(10);
const LAST_WAIT: Duration = Duration::from_secs(1);
