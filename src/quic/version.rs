//! The versions of QUIC: how each looks on the wire, and what its Initial keys are made of.
//!
//! One table. Salts and labels: RFC 9001, section 5.2; RFC 9369, section 3.3; the drafts of both; mvfst, and quiche for
//! what Google ran before the RFC.

use super::frame::Dialect;

/// What a version number says of the packets that carry it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Family {
    /// The long header of RFC 9000, with protected Initial packets.
    Long(&'static Wire),
    /// gQUIC with its own header: Q039 to Q043. Those before it have their integers the other way round.
    GooglePublic,
    /// gQUIC with a long header whose connection ids have four bits of length each: Q044, Q046, Q047, Q048.
    GoogleLong,
    /// gQUIC with the long header of RFC 9000 and no protection: Q049.
    GoogleUnprotected,
}

/// How a version's packets are read.
#[derive(Debug)]
pub(super) struct Wire {
    /// For the Initial secret; where several are in use under one number, the likeliest first.
    pub(super) salts: &'static [Salt],
    pub(super) labels: &'static Labels,
    /// What the two bits of the type say.
    pub(super) kinds: [Kind; 4],
    pub(super) dialect: Dialect,
    pub(super) handshake: Handshake,
    /// Of the Retry Integrity Tag; absent where a version has none, or its secret is not known.
    pub(super) retry: Option<&'static RetrySecret>,
}

pub(super) type Salt = [u8; 20];

/// The labels of HKDF-Expand-Label, as the info that HKDF takes (RFC 8446, section 7.1).
#[derive(Debug)]
pub(super) struct Labels {
    pub(super) key: &'static [u8],
    pub(super) iv: &'static [u8],
    pub(super) header: &'static [u8],
}

/// RFC 9001, section 5.8.
#[derive(Debug)]
pub(super) struct RetrySecret {
    pub(super) key: [u8; 16],
    pub(super) nonce: [u8; 12],
}

/// The type of a long header packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
}

/// What the CRYPTO stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handshake {
    Tls,
    /// Tags and values of gQUIC.
    Tags,
}

/// How packets of this version look, if it is a known one.
pub(super) fn family(version: u32) -> Option<Family> {
    let wire = match version {
        0x0000_0001 | 0xff00_0021 | 0xff00_0022 => &V1,
        0x6b33_43cf => &V2,
        0xff00_001d..=0xff00_0020 => &DRAFT_29,
        0xff00_0019..=0xff00_001c => &DRAFT_25,
        0xff00_0017 | 0xff00_0018 => &DRAFT_23,
        0xff00_0016 => &DRAFT_22,
        0xface_b001 => &MVFST_22,
        0xface_b003 | 0xface_b004 => &MVFST_V1,
        0xface_b002 | 0xface_b005..=0xface_b0ff => &MVFST_27,
        0x709a_50c4 => &V2_DRAFT,
        0x5130_3530 => &Q050,
        0x5430_3530 => &T050,
        0x5430_3531 => &T051,
        0x5130_3339 | 0x5130_3431..=0x5130_3433 => return Some(Family::GooglePublic),
        0x5130_3434 | 0x5130_3436..=0x5130_3438 => return Some(Family::GoogleLong),
        0x5130_3439 => return Some(Family::GoogleUnprotected),
        reserved if is_reserved(reserved) => &RESERVED,
        _ => return None,
    };
    Some(Family::Long(wire))
}

/// Whether no version has this number, so that the server must name its own (RFC 9000, section 15).
pub(super) fn is_reserved(version: u32) -> bool {
    version & 0x0f0f_0f0f == 0x0a0a_0a0a
}

/// RFC 9000, table 5.
const KINDS: [Kind; 4] = [Kind::Initial, Kind::ZeroRtt, Kind::Handshake, Kind::Retry];
/// RFC 9369, section 3.2.
const KINDS_V2: [Kind; 4] = [Kind::Retry, Kind::Initial, Kind::ZeroRtt, Kind::Handshake];

static V1: Wire = RFC;
const RFC: Wire = Wire {
    salts: &[SALT_V1],
    labels: &LABELS,
    kinds: KINDS,
    dialect: Dialect::Ietf,
    handshake: Handshake::Tls,
    retry: Some(&RETRY_V1),
};
static V2: Wire = Wire { salts: &[SALT_V2], labels: &LABELS_V2, kinds: KINDS_V2, retry: Some(&RETRY_V2), ..RFC };
static V2_DRAFT: Wire = Wire { salts: &[SALT_V2_DRAFT], labels: &LABELS_V2, kinds: KINDS_V2, retry: None, ..RFC };
/// Drafts 29 to 32.
static DRAFT_29: Wire = Wire { salts: &[SALT_29], retry: Some(&RETRY_29), ..RFC };
/// Drafts 25 to 28.
static DRAFT_25: Wire = Wire { salts: &[SALT_23], retry: Some(&RETRY_25), ..RFC };
/// Drafts 23 and 24, whose Retry has no tag.
static DRAFT_23: Wire = Wire { salts: &[SALT_23], retry: None, ..RFC };
static DRAFT_22: Wire = Wire { salts: &[SALT_22], retry: None, ..RFC };
/// A client that tries such a number does so with the keys of the version that it means.
static RESERVED: Wire = Wire { salts: &[SALT_V1, SALT_29], retry: None, ..RFC };
/// mvfst never changed a salt without need.
static MVFST_22: Wire = Wire { salts: &[SALT_22, SALT_23], retry: None, ..RFC };
static MVFST_27: Wire = Wire { salts: &[SALT_23, SALT_V1], retry: None, ..RFC };
static MVFST_V1: Wire = Wire { salts: &[SALT_V1, SALT_23], retry: None, ..RFC };
static Q050: Wire =
    Wire { salts: &[SALT_Q050], dialect: Dialect::Google, handshake: Handshake::Tags, retry: None, ..RFC };
static T050: Wire = Wire { salts: &[SALT_T050], dialect: Dialect::Google, retry: None, ..RFC };
static T051: Wire = Wire { salts: &[SALT_T051], dialect: Dialect::Google, retry: None, ..RFC };

static LABELS: Labels = Labels {
    key: b"\x00\x10\x0etls13 quic key\x00",
    iv: b"\x00\x0c\x0dtls13 quic iv\x00",
    header: b"\x00\x10\x0dtls13 quic hp\x00",
};
static LABELS_V2: Labels = Labels {
    key: b"\x00\x10\x10tls13 quicv2 key\x00",
    iv: b"\x00\x0c\x0ftls13 quicv2 iv\x00",
    header: b"\x00\x10\x0ftls13 quicv2 hp\x00",
};

const SALT_V1: Salt = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f,
    0x0a,
];
const SALT_V2: Salt = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e,
    0xd9,
];
const SALT_V2_DRAFT: Salt = [
    0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d, 0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a, 0xe3, 0xe5,
    0xd3,
];
const SALT_29: Salt = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8,
    0x99,
];
const SALT_23: Salt = [
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5,
    0x02,
];
const SALT_22: Salt = [
    0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64,
    0x4a,
];
const SALT_Q050: Salt = [
    0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94, 0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0, 0xd3, 0xb5, 0x6b,
    0x45,
];
const SALT_T050: Salt = [
    0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80, 0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60, 0x48, 0x83,
    0x10,
];
const SALT_T051: Salt = [
    0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50, 0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda, 0x6e, 0x03,
    0x3d,
];

static RETRY_V1: RetrySecret = RetrySecret {
    key: [0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e],
    nonce: [0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb],
};
static RETRY_V2: RetrySecret = RetrySecret {
    key: [0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb, 0xcb, 0xce, 0xad, 0x7c, 0xcc, 0x92],
    nonce: [0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a],
};
static RETRY_29: RetrySecret = RetrySecret {
    key: [0xcc, 0xce, 0x18, 0x7e, 0xd0, 0x9a, 0x09, 0xd0, 0x57, 0x28, 0x15, 0x5a, 0x6c, 0xb9, 0x6b, 0xe1],
    nonce: [0xe5, 0x49, 0x30, 0xf9, 0x7f, 0x21, 0x36, 0xf0, 0x53, 0x0a, 0x8c, 0x1c],
};
static RETRY_25: RetrySecret = RetrySecret {
    key: [0x4d, 0x32, 0xec, 0xdb, 0x2a, 0x21, 0x33, 0xc8, 0x41, 0xe4, 0x04, 0x3d, 0xf2, 0x7d, 0x44, 0x30],
    nonce: [0x4d, 0x16, 0x11, 0xd0, 0x55, 0x13, 0xa5, 0x52, 0xc5, 0x87, 0xd5, 0x75],
};
