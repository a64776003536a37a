//! How a client began HTTP/2, by the lengths of its first encrypted records.
//!
//! Before its first request a client sends a preface of 24 octets, a SETTINGS frame and, here, a WINDOW_UPDATE (RFC 9113,
//! sections 3.4, 6.5 and 6.9). Browsers hand them to TLS as one piece, and each request as another. Libraries that pass
//! for a browser send the same frames, but cut them otherwise. The answer to the server's settings is of 9 octets, and
//! tells HTTP/2 from a request of HTTP/1.1, which may be as long as all of those together.

use super::Findings;
use super::table::{Preface, Profile};
use crate::event::Evidence;

pub(super) fn check(profile: &Profile, records: &[u16], findings: &mut Findings) {
    if profile.preface != Some(Preface::Apart) {
        return;
    }
    let [_finished, first, rest @ ..] = records else { return };
    let first = first.saturating_sub(OVERHEAD);
    let is_answer = |record: &u16| matches!(record.saturating_sub(OVERHEAD), ACKNOWLEDGEMENT | ACKNOWLEDGED_AND_GONE);
    // The server's settings are answered: this is HTTP/2.
    let answered = rest.iter().any(is_answer);
    let fits = |length: u16| (0..=profile.priorities).any(|frames| is_preface(length, frames));
    if first == PREFACE {
        findings.add(Evidence::PrefaceAlone);
    } else if first > LONGEST {
        findings.add_if(rest.first().is_some_and(is_answer), Evidence::PrefaceWithRequest);
    } else if first > PREFACE && !fits(first) {
        // Or they are answered in the same record.
        let with_answer = first.checked_sub(ACKNOWLEDGEMENT).is_some_and(fits);
        findings.add_if(answered || with_answer, Evidence::PrefaceLength);
    } else if first > PREFACE
        && let Some(record) = rest.iter().find(|record| !is_answer(record))
    {
        let length = record.saturating_sub(OVERHEAD);
        if !(SHORTEST_FRAME..SHORTEST_REQUEST).contains(&length) {
            findings.add(Evidence::PrefaceFits);
        } else if answered {
            findings.add(Evidence::RequestTooShort);
        }
    }
}

/// Whether preface, settings, a window update and so many PRIORITY frames are together so long.
fn is_preface(length: u16, priorities: u16) -> bool {
    let before = PREFACE
        .saturating_add(HEADER)
        .saturating_add(WINDOW_UPDATE)
        .saturating_add(priorities.saturating_mul(PRIORITY));
    length.checked_sub(before).is_some_and(|settings| settings % SETTING == 0 && settings / SETTING <= MOST_SETTINGS)
}

/// A record of TLS 1.3 is so much longer than what it carries: the content's type and a tag (RFC 8446, section 5.2).
const OVERHEAD: u16 = 17;
const PREFACE: u16 = 24;
/// Of a frame (RFC 9113, section 4.1).
const HEADER: u16 = 9;
const SETTING: u16 = 6;
/// Browsers send three to five.
const MOST_SETTINGS: u16 = 8;
const WINDOW_UPDATE: u16 = 13;
const PRIORITY: u16 = 14;
/// A SETTINGS frame that answers another, and one with a GOAWAY behind it.
const ACKNOWLEDGEMENT: u16 = 9;
const ACKNOWLEDGED_AND_GONE: u16 = 26;
/// Preface, settings and priorities are no longer.
const LONGEST: u16 = PREFACE + HEADER + WINDOW_UPDATE + MOST_SETTINGS * SETTING + 6 * PRIORITY;
/// Shorter than this are frames that no request is in: PING, WINDOW_UPDATE, PRIORITY_UPDATE.
const SHORTEST_FRAME: u16 = 42;
/// A browser's User-Agent alone takes 80 octets and more after HPACK's Huffman code (RFC 7541, appendix B).
const SHORTEST_REQUEST: u16 = 84;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::table::Table;
    use super::*;

    fn found(records: &[u16]) -> Vec<Evidence> {
        let mut findings = Findings::default();
        let table = Table::built_in();
        check(table.first().unwrap(), records, &mut findings);
        findings.evidence.to_vec()
    }

    #[test]
    fn a_preface_of_its_own_and_one_with_the_request_are_told_from_a_browsers() {
        assert_eq!(found(&[53, 87, 26, 471]), [Evidence::PrefaceFits]);
        assert_eq!(found(&[53, 41, 63, 467]), [Evidence::PrefaceAlone]);
        assert_eq!(found(&[53, 74, 26, 30]), [Evidence::PrefaceLength]);
        assert_eq!(found(&[53, 553, 26, 43]), [Evidence::PrefaceWithRequest]);
        assert_eq!(found(&[53, 87, 26, 79]), [Evidence::RequestTooShort]);
    }

    #[test]
    fn requests_of_http_1_1_are_not_held_against_a_browser() {
        assert_eq!(found(&[53, 620]), []);
        assert_eq!(found(&[53, 620, 540, 600]), []);
        assert_eq!(found(&[53, 150, 152]), []);
        assert_eq!(found(&[53]), []);
        assert_eq!(found(&[]), []);
    }
}
