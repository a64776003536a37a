//! The browsers of `rules/browsers.toml`, read once.
//!
//! In: the table's text, which is part of the program. Out: the profile that a hello's shape claims.

use std::sync::Arc;

use serde::Deserialize;

use crate::decode::System;
use crate::event::ClientShape;
use crate::wire::registry::is_grease;

/// All profiles, in the order in which they are tried.
#[derive(Debug)]
pub(super) struct Table(Vec<Profile>);

/// A browser: what its hello looks like, and what it does beside.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) claims: Arc<str>,
    ciphers: Vec<u16>,
    pub(super) grease: Grease,
    #[serde(default)]
    has: Vec<u16>,
    #[serde(default)]
    shares: Vec<u16>,
    order: Option<Vec<u16>>,
    #[serde(default)]
    pub(super) new_schemes: bool,
    #[serde(default)]
    pub(super) share_sets: Vec<Vec<u16>>,
    #[serde(default)]
    pub(super) shuffles: bool,
    pub(super) hybrid: Option<Hybrid>,
    pub(super) ech_lengths: Option<EchLengths>,
    pub(super) preface: Option<Preface>,
    /// PRIORITY frames that may stand behind the preface.
    #[serde(default)]
    pub(super) priorities: u16,
    #[serde(default, deserialize_with = "system")]
    pub(super) system: Option<System>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Grease {
    Boringssl,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Hybrid {
    OneKey,
    TwoKeys,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EchLengths {
    Outer,
    GreaseDiffers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Preface {
    Apart,
}

impl Table {
    pub(super) fn built_in() -> Self {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            browser: Vec<Profile>,
        }
        // The text is a part of the program, and a test reads it: without it there are no profiles, and no verdicts.
        let file = toml::from_str::<File>(TEXT);
        debug_assert!(file.is_ok(), "{:?}", file.err());
        Self(file.map(|file| file.browser).unwrap_or_default())
    }

    #[cfg(test)]
    pub(super) fn first(&self) -> Option<&Profile> {
        self.0.first()
    }

    /// The first profile that a hello fits, and its place.
    pub(super) fn claimed_by(&self, shape: &ClientShape) -> Option<(u16, &Profile)> {
        let at = self.0.iter().position(|profile| profile.fits(shape))?;
        Some((u16::try_from(at).ok()?, self.0.get(at)?))
    }
}

impl Profile {
    fn fits(&self, shape: &ClientShape) -> bool {
        let extensions = shape.extensions.as_deref().unwrap_or_default();
        let greased = shape.cipher_suites.first().is_some_and(|&suite| is_grease(suite));
        greased == (self.grease == Grease::Boringssl)
            && plain(&shape.cipher_suites).eq(self.ciphers.iter().copied())
            && self.has.iter().all(|wanted| extensions.contains(wanted))
            && self.shares.iter().all(|wanted| shape.key_shares.contains(wanted))
            && self.order.as_ref().is_none_or(|order| ordered(extensions).eq(order.iter().copied()))
            && (!self.new_schemes || shape.signature_algorithms.first().is_some_and(|&scheme| is_grease(scheme)))
    }
}

/// A list without GREASE.
pub(super) fn plain(list: &[u16]) -> impl Iterator<Item = u16> + '_ {
    list.iter().copied().filter(|&number| !is_grease(number))
}

/// The extensions whose order is the browser's choice: padding and pre_shared_key have their places (RFC 8446, section
/// 4.2.11).
pub(super) fn ordered(extensions: &[u16]) -> impl Iterator<Item = u16> + '_ {
    plain(extensions).filter(|&kind| kind != PADDING && kind != PRE_SHARED_KEY)
}

fn system<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<System>, D::Error> {
    match String::deserialize(from)?.as_str() {
        "apple" => Ok(Some(System::Apple)),
        "linux" => Ok(Some(System::Linux)),
        "windows" => Ok(Some(System::Windows)),
        other => Err(serde::de::Error::custom(format!("there is no system `{other}`"))),
    }
}

pub(super) const PADDING: u16 = 0x15;
pub(super) const PRE_SHARED_KEY: u16 = 0x29;
const TEXT: &str = include_str!("../../../rules/browsers.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read() {
        let Table(profiles) = Table::built_in();
        assert!(profiles.len() > 10);
        assert!(profiles.iter().all(|profile| !profile.ciphers.is_empty() && !profile.claims.is_empty()));
    }
}
