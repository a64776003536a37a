//! What the program itself sends over the interfaces that it listens to: to ClickHouse, to syslog, to web hooks.
//!
//! In: the outputs. Out: an expression that lets everything else pass. It names this machine's address towards each receiver,
//! the receiver's address, its port and the transport, as they are at the start: what others send to the same receiver is
//! taken.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

use hyper::Uri;

use super::args::OutputArgs;
use super::console::Console;
use crate::sink::clickhouse::{Login, Target};
use crate::sink::syslog;

/// Connections that are our own.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Own(BTreeSet<Route>);

/// From this machine to a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    transport: Transport,
    here: IpAddr,
    there: SocketAddr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Transport {
    Tcp,
    Udp,
}

impl Own {
    /// Looks the receivers' names up. What cannot be found is said, and is not left out.
    pub fn of(args: &OutputArgs, console: &Console) -> Self {
        let mut own = Self::default();
        for (transport, receiver) in receivers(args) {
            match routes(transport, &receiver) {
                Ok(routes) => own.0.extend(routes),
                Err(why) => console.warn(&format!("what is sent to {receiver} is listened to as well: {why}")),
            }
        }
        own
    }

    /// A filter that lets pass what is not our own, and of that what `filter` does.
    pub fn beside(&self, filter: Option<&str>) -> Option<String> {
        let filter = filter.filter(|filter| !filter.trim().is_empty());
        if self.0.is_empty() {
            return filter.map(str::to_owned);
        }
        // First: `vlan` in an expression moves what stands behind it.
        let own: Vec<String> = self.0.iter().map(Route::expression).collect();
        let others = format!("not ({})", own.join(" or "));
        Some(filter.map_or(others.clone(), |filter| format!("{others} and ({filter})")))
    }
}

/// How it is said beside the interfaces: nothing where there are none.
impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let receivers: BTreeSet<String> = self.0.iter().map(|route| route.there.to_string()).collect();
        match receivers.is_empty() {
            true => Ok(()),
            false => write!(f, ", without what is sent to {}", receivers.into_iter().collect::<Vec<_>>().join(", ")),
        }
    }
}

impl Route {
    fn expression(&self) -> String {
        let Self { transport, here, there } = self;
        let transport = match transport {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        };
        format!("({transport} port {} and host {here} and host {})", there.port(), there.ip())
    }
}

/// Host and port of each output that is reached over a network. What is wrong in one is told when it is opened.
fn receivers(args: &OutputArgs) -> Vec<(Transport, String)> {
    let store = args.clickhouse.as_ref().and_then(|url| Target::parse(url, Login::default()).ok());
    let urls = store.map(|store| store.url).into_iter().chain(args.webhook.clone());
    let mut receivers: Vec<_> = urls.filter_map(|url| Some((Transport::Tcp, authority(&url)?))).collect();
    receivers.extend(match &args.syslog {
        Some(syslog::Target::Udp(host)) => Some((Transport::Udp, host.clone())),
        Some(syslog::Target::Tcp(host) | syslog::Target::Tls(host)) => Some((Transport::Tcp, host.clone())),
        Some(syslog::Target::Unix(_)) | None => None,
    });
    receivers
}

/// Host and port of a URL.
fn authority(url: &str) -> Option<String> {
    let url: Uri = url.parse().ok()?;
    let usual = if url.scheme_str() == Some("https") { 443 } else { 80 };
    Some(format!("{}:{}", url.host()?, url.port_u16().unwrap_or(usual)))
}

fn routes(transport: Transport, receiver: &str) -> std::io::Result<Vec<Route>> {
    let addresses = receiver.to_socket_addrs()?;
    // One of an address family that this machine has no way to is never used.
    let route = |there: SocketAddr| Some(Route { transport, here: towards(there).ok()?, there });
    let routes: Vec<Route> = addresses.filter_map(route).collect();
    if routes.is_empty() { Err(std::io::ErrorKind::NetworkUnreachable.into()) } else { Ok(routes) }
}

/// The address by which this machine sends there. Nothing is sent.
fn towards(there: SocketAddr) -> std::io::Result<IpAddr> {
    let any: IpAddr = if there.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(there)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Filter;

    #[test]
    fn a_url_names_host_and_port() {
        for (url, expected) in [
            ("http://store.test:8123", Some("store.test:8123")),
            ("https://user:word@hooks.test/a?b", Some("hooks.test:443")),
            ("http://[2001:db8::1]/", Some("[2001:db8::1]:80")),
            ("nonsense of a url", None),
        ] {
            assert_eq!(authority(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn what_is_our_own_is_left_out_of_what_a_filter_takes() {
        let route = |transport, here: &str, there: &str| Route {
            transport,
            here: here.parse().expect("an address"),
            there: there.parse().expect("an address"),
        };
        let none = Own::default();
        assert_eq!(
            (none.beside(None), none.beside(Some("tcp")), none.to_string()),
            (None, Some("tcp".into()), "".into())
        );
        let own = Own(BTreeSet::from([
            route(Transport::Tcp, "10.0.0.2", "10.0.0.9:8123"),
            route(Transport::Udp, "2001:db8::2", "[2001:db8::9]:514"),
        ]));
        let expected = "not ((tcp port 8123 and host 10.0.0.2 and host 10.0.0.9) or \
                        (udp port 514 and host 2001:db8::2 and host 2001:db8::9))";
        assert_eq!(own.beside(Some(" ")).as_deref(), Some(expected));
        let both = own.beside(Some("vlan 7 or port 443")).expect("a filter");
        assert_eq!(both, format!("{expected} and (vlan 7 or port 443)"));
        assert!(Filter::new(&both).is_ok());
        assert_eq!(own.to_string(), ", without what is sent to 10.0.0.9:8123, [2001:db8::9]:514");
    }
}
