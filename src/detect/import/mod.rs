//! Rules of other programs, made into Sigma rules.
//!
//! In: their text. Out: an [`Import`]: YAML that loads, lists beside it, and for each rule that has no counterpart here its
//! line and the reason. What is kept means what it meant; where it cannot, it is left out.
#![forbid(unsafe_code)]

mod sigma;
pub mod suricata;

/// What came of a file of rules.
#[derive(Debug, Default)]
pub struct Import {
    /// Sigma rules, a YAML document each.
    pub rules: String,
    /// How many they are.
    pub count: usize,
    /// Files for `lists/`: name and text.
    pub lists: Vec<(String, String)>,
    /// `file:line: why`, for each rule that is left out.
    pub left_out: Vec<String>,
    /// `file:line: what`, where a part of a rule that does not decide whether it fires was dropped.
    pub notes: Vec<String>,
    /// Rules that were switched off by a `#`.
    pub commented: usize,
}
