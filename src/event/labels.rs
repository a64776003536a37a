//! What is known to send a hello like a session's, or to show a certificate like its server's.
//!
//! Made by `judge::labels`, read by `detect` and `sink`. Sessions with the same fingerprints share their labels by `Arc`.

use std::sync::Arc;

use super::Side;

/// The labels of a session (`tlsight.labels`).
#[derive(Debug, Clone, Default)]
pub struct Labels {
    pub client: Option<Arc<LabelSet>>,
    pub server: Option<Arc<LabelSet>>,
}

impl Labels {
    /// All of them: the client's, then the server's.
    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        [&self.client, &self.server].into_iter().flatten().flat_map(|set| set.labels.iter())
    }
}

/// Labels that belong together, most specific first; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSet {
    pub labels: Box<[Label]>,
}

/// One piece of software that is known by a fingerprint of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Whose fingerprint it is.
    pub side: Side,
    pub software: Box<str>,
    /// Where only some ways of using it send this: which.
    pub setup: Option<Box<str>>,
    /// One version, or the first and the last that are known to send this.
    pub version: Option<Box<str>>,
    /// The TLS library in it, with its version where that is known.
    pub library: Option<Box<str>>,
    pub role: Option<Role>,
    pub specificity: Specificity,
    pub evidence: Evidence,
    /// Who says so: `measured`, or where it was imported from.
    pub source: Box<str>,
    /// Software built on this that is listed with the same fingerprints: they cannot tell it from this.
    pub also: Box<[Box<str>]>,
}

/// What a piece of software is to those who look for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Browser,
    /// A TLS library, or one that programs do HTTP with.
    Library,
    /// A program for one task.
    Tool,
    /// Looks for services, pages or weaknesses.
    Scanner,
    BotFramework,
    /// Sends the hello of another, on purpose.
    Impersonator,
    Malware,
}

/// How much a label says, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Specificity {
    /// A TLS library or a language as it is: everything that is built on it and changes nothing sends the same.
    Runtime,
    /// A library that sets something of its own, in any program.
    Library,
    /// One program.
    Application,
}

/// By what a session was known, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Evidence {
    /// The resumption-stable key alone.
    Stable,
    /// The JA4 alone: groups and order are others than those that are known, or are not known.
    Ja4,
    /// The JA3 alone.
    Ja3,
    /// JA4 and JA3, the latter over sorted extensions where the client shuffles them.
    Hello,
    /// A fingerprint of the server's hello or of the form of its certificate.
    Server,
    /// The hash of the certificate.
    Certificate,
}

impl Role {
    pub const ALL: [Self; 7] = [
        Self::Browser,
        Self::Library,
        Self::Tool,
        Self::Scanner,
        Self::BotFramework,
        Self::Impersonator,
        Self::Malware,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Library => "library",
            Self::Tool => "tool",
            Self::Scanner => "scanner",
            Self::BotFramework => "bot framework",
            Self::Impersonator => "impersonator",
            Self::Malware => "malware",
        }
    }
}

impl Specificity {
    pub const ALL: [Self; 3] = [Self::Runtime, Self::Library, Self::Application];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Library => "library",
            Self::Application => "application",
        }
    }
}

impl Evidence {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Ja4 => "ja4",
            Self::Ja3 => "ja3",
            Self::Hello => "hello",
            Self::Server => "server",
            Self::Certificate => "certificate",
        }
    }
}
