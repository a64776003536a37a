//! `tlsight explain`: what a fingerprint or a hello is made of.
//!
//! In: text, or bytes from standard input. Out: its parts in words and names, and what is known to send it.

mod hello;
mod ja3;
mod ja4;
pub(super) mod sheet;

use std::io::{self, Read};

use super::args::ExplainArgs;
use super::console::Console;
use super::{Status, labels, print};
use crate::Error;
use sheet::Sheet;

/// Explains one value.
pub fn run(args: &ExplainArgs, console: &Console) -> Result<Status, Error> {
    let value = match args.value.as_slice() {
        [dash] if dash == "-" => standard_input()?,
        words => words.join(" ").into_bytes(),
    };
    let mut sheet = explain(&value).map_err(Error::Input)?;
    if let Ok(text) = std::str::from_utf8(&value) {
        labels::describe(text, &mut sheet)?;
    }
    print(&sheet.text(console.screen))?;
    Ok(Status::Done)
}

/// What a value is made of, or why that cannot be said.
fn explain(value: &[u8]) -> Result<Sheet, String> {
    let Ok(text) = std::str::from_utf8(value) else { return hello::explain(value) };
    let text = text.trim();
    if text.is_empty() {
        return Err("there is nothing to explain: give a JA4, a JA3 or a hello in hex".to_owned());
    }
    if let Some(sheet) = ja4::explain(text).or_else(|| ja3::explain(text)) {
        return sheet;
    }
    if looks_like_ja4s(text) {
        return Err(format!("`{text}` looks like a JA4S, of a server: explain knows JA4, JA3, JA3S and hellos in hex"));
    }
    match unhex(text) {
        Ok(bytes) => hello::explain(&bytes),
        // A hello that was piped in as it is can be valid UTF-8.
        Err(_) if hello::may_be(value) => hello::explain(value),
        Err(why) => Err(why),
    }
}

/// Bytes from hex digits; blanks, colons, commas, dashes, `0x` and `\x` may be between them.
fn unhex(text: &str) -> Result<Vec<u8>, String> {
    let text = text.replace("0x", " ").replace("\\x", " ");
    let mut nibbles = Vec::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_whitespace() && !matches!(c, ':' | ',' | '-')) {
        match c.to_digit(16) {
            Some(digit) => nibbles.push(digit as u8),
            None => {
                return Err(format!(
                    "{} is none of what can be explained: a JA4, JA4_r, JA3, JA3 hash or hello in hex",
                    quoted(&text)
                ));
            }
        }
    }
    match nibbles.as_chunks() {
        (pairs, []) => Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect()),
        _ => Err("the hex has an odd number of digits: something is missing".to_owned()),
    }
}

/// At most a line's worth of somebody's text.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS) {
        None => format!("`{text}`"),
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
    }
}

/// `t130200_1301_a56c5b993250`
fn looks_like_ja4s(text: &str) -> bool {
    let mut parts = text.split('_');
    let lengths = [7, 4, 12].map(|length| parts.next().is_some_and(|part| part.len() == length));
    lengths == [true; 3] && parts.next().is_none()
}

fn standard_input() -> Result<Vec<u8>, Error> {
    let mut value = Vec::new();
    let read = io::stdin().lock().take(INPUT_BYTES + 1).read_to_end(&mut value);
    read.map_err(|source| Error::Read { path: "standard input".into(), source })?;
    match value.len() as u64 > INPUT_BYTES {
        true => Err(Error::Input("standard input holds more than a hello can be".to_owned())),
        false => Ok(value),
    }
}

const INPUT_BYTES: u64 = 1 << 20;
const QUOTED_CHARS: usize = 40;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sink::screen::Screen;

    fn text(value: &str) -> String {
        explain(value.as_bytes()).map(|sheet| sheet.text(Screen::PLAIN)).unwrap()
    }

    fn refusal(value: &[u8]) -> String {
        explain(value).err().unwrap()
    }

    #[test]
    fn the_head_of_a_ja4_is_told_in_words() {
        let text = text("t13d1516h2_8daaf6152771_e5627efa2ab1");
        for words in ["TLS over TCP", "TLS 1.3", "15 cipher suites", "16 extensions", "HTTP/2", "cannot be undone"] {
            assert!(text.contains(words), "{words}:\n{text}");
        }
    }

    #[test]
    fn a_raw_ja4_has_names_and_the_hash_that_belongs_to_it() {
        let raw = "t12d0303h1_002f,0035,c02b_0005,000a,000d_0403,0804";
        let text = text(raw);
        for words in ["TLS_RSA_WITH_AES_128_CBC_SHA", "status_request", "ecdsa_secp256r1_sha256", "t12d0303h1_"] {
            assert!(text.contains(words), "{words}:\n{text}");
        }
    }

    #[test]
    fn a_ja3_string_has_names_and_its_hash() {
        // The example of the JA3 project's own description.
        let text = text("769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
        for words in
            ["ada70206e40642a3e4461f35503241d5", "TLS 1.0", "TLS_RSA_WITH_RC4_128_SHA", "secp256r1", "uncompressed"]
        {
            assert!(text.contains(words), "{words}:\n{text}");
        }
    }

    #[test]
    fn a_hash_cannot_be_undone() {
        assert!(text("ada70206e40642a3e4461f35503241d5").contains("cannot be undone"));
    }

    #[test]
    fn what_cannot_be_explained_gets_one_line() {
        for value in [
            &b""[..],
            b"hello",
            b"abc",
            b"474554202f",
            b"771,99999,0,0,0",
            b"\xff\xfe\x00",
            b"t130200_1301_a56c5b993250",
            b"0x",
        ] {
            let line = refusal(value);
            assert!(!line.is_empty() && !line.contains('\n'), "{line}");
        }
    }
}
