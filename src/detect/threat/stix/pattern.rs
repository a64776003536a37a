//! STIX patterns as lists of things: `[ipv4-addr:value = '192.0.2.1' OR domain-name:value = 'evil.example']`.
//!
//! In: a pattern's text. Out: the indicators any of which fulfils it.

use super::Unread;
use crate::detect::threat::indicator::{Claim, Indicator};

/// # Errors
/// The pattern breaks the rules of the language, or says more than that something is seen.
pub fn indicators(pattern: &str) -> Result<Vec<Indicator>, Unread> {
    let tokens = tokens(pattern)?;
    let mut parser = Parser { tokens: &tokens, depth: 0 };
    let found = parser.observations()?;
    match parser.tokens.first() {
        None if found.is_empty() => Err(not_here("it asks for a port or a protocol alone")),
        None => Ok(found),
        Some(Token::Word(word)) if QUALIFIERS.contains(&word.as_str()) => {
            Err(not_here(format!("{word} counts or times observations")))
        }
        Some(token) => Err(fault(format!("{} is not expected there", token.text()))),
    }
}

fn fault(what: impl Into<String>) -> Unread {
    Unread::Fault(what.into())
}

fn not_here(what: impl Into<String>) -> Unread {
    Unread::NotHere(what.into())
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A word of the language, in capitals, or an object path.
    Word(String),
    Text(String),
    Number(String),
    Sign(&'static str),
}

impl Token {
    fn text(&self) -> String {
        match self {
            Self::Word(text) | Self::Number(text) => format!("`{text}`"),
            Self::Text(text) => format!("'{text}'"),
            Self::Sign(sign) => format!("`{sign}`"),
        }
    }
}

fn tokens(pattern: &str) -> Result<Vec<Token>, Unread> {
    let mut out = Vec::new();
    let mut rest = pattern.trim_start();
    while let Some(first) = rest.chars().next() {
        if out.len() >= MAX_TOKENS {
            return Err(not_here("it is too long"));
        }
        if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            out.push(Token::Sign(sign));
            rest = rest.get(sign.len()..).unwrap_or_default();
        } else if first == '\'' {
            let (text, after) = quoted(rest)?;
            out.push(Token::Text(text));
            rest = after;
        } else if first.is_ascii_digit() || first == '-' {
            let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '-' | '.')).unwrap_or(rest.len());
            let (number, after) = rest.split_at(end);
            out.push(Token::Number(number.to_owned()));
            rest = after;
        } else if first.is_ascii_alphabetic() {
            let (word, after) = word(rest)?;
            out.push(Token::Word(word));
            rest = after;
        } else {
            return Err(fault(format!("`{first}` is not expected there")));
        }
        rest = rest.trim_start();
    }
    Ok(out)
}

/// A string in quotes, in which `\` stands before a quote or a backslash.
fn quoted(text: &str) -> Result<(String, &str), Unread> {
    let mut out = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => out.extend(letters.next().map(|(_, letter)| letter)),
            '\'' => return Ok((out, text.get(at.saturating_add(1)..).unwrap_or_default())),
            letter => out.push(letter),
        }
    }
    Err(fault("a quote is not closed"))
}

/// A word, or a path with its quoted and indexed parts: `x509-certificate:hashes.'SHA-256'`, `a:b[*].c`.
fn word(text: &str) -> Result<(String, &str), Unread> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if letter == '\'' && out.ends_with('.') {
            let (part, after) = quoted(rest)?;
            out.push_str(&part);
            rest = after;
        } else if letter == '[' && out.contains(':') {
            let end = rest.find(']').ok_or_else(|| fault("`[` is not closed"))?;
            let (index, after) = rest.split_at(end.saturating_add(1));
            out.push_str(index);
            rest = after;
        } else if letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | ':' | '.') {
            out.push(letter);
            rest = rest.get(1..).unwrap_or_default();
        } else {
            break;
        }
    }
    Ok((out, rest))
}

struct Parser<'t> {
    tokens: &'t [Token],
    depth: usize,
}

/// What a comparison says.
enum Says {
    /// Any of these is seen.
    Seen(Vec<Indicator>),
    Port(u16),
    /// Nothing that narrows it: that it is TLS over TCP.
    Nothing,
}

impl Parser<'_> {
    fn take(&mut self) -> Option<&Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn sees(&self, sign: &str) -> bool {
        matches!(self.tokens.first(), Some(Token::Sign(there)) if *there == sign)
    }

    fn sees_word(&self, word: &str) -> bool {
        matches!(self.tokens.first(), Some(Token::Word(there)) if there == word)
    }

    fn expect(&mut self, sign: &str) -> Result<(), Unread> {
        match self.sees(sign) {
            true => {
                self.take();
                Ok(())
            }
            false => {
                let there = self.tokens.first().map_or("the end".to_owned(), Token::text);
                Err(fault(format!("`{sign}` is expected, not {there}")))
            }
        }
    }

    /// `[…] OR […]`
    fn observations(&mut self) -> Result<Vec<Indicator>, Unread> {
        let mut found = self.observation()?;
        loop {
            if self.sees_word("OR") {
                self.take();
                found.extend(self.observation()?);
            } else if self.sees_word("AND") || self.sees_word("FOLLOWEDBY") {
                return Err(not_here("it asks for more than one observation"));
            } else {
                return Ok(found);
            }
        }
    }

    fn observation(&mut self) -> Result<Vec<Indicator>, Unread> {
        self.deeper()?;
        let found = if self.sees("(") {
            self.take();
            let found = self.observations()?;
            self.expect(")")?;
            found
        } else {
            self.expect("[")?;
            let found = self.alternatives()?;
            self.expect("]")?;
            found
        };
        self.depth = self.depth.saturating_sub(1);
        Ok(found)
    }

    fn alternatives(&mut self) -> Result<Vec<Indicator>, Unread> {
        let mut found = self.together()?;
        while self.sees_word("OR") {
            self.take();
            found.extend(self.together()?);
        }
        Ok(found)
    }

    /// Comparisons that must all hold: a thing, and what narrows it.
    fn together(&mut self) -> Result<Vec<Indicator>, Unread> {
        let (mut seen, mut port) = (None::<Vec<Indicator>>, None);
        loop {
            let says = if self.sees("(") {
                self.deeper()?;
                self.take();
                let found = self.alternatives()?;
                self.expect(")")?;
                self.depth = self.depth.saturating_sub(1);
                Says::Seen(found)
            } else {
                self.comparison()?
            };
            match says {
                Says::Seen(found) if seen.is_none() => seen = Some(found),
                Says::Seen(_) => return Err(not_here("it asks for two things at once")),
                Says::Port(number) => port = Some(number),
                Says::Nothing => {}
            }
            if !self.sees_word("AND") {
                break;
            }
            self.take();
        }
        let seen = seen.unwrap_or_default();
        let Some(port) = port else { return Ok(seen) };
        let at_port = |found| match found {
            Indicator::Network(network) if network.is_address() => Ok(Indicator::Network(network.at(Some(port)))),
            _ => Err(not_here("it asks for a port, and not of an address")),
        };
        if seen.is_empty() {
            return Err(not_here("it asks for a port alone"));
        }
        seen.into_iter().map(at_port).collect()
    }

    fn comparison(&mut self) -> Result<Says, Unread> {
        let path = match self.take() {
            Some(Token::Word(word)) if word == "NOT" || word == "EXISTS" => {
                return Err(not_here(format!("{word} names nothing")));
            }
            Some(Token::Word(path)) if path.contains(':') => path.clone(),
            Some(other) => return Err(fault(format!("an object path is expected, not {}", other.text()))),
            None => return Err(fault("an object path is expected at the end")),
        };
        let operator = match self.take() {
            Some(Token::Sign("=")) => "=",
            Some(Token::Word(word)) if word == "IN" => "IN",
            Some(Token::Word(word)) if word == "ISSUBSET" => "ISSUBSET",
            Some(Token::Word(word)) if word == "LIKE" => "LIKE",
            Some(Token::Word(word)) if word == "NOT" || word == "MATCHES" || word == "ISSUPERSET" => {
                return Err(not_here(format!("{word} names nothing")));
            }
            Some(Token::Sign(sign @ ("!=" | "<" | ">" | "<=" | ">="))) => {
                return Err(not_here(format!("`{sign}` names nothing")));
            }
            Some(other) => return Err(fault(format!("{} is no comparison", other.text()))),
            None => return Err(fault("a comparison is expected at the end")),
        };
        let values = self.values(operator)?;
        let Some(subject) = Subject::of(&path) else {
            return Err(not_here(format!("`{path}` is nothing that TLS shows")));
        };
        subject.says(operator, &values)
    }

    fn values(&mut self, operator: &str) -> Result<Vec<String>, Unread> {
        if operator != "IN" {
            return Ok(vec![self.value()?]);
        }
        self.expect("(")?;
        let mut values = vec![self.value()?];
        while self.sees(",") {
            self.take();
            values.push(self.value()?);
        }
        self.expect(")")?;
        Ok(values)
    }

    fn value(&mut self) -> Result<String, Unread> {
        match self.take() {
            Some(Token::Text(text) | Token::Number(text)) => Ok(text.clone()),
            Some(other) => Err(fault(format!("a value is expected, not {}", other.text()))),
            None => Err(fault("a value is expected at the end")),
        }
    }

    fn deeper(&mut self) -> Result<(), Unread> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH { Err(not_here("its brackets are nested too deeply")) } else { Ok(()) }
    }
}

/// What a path leads to.
enum Subject {
    Of(Claim),
    Port,
    Protocols,
}

impl Subject {
    fn of(path: &str) -> Option<Self> {
        let (object, rest) = path.split_once(':')?;
        let rest: String = rest.to_ascii_lowercase().replace(['-', '_'], "");
        let last = rest.rsplit('.').next().unwrap_or_default();
        // Fingerprints stand in objects and properties of everybody's own making.
        let last = last.strip_prefix('x').filter(|rest| rest.starts_with("ja")).unwrap_or(last);
        let own = match last {
            "value" => object.trim_start_matches("x-").to_ascii_lowercase().replace('-', ""),
            last => last.to_owned(),
        };
        Some(match (object, rest.as_str()) {
            ("ipv4-addr" | "ipv6-addr", "value") => Self::Of(Claim::Address),
            ("domain-name", "value") => Self::Of(Claim::Name),
            ("network-traffic", "dstref.value" | "srcref.value") => Self::Of(Claim::Address),
            ("network-traffic", "dstport") => Self::Port,
            ("network-traffic", "protocols[*]") => Self::Protocols,
            ("x509-certificate", "hashes.md5") => Self::Of(Claim::Md5),
            ("x509-certificate", "hashes.sha1") => Self::Of(Claim::Sha1),
            ("x509-certificate", "hashes.sha256") => Self::Of(Claim::Sha256),
            _ => Self::Of(match own.as_str() {
                "ja3" | "ja3hash" | "ja3md5" | "ja3fingerprint" => Claim::Ja3,
                "ja3s" | "ja3shash" | "ja3sfingerprint" => Claim::Ja3s,
                "ja4" | "ja4fingerprint" => Claim::Ja4,
                "ja4x" | "ja4xfingerprint" => Claim::Ja4x,
                _ => return None,
            }),
        })
    }

    fn says(self, operator: &str, values: &[String]) -> Result<Says, Unread> {
        let claim = match self {
            Self::Protocols => return Ok(Says::Nothing),
            Self::Port => {
                let [port] = values else { return Err(not_here("it asks for several ports")) };
                let port = port.parse().map_err(|_| fault(format!("'{port}' is no port")))?;
                return if operator == "=" { Ok(Says::Port(port)) } else { Err(not_here("it asks for several ports")) };
            }
            Self::Of(claim) => claim,
        };
        let mut found = Vec::new();
        for value in values {
            let value = match (operator, claim) {
                ("=" | "IN", _) | ("ISSUBSET", Claim::Address) => value.clone(),
                // `%` stands for any letters.
                ("LIKE", Claim::Name) => match value.strip_prefix("%.") {
                    Some(rest) if !rest.contains(['%', '_']) => format!("*.{rest}"),
                    _ => return Err(not_here("LIKE is understood before the end of a name alone: '%.example.org'")),
                },
                _ => return Err(not_here(format!("{operator} names nothing there"))),
            };
            let read = Indicator::read(claim, &value);
            found.extend(read.map_err(|why| fault(format!("'{value}' {why}")))?);
        }
        Ok(Says::Seen(found))
    }
}

const SIGNS: [&str; 11] = ["!=", "<=", ">=", "=", "<", ">", "[", "]", "(", ")", ","];
const QUALIFIERS: [&str; 4] = ["WITHIN", "REPEATS", "START", "STOP"];
const MAX_DEPTH: usize = 32;
const MAX_TOKENS: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str) -> Result<Vec<String>, Unread> {
        indicators(pattern).map(|found| found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn things_are_named_by_equality_sets_networks_and_ends() {
        let sha256 = "ab".repeat(32);
        for (pattern, expected) in [
            ("[ipv4-addr:value = '198.51.100.1/32']", vec!["198.51.100.1"]),
            ("[ipv4-addr:value ISSUBSET '198.51.100.0/24']", vec!["198.51.100.0/24"]),
            (
                "[ipv4-addr:value = '198.51.100.1' OR ipv6-addr:value = '2001:db8::1']",
                vec!["198.51.100.1", "2001:db8::1"],
            ),
            ("[domain-name:value IN ('a.example', 'b.example')]", vec!["a.example", "b.example"]),
            ("[domain-name:value LIKE '%.evil.example']", vec!["*.evil.example"]),
            (
                "[domain-name:value = 'a.example'] OR ([domain-name:value = 'b.example'])",
                vec!["a.example", "b.example"],
            ),
            (
                "[network-traffic:dst_ref.value = '203.0.113.5' AND network-traffic:dst_port = 8443]",
                vec!["203.0.113.5:8443"],
            ),
            ("[network-traffic:dst_ref.type = 'ipv4-addr' OR ipv4-addr:value = '203.0.113.5']", vec![]),
            ("[x-ja3:value = '0149f47eabf9a20d0893e2a44e5a6323']", vec!["0149f47eabf9a20d0893e2a44e5a6323"]),
            (
                "[network-traffic:extensions.'tls-ext'.ja4 = 't13d1516h2_8daaf6152771_e5627efa2ab1']",
                vec!["t13d1516h2_8daaf6152771_e5627efa2ab1"],
            ),
            (&format!("[x509-certificate:hashes.'SHA-256' = '{sha256}']"), vec![sha256.as_str()]),
            (&format!("[x509-certificate:hashes.SHA256 = '{sha256}']"), vec![sha256.as_str()]),
        ] {
            match expected.is_empty() {
                true => assert!(matches!(read(pattern), Err(Unread::NotHere(_))), "{pattern}"),
                false => assert_eq!(read(pattern).as_deref().ok(), Some(&*owned(&expected)), "{pattern}"),
            }
        }
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_no_list_can_say_is_left_out() {
        for pattern in [
            "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']",
            "[url:value = 'http://evil.example/x']",
            "[domain-name:value = 'a.example'] AND [domain-name:value = 'b.example']",
            "[domain-name:value = 'a.example'] FOLLOWEDBY [ipv4-addr:value = '192.0.2.1']",
            "[domain-name:value = 'a.example'] WITHIN 300 SECONDS",
            "[domain-name:value = 'a.example' AND ipv4-addr:value = '192.0.2.1']",
            "[domain-name:value != 'a.example']",
            "[NOT domain-name:value = 'a.example']",
            "[domain-name:value MATCHES '^a']",
            "[domain-name:value LIKE 'a%']",
            "[network-traffic:dst_port = 443]",
            "[network-traffic:protocols[*] = 'tls']",
        ] {
            assert!(matches!(read(pattern), Err(Unread::NotHere(_))), "{pattern}: {:?}", read(pattern));
        }
    }

    #[test]
    fn what_breaks_the_rules_is_a_fault() {
        for pattern in [
            "",
            "domain-name:value = 'a.example'",
            "[domain-name:value = 'a.example'",
            "[domain-name:value = 'a.example]",
            "[domain-name:value 'a.example']",
            "[domain-name:value = 'no name']",
            "[domain-name:value = 'a.example']]",
            "[= 'x']",
            "{}",
        ] {
            assert!(matches!(read(pattern), Err(Unread::Fault(_))), "{pattern}: {:?}", read(pattern));
        }
        assert!(read(&format!("{}[", "(".repeat(100_000))).is_err());
        assert!(read(&format!("[{}", "(".repeat(1_000))).is_err());
    }
}
