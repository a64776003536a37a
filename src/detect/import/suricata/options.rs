//! What stands behind the colon of an option: quoted text, bytes, expressions, bounds, dates.

/// Text between quotes, with `\"`, `\;` and `\\` undone; a `!` before it says that it must not be there.
pub fn quoted(value: &str) -> (String, bool) {
    let (value, negated) = value.strip_prefix('!').map_or((value, false), |rest| (rest.trim_start(), true));
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(&next @ ('"' | ';' | '\\' | ':'))) => {
                text.push(next);
                chars.next();
            }
            _ => text.push(c),
        }
    }
    (text, negated)
}

/// A content's bytes: hexadecimal ones stand between bars.
pub fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    for (place, part) in text.split('|').enumerate() {
        if place % 2 == 0 {
            bytes.extend_from_slice(part.as_bytes());
            continue;
        }
        let digits: String = part.chars().filter(|c| !c.is_whitespace()).collect();
        let fault = || format!("`|{part}|` are no octets in hexadecimal");
        let even = digits.len().is_multiple_of(2) && digits.is_ascii();
        let pairs = digits.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        });
        bytes.extend(pairs.collect::<Option<Vec<u8>>>().filter(|_| even).ok_or_else(fault)?);
    }
    match (bytes.is_empty(), text.matches('|').count() % 2) {
        (true, _) => Err("an empty content says nothing".to_owned()),
        (_, 1) => Err("a `|` of a content has no partner".to_owned()),
        _ => Ok(bytes),
    }
}

/// A regular expression of Perl, if it is one here too.
#[derive(Debug)]
pub struct Expression {
    pub pattern: String,
    pub flags: String,
    pub negated: bool,
}

impl Expression {
    /// Reads `/pattern/flags`.
    pub fn read(value: &str) -> Result<Self, String> {
        let (value, negated) = value.strip_prefix('!').map_or((value, false), |rest| (rest.trim_start(), true));
        let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        let inner = inner.strip_prefix('/').ok_or("`pcre` is an expression between slashes")?;
        let (pattern, flags) = inner.rsplit_once('/').ok_or("`pcre` is an expression between slashes")?;
        // The rule's own escapes.
        let pattern = pattern.replace("\\;", ";").replace("\\\"", "\"").replace("\\/", "/").replace("\\:", ":");
        if let Some(flag) = flags.chars().find(|flag| !matches!(flag, 'i' | 's' | 'm')) {
            return Err(format!("the flag `{flag}` of `pcre` has no counterpart"));
        }
        let built = regex::RegexBuilder::new(&pattern).size_limit(LARGEST).build();
        built.map_err(|_| "its `pcre` uses what expressions here do not know, or is too large".to_owned())?;
        let flags = flags.chars().map(|flag| format!("|{flag}")).collect();
        Ok(Self { pattern, flags, negated })
    }
}

/// A number, or what it is below, above or between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub from: u64,
    pub to: u64,
}

impl Bounds {
    /// `10`, `=10`, `<10`, `<=10`, `>10`, `>=10`, `8<>20` (both ends left out).
    pub fn read(value: &str) -> Option<Self> {
        let number = |text: &str| text.trim().parse::<u64>().ok();
        if let Some((from, to)) = value.split_once("<>") {
            return Some(Self { from: number(from)?.checked_add(1)?, to: number(to)?.checked_sub(1)? });
        }
        for (sign, make) in SIGNS {
            if let Some(rest) = value.trim().strip_prefix(sign) {
                return make(number(rest)?);
            }
        }
        number(value).map(|is| Self { from: is, to: is })
    }
}

type Make = fn(u64) -> Option<Bounds>;

const SIGNS: &[(&str, Make)] = &[
    ("<=", |number| Some(Bounds { from: 0, to: number })),
    (">=", |number| Some(Bounds { from: number, to: u64::MAX })),
    ("<", |number| Some(Bounds { from: 0, to: number.checked_sub(1)? })),
    (">", |number| Some(Bounds { from: number.checked_add(1)?, to: u64::MAX })),
    ("=", |number| Some(Bounds { from: number, to: number })),
];

/// The demands of `tls_cert_notbefore` and `tls_cert_notafter`: a modifier and a time each.
pub fn dates(value: &str) -> Result<Vec<(&'static str, String)>, String> {
    let value = value.trim().trim_matches('"');
    if let Some((from, to)) = value.split_once("<>") {
        return Ok(vec![("|gt", date(from)?), ("|lt", date(to)?)]);
    }
    match (value.strip_prefix('<'), value.strip_prefix('>')) {
        (Some(rest), _) => Ok(vec![("|lt", date(rest)?)]),
        (_, Some(rest)) => Ok(vec![("|gt", date(rest)?)]),
        _ => Ok(vec![("", date(value)?)]),
    }
}

/// `2015`, `2015-05`, `2015-05-01`, `2015-05-01T10`, with minutes, with seconds; what is left out is its first moment.
fn date(text: &str) -> Result<String, String> {
    let text = text.trim();
    let template = "0000-01-01T00:00:00Z";
    let is_cut_well = [4, 7, 10, 13, 16, 19].contains(&text.len());
    let whole = template.get(text.len()..).filter(|_| is_cut_well).map(|rest| format!("{text}{rest}"));
    let whole = whole.map(|whole| whole.replacen(' ', "T", 1));
    whole
        .filter(|whole| crate::detect::Moment::parse(whole).is_some())
        .ok_or_else(|| format!("`{text}` is no date such as 2015-05-01"))
}

/// Bytes that a compiled expression may take; rules load with the same bound.
const LARGEST: usize = 1 << 20;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn quotes_escapes_and_bars_are_undone() {
        assert_eq!(quoted(r#""a\"b\;c\\d""#), (r#"a"b;c\d"#.to_owned(), false));
        assert_eq!(quoted(r#"! "x""#), ("x".to_owned(), true));
        assert_eq!(bytes("a|0D 0a|b|7C|").unwrap(), b"a\r\nb|");
        for wrong in ["", "a|0|", "a|zz|", "a|00"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bounds_are_as_the_guide_has_them() {
        let of = |text| Bounds::read(text).map(|bounds| (bounds.from, bounds.to));
        assert_eq!(of("10"), Some((10, 10)));
        assert_eq!(of("<25"), Some((0, 24)));
        assert_eq!(of("<=20"), Some((0, 20)));
        assert_eq!(of(">8"), Some((9, u64::MAX)));
        assert_eq!(of("8<>20"), Some((9, 19)));
        assert_eq!((of("<0"), of("x"), of("")), (None, None, None));
    }

    #[test]
    fn dates_are_filled_up() {
        assert_eq!(dates(">2015").unwrap(), [("|gt", "2015-01-01T00:00:00Z".to_owned())]);
        let both = dates("1998-05-01<>2008-05-01").unwrap();
        assert_eq!(both, [("|gt", "1998-05-01T00:00:00Z".to_owned()), ("|lt", "2008-05-01T00:00:00Z".to_owned())]);
        assert_eq!(dates("2015-05-01T10:20").unwrap()[0].1, "2015-05-01T10:20:00Z");
        for wrong in ["", "201", "2015-13", "<>", "2015-05-01T1"] {
            assert!(dates(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn expressions_that_are_none_here_are_refused() {
        assert_eq!(Expression::read(r#""/a\/b\;$/i""#).unwrap().pattern, "a/b;$");
        for wrong in [r#""/(?=a)b/""#, r#""/a/R""#, r#""a""#, r#""/(a{1000}){1000}/""#] {
            assert!(Expression::read(wrong).is_err(), "{wrong}");
        }
    }
}
