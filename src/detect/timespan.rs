//! Lengths of time as rules write them: a number and a letter, as in `90m`.

/// Reads a length of time; nanoseconds.
///
/// # Errors
/// In words: another form, nothing, or more than [`YEARS_MAX`] years.
pub fn parse(text: &str) -> Result<i64, String> {
    let fault = || format!("`{text}` is no time span: write a number and one of s, m, h, d, w, M, y, as in 90m");
    let (number, seconds) = UNITS
        .iter()
        .find_map(|(letter, seconds)| text.strip_suffix(*letter).map(|number| (number, *seconds)))
        .ok_or_else(fault)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(fault());
    }
    let nanos = number.parse::<i64>().ok().and_then(|count| count.checked_mul(seconds)?.checked_mul(BILLION));
    match nanos {
        Some(0) => Err(format!("`{text}` is no time at all")),
        Some(nanos) if nanos <= YEARS_MAX * YEAR * BILLION => Ok(nanos),
        _ => Err(format!("`{text}` is longer than {YEARS_MAX} years")),
    }
}

/// The specification names s, m, h and d; the others are those of its tools, a month and a year being their mean lengths.
const UNITS: [(char, i64); 7] =
    [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400), ('w', 604_800), ('M', 2_629_746), ('y', YEAR)];
const YEAR: i64 = 31_556_952;
const YEARS_MAX: i64 = 100;
const BILLION: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_letter_are_a_time() {
        let seconds = |text| parse(text).map(|nanos| nanos / BILLION);
        assert_eq!(seconds("15s"), Ok(15));
        assert_eq!(seconds("90m"), Ok(5_400));
        assert_eq!(seconds("1h"), Ok(3_600));
        assert_eq!(seconds("7d"), Ok(604_800));
        assert_eq!(seconds("1w"), seconds("7d"));
        assert_eq!(seconds("1M"), Ok(2_629_746));
        assert_eq!(seconds("2y"), Ok(63_113_904));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "s", "5", "5 m", "-5m", "+5m", "1.5h", "5H", "5ms", "0s", "101y", "99999999999999999999s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
