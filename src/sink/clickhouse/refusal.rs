//! What an error of the server means for the rows, and how it is told.

use clickhouse::error::Error;

use super::Target;
use super::target::{PASSWORD_VARIABLE, TOKEN_VARIABLE, USER_VARIABLE};

/// What follows from a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Later it may work.
    Passing,
    /// The server has said no to these rows, and would again: others may fare better.
    Batch,
    /// No rows will be taken until somebody changes something: a login, a right, a table.
    Store,
    /// The server has given a reason of which nothing is known.
    Unknown,
}

impl Meaning {
    pub fn of(error: &Error) -> Self {
        match error {
            Error::SchemaMismatch(_) | Error::InvalidParams(_) | Error::Unsupported(_) => Self::Store,
            _ => match code(error) {
                None => Self::Passing,
                Some(code) if STORE.contains(&code) => Self::Store,
                Some(code) if BATCH.contains(&code) => Self::Batch,
                Some(code) if PASSING.contains(&code) => Self::Passing,
                Some(_) => Self::Unknown,
            },
        }
    }
}

/// An error in the user's terms, with what mends it.
pub fn told(error: &Error, target: &Target) -> String {
    match code(error) {
        Some(192..=194 | 516) if target.is_by_token() => {
            format!("the token was refused: set {TOKEN_VARIABLE} to another")
        }
        Some(192..=194 | 516) => {
            let user = target.user.as_deref().unwrap_or("default");
            format!(
                "user `{user}` or its password was refused: set {USER_VARIABLE} and {PASSWORD_VARIABLE} or \
                 {TOKEN_VARIABLE}, or write them into the URL"
            )
        }
        Some(81) => {
            let name = &target.database;
            format!(
                "there is no database `{name}`: make it with `tlsight clickhouse init`, or name another one in the URL"
            )
        }
        Some(497) => format!("the user lacks a right: {}", one_line(error)),
        _ => one_line(error),
    }
}

/// The server's own number of an error.
fn code(error: &Error) -> Option<u32> {
    let Error::BadResponse(text) = error else { return None };
    let (_, rest) = text.split_once("Code: ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// An error on one line of bounded length, without control characters, with what lies below it.
fn one_line(error: &impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(below) = cause {
        let below_text = below.to_string();
        if !text.contains(&below_text) {
            text = format!("{text}: {below_text}");
        }
        cause = below.source();
    }
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no answer");
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Unknown identifier, type, table or setting (16, 47, 50, 60, 115), syntax (62), unknown database (81), read-only user (164),
/// login (192 to 194, 516), rights (497).
const STORE: &[u32] = &[16, 47, 50, 60, 62, 81, 115, 164, 192, 193, 194, 497, 516];

/// Data that does not fit the columns: texts, dates and numbers that cannot be read (6, 26, 27, 32, 33, 38, 41, 72), other
/// types (43, 53, 70), sizes over a bound (69, 128, 131), incorrect data (117), a checksum or a block that is wrong (40, 271),
/// a constraint (469).
const BATCH: &[u32] = &[6, 26, 27, 32, 33, 38, 40, 41, 43, 53, 69, 70, 72, 117, 128, 131, 271, 469];

/// Time and load (159, 160, 202, 203, 209, 241, 252, 439), the network (198, 210, 279), Keeper and replicas (225, 242, 285, 286,
/// 319, 999), space on disk (243), a server that is going down (236, 394, 425, 598).
const PASSING: &[u32] =
    &[159, 160, 198, 202, 203, 209, 210, 225, 236, 241, 242, 243, 252, 279, 285, 286, 319, 394, 425, 439, 598, 999];

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u32) -> Error {
        Error::BadResponse(format!("Code: {code}. DB::Exception: no. (NO) (version 26.9.2.1)"))
    }

    #[test]
    fn every_code_has_one_meaning() {
        let mut all: Vec<_> = [STORE, BATCH, PASSING].concat();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn what_the_server_says_decides() {
        assert_eq!(Meaning::of(&answer(33)), Meaning::Batch);
        assert_eq!(Meaning::of(&answer(516)), Meaning::Store);
        assert_eq!(Meaning::of(&answer(252)), Meaning::Passing);
        assert_eq!(Meaning::of(&answer(49)), Meaning::Unknown);
        assert_eq!(Meaning::of(&Error::TimedOut), Meaning::Passing);
        assert_eq!(Meaning::of(&Error::BadResponse("bad gateway".to_owned())), Meaning::Passing);
    }

    #[test]
    fn errors_are_one_line() {
        let error = Error::BadResponse("\nfirst\u{7}\nsecond".to_owned());
        assert!(!one_line(&error).contains(['\n', '\u{7}']));
    }
}
