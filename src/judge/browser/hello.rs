//! What a hello shows in itself: GREASE's places and relations, key shares, the length of its encrypted part.

use super::Findings;
use super::table::{EchLengths, Grease, Hybrid, PADDING, PRE_SHARED_KEY, Profile, plain};
use crate::event::{ClientShape, ClientSide, Evidence};
use crate::tls::HybridShare;
use crate::wire::registry::is_grease;

pub(super) fn check(profile: &Profile, hello: &ClientSide, findings: &mut Findings) {
    let shape = &*hello.shape;
    if profile.grease == Grease::Boringssl {
        grease(shape, findings);
    }
    let allowed = profile.share_sets.is_empty()
        || profile.share_sets.iter().any(|set| plain(&shape.key_shares).eq(set.iter().copied()));
    findings.add_if(!allowed, Evidence::KeyShares);
    // The name is of HTTP over QUIC (RFC 9114, section 3.1).
    findings.add_if(shape.alpn.iter().any(|name| **name == *b"h3"), Evidence::AlpnOfQuic);
    match (profile.hybrid, hello.hybrid_share) {
        (Some(Hybrid::OneKey), Some(HybridShare::TwoKeys)) => findings.add(Evidence::HybridKeyNotReused),
        (Some(Hybrid::TwoKeys), Some(HybridShare::OneKey)) => findings.add(Evidence::HybridKeyReused),
        (Some(Hybrid::OneKey), Some(HybridShare::OneKey)) => findings.add(Evidence::HybridKeyFits),
        _ => {}
    }
    let outer = hello.encrypted_hello.and_then(|encrypted| encrypted.outer());
    if profile.ech_lengths == Some(EchLengths::Outer) {
        findings.add_if(outer.is_some_and(|outer| !is_padded(outer.payload_length)), Evidence::EchLength);
    }
}

/// Whether an encrypted hello may be so long: padded to a multiple of 32 octets (RFC 9849, section 6.1.3), and 16 for the
/// tag. BoringSSL's GREASE has such lengths too (`setup_ech_grease` in its encrypted_client_hello.cc).
pub(super) fn is_padded(payload: u16) -> bool {
    payload % 32 == 16
}

/// BoringSSL puts GREASE first among suites, groups, shares and versions, and makes its first and its last extension of it;
/// groups and shares have one value, and the two extensions never do (`ssl_get_grease_value` and its callers, in
/// handshake_client.cc and extensions.cc).
fn grease(shape: &ClientShape, findings: &mut Findings) {
    for list in [&shape.cipher_suites, &shape.supported_groups, &shape.key_shares, &shape.supported_versions] {
        match list.iter().filter(|&&number| is_grease(number)).count() {
            _ if list.is_empty() => {}
            0 => findings.add(Evidence::GreaseMissing),
            1 => findings.add_if(!list.first().is_some_and(|&first| is_grease(first)), Evidence::GreaseMisplaced),
            _ => findings.add(Evidence::GreaseMisplaced),
        }
    }
    if let (Some(&group), Some(&share)) = (shape.supported_groups.first(), shape.key_shares.first()) {
        findings.add_if(is_grease(group) && is_grease(share) && group != share, Evidence::GreaseGroupNotShared);
    }
    let mut movable = shape.extensions.as_deref().unwrap_or_default();
    while let Some((&(PADDING | PRE_SHARED_KEY), rest)) = movable.split_last() {
        movable = rest;
    }
    let places: [Option<usize>; 3] = {
        let mut found = movable.iter().enumerate().filter(|&(_, &kind)| is_grease(kind)).map(|(at, _)| at);
        [found.next(), found.next(), found.next()]
    };
    match places {
        [None, ..] | [Some(_), None, _] => findings.add(Evidence::GreaseMissing),
        [Some(0), Some(last), None] if last.checked_add(1) == Some(movable.len()) => {
            findings.add_if(movable.first() == movable.last(), Evidence::GreaseExtensionsAlike);
        }
        _ => findings.add(Evidence::GreaseMisplaced),
    }
}
