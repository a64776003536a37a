//! The values by which sessions are grouped, as bytes: written from an event, read again for an alert.
//!
//! Case does not count, as in the rest of Sigma. A field of an array counts with all of its values. A session without a
//! value belongs to no group.

use std::ops::ControlFlow;

use crate::event::Event;

use super::field::Field;

/// Appends the values of the fields; false where one has none.
pub fn write(fields: &[Field], event: &Event, key: &mut Vec<u8>) -> bool {
    fields.iter().all(|field| {
        let begin = key.len();
        key.push(0);
        let _ = field.visit(event, &mut |value| {
            if key.len() > begin + 1 {
                key.extend_from_slice(b", ");
            }
            value.with_text(|text| key.extend(text.bytes().map(|byte| byte.to_ascii_lowercase())));
            ControlFlow::Continue(())
        });
        seal(key, begin)
    })
}

/// The values of a key, in the order of its fields.
pub fn values(key: &[u8]) -> impl Iterator<Item = Box<str>> {
    let mut rest = key;
    std::iter::from_fn(move || {
        let (len, after) = rest.split_first()?;
        let (value, after) = after.split_at_checked(usize::from(*len))?;
        rest = after;
        Some(String::from_utf8_lossy(value).into())
    })
}

/// Writes the length of the value that begins there; a long one is cut, and told from its like by a hash.
fn seal(key: &mut Vec<u8>, begin: usize) -> bool {
    let len = key.len() - begin - 1;
    if len > VALUE_MAX {
        let hash = fnv(key.get(begin + 1..).unwrap_or_default());
        let mut cut = begin + 1 + VALUE_MAX - "…#0123456789abcdef".len();
        // Not inside of a character.
        while cut > begin + 1 && key.get(cut).is_some_and(|byte| byte & 0xc0 == 0x80) {
            cut -= 1;
        }
        key.truncate(cut);
        key.extend_from_slice(format!("…#{hash:016x}").as_bytes());
    }
    let len = key.len() - begin - 1;
    if let Some(first) = key.get_mut(begin) {
        *first = u8::try_from(len).unwrap_or(u8::MAX);
    }
    len > 0
}

/// FNV-1a with 64 bits (Fowler, Noll, Vo): the same in every run, since a key is told in alerts.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

const VALUE_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(texts: &[&str]) -> (bool, Vec<u8>) {
        let mut key = Vec::new();
        let whole = texts.iter().all(|text| {
            let begin = key.len();
            key.push(0);
            key.extend_from_slice(text.as_bytes());
            seal(&mut key, begin)
        });
        (whole, key)
    }

    fn read(key: &[u8]) -> Vec<Box<str>> {
        values(key).collect()
    }

    #[test]
    fn values_are_read_as_they_were_written() {
        let (whole, key) = sealed(&["192.0.2.1", "www.example.org"]);
        assert!(whole);
        assert_eq!(read(&key), ["192.0.2.1".into(), "www.example.org".into()]);
        assert!(!sealed(&["192.0.2.1", ""]).0);
        assert_ne!(sealed(&["ab", "c"]).1, sealed(&["a", "bc"]).1);
    }

    #[test]
    fn long_values_are_cut_and_stay_apart() {
        let long = "é".repeat(400);
        let (other, same) = (format!("{long}x"), long.clone());
        let keys = [&long, &other, &same].map(|text| sealed(&[text, "z"]).1);
        assert_ne!(keys[0], keys[1]);
        assert_eq!(keys[0], keys[2]);
        assert!(keys.iter().all(|key| key.len() <= 258));
        let values = read(&keys[0]);
        assert!(values[0].starts_with("éé") && values[0].contains("…#") && &*values[1] == "z", "{values:?}");
    }
}
