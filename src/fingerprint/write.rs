//! Lists of code points as the fingerprints write them: four hex digits or decimal, without the formatting machinery.
#![forbid(unsafe_code)]

/// Appends `0a0b,0c0d`.
pub(super) fn hex_list(out: &mut Vec<u8>, values: impl IntoIterator<Item = u16>) {
    let start = out.len();
    for value in values {
        let [a, b, c, d] = hex4(value);
        out.extend_from_slice(&[a, b, c, d, b',']);
    }
    drop_last(out, start);
}

/// Appends `1-22-333`.
pub(super) fn decimal_list(out: &mut Vec<u8>, values: impl IntoIterator<Item = u16>) {
    let start = out.len();
    for value in values {
        let (digits, first) = digits(value);
        let [a, b, c, d, e] = digits;
        out.extend_from_slice([a, b, c, d, e, b'-'].get(first..).unwrap_or_default());
    }
    drop_last(out, start);
}

/// Takes the separator behind a list's last element away.
fn drop_last(out: &mut Vec<u8>, start: usize) {
    if out.len() > start {
        out.pop();
    }
}

pub(super) fn decimal(out: &mut Vec<u8>, value: u16) {
    let (digits, first) = digits(value);
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}

/// Five decimal digits, and where the first that counts stands.
fn digits(value: u16) -> ([u8; 5], usize) {
    let digit = |power: u16| b'0' + (value / power % 10) as u8;
    let digits = [digit(10_000), digit(1_000), digit(100), digit(10), digit(1)];
    (
        digits,
        usize::from(value < 10_000) + usize::from(value < 1_000) + usize::from(value < 100) + usize::from(value < 10),
    )
}

pub(super) fn hex4(value: u16) -> [u8; 4] {
    let [high, low] = value.to_be_bytes().map(|byte| HEX_PAIRS[usize::from(byte)]);
    [high[0], high[1], low[0], low[1]]
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

/// `00` to `ff`.
const HEX_PAIRS: [[u8; 2]; 256] = {
    let mut table = [[0; 2]; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = [HEX[i >> 4], HEX[i & 15]];
        i += 1;
    }
    table
};

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
