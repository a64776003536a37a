//! What stood in a stream before TLS did: the protocol whose client asked to go over to TLS, or the proxy that was told
//! where to connect to.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

use std::net::SocketAddr;

/// `tlsight.upgrade`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Upgrade {
    Smtp,
    Imap,
    Pop3,
    Ftp,
    Ldap,
    Xmpp,
    Irc,
    Nntp,
    Sieve,
    Postgresql,
    Mysql,
    Tds,
    Rdp,
    HttpConnect,
    HttpUpgrade,
    Socks4,
    Socks5,
    /// A PROXY header, and nothing else.
    Haproxy,
    /// A dialogue of lines of which too little is known to tell which protocol's it is.
    Unknown,
}

/// The addresses that a PROXY header names (HAProxy's PROXY protocol, versions 1 and 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Proxied {
    /// The client that the proxy speaks for.
    pub source: SocketAddr,
    /// Where that client had connected to.
    pub destination: SocketAddr,
}

impl Upgrade {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Ftp => "ftp",
            Self::Ldap => "ldap",
            Self::Xmpp => "xmpp",
            Self::Irc => "irc",
            Self::Nntp => "nntp",
            Self::Sieve => "sieve",
            Self::Postgresql => "postgresql",
            Self::Mysql => "mysql",
            Self::Tds => "tds",
            Self::Rdp => "rdp",
            Self::HttpConnect => "http-connect",
            Self::HttpUpgrade => "http-upgrade",
            Self::Socks4 => "socks4",
            Self::Socks5 => "socks5",
            Self::Haproxy => "haproxy",
            Self::Unknown => "unknown",
        }
    }
}
