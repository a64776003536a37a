//! Lists of code points as the fingerprints write them: four hex digits or decimal, without the formatting machinery.
#![forbid(unsafe_code)]

/// Appends `0a0b,0c0d`.
pub(super) fn hex_list(out: &mut Vec<u8>, values: impl IntoIterator<Item = u16>) {
    let start = out.len();
    for value in values {
        if out.len() > start {
            out.push(b',');
        }
        out.extend_from_slice(&hex4(value));
    }
}

/// Appends `1-22-333`.
pub(super) fn decimal_list(out: &mut Vec<u8>, values: impl IntoIterator<Item = u16>) {
    let start = out.len();
    for value in values {
        if out.len() > start {
            out.push(b'-');
        }
        decimal(out, value);
    }
}

pub(super) fn decimal(out: &mut Vec<u8>, value: u16) {
    let mut power = 10_000;
    while power > 1 && value < power {
        power /= 10;
    }
    while power > 0 {
        out.push(b'0' + (value / power % 10) as u8);
        power /= 10;
    }
}

pub(super) fn hex4(value: u16) -> [u8; 4] {
    [value >> 12, value >> 8, value >> 4, value].map(|nibble| hex_digit(nibble as u8))
}

/// The hex digit of the low four bits.
pub(super) fn hex_digit(nibble: u8) -> u8 {
    HEX[usize::from(nibble & 15)]
}

/// Lower-case hex of `bytes` into `out`, as far as it has room.
pub(super) fn hex_into(out: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(*byte)]);
    }
}

/// What was written here is ASCII.
pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

const HEX: [u8; 16] = *b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_standard_library_does() {
        for value in 0..=u16::MAX {
            let mut out = Vec::new();
            decimal(&mut out, value);
            assert_eq!(text(out), value.to_string());
            assert_eq!(text(hex4(value).to_vec()), format!("{value:04x}"));
        }
    }
}
