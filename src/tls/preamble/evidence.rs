//! What both directions say about the protocol that goes over to TLS, and what it comes to.

use crate::tls::Upgrade;

/// A set of observations. What it comes to does not depend on the order in which they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::tls) struct Evidence(u32);

impl Evidence {
    pub(super) const NONE: Self = Self(0);
    /// A line, or what ends with `>`.
    pub(super) const TEXT: Self = Self(1);
    /// A reply that begins with 220: of SMTP or FTP.
    pub(super) const READY: Self = Self(1 << 1);
    /// A line that is the word STARTTLS: of SMTP, NNTP, IRC or ManageSieve.
    pub(super) const STARTTLS: Self = Self(1 << 2);
    /// A greeting that begins with 200 or 201: of NNTP.
    pub(super) const READER: Self = Self(1 << 3);
    /// A command or a reply that clients and servers of IRC use.
    pub(super) const CHAT: Self = Self(1 << 4);
    pub(super) const SMTP: Self = Self(1 << 5);
    pub(super) const IMAP: Self = Self(1 << 6);
    pub(super) const POP3: Self = Self(1 << 7);
    pub(super) const FTP: Self = Self(1 << 8);
    pub(super) const LDAP: Self = Self(1 << 9);
    pub(super) const XMPP: Self = Self(1 << 10);
    pub(super) const IRC: Self = Self(1 << 11);
    pub(super) const NNTP: Self = Self(1 << 12);
    pub(super) const SIEVE: Self = Self(1 << 13);
    pub(super) const POSTGRESQL: Self = Self(1 << 14);
    pub(super) const MYSQL: Self = Self(1 << 15);
    pub(super) const TDS: Self = Self(1 << 16);
    pub(super) const RDP: Self = Self(1 << 17);
    /// A CONNECT request.
    pub(super) const HTTP_CONNECT: Self = Self(1 << 18);
    /// A request to upgrade to TLS, or the answer 101 to it.
    pub(super) const HTTP_UPGRADE: Self = Self(1 << 19);
    /// A response 2xx, right behind whose head TLS begins.
    pub(super) const HTTP_TUNNEL: Self = Self(1 << 20);
    pub(super) const SOCKS4: Self = Self(1 << 21);
    pub(super) const SOCKS5: Self = Self(1 << 22);
    pub(super) const HAPROXY: Self = Self(1 << 23);

    pub(super) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(in crate::tls) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn has_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether it names a protocol, or at least narrows it down to those that know an upgrade.
    pub(in crate::tls) fn is_telling(self) -> bool {
        self.0 & !(Self::TEXT.0 | Self::HTTP_TUNNEL.0 | Self::READER.0) != 0
    }

    /// The protocol next to TLS: what goes through a proxy comes before the proxy's own protocol.
    pub(in crate::tls) fn upgrade(self) -> Upgrade {
        let found = RANKING.iter().find(|(needed, _)| self.has_all(*needed));
        found.map_or(Upgrade::Unknown, |(_, upgrade)| *upgrade)
    }
}

/// What must have been seen, the more telling first.
const RANKING: [(Evidence, Upgrade); 23] = [
    (Evidence::XMPP, Upgrade::Xmpp),
    (Evidence::LDAP, Upgrade::Ldap),
    (Evidence::POSTGRESQL, Upgrade::Postgresql),
    (Evidence::MYSQL, Upgrade::Mysql),
    (Evidence::TDS, Upgrade::Tds),
    (Evidence::RDP, Upgrade::Rdp),
    (Evidence::FTP, Upgrade::Ftp),
    (Evidence::POP3, Upgrade::Pop3),
    (Evidence::NNTP, Upgrade::Nntp),
    (Evidence::SIEVE, Upgrade::Sieve),
    (Evidence::IMAP, Upgrade::Imap),
    (Evidence::IRC, Upgrade::Irc),
    (Evidence::SMTP, Upgrade::Smtp),
    (Evidence(Evidence::READY.0 | Evidence::STARTTLS.0), Upgrade::Smtp),
    (Evidence(Evidence::READER.0 | Evidence::STARTTLS.0), Upgrade::Nntp),
    (Evidence::CHAT, Upgrade::Irc),
    (Evidence::HTTP_CONNECT, Upgrade::HttpConnect),
    (Evidence::HTTP_UPGRADE, Upgrade::HttpUpgrade),
    (Evidence::HTTP_TUNNEL, Upgrade::HttpConnect),
    (Evidence::SOCKS5, Upgrade::Socks5),
    (Evidence::SOCKS4, Upgrade::Socks4),
    (Evidence::TEXT, Upgrade::Unknown),
    (Evidence::HAPROXY, Upgrade::Haproxy),
];
