//! Dialogues of lines, and of XML: SMTP and LMTP (RFC 3207), IMAP and POP3 (RFC 2595), FTP (RFC 4217), NNTP (RFC 4642),
//! ManageSieve (RFC 5804), IRC, XMPP (RFC 6120).

use super::{Evidence, Expect, HOLD, Notes, Unit};

/// A line as far as it is here.
pub(super) enum Line<'a> {
    More,
    /// Without its end, and with how many bytes it has.
    Whole(&'a [u8], usize),
    /// Longer than what is kept of it.
    Long(&'a [u8]),
}

impl<'a> Line<'a> {
    pub(super) fn of(view: &'a [u8], end: u8) -> Self {
        match view.iter().position(|&byte| byte == end) {
            Some(place) => Self::Whole(view.get(..place).unwrap_or_default(), place.saturating_add(1)),
            None if view.len() < HOLD => Self::More,
            None => Self::Long(view),
        }
    }
}

/// The text up to `end`, as far as it is kept, and the unit that it makes; `None` where more is wanted.
pub(super) fn unit(view: &[u8], end: u8, then: Expect) -> Option<(&[u8], Unit)> {
    match Line::of(view, end) {
        Line::More => None,
        Line::Whole(text, length) => Some((text, Unit::Sized(length, then))),
        Line::Long(text) => Some((text, Unit::Until(end, then))),
    }
}

/// A line of a dialogue.
pub(super) fn line(view: &[u8], notes: &mut Notes) -> Unit {
    let Some((text, unit)) = unit(view, b'\n', Expect::Line) else { return Unit::More };
    if text.contains(&0) {
        return Unit::Other;
    }
    notes.evidence.add(Evidence::TEXT);
    notes.evidence.add(told_by(text.strip_suffix(b"\r").unwrap_or(text)));
    unit
}

/// A tag and the text before it, or one byte of white space between tags.
pub(super) fn tag(view: &[u8], notes: &mut Notes) -> Unit {
    if let [b' ' | b'\t' | b'\r' | b'\n', ..] = view {
        return Unit::Sized(1, Expect::Tag);
    }
    let Some((text, unit)) = unit(view, b'>', Expect::Tag) else { return Unit::More };
    if text.contains(&0) {
        return Unit::Other;
    }
    notes.evidence.add(Evidence::TEXT);
    if XMPP_TAGS.iter().any(|tag| text.windows(tag.len()).any(|part| part == *tag)) {
        notes.evidence.add(Evidence::XMPP);
    }
    unit
}

/// What a line of either side tells.
fn told_by(line: &[u8]) -> Evidence {
    let mut words = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is = |word: &[u8], text: &str| word.eq_ignore_ascii_case(text.as_bytes());
    let code = first.get(..3).unwrap_or_default();
    match first {
        // Replies: a code, and a space or a hyphen.
        [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'] | [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..]
            if !(first.len() == 3 && is(second, "STARTTLS") && code != b"250") =>
        {
            match code {
                b"220" => Evidence::READY,
                b"250" => Evidence::SMTP,
                b"234" => Evidence::FTP,
                b"382" => Evidence::NNTP,
                b"200" | b"201" => Evidence::READER,
                _ => Evidence::NONE,
            }
        }
        b"*" if ["OK", "PREAUTH", "CAPABILITY", "BYE"].iter().any(|text| is(second, text)) => Evidence::IMAP,
        b"+OK" => Evidence::POP3,
        [b'"', ..] if ["\"IMPLEMENTATION\"", "\"SIEVE\"", "\"STARTTLS\""].iter().any(|text| is(first, text)) => {
            Evidence::SIEVE
        }
        [b':', ..] if second == b"670" => Evidence::IRC,
        [b':', ..] if is_irc_reply(second) => Evidence::CHAT,
        _ if ["EHLO", "LHLO", "HELO"].iter().any(|text| is(first, text)) => Evidence::SMTP,
        _ if is(first, "STARTTLS") => Evidence::STARTTLS,
        _ if is(first, "STLS") || is(first, "CAPA") => Evidence::POP3,
        _ if is(first, "AUTH") && ["TLS", "SSL", "TLS-C", "TLS-P"].iter().any(|text| is(second, text)) => Evidence::FTP,
        _ if is(first, "NICK") || (is(first, "NOTICE") && !second.is_empty()) => Evidence::CHAT,
        _ if is(first, "CAP") && (is(second, "LS") || is(second, "REQ")) => Evidence::CHAT,
        // A tag and the command.
        _ if is(second, "STARTTLS") => Evidence::IMAP,
        _ => Evidence::NONE,
    }
}

fn is_irc_reply(word: &[u8]) -> bool {
    matches!(word, [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'] | b"NOTICE" | b"CAP" | b"PONG")
}

const XMPP_TAGS: [&[u8]; 4] = [b"<stream:stream", b"<starttls", b"<proceed", b"<stream:features"];
