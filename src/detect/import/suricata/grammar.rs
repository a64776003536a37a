//! Lines to rules: a header of seven words, and options between brackets.

/// A logical line that holds a rule, or held one.
#[derive(Debug)]
pub struct Line {
    /// From 1: where it begins.
    pub number: usize,
    /// `None` for one that is switched off.
    pub rule: Option<Result<Rule, String>>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    pub action: String,
    pub protocol: String,
    pub source: Party,
    /// `->` or `<>`
    pub arrow: String,
    pub destination: Party,
    pub options: Vec<Opt>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Party {
    pub address: String,
    pub ports: String,
}

/// `name:value;`
#[derive(Debug, PartialEq, Eq)]
pub struct Opt {
    pub name: String,
    /// As written, quotes and escapes kept.
    pub value: Option<String>,
}

impl Rule {
    /// The value of the first option of that name.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|option| option.name == name)?.value.as_deref()
    }

    /// `sid 5: `, for messages.
    pub fn said(&self) -> String {
        self.option("sid").map(|sid| format!("sid {}: ", sid.chars().take(20).collect::<String>())).unwrap_or_default()
    }
}

/// The rules of a text. A backslash at a line's end goes on in the next.
pub fn lines(text: &str) -> impl Iterator<Item = Line> + '_ {
    let mut physical = text.trim_start_matches('\u{feff}').lines().enumerate();
    std::iter::from_fn(move || {
        loop {
            let (number, first) = physical.next()?;
            let mut whole = first.trim_end().to_owned();
            while let Some(before) = whole.strip_suffix('\\').map(str::to_owned) {
                let Some((_, next)) = physical.next() else { break };
                whole = before + next.trim_end();
            }
            let whole = whole.trim();
            let rule = match whole.strip_prefix('#') {
                Some(comment) if is_rule(comment.trim_start_matches(['#', ' ', '\t'])) => None,
                Some(_) => continue,
                None if whole.is_empty() => continue,
                None if whole.len() > LONGEST => Some(Err(format!("the rule is longer than {LONGEST} octets"))),
                None => Some(rule(whole)),
            };
            return Some(Line { number: number.saturating_add(1), rule });
        }
    })
}

fn is_rule(text: &str) -> bool {
    let is_action = |word: &str| ACTIONS.contains(&word);
    text.split_whitespace().next().is_some_and(is_action) && text.contains('(')
}

fn rule(text: &str) -> Result<Rule, String> {
    let no_rule = || "this is no rule: there have to be an action, a protocol, addresses, ports and options".to_owned();
    let (header, options) = text.split_once('(').ok_or_else(no_rule)?;
    let options = options.trim_end().strip_suffix(')').ok_or("the options have no closing bracket")?;
    let words = words(header);
    let [action, protocol, address, ports, arrow, to, to_ports] = words.try_into().map_err(|_| no_rule())?;
    if !ACTIONS.contains(&action.as_str()) || !["->", "<>"].contains(&arrow.as_str()) {
        return Err(no_rule());
    }
    let (source, destination) = (Party { address, ports }, Party { address: to, ports: to_ports });
    Ok(Rule {
        action,
        protocol: protocol.to_ascii_lowercase(),
        source,
        arrow,
        destination,
        options: options_of(options)?,
    })
}

/// Parted by blanks, but for those between brackets.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut depth) = (Vec::new(), String::new(), 0usize);
    for c in text.chars() {
        match c {
            '[' => depth = depth.saturating_add(1),
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if !c.is_whitespace() {
            word.push(c);
        } else if depth == 0 && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A semicolon ends an option, unless it stands between quotes or behind a backslash.
fn options_of(text: &str) -> Result<Vec<Opt>, String> {
    let (mut options, mut part, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for c in text.chars() {
        let ends = c == ';' && !escaped && !quoted;
        if ends {
            push(&mut options, &part)?;
            part.clear();
            continue;
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
        part.push(c);
    }
    match (quoted, part.trim().is_empty()) {
        (true, _) => Err("a quote has no partner".to_owned()),
        (_, true) => Ok(options),
        _ => Err(format!("the option `{}` has no semicolon", part.trim().chars().take(40).collect::<String>())),
    }
}

fn push(options: &mut Vec<Opt>, text: &str) -> Result<(), String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(());
    }
    if options.len() >= MOST_OPTIONS {
        return Err(format!("the rule has more than {MOST_OPTIONS} options"));
    }
    let (name, value) =
        text.split_once(':').map_or((text, None), |(name, value)| (name, Some(value.trim().to_owned())));
    options.push(Opt { name: name.trim().to_ascii_lowercase(), value });
    Ok(())
}

const ACTIONS: &[&str] = &[
    "alert",
    "drop",
    "reject",
    "rejectsrc",
    "rejectdst",
    "rejectboth",
    "pass",
    "config",
    "log",
    "activate",
    "dynamic",
];
/// Suricata's own limit is 8 KiB; lists of addresses are longer.
const LONGEST: usize = 64 << 10;
const MOST_OPTIONS: usize = 256;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn only(text: &str) -> Rule {
        lines(text).next().unwrap().rule.unwrap().unwrap()
    }

    #[test]
    fn semicolons_and_quotes_may_be_escaped() {
        let rule = only(r#"alert tls any any -> any any (msg:"a\; b; \"c\""; tls.sni; content:"x"; sid:1;)"#);
        assert_eq!(rule.option("msg"), Some(r#""a\; b; \"c\"""#));
        assert_eq!(rule.options.len(), 4);
    }

    #[test]
    fn rules_go_on_behind_a_backslash_and_lists_have_blanks() {
        let text = "# words\n\nalert tls [10.0.0.0/8, 192.0.2.1] any -> \\\n  any [443, 8443] (sid:1; \\\n rev:2;)\n#alert tls any any -> any any (sid:2;)\n";
        let all: Vec<_> = lines(text).collect();
        assert_eq!(all.iter().map(|line| line.number).collect::<Vec<_>>(), [3, 6]);
        let rule = all[0].rule.as_ref().unwrap().as_ref().unwrap();
        assert_eq!(
            (rule.source.address.as_str(), rule.destination.ports.as_str()),
            ("[10.0.0.0/8,192.0.2.1]", "[443,8443]")
        );
        assert!(all[1].rule.is_none());
    }

    #[test]
    fn what_is_no_rule_is_told() {
        let fault = |text| lines(text).next().unwrap().rule.unwrap().unwrap_err();
        assert!(fault("alert tls any any").contains("no rule"));
        assert!(fault("alert tls any any -> any any (sid:1;").contains("closing bracket"));
        assert!(fault("alert tls any any -> any any (msg:\"a; sid:1;)").contains("no partner"));
        assert!(fault("alert tls any any -> any any (sid:1)").contains("semicolon"));
        assert!(fault("alert tls any any any any any (sid:1;)").contains("no rule"));
    }
}
