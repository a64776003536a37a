//! What a HelloRetryRequest asks for, and what the client's second hello makes of the first (RFC 8446, section 4.1.2).
//!
//! In: both hellos. Out: which extensions came, went and changed, and whether anything did that has to stay. Lists are
//! sorted before they are compared: a hello may have thousands of extensions.

use std::cmp::Ordering;

use super::SESSION_ID;
use crate::event::{ClientShape, Retry};
use crate::tls::hello::Extensions;
use crate::tls::{ClientHello, EncryptedHello, ServerHello, extension};

/// What a HelloRetryRequest asks for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) group: Option<u16>,
    pub(super) cookie: Option<Box<[u8]>>,
    /// It has an encrypted_client_hello extension, whose content may confirm the client's (RFC 9849, section 7.2.1).
    pub(super) confirms_ech: bool,
    /// It has extensions that may ask for more.
    asks_for_more: bool,
}

impl Asked {
    pub(super) fn of(hello: &ServerHello<'_>) -> Self {
        Self {
            group: hello.key_share,
            cookie: hello.cookie.map(Box::from),
            confirms_ech: hello.extension_types().any(|kind| kind == extension::ENCRYPTED_CLIENT_HELLO),
            asks_for_more: hello.extension_types().any(|kind| !UNDERSTOOD.contains(&kind)),
        }
    }
}

/// A first hello, as far as the second is compared with it.
pub(super) struct First<'a> {
    pub(super) shape: &'a ClientShape,
    pub(super) random: &'a [u8; 32],
    pub(super) session_id: &'a [u8],
    /// Empty where no HelloRetryRequest can answer it.
    pub(super) extensions: &'a [u8],
}

/// What is known of a second hello.
#[derive(Debug, Default)]
pub(super) struct Second {
    pub(super) changes: Retry,
    /// A field before the extensions differs, or the order of those that stay.
    pub(super) differs: bool,
    /// Its encrypted_client_hello goes on with the key of the first: it has none of its own (RFC 9849, section 6.1.5).
    pub(super) is_encrypted_again: bool,
    /// Its encrypted_client_hello is the first's.
    pub(super) repeats_encrypted: bool,
    offers_early_data: bool,
    key_shares: Vec<u16>,
    cookie: Option<Box<[u8]>>,
}

impl Second {
    pub(super) fn of(first: &First<'_>, second: &ClientHello<'_>) -> Self {
        let shape = first.shape;
        let fields = shape.legacy_version == second.legacy_version
            && *first.random == second.random
            // One that is too long was not kept.
            && (first.session_id == second.session_id || second.session_id.len() > SESSION_ID)
            && shape.cipher_suites.iter().copied().eq(second.cipher_suites.iter())
            && *shape.compression_methods == *second.compression_methods;
        let outer = |hello: &ClientHello<'_>| hello.encrypted_hello.and_then(EncryptedHello::outer);
        let mut told = Self {
            differs: !fields,
            is_encrypted_again: outer(second).is_some_and(|outer| outer.enc_length == 0),
            ..Self::default()
        };
        // What was cut cannot be compared.
        if first.extensions.is_empty() || !second.is_complete() || shape.prints.is_none() {
            return told;
        }
        let (before, after) = (Extensions::new(first.extensions), second.extensions.unwrap_or_default());
        told.changes = changes(before, after);
        told.repeats_encrypted = outer(second).is_some() && !told.has_touched(extension::ENCRYPTED_CLIENT_HELLO);
        told.differs |= !told.is_encrypted_again && !staying(before).eq(staying(after));
        told.offers_early_data = second.offers_early_data;
        told.key_shares = second.key_shares.groups().take(MAX_LISTED).collect();
        told.cookie = after.entries().find(|&(kind, _)| kind == extension::COOKIE).map(|(_, content)| content.into());
        told
    }

    /// Whether it changes only what it may, and as it was asked to.
    pub(super) fn obeys(&self, asked: &Asked) -> bool {
        let Retry { added, removed, changed, .. } = &self.changes;
        let all =
            |kinds: &[u16], allowed: &[u16]| asked.asks_for_more || kinds.iter().all(|kind| allowed.contains(kind));
        let cookie = match (&asked.cookie, &self.cookie) {
            // The extension holds the cookie with its length.
            (Some(asked), Some(cookie)) => cookie.get(2..) == Some(asked),
            (None, cookie) => cookie.is_none(),
            (Some(_), None) => self.key_shares.is_empty(),
        };
        let share = match asked.group {
            Some(group) => self.key_shares.is_empty() || self.key_shares == [group],
            None => !changed.contains(&extension::KEY_SHARE),
        };
        all(added, &[extension::COOKIE, extension::PADDING, extension::KEY_SHARE, extension::KEY_SHARE_DRAFT])
            && all(removed, &[extension::EARLY_DATA, extension::PADDING, extension::PRE_SHARED_KEY])
            && all(changed, MUTABLE)
            && cookie
            && share
            && !self.offers_early_data
    }

    fn has_touched(&self, kind: u16) -> bool {
        let Retry { added, removed, changed, .. } = &self.changes;
        [added, removed, changed].into_iter().any(|kinds| kinds.contains(&kind))
    }
}

/// Which extensions came, went and changed.
fn changes(before: Extensions<'_>, after: Extensions<'_>) -> Retry {
    let (before, after) = (sorted(before), sorted(after));
    let (mut before, mut after) = (before.as_slice(), after.as_slice());
    let mut changes = Retry::default();
    loop {
        let order = match (before.first(), after.first()) {
            (None, None) => return changes,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((one, _)), Some((other, _))) => one.cmp(other),
        };
        let list = match (order, before.first(), after.first()) {
            (Ordering::Less, Some((kind, _)), _) => Some((&mut changes.removed, *kind)),
            (Ordering::Greater, _, Some((kind, _))) => Some((&mut changes.added, *kind)),
            (_, Some((kind, one)), Some((_, other))) if one != other => Some((&mut changes.changed, *kind)),
            _ => None,
        };
        if let Some((list, kind)) = list
            && list.len() < MAX_LISTED
        {
            list.push(kind);
        }
        if order != Ordering::Greater {
            before = before.get(1..).unwrap_or_default();
        }
        if order != Ordering::Less {
            after = after.get(1..).unwrap_or_default();
        }
    }
}

fn sorted(extensions: Extensions<'_>) -> Vec<(u16, &[u8])> {
    let mut entries: Vec<_> = extensions.entries().collect();
    entries.sort_by_key(|&(kind, _)| kind);
    entries
}

/// The types of what has to stay, in wire order.
fn staying(extensions: Extensions<'_>) -> impl Iterator<Item = u16> {
    let may_go = |kind: u16| matches!(kind, extension::EARLY_DATA | extension::COOKIE) || MUTABLE.contains(&kind);
    extensions.types().filter(move |&kind| !may_go(kind))
}

/// Extensions whose content a second hello may change (RFC 8446, section 4.1.2; RFC 9849, section 6.1.5).
const MUTABLE: &[u16] = &[
    extension::KEY_SHARE,
    extension::KEY_SHARE_DRAFT,
    extension::PRE_SHARED_KEY,
    extension::PADDING,
    extension::ENCRYPTED_CLIENT_HELLO,
];
/// Extensions of a HelloRetryRequest that ask for nothing but what is looked at here.
const UNDERSTOOD: &[u16] = &[
    extension::SUPPORTED_VERSIONS,
    extension::COOKIE,
    extension::KEY_SHARE,
    extension::KEY_SHARE_DRAFT,
    extension::ENCRYPTED_CLIENT_HELLO,
];
/// Of each list as many are told.
const MAX_LISTED: usize = 64;
