//! What a list may name: fingerprints, hashes of certificates, names, addresses and networks.
//!
//! In: text of a list, with or without a word on what it is. Out: an [`Indicator`]. Knows nothing of files.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::judge::labels::entry::Print;

/// One thing that sessions may be recognised by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Indicator {
    Print(Print),
    /// A JA4 of which two sections count; the third is zeros.
    PartialJa4([u8; JA4]),
    Name {
        /// Lower case, without the point at the end.
        name: String,
        reach: Reach,
    },
    Network(Network),
}

/// Which names a listed one stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// `example.org`: the name alone.
    Name,
    /// `*.example.org`: names below it.
    Below,
    /// `.example.org`: the name and those below it.
    NameAndBelow,
}

/// Addresses that begin alike, at any port or at one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    /// Of the family's width, from the left; what is behind the prefix is zero.
    bits: [u8; 16],
    family: Family,
    pub prefix: u8,
    pub port: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Family {
    V4,
    V6,
}

/// What a list says that a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Claim {
    /// Nothing: its form decides.
    Anything,
    Ja3,
    Ja3s,
    Ja3n,
    Ja4,
    Ja4x,
    /// The hash of a certificate, by its length.
    Hash,
    Md5,
    Sha1,
    Sha256,
    Address,
    Name,
}

/// What a thing is, to those who choose a level for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    Certificate,
    Name,
    Address,
    /// Of a hello: others may send the same.
    Fingerprint,
}

impl Class {
    pub const ALL: [Self; 4] = [Self::Certificate, Self::Name, Self::Address, Self::Fingerprint];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Name => "name",
            Self::Address => "address",
            Self::Fingerprint => "fingerprint",
        }
    }
}

impl Indicator {
    /// All that a text may be; more than one where its form leaves open what it is, such as 32 hex digits.
    ///
    /// # Errors
    /// In words, why it is none.
    pub fn read(claim: Claim, text: &str) -> Result<Vec<Self>, Reason> {
        let text = text.trim();
        let print = |kind| Print::parse(kind, text).map(Self::Print);
        let found = match claim {
            Claim::Anything => return Self::by_form(text),
            Claim::Ja3 => print("ja3"),
            Claim::Ja3s => print("ja3s"),
            Claim::Ja3n => print("ja3n"),
            Claim::Ja4 => print("ja4").or_else(|| partial_ja4(text).map(Self::PartialJa4)),
            Claim::Ja4x => print("ja4x"),
            Claim::Md5 => print("certificate_md5"),
            Claim::Sha1 => print("certificate_sha1"),
            Claim::Sha256 => print("certificate_sha256"),
            Claim::Hash => HASHES.into_iter().find_map(print),
            Claim::Address => return address(&refanged(text)).map(|network| vec![Self::Network(network)]),
            Claim::Name => return name(&refanged(text)).map(|name| vec![name]),
        };
        found.map(|found| vec![found]).ok_or(Reason::NoSuch(claim.as_str()))
    }

    fn by_form(text: &str) -> Result<Vec<Self>, Reason> {
        if let Some(ja4) = Print::parse("ja4", text) {
            return Ok(vec![Self::Print(ja4)]);
        }
        if let Some(parts) = partial_ja4(text) {
            return Ok(vec![Self::PartialJa4(parts)]);
        }
        if let Some(ja4x) = Print::parse("ja4x", text) {
            return Ok(vec![Self::Print(ja4x)]);
        }
        let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
        // An IPv6 address in full is 32 digits between colons, too: those of a hash come in pairs.
        let is_address = text.parse::<IpAddr>().is_ok();
        if let Some(hash) = HASHES.into_iter().find_map(|kind| Print::parse(kind, text)).filter(|_| !is_address) {
            let ja3 = Print::parse("ja3", text).filter(|_| digits == MD5_DIGITS);
            return Ok(ja3.into_iter().chain([hash]).map(Self::Print).collect());
        }
        let text = refanged(text);
        if text.contains("://") {
            return Err(Reason::Url);
        }
        match address(&text) {
            Ok(network) => Ok(vec![Self::Network(network)]),
            Err(Reason::Everything) => Err(Reason::Everything),
            Err(_) => match name(&text) {
                Ok(name) => Ok(vec![name]),
                Err(reason @ Reason::NotAscii) => Err(reason),
                Err(_) => Err(Reason::NoSuch(Claim::Anything.as_str())),
            },
        }
    }

    pub fn class(&self) -> Class {
        match self {
            Self::Print(Print::CertificateMd5(_) | Print::CertificateSha1(_) | Print::CertificateSha256(_)) => {
                Class::Certificate
            }
            Self::Print(_) | Self::PartialJa4(_) => Class::Fingerprint,
            Self::Name { .. } => Class::Name,
            Self::Network(_) => Class::Address,
        }
    }
}

impl fmt::Display for Indicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Print(print) => print.fmt(f),
            Self::PartialJa4(bytes) => {
                for (at, section) in JA4_SECTIONS.iter().enumerate() {
                    let bytes = bytes.get(section.clone()).unwrap_or_default();
                    let text = if bytes.contains(&0) { "*" } else { std::str::from_utf8(bytes).unwrap_or("*") };
                    write!(f, "{}{text}", if at == 0 { "" } else { "_" })?;
                }
                Ok(())
            }
            Self::Name { name, reach } => write!(f, "{}{name}", reach.before()),
            Self::Network(network) => network.fmt(f),
        }
    }
}

impl Reach {
    /// How a list writes it.
    pub fn before(self) -> &'static str {
        match self {
            Self::Name => "",
            Self::Below => "*.",
            Self::NameAndBelow => ".",
        }
    }
}

impl Network {
    /// The network of that prefix around an address, at a port or at any. IPv4 in IPv6 counts as what it is.
    pub fn around(ip: IpAddr, prefix: u8, port: Option<u16>) -> Self {
        let mut bits = [0; 16];
        let family = match ip.to_canonical() {
            IpAddr::V4(v4) => {
                let kept = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
                bits.iter_mut().zip((v4.to_bits() & kept).to_be_bytes()).for_each(|(to, byte)| *to = byte);
                Family::V4
            }
            IpAddr::V6(v6) => {
                let kept = u128::MAX.checked_shl(128_u32.saturating_sub(prefix.into())).unwrap_or(0);
                bits = (v6.to_bits() & kept).to_be_bytes();
                Family::V6
            }
        };
        Self { bits, family, prefix, port }
    }

    /// The same addresses, at a port or at any.
    pub fn at(self, port: Option<u16>) -> Self {
        Self { port, ..self }
    }

    pub fn is_v4(self) -> bool {
        self.family == Family::V4
    }

    pub fn ip(self) -> IpAddr {
        match (self.family, self.bits) {
            (Family::V4, [a, b, c, d, ..]) => Ipv4Addr::new(a, b, c, d).into(),
            (Family::V6, bits) => Ipv6Addr::from(bits).into(),
        }
    }

    /// A network of one address.
    pub fn is_address(self) -> bool {
        self.prefix == if self.is_v4() { 32 } else { 128 }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ip(), self.port) {
            (ip, None) if self.is_address() => write!(f, "{ip}"),
            (ip, None) => write!(f, "{ip}/{}", self.prefix),
            (IpAddr::V4(ip), Some(port)) => write!(f, "{ip}:{port}"),
            (IpAddr::V6(ip), Some(port)) => write!(f, "[{ip}]:{port}"),
        }
    }
}

impl Claim {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anything => "fingerprint, hash, name or address",
            Self::Ja3 => "JA3",
            Self::Ja3s => "JA3S",
            Self::Ja3n => "JA3 over sorted extensions",
            Self::Ja4 => "JA4",
            Self::Ja4x => "JA4X",
            Self::Hash => "MD5, SHA-1 or SHA-256",
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Address => "address or network",
            Self::Name => "name",
        }
    }
}

/// Why a text is no indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    NoSuch(&'static str),
    /// TLS shows a server's name and nothing of a path.
    Url,
    NotAscii,
    /// A network of all addresses.
    Everything,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuch(what) => write!(f, "is no {what}"),
            Self::Url => f.write_str("is a URL, of which TLS shows no more than the name: list that"),
            Self::NotAscii => f.write_str("is not ASCII: write names as the DNS has them (xn--…)"),
            Self::Everything => f.write_str("is every address there is"),
        }
    }
}

/// A JA4 with a section left open: `t13d1516h2_*_e5627efa2ab1`, also written `t13d1516h2_e5627efa2ab1`.
fn partial_ja4(text: &str) -> Option<[u8; JA4]> {
    let parts: Vec<&str> = text.split('_').collect();
    let (a, b, c) = match parts.as_slice() {
        [a, c] if a.len() == JA4_A => (*a, "*", *c),
        [a, b, c] => (*a, *b, *c),
        _ => return None,
    };
    let open = |part: &&str| matches!(*part, "*" | "");
    if [a, b, c].iter().filter(|part| open(part)).count() != 1 {
        return None;
    }
    // What stands for the open section makes it one that can be checked.
    let filled = format!(
        "{}_{}_{}",
        if open(&a) { "t13d1516h2" } else { a },
        if open(&b) { "000000000000" } else { b },
        if open(&c) { "000000000000" } else { c },
    );
    let Some(Print::Ja4(mut out)) = Print::parse("ja4", &filled) else { return None };
    for (part, section) in [a, b, c].iter().zip(JA4_SECTIONS) {
        if open(part) {
            out.get_mut(section)?.fill(0);
        }
    }
    Some(out)
}

/// `192.0.2.1`, `192.0.2.0/24`, `192.0.2.1:443`, `[2001:db8::1]:443`.
fn address(text: &str) -> Result<Network, Reason> {
    let fault = Reason::NoSuch(Claim::Address.as_str());
    if let Some((ip, prefix)) = text.split_once('/') {
        let ip: IpAddr = ip.parse().map_err(|_| fault)?;
        let width = if ip.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.parse::<u8>().ok().filter(|prefix| *prefix <= width).ok_or(fault)?;
        return if prefix == 0 { Err(Reason::Everything) } else { Ok(Network::around(ip, prefix, None)) };
    }
    let (ip, port) = match text.parse::<std::net::SocketAddr>() {
        Ok(address) => (address.ip(), Some(address.port()).filter(|port| *port != 0)),
        Err(_) => (text.trim_matches(['[', ']']).parse().map_err(|_| fault)?, None),
    };
    let prefix = if ip.to_canonical().is_ipv4() { 32 } else { 128 };
    Ok(Network::around(ip, prefix, port))
}

/// A name of the DNS with at least two labels; below one of the last there may be anything (`*.example`).
fn name(text: &str) -> Result<Indicator, Reason> {
    let fault = Reason::NoSuch(Claim::Name.as_str());
    let (reach, rest) = match (text.strip_prefix("*."), text.strip_prefix('.')) {
        (Some(rest), _) => (Reach::Below, rest),
        (None, Some(rest)) => (Reach::NameAndBelow, rest),
        (None, None) => (Reach::Name, text),
    };
    let rest = rest.strip_suffix('.').unwrap_or(rest);
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(is_letter);
    if !rest.is_ascii() && rest.contains('.') && !rest.contains(char::is_whitespace) {
        return Err(Reason::NotAscii);
    }
    let last = rest.rsplit('.').next().unwrap_or_default();
    let fits = rest.len() <= MAX_NAME
        && rest.split('.').all(is_label)
        && (rest.contains('.') || reach != Reach::Name)
        // No name ends in a number (RFC 1123, section 2.1).
        && !last.bytes().all(|byte| byte.is_ascii_digit());
    if fits { Ok(Indicator::Name { name: rest.to_ascii_lowercase(), reach }) } else { Err(fault) }
}

/// `evil[.]example` and `192.0.2[.]1`, as they are written so that nobody follows them.
fn refanged(text: &str) -> String {
    text.replace("[.]", ".").replace("(.)", ".").replace("[:]", ":").replace("hxxp", "http")
}

const JA4: usize = 36;
const JA4_A: usize = 10;
/// Of a JA4: a, b and c.
pub const JA4_SECTIONS: [std::ops::Range<usize>; 3] = [0..10, 11..23, 24..36];
const HASHES: [&str; 3] = ["certificate_md5", "certificate_sha1", "certificate_sha256"];
const MD5_DIGITS: usize = 32;
/// Octets of a name as text (RFC 1035, section 2.3.4).
pub const MAX_NAME: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let found = Indicator::read(Claim::Anything, text).unwrap_or_else(|why| panic!("{text} {why}"));
        found.iter().map(|found| format!("{} {found}", found.class().as_str())).collect()
    }

    #[test]
    fn the_form_tells_what_a_text_is() {
        for (text, expected) in [
            ("t13d1516h2_8daaf6152771_e5627efa2ab1", "fingerprint t13d1516h2_8daaf6152771_e5627efa2ab1"),
            ("t13d1516h2_*_e5627efa2ab1", "fingerprint t13d1516h2_*_e5627efa2ab1"),
            ("t13d1516h2_e5627efa2ab1", "fingerprint t13d1516h2_*_e5627efa2ab1"),
            ("*_8daaf6152771_e5627efa2ab1", "fingerprint *_8daaf6152771_e5627efa2ab1"),
            ("t13d1516h2_8daaf6152771_", "fingerprint t13d1516h2_8daaf6152771_*"),
            ("4DA14224452C1FE61F46B1112C43ECFD9F322C82", "certificate 4da14224452c1fe61f46b1112c43ecfd9f322c82"),
            ("192.0.2.1", "address 192.0.2.1"),
            ("192.0.2.77/24", "address 192.0.2.0/24"),
            ("192.0.2[.]1:8443", "address 192.0.2.1:8443"),
            ("2001:db8::1", "address 2001:db8::1"),
            ("2001:0db8:0000:0000:0000:0000:0000:0001", "address 2001:db8::1"),
            ("[2001:db8::1]:443", "address [2001:db8::1]:443"),
            ("::ffff:192.0.2.1", "address 192.0.2.1"),
            ("Evil[.]Example.", "name evil.example"),
            ("*.evil.example", "name *.evil.example"),
            (".evil.example", "name .evil.example"),
            ("*.top", "name *.top"),
            ("xn--80ak6aa92e.com", "name xn--80ak6aa92e.com"),
        ] {
            assert_eq!(read(text), [expected], "{text}");
        }
    }

    #[test]
    fn what_its_form_leaves_open_is_all_that_it_may_be() {
        let hash = "0149f47eabf9a20d0893e2a44e5a6323";
        assert_eq!(read(hash), [format!("fingerprint {hash}"), format!("certificate {hash}")]);
    }

    #[test]
    fn what_is_no_indicator_is_told_why() {
        let told = |text| Indicator::read(Claim::Anything, text).expect_err(text).to_string();
        for text in ["", "word", "a b", "1.2.3", "1.2.3.4.5", "-", "*", "*_*_e5627efa2ab1", "a..b", "t13d1516h2_x_y"] {
            assert!(told(text).starts_with("is no fingerprint, hash, name or address"), "{text}: {}", told(text));
        }
        assert!(told("https://evil.example/x").starts_with("is a URL"));
        assert!(told("bücher.example").starts_with("is not ASCII"));
        assert!(told("0.0.0.0/0").starts_with("is every address"));
        assert!(told("192.0.2.0/33").starts_with("is no fingerprint"));
        assert!(told(&format!("{}.example", "a".repeat(64))).starts_with("is no fingerprint"));
    }

    #[test]
    fn a_claim_decides_what_a_text_is() {
        let hash = "0149f47eabf9a20d0893e2a44e5a6323";
        let kinds = |claim| Indicator::read(claim, hash).map(|found| found.iter().map(Indicator::class).collect());
        assert_eq!(kinds(Claim::Ja3), Ok(vec![Class::Fingerprint]));
        assert_eq!(kinds(Claim::Md5), Ok(vec![Class::Certificate]));
        assert_eq!(kinds(Claim::Sha1), Err(Reason::NoSuch("SHA-1")));
        assert_eq!(kinds(Claim::Name), Err(Reason::NoSuch("name")));
    }
}
