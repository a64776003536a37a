//! Where syslog goes: `udp://host[:514]`, `tcp://host[:514]`, `tls://host[:6514]`, `unix:///dev/log`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Host and port.
    Udp(String),
    /// Host and port.
    Tcp(String),
    /// Host and port.
    Tls(String),
    Unix(PathBuf),
}

impl Target {
    /// The longest message: what every receiver should take (RFC 5424, section 6.1), and more where the transport counts
    /// the bytes.
    pub fn max_bytes(&self) -> usize {
        match self {
            Self::Tcp(_) | Self::Tls(_) => 8_192,
            Self::Udp(_) | Self::Unix(_) => 2_048,
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!(
                "`{text}` is no receiver of syslog: write udp://host:514, tcp://host:514, tls://host:6514 or unix:///dev/log"
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        match scheme {
            "unix" if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            "udp" => Ok(Self::Udp(with_port(rest, PORT).ok_or_else(wrong)?)),
            "tcp" => Ok(Self::Tcp(with_port(rest, PORT).ok_or_else(wrong)?)),
            "tls" => Ok(Self::Tls(with_port(rest, PORT_OF_TLS).ok_or_else(wrong)?)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(host) => write!(f, "udp://{host}"),
            Self::Tcp(host) => write!(f, "tcp://{host}"),
            Self::Tls(host) => write!(f, "tls://{host}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

fn with_port(host: &str, usual: &str) -> Option<String> {
    let host = host.strip_suffix('/').unwrap_or(host);
    let (name, port) = match host.rsplit_once(':') {
        // A colon inside of an address in brackets.
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (host, usual),
    };
    let is_name = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/');
    let is_bare_v6 = name.contains(':') && !name.starts_with('[');
    (is_name && !is_bare_v6 && port.parse::<u16>().is_ok()).then(|| format!("{name}:{port}"))
}

const PORT: &str = "514";
/// RFC 5425, section 4.1.
const PORT_OF_TLS: &str = "6514";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_are_named_by_urls() {
        for (text, shown) in [
            ("udp://log.example", Some("udp://log.example:514")),
            ("tcp://192.0.2.1:6514", Some("tcp://192.0.2.1:6514")),
            ("tcp://[2001:db8::1]", Some("tcp://[2001:db8::1]:514")),
            ("udp://[::1]:99/", Some("udp://[::1]:99")),
            ("unix:///dev/log", Some("unix:///dev/log")),
            ("unix://dev", None),
            ("udp://", None),
            ("udp://a:b", None),
            ("udp://::1", None),
            ("udp://a b", None),
            ("tls://log.example", Some("tls://log.example:6514")),
            ("tls://[2001:db8::1]:1514", Some("tls://[2001:db8::1]:1514")),
            ("tls://", None),
            ("ssl://a", None),
            ("log.example", None),
        ] {
            assert_eq!(text.parse::<Target>().ok().map(|target| target.to_string()).as_deref(), shown, "{text}");
        }
    }
}
