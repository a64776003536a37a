//! A socket to a syslog receiver, opened when there is something to send and again when it broke.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::Target;
use crate::Error;
use crate::sink::courier::{Carry, Failure, one_line};
use crate::sink::trust;

/// A receiver, and what is open to it.
#[derive(Debug)]
pub struct Transport {
    target: Target,
    /// What TLS connects with, where it is spoken.
    secure: Option<Arc<ClientConfig>>,
    socket: Option<Socket>,
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixDatagram),
}

impl Transport {
    /// # Errors
    /// Authorities that cannot be read, or are for no receiver over TLS.
    pub fn new(target: &Target, authorities: Option<&Path>) -> Result<Self, Error> {
        let failed = |why: String| Error::Input(format!("syslog at {target}: {why}"));
        let secure = match (target, authorities) {
            (Target::Tls(_), authorities) => Some(Arc::new(trust::client(authorities).map_err(failed)?)),
            (_, Some(path)) => {
                return Err(failed(format!("{} is for receivers over TLS: write tls://host", path.display())));
            }
            (_, None) => None,
        };
        Ok(Self { target: target.clone(), secure, socket: None })
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let mut kept = self.socket.take();
        let is_closed = kept.as_mut().is_none_or(Socket::is_closed);
        let socket = match kept {
            Some(socket) if !is_closed => socket,
            _ => Socket::open(&self.target, self.secure.as_ref())?,
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
        let mut stream = match self.socket.take() {
            Some(Socket::Tcp(stream)) => stream,
            Some(Socket::Tls(mut stream)) => {
                // RFC 5425, section 4.4: whoever ends says so first.
                stream.conn.send_close_notify();
                let _ = stream.flush();
                stream.sock
            }
            _ => return,
        };
        let ended = stream.shutdown(Shutdown::Write).and_then(|()| stream.set_read_timeout(Some(LAST_WAIT)));
        if ended.is_ok() {
            while stream.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {}
        }
    }
}

impl Socket {
    fn open(target: &Target, secure: Option<&Arc<ClientConfig>>) -> io::Result<Self> {
        match target {
            Target::Udp(host) => {
                let address = resolved(host)?;
                let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(any)?;
                socket.connect(address)?;
                Ok(Self::Udp(socket))
            }
            Target::Tcp(host) => Ok(Self::Tcp(connected(host)?)),
            Target::Tls(host) => {
                let secure = secure.ok_or_else(|| io::Error::from(ErrorKind::Unsupported))?;
                let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
                let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
                let name = ServerName::try_from(name).map_err(|error| io::Error::new(ErrorKind::Unsupported, error))?;
                let session = ClientConnection::new(secure.clone(), name).map_err(io::Error::other)?;
                let mut stream = StreamOwned::new(session, connected(host)?);
                while stream.conn.is_handshaking() {
                    stream.conn.complete_io(&mut stream.sock)?;
                }
                Ok(Self::Tls(Box::new(stream)))
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
    fn is_closed(&mut self) -> bool {
        match self {
            Self::Tcp(stream) => {
                let is_open = stream.set_nonblocking(true).is_ok()
                    && match stream.peek(&mut [0]) {
                        Ok(0) => false,
                        // Receivers say nothing; one that does is there.
                        Ok(_) => true,
                        Err(error) => error.kind() == ErrorKind::WouldBlock,
                    };
                !(is_open && stream.set_nonblocking(false).is_ok())
            }
            Self::Tls(stream) => {
                let is_open = stream.sock.set_nonblocking(true).is_ok() && has_more_to_come(stream);
                !(is_open && stream.sock.set_nonblocking(false).is_ok())
            }
            _ => false,
        }
    }

    fn send(mut self, message: &[u8]) -> io::Result<Self> {
        match &mut self {
            Self::Udp(socket) => socket.send(message).map(drop)?,
            Self::Tcp(stream) => stream.write_all(&framed(message))?,
            Self::Tls(stream) => {
                stream.write_all(&framed(message))?;
                stream.flush()?;
            }
            #[cfg(unix)]
            Self::Unix(socket) => socket.send(message).map(drop)?,
        }
        Ok(self)
    }
}

/// Takes in what a receiver says by itself, tickets for one; false where it has ended the session. The socket does not block.
fn has_more_to_come(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> bool {
    loop {
        match stream.conn.read_tls(&mut stream.sock) {
            Ok(0) => return false,
            Ok(_) => match stream.conn.process_new_packets() {
                Ok(state) if !state.peer_has_closed() => {}
                _ => return false,
            },
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// A message behind the number of its octets (RFC 6587, section 3.4.1; RFC 5425, section 4.3).
fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = format!("{} ", message.len()).into_bytes();
    framed.extend_from_slice(message);
    framed
}

fn connected(host: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&resolved(host)?, CONNECT_WAIT)?;
    stream.set_write_timeout(Some(WRITE_WAIT))?;
    // A handshake has answers, which may not come.
    stream.set_read_timeout(Some(WRITE_WAIT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn resolved(host: &str) -> io::Result<SocketAddr> {
    host.to_socket_addrs()?.next().ok_or_else(|| io::Error::new(ErrorKind::NotFound, "the name has no address"))
}

const CONNECT_WAIT: Duration = Duration::from_secs(5);
const WRITE_WAIT: Duration = Duration::from_secs(10);
const LAST_WAIT: Duration = Duration::from_secs(1);
