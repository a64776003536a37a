//! Whether a client is the browser that its ClientHello looks like: the verdict, and what it rests on.
//!
//! Made by `judge`, from what the fingerprints do not see. In words of the schema; decides nothing.

use std::sync::Arc;

use arrayvec::ArrayVec;

/// What was found about a client whose hello looks like a browser's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Browser {
    /// Family and versions whose hello this is the shape of: `Chromium 133-151`.
    pub claims: Arc<str>,
    pub verdict: Verdict,
    pub evidence: ArrayVec<Evidence, MAX_EVIDENCE>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// All that could be looked at is as that browser does it, and some of it is what imitations get wrong.
    Consistent,
    /// That browser does not do this.
    Impersonation,
    /// Nothing speaks against it that could not have another reason, or nothing could be looked at.
    Undecided,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Consistent => "consistent",
            Self::Impersonation => "impersonation",
            Self::Undecided => "undecided",
        }
    }
}

/// A thing that the browser does not do, or that a copy of its hello alone does not bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evidence {
    GreaseMissing,
    GreaseMisplaced,
    GreaseGroupNotShared,
    GreaseExtensionsAlike,
    GreaseRepeated,
    ExtensionOrderRepeated,
    HybridKeyNotReused,
    HybridKeyReused,
    KeyShares,
    AlpnOfQuic,
    EchLength,
    EchGreaseLength,
    PrefaceAlone,
    PrefaceLength,
    PrefaceWithRequest,
    RequestTooShort,
    ForeignSystem,
    /// In favour: the preface was packed as the browser packs it.
    PrefaceFits,
    /// In favour: the keys were made as the browser makes them.
    HybridKeyFits,
    /// In favour: the extensions stand in another order each time.
    ExtensionOrderVaries,
}

impl Evidence {
    /// The code that records and rules carry.
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// What it means, for people.
    pub fn words(self) -> &'static str {
        self.row().1
    }

    pub const ALL: [Self; 20] = [
        Self::GreaseMissing,
        Self::GreaseMisplaced,
        Self::GreaseGroupNotShared,
        Self::GreaseExtensionsAlike,
        Self::GreaseRepeated,
        Self::ExtensionOrderRepeated,
        Self::HybridKeyNotReused,
        Self::HybridKeyReused,
        Self::KeyShares,
        Self::AlpnOfQuic,
        Self::EchLength,
        Self::EchGreaseLength,
        Self::PrefaceAlone,
        Self::PrefaceLength,
        Self::PrefaceWithRequest,
        Self::RequestTooShort,
        Self::ForeignSystem,
        Self::PrefaceFits,
        Self::HybridKeyFits,
        Self::ExtensionOrderVaries,
    ];

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::GreaseMissing => ("grease_missing", "a list lacks the GREASE value that this browser puts in it"),
            Self::GreaseMisplaced => ("grease_misplaced", "a GREASE value stands where this browser puts none"),
            Self::GreaseGroupNotShared => {
                ("grease_group_not_shared", "the GREASE values of groups and key shares differ; one value fills both")
            }
            Self::GreaseExtensionsAlike => ("grease_extensions_alike", "both GREASE extensions have the same number"),
            Self::GreaseRepeated => (
                "grease_repeated",
                "all GREASE values are those of three hellos in a row; they are drawn anew each time",
            ),
            Self::ExtensionOrderRepeated => (
                "extension_order_repeated",
                "the extensions stand as in an earlier hello of this host; this browser shuffles them each time",
            ),
            Self::HybridKeyNotReused => (
                "hybrid_key_not_reused",
                "the hybrid share has an X25519 key of its own; this browser uses one for both",
            ),
            Self::HybridKeyReused => {
                ("hybrid_key_reused", "the hybrid share repeats the X25519 share's key; this browser makes two")
            }
            Self::KeyShares => ("key_shares", "the key shares are a set that this browser never sends"),
            Self::AlpnOfQuic => ("alpn_of_quic", "HTTP/3 is offered over TCP, where no browser offers it"),
            Self::EchLength => ("ech_length", "the encrypted hello has a length that this browser never gives it"),
            Self::EchGreaseLength => (
                "ech_grease_length",
                "the encrypted hello is GREASE, for its configuration changes each time, and as long as another library makes it",
            ),
            Self::PrefaceAlone => {
                ("preface_alone", "HTTP/2's preface came in a record of its own, without the settings")
            }
            Self::PrefaceLength => {
                ("preface_length", "HTTP/2's preface and settings are of another length than the browser's")
            }
            Self::PrefaceWithRequest => (
                "preface_with_request",
                "HTTP/2's preface, settings and first request came in one record; this browser writes them apart",
            ),
            Self::RequestTooShort => {
                ("request_too_short", "the first request is too short to hold what this browser says of itself")
            }
            Self::ForeignSystem => {
                ("foreign_system", "the connection was opened by a system that this browser does not run on")
            }
            Self::PrefaceFits => ("preface_fits", "HTTP/2 was begun as this browser begins it"),
            Self::HybridKeyFits => ("hybrid_key_fits", "the keys of both shares relate as this browser makes them"),
            Self::ExtensionOrderVaries => ("extension_order_varies", "the extensions were shuffled anew"),
        }
    }
}

/// So much can be said of one hello.
pub const MAX_EVIDENCE: usize = 12;
