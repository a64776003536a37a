//! Generated rules over generated events: the index against the trees, and both against another engine (`rsigma-eval`).
//!
//! What the other engine does otherwise, and what the specification (SigmaHQ/sigma-specification, version 2) says there, stands
//! in [`Difference`]; nothing else may differ. The rules come from a small generator with a fixed seed, so a failure repeats.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;

use rsigma_eval::{Engine, JsonEvent};
use rsigma_parser::parse_sigma_yaml;
use serde_json::{Map, Value as Json};
use tlsight::capture::Timestamp;
use tlsight::detect::field::Field;
use tlsight::detect::{Detector, Kind, Rules, Value};
use tlsight::event::Event;

#[path = "samples/mod.rs"]
mod samples;

#[test]
fn index_trees_and_the_other_engine_agree() {
    let events = events();
    let objects: Vec<Json> = events.iter().map(object).collect();
    let mut told = Told::default();
    for seed in 0..ROUNDS {
        let rules = Generator(seed * 2 + 1).rules(RULES_OF_A_ROUND);
        let ours = load(&rules);
        let mut engine = Engine::new();
        engine.add_collection(&parse_sigma_yaml(&documents(&rules)).unwrap()).unwrap_or_else(|why| panic!("{why}"));
        let mut by_tree = Vec::new();
        for event in &events {
            by_tree.push(titles(|alert| ours.check(event, alert)));
        }
        let mut detector = Detector::new(ours);
        for ((event, object), by_tree) in events.iter().zip(&objects).zip(by_tree) {
            assert_eq!(titles(|alert| detector.see(event, alert)), by_tree, "the index\n{}", documents(&rules));
            let matches = engine.evaluate(&JsonEvent::borrow(object));
            let theirs: BTreeSet<String> = matches.into_iter().map(|found| found.header.rule_title).collect();
            let by_tree: BTreeSet<String> = by_tree.into_iter().collect();
            for rule in &rules {
                let (ours, theirs) = (by_tree.contains(&rule.title), theirs.contains(&rule.title));
                told.count(rule, ours, theirs, object);
            }
        }
    }
    // A test that compares nothing proves nothing.
    assert!(told.agreed[&true] > 2_000 && told.agreed[&false] > 5_000, "{:?}", told.agreed);
    let unmet: Vec<_> = Difference::ALL.iter().filter(|known| !told.differed.contains_key(known)).collect();
    assert!(unmet.is_empty(), "these are differences no more, or are not met: {unmet:?}");
}

/// What comes of the comparisons.
#[derive(Default)]
struct Told {
    agreed: BTreeMap<bool, u64>,
    differed: BTreeMap<Difference, u64>,
}

impl Told {
    fn count(&mut self, rule: &Rule, ours: bool, theirs: bool, event: &Json) {
        if ours == theirs {
            *self.agreed.entry(ours).or_default() += 1;
            return;
        }
        let known = rule.differences.iter().next();
        let known = known.unwrap_or_else(|| panic!("ours {ours}, theirs {theirs}\n{}\n{event:#}", rule.text));
        *self.differed.entry(*known).or_default() += 1;
    }
}

/// Where the other engine is known to tell something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    /// `[null, value]` on a field that is not there: theirs never holds. "Lists … linked with OR", and null is the value of a
    /// field that is not there: ours holds.
    NullInAList,
    /// `windash` on a slash: theirs changes hyphens alone. "Creates all possible permutations of the `-`, `/`, … characters …
    /// interchangeably": ours changes each of the five.
    WindashOnASlash,
    /// `base64offset`: theirs keeps the last letter, which depends on what follows. "Except the first and last byte the encoded
    /// values have a static part in the middle": ours leaves it out, and finds more.
    LastLetterOfBase64,
    /// `startswith` and `endswith` with a wildcard in the value: theirs finds it anywhere. "The value is expected at the beginning
    /// (the end) of the field's content": ours wants it there.
    WildcardInAnAffix,
}

impl Difference {
    const ALL: [Self; 4] =
        [Self::NullInAList, Self::WindashOnASlash, Self::LastLetterOfBase64, Self::WildcardInAnAffix];
}

struct Rule {
    title: String,
    text: String,
    differences: BTreeSet<Difference>,
}

/// A linear congruential generator (Knuth, MMIX), and what it makes.
struct Generator(u64);

impl Generator {
    fn rules(&mut self, count: usize) -> Vec<Rule> {
        (0..count).map(|number| self.rule(number)).collect()
    }

    fn rule(&mut self, number: usize) -> Rule {
        let mut differences = BTreeSet::new();
        let mut text = format!(
            "title: T{number}\nid: 00000000-0000-4000-8000-{number:012}\nlevel: low\n\
             logsource: {{product: tlsight, category: tls}}\ndetection:\n"
        );
        let names = &["s_a", "s_b", "f_a"][..1 + self.below(3)];
        for name in names {
            self.selection(name, &mut text, &mut differences);
        }
        let _ = writeln!(text, "  condition: {}", self.condition(names, 2));
        Rule { title: format!("T{number}"), text, differences }
    }

    fn selection(&mut self, name: &str, text: &mut String, differences: &mut BTreeSet<Difference>) {
        match self.below(8) {
            // Keywords.
            0 => {
                let keyword = self.pick(&["zilla", "a.example", "O=Example*Corp", "nothing at all", "h2"]);
                let _ = writeln!(text, "  {name}: ['{keyword}', 'x y z']");
            }
            // A list of maps.
            1 => {
                let _ = writeln!(text, "  {name}:");
                for _ in 0..2 {
                    let item = self.item(differences);
                    let _ = writeln!(text, "    - {item}");
                }
            }
            _ => {
                let _ = writeln!(text, "  {name}:");
                let mut seen = BTreeSet::new();
                for _ in 0..1 + self.below(2) {
                    let item = self.item(differences);
                    if seen.insert(item.split(':').next().unwrap_or_default().to_owned()) {
                        let _ = writeln!(text, "    {item}");
                    }
                }
            }
        }
    }

    /// `'field|modifiers': values`.
    fn item(&mut self, differences: &mut BTreeSet<Difference>) -> String {
        let item = self.bare_item(differences);
        let (key, values) = item.split_once(": ").unwrap();
        format!("'{key}': {values}")
    }

    fn bare_item(&mut self, differences: &mut BTreeSet<Difference>) -> String {
        let (field, values) = FIELDS[self.below(FIELDS.len())];
        let known = Field::named(field).unwrap();
        let list = |generator: &mut Self, values: &[&str]| match generator.below(3) {
            0 => values[generator.below(values.len())].to_owned(),
            _ => format!("[{}, {}]", values[generator.below(values.len())], values[generator.below(values.len())]),
        };
        match self.below(16) {
            0 => format!("{field}|exists: {}", self.pick(&["true", "false"])),
            1 => format!("{field}: null"),
            2 => {
                differences.insert(Difference::NullInAList);
                format!("{field}: [null, {}]", values[self.below(values.len())])
            }
            3 if matches!(known.kind(), Kind::Integer) => {
                format!("{field}|{}: {}", self.pick(&["lt", "lte", "gt", "gte"]), self.pick(&["443", "8443", "34855"]))
            }
            4 if matches!(known.kind(), Kind::Ip) => {
                format!(
                    "{field}|cidr: [{}]",
                    self.pick(&["10.0.0.0/8", "66.35.0.0/16", "'2001:db8::/32'", "0.0.0.0/0"])
                )
            }
            5 if matches!(known.kind(), Kind::Time) => {
                let part = self.pick(&["minute: 59", "hour: 23", "day: [28, 29]", "month: 2", "year: 2024", "hour: 0"]);
                format!("{field}|{part}")
            }
            _ if !matches!(known.kind(), Kind::Text) => {
                format!("{field}: {}", list(self, values))
            }
            6 => format!("{field}|neq: {}", list(self, values)),
            7 => {
                let pattern = self.pick(&[
                    "'^[a-z]+\\.'",
                    "'CN=.*Corp'",
                    "'h[0-9]'",
                    "'(zilla|fox)'",
                    "'^t13'",
                    "'[0-9a-f]{12}$'",
                ]);
                let flags = self.pick(&["", "|i"]);
                format!("{field}|re{flags}: {pattern}")
            }
            8 => {
                let other = self.pick(&["tls.client.server_name", "tls.server.x509.subject.common_name", "tls.curve"]);
                format!(
                    "{field}|fieldref{}: {other}",
                    self.pick(&["", "|contains", "|startswith", "|endswith", "|cased"])
                )
            }
            9 => {
                let place = self.pick(&["contains", "startswith", "endswith"]);
                if known.is_array() {
                    let pair = self.pick(&["mozilla, '192.0'", "AES_128, CHACHA20", "example, cdn"]);
                    return format!("{field}|contains|all: [{pair}]");
                }
                let (one, other) = (self.below(PARTS.len() - 1), self.below(PARTS.len() - 1) + 1);
                let other = if one == other { 0 } else { other };
                if place != "contains" && (PARTS[one].contains('?') || PARTS[other].contains('?')) {
                    differences.insert(Difference::WildcardInAnAffix);
                }
                format!("{field}|{place}|all: ['{}', '{}']", PARTS[one], PARTS[other])
            }
            10 => {
                differences.insert(Difference::WindashOnASlash);
                let field = self.pick(&["tls.client.server_name", "tls.server.subject"]);
                format!("{field}|windash|contains: ['{}']", self.pick(&["-ab", "/ab", "x-y", "-"]))
            }
            11 => format!("{field}|base64|contains: '{}'", self.pick(&["foobar", "-ab", "http://"])),
            12 => {
                differences.insert(Difference::LastLetterOfBase64);
                let field = self.pick(&["tls.client.server_name", "tls.server.subject"]);
                format!("{field}|base64offset|contains: '{}'", self.pick(&["foobar", "http://", "hello"]))
            }
            13 => format!("{field}|cased: {}", list(self, values)),
            14 | 15 => {
                let place = self.pick(&["contains", "startswith", "endswith", "contains|cased"]);
                let parts = [self.pick(PARTS), self.pick(PARTS)];
                let is_pattern = place.ends_with("with") && parts.iter().any(|part| part.contains('?'));
                if is_pattern {
                    differences.insert(Difference::WildcardInAnAffix);
                }
                let field = if is_pattern { "tls.client.server_name" } else { field };
                format!("{field}|{place}: ['{}', '{}']", parts[0], parts[1])
            }
            _ => {
                let list = list(self, values);
                format!("{field}: {list}")
            }
        }
    }

    fn condition(&mut self, names: &[&str], depth: usize) -> String {
        let name = names[self.below(names.len())].to_owned();
        if depth == 0 {
            return name;
        }
        let (one, other) = (self.condition(names, depth - 1), self.condition(names, depth - 1));
        match self.below(10) {
            0 => format!("{one} and {other}"),
            1 => format!("{one} or {other}"),
            2 => format!("not {one}"),
            3 => format!("({one} or {other}) and not ({other})"),
            4 => "1 of them".into(),
            5 => "all of them".into(),
            6 => "1 of s_*".into(),
            8 if names.len() > 1 => "2 of them".into(),
            7 => format!("all of s_* and not ({one})"),
            _ => name,
        }
    }

    fn pick<'t>(&mut self, among: &[&'t str]) -> &'t str {
        among[self.below(among.len())]
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Fields, and values that some events have and some do not.
const FIELDS: &[(&str, &[&str])] = &[
    (
        "tls.client.server_name",
        &["mozilla.example", "MOZILLA.EXAMPLE", "'*.example'", "a.example", "'m?z*'", "none", "''"],
    ),
    ("tls.client.ja3", &["579ccef312d18482fc42e2b822ca2430", "'579*'", "'00000000000000000000000000000000'"]),
    ("tls.client.ja4", &["t13d1715h2_5b57614c22b0_3d5424432f57", "'t13d*_3d5424432f57'", "none"]),
    ("tls.server.subject", &["'CN=*'", "'*O=Example Corp*'", "CN=none", "'*\\\\*'"]),
    ("tls.server.x509.alternative_names", &["mozilla.example", "'*.mozilla.example'", "192.0.2.7", "none"]),
    ("tls.client.supported_ciphers", &["TLS_AES_128_GCM_SHA256", "'*_CBC_*'", "none"]),
    ("tls.cipher", &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", "'*GCM*'"]),
    ("tls.version", &["'1.2'", "'1.3'", "1.2", "1.3", "'1.?'"]),
    ("tls.curve", &["x25519", "secp384r1", "'*25*'"]),
    ("destination.port", &["443", "'443'", "8443", "'84*'"]),
    ("source.port", &["34855", "50000", "1"]),
    ("tls.established", &["true", "false"]),
    ("tls.resumed", &["true", "false"]),
    ("destination.ip", &["66.35.250.204", "'66.*'", "'2001:db8::2'"]),
    ("@timestamp", &["'2024*'", "'*59*'"]),
    ("tlsight.missing", &["certificate:resumed", "'*:not_seen'", "none"]),
];

const PARTS: &[&str] =
    &["mozilla", "example", "CN=", "cn=", "Corp", "t13", "AES_128", "x25519", ".exa?ple", "1", "-ab", "zz"];

fn documents(rules: &[Rule]) -> String {
    rules.iter().map(|rule| rule.text.as_str()).collect::<Vec<_>>().join("---\n")
}

fn load(rules: &[Rule]) -> Rules {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rules.yml"), documents(rules)).unwrap();
    Rules::load(folder.path()).unwrap_or_else(|why| panic!("{why}\n{}", documents(rules)))
}

fn titles(look: impl FnOnce(&mut dyn FnMut(tlsight::detect::Alert))) -> Vec<String> {
    let mut titles = Vec::new();
    look(&mut |alert| titles.push(alert.rule.title.clone()));
    titles
}

/// The samples, and some with other names.
fn events() -> Vec<Event> {
    let mut events = vec![samples::tls12(), samples::tls13(), samples::sslv2(), samples::odd(), samples::storied()];
    let names = [
        "a.example",
        "www.mozilla.example",
        "x-y/ab",
        "Zm9vYmFy",
        "aHR0cDovL3g=",
        "aGVsbG9+",
        "eHhodHRwOi8veA==",
        "xGhlbGxvIHdvcmxk",
        "k\u{212a}-AB",
    ];
    for (at, name) in names.into_iter().enumerate() {
        let mut event = samples::tls12();
        if let Some(client) = &mut event.client_hello {
            client.server_name = Some(name.as_bytes().into());
        }
        event.timestamp = Timestamp(event.timestamp.0 + at as i64 * 3_600_000_000_000);
        if let Some(leaf) = event.server_chain.first_mut() {
            let mut certificate = (**leaf).clone();
            if let Ok(parsed) = &mut certificate.parsed {
                parsed.subject = Some(format!("CN={name}"));
            }
            *leaf = Arc::new(certificate);
        }
        events.push(event);
    }
    events
}

/// The event as an object of its fields, one key each.
fn object(event: &Event) -> Json {
    let mut object = Map::new();
    for field in Field::all() {
        let mut values = Vec::new();
        let _ = field.visit(event, &mut |value| {
            values.push(match value {
                Value::Integer(number) => Json::from(number),
                Value::Bool(is) => Json::from(is),
                other => Json::from(other.with_text(str::to_owned)),
            });
            ControlFlow::Continue(())
        });
        match (values.len(), field.is_array()) {
            (0, _) => {}
            (_, true) => {
                object.insert(field.name().to_owned(), Json::Array(values));
            }
            (_, false) => {
                object.extend(values.pop().map(|value| (field.name().to_owned(), value)));
            }
        }
    }
    Json::Object(object)
}

const ROUNDS: u64 = 12;
const RULES_OF_A_ROUND: usize = 60;
