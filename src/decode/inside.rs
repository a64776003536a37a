//! What a header carries, down to the IP packet in it: EtherTypes and tags, MPLS and its pseudowires, PPP, NSH.
//!
//! In: the bytes after a link-layer or tunnel header, and how to read them. Out: the IP packet in them, and the VLAN tags
//! of the frame that carries it. Layers that only wrap are stepped through to a bounded depth; addresses of theirs are
//! Ethernet's or labels, so none is a tunnel that anybody is told of.

use super::{Skip, Vlans};

/// An IP packet and what follows it in the frame.
#[derive(Debug, Clone, Copy)]
pub(super) enum Network<'a> {
    V4(&'a [u8]),
    V6(&'a [u8]),
}

/// How to read the bytes after a header.
#[derive(Debug, Clone, Copy)]
pub(super) enum Inside<'a> {
    /// By an EtherType, or by the length of an IEEE 802.3 frame.
    Typed(u16, &'a [u8]),
    /// An Ethernet frame.
    Ethernet(&'a [u8]),
    /// PPP from its protocol field on, with or without address and control.
    Ppp(&'a [u8]),
    /// IPv4 or IPv6, as the first nibble says.
    Ip(&'a [u8]),
}

impl<'a> Inside<'a> {
    /// Steps through whatever wraps the IP packet. `vlans` are the tags worn so far; an Ethernet frame inside counts its
    /// own anew.
    #[inline(never)]
    pub(super) fn network(self, vlans: Vlans) -> Result<(Network<'a>, Vlans), Skip<'a>> {
        let (mut inside, mut vlans) = (self, vlans);
        for _ in 0..LAYERS_MAX {
            inside = match inside {
                Self::Typed(IPV4, rest) => return Ok((Network::V4(rest), vlans)),
                Self::Typed(IPV6, rest) => return Ok((Network::V6(rest), vlans)),
                Self::Typed(VLAN | QINQ | QINQ_OLD | QINQ_OLDER, rest) => {
                    let (ethertype, rest) = vlans.untag(rest)?;
                    Self::Typed(ethertype, rest)
                }
                Self::Typed(ethertype, rest) => typed(ethertype, rest)?,
                Self::Ethernet(frame) => {
                    vlans = Vlans::default();
                    let (ethertype, rest) = ethernet(frame)?;
                    Self::Typed(ethertype, rest)
                }
                Self::Ppp(data) => ppp_framed(data)?,
                Self::Ip(data) => return by_version(data).map(|network| (network, vlans)),
            };
        }
        Err(Skip::Malformed)
    }
}

impl Vlans {
    /// Takes a tag off: its identifier is kept, and the EtherType behind it given.
    #[inline(always)]
    pub(super) fn untag<'a>(&mut self, tag: &'a [u8]) -> Result<(u16, &'a [u8]), Skip<'a>> {
        let (&[t0, t1, e0, e1], rest) = split::<4>(tag)?;
        let id = u16::from_be_bytes([t0, t1]) & 0x0fff;
        match self {
            Self { outer: None, .. } => self.outer = Some(id),
            Self { inner: None, .. } => self.inner = Some(id),
            _ => {}
        }
        Ok((u16::from_be_bytes([e0, e1]), rest))
    }
}

impl Network<'_> {
    /// Whether the IP header is whole, and its length is one that so many bytes of the wire can hold.
    pub(super) fn holds(self, fit: Fit, cut: usize) -> bool {
        let (bytes, total, least) = match self {
            Self::V4(bytes) => match *bytes {
                [version_and_words, _, l0, l1, .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _]
                    if version_and_words >> 4 == 4 && version_and_words & 15 >= 5 =>
                {
                    let header = usize::from(version_and_words & 15).saturating_mul(4);
                    (bytes, usize::from(u16::from_be_bytes([l0, l1])), header)
                }
                _ => return false,
            },
            Self::V6(bytes) => match *bytes {
                [version, _, _, _, l0, l1, ..] if version >> 4 == 6 && bytes.len() >= V6_HEADER => {
                    (bytes, usize::from(u16::from_be_bytes([l0, l1])).saturating_add(V6_HEADER), V6_HEADER)
                }
                _ => return false,
            },
        };
        let on_wire = bytes.len().saturating_add(cut);
        let padding = on_wire.saturating_sub(total);
        total >= least
            && total <= on_wire
            && match fit {
                Fit::Within => true,
                Fit::Exact => padding == 0 || on_wire <= ETHERNET_PAYLOAD_MIN,
            }
    }
}

/// How well an IP packet must fill the bytes it is found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Something may follow it.
    Within,
    /// Nothing follows it but what fills a short Ethernet frame up.
    Exact,
}

/// One step by an EtherType other than IP's and the tags'.
fn typed(ethertype: u16, rest: &[u8]) -> Result<Inside<'_>, Skip<'_>> {
    match ethertype {
        MPLS | MPLS_MULTICAST => mpls(rest),
        PPPOE_SESSION => pppoe(rest),
        TRANSPARENT_ETHERNET => Ok(Inside::Ethernet(rest)),
        PPP => Ok(Inside::Ppp(rest)),
        NSH => nsh(rest),
        CISCO_METADATA => {
            let (&[_version, words], _) = split::<2>(rest)?;
            let options = rest.get(usize::from(words).saturating_mul(4).saturating_add(2)..);
            let (&[e0, e1], inside) = split::<2>(options.ok_or(Skip::Malformed)?)?;
            Ok(Inside::Typed(u16::from_be_bytes([e0, e1]), inside))
        }
        // IEEE 802.1ah: four bytes of service tag, then the customer's frame.
        PROVIDER_BACKBONE => split::<4>(rest).map(|(_, frame)| Inside::Ethernet(frame)),
        // Cisco FabricPath: two bytes of tag and time to live after its own pair of addresses.
        FABRIC_PATH => split::<2>(rest).map(|(_, frame)| Inside::Ethernet(frame)),
        TRILL => {
            // RFC 6325, section 3: the options' length in words of four bytes.
            let (&[high, low, ..], after) = split::<6>(rest)?;
            let words = (u16::from_be_bytes([high, low]) >> 6) & 0x1f;
            after.get(usize::from(words).saturating_mul(4)..).map(Inside::Ethernet).ok_or(Skip::Malformed)
        }
        // Port extension: IEEE 802.1BR's tag, and Cisco's.
        E_TAG => split::<8>(rest).map(|(&[.., e0, e1], inside)| Inside::Typed(u16::from_be_bytes([e0, e1]), inside)),
        VN_TAG => split::<6>(rest).map(|(&[.., e0, e1], inside)| Inside::Typed(u16::from_be_bytes([e0, e1]), inside)),
        0..=LENGTH_MAX => llc(rest),
        _ => Err(Skip::NotIp),
    }
}

#[inline(always)]
pub(super) fn ethernet(data: &[u8]) -> Result<(u16, &[u8]), Skip<'_>> {
    let ([.., hi, lo], rest) = split::<14>(data)?;
    Ok((u16::from_be_bytes([*hi, *lo]), rest))
}

/// A stack of labels (RFC 3032). The bottom one says nothing of what it carries: the first nibble tells IP (RFC 4928,
/// section 3), or the control word of a pseudowire (RFC 4385). Without a control word a pseudowire's Ethernet frame
/// begins with anything, so that its EtherType has to tell it.
fn mpls(data: &[u8]) -> Result<Inside<'_>, Skip<'_>> {
    let mut rest = data;
    for _ in 0..LABELS_MAX {
        let (&[_, _, bottom, _], inside) = split::<4>(rest)?;
        rest = inside;
        if bottom & 1 == 1 {
            let wired = rest.get(4..).unwrap_or_default();
            return Ok(match rest.first().ok_or(Skip::Malformed)? >> 4 {
                4 | 6 if !by_version(rest).is_ok_and(|ip| ip.holds(Fit::Exact, 0)) && is_ethernet(rest) => {
                    Inside::Ethernet(rest)
                }
                4 | 6 => Inside::Ip(rest),
                0 if is_ethernet(wired) => Inside::Ethernet(wired),
                // RFC 4618: PPP without its address and control, and not compressed.
                0 if matches!(wired, [0, 0x21, 0x45..=0x4f, ..] | [0, 0x57, 0x60..=0x6f, ..]) => Inside::Ppp(wired),
                _ if is_ethernet(rest) => Inside::Ethernet(rest),
                0 => split::<4>(rest).map(|(_, frame)| Inside::Ethernet(frame))?,
                _ => return Err(Skip::NotIp),
            });
        }
    }
    Err(Skip::Malformed)
}

/// Whether a frame has an EtherType that leads to IP, and where that is IP's own, the version that belongs to it.
fn is_ethernet(data: &[u8]) -> bool {
    match ethernet(data) {
        Ok((IPV4, [first, ..])) => matches!(first, 0x45..=0x4f),
        Ok((IPV6, [first, ..])) => first >> 4 == 6,
        Ok((VLAN | QINQ | QINQ_OLD | QINQ_OLDER | MPLS | MPLS_MULTICAST | PPPOE_SESSION, _)) => true,
        _ => false,
    }
}

/// The network service header (RFC 8300, section 2.2): its length in words of four bytes, and what follows it.
fn nsh(data: &[u8]) -> Result<Inside<'_>, Skip<'_>> {
    let (&[version, words, _, next], _) = split::<4>(data)?;
    let length = usize::from(words & 0x3f).saturating_mul(4);
    if version >> 6 != 0 || length < NSH_MIN {
        return Err(Skip::Malformed);
    }
    let rest = data.get(length..).ok_or(Skip::Malformed)?;
    next_protocol(next, rest)
}

/// The numbers that NSH (RFC 8300, section 6.1) and VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe, section 3.2) share.
pub(super) fn next_protocol(number: u8, rest: &[u8]) -> Result<Inside<'_>, Skip<'_>> {
    match number {
        1 => Ok(Inside::Typed(IPV4, rest)),
        2 => Ok(Inside::Typed(IPV6, rest)),
        3 => Ok(Inside::Ethernet(rest)),
        4 => Ok(Inside::Typed(NSH, rest)),
        5 => Ok(Inside::Typed(MPLS, rest)),
        _ => Err(Skip::NotIp),
    }
}

/// The PPPoE session header (RFC 2516, section 4), then PPP.
pub(super) fn pppoe(data: &[u8]) -> Result<Inside<'_>, Skip<'_>> {
    let (&[version_and_type, code, _, _, l0, l1], rest) = split::<6>(data)?;
    if version_and_type != 0x11 || code != 0 {
        return Err(Skip::NotIp);
    }
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    // What follows the length is the Ethernet frame's padding.
    ppp(rest.get(..length).unwrap_or(rest))
}

/// PPP with or without its HDLC-like framing (RFC 1662, section 3.1), and Cisco's framing, which has an EtherType.
pub(super) fn ppp_framed(data: &[u8]) -> Result<Inside<'_>, Skip<'_>> {
    match data {
        [0xff, 0x03, rest @ ..] => ppp(rest),
        [0x0f | 0x8f, 0x00, hi, lo, rest @ ..] => Ok(Inside::Typed(u16::from_be_bytes([*hi, *lo]), rest)),
        _ => ppp(data),
    }
}

/// The protocol field, of one byte if its low bit says so (RFC 1661, section 2).
pub(super) fn ppp(data: &[u8]) -> Result<Inside<'_>, Skip<'_>> {
    let (protocol, rest) = match data {
        [short, rest @ ..] if short & 1 == 1 => (u16::from(*short), rest),
        [hi, lo, rest @ ..] => (u16::from_be_bytes([*hi, *lo]), rest),
        _ => return Err(Skip::Malformed),
    };
    match protocol {
        0x0021 => Ok(Inside::Typed(IPV4, rest)),
        0x0057 => Ok(Inside::Typed(IPV6, rest)),
        0x0281 => Ok(Inside::Typed(MPLS, rest)),
        0x0283 => Ok(Inside::Typed(MPLS_MULTICAST, rest)),
        _ => Err(Skip::NotIp),
    }
}

/// IEEE 802.2: IP's own service access point, or SNAP with an EtherType (RFC 1042).
pub(super) fn llc(data: &[u8]) -> Result<Inside<'_>, Skip<'_>> {
    match data {
        [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00 | 0xf8, hi, lo, rest @ ..] => {
            let ethertype = u16::from_be_bytes([*hi, *lo]);
            if ethertype > LENGTH_MAX { Ok(Inside::Typed(ethertype, rest)) } else { Err(Skip::NotIp) }
        }
        [0x06, 0x06, 0x03, rest @ ..] => Ok(Inside::Typed(IPV4, rest)),
        _ => Err(Skip::NotIp),
    }
}

pub(super) fn by_version(data: &[u8]) -> Result<Network<'_>, Skip<'_>> {
    match data.first().map(|byte| byte >> 4) {
        Some(4) => Ok(Network::V4(data)),
        Some(6) => Ok(Network::V6(data)),
        Some(_) => Err(Skip::NotIp),
        None => Err(Skip::Malformed),
    }
}

#[inline(always)]
pub(super) fn split<const N: usize>(data: &[u8]) -> Result<(&[u8; N], &[u8]), Skip<'_>> {
    data.split_first_chunk().ok_or(Skip::Malformed)
}

/// Wrapping layers that may stand between a header and IP: two tags, labels, a frame and its tag make six.
const LAYERS_MAX: usize = 12;
const LABELS_MAX: usize = 16;
/// Words of four bytes: the base header and the service path header.
const NSH_MIN: usize = 8;
const V6_HEADER: usize = 40;
/// Shorter payloads are filled up with zeros (IEEE 802.3, section 3.2.8).
const ETHERNET_PAYLOAD_MIN: usize = 46;

pub(super) const IPV4: u16 = 0x0800;
pub(super) const VLAN: u16 = 0x8100;
pub(super) const IPV6: u16 = 0x86dd;
/// Ethernet bridged over something else (RFC 1701, section 2).
const TRANSPARENT_ETHERNET: u16 = 0x6558;
const TRILL: u16 = 0x22f3;
const PPP: u16 = 0x880b;
pub(super) const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
const QINQ: u16 = 0x88a8;
const PROVIDER_BACKBONE: u16 = 0x88e7;
const FABRIC_PATH: u16 = 0x8903;
const CISCO_METADATA: u16 = 0x8909;
const VN_TAG: u16 = 0x8926;
const E_TAG: u16 = 0x893f;
pub(super) const NSH: u16 = 0x894f;
const QINQ_OLD: u16 = 0x9100;
const QINQ_OLDER: u16 = 0x9200;
/// Up to here the field is the length of an IEEE 802.3 frame, not a type.
const LENGTH_MAX: u16 = 1500;
