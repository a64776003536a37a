//! What a rule with a behaviour asks for: a detector, its parameters, and the fields that it goes by.
//!
//! In: `custom: behaviour:` as YAML. Out: a [`Plan`], or every fault. The parameters stand in `rules/README.md`.

use yaml_serde::Value;

use super::key::Part;
use super::memory::Bounds;
use super::parameters::{Fault, Parameters};
use super::rotation::Constant;
use super::{beaconing, failures, first_seen, names, rarity, repeat, rotation, spread, validity};

/// A detector as a rule wants it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub settings: Settings,
    /// What sessions are told apart by; with none, all are taken together.
    pub by: Box<[Part]>,
    /// What is looked at: the value of `first_seen` and `rarity`, the hosts of `spread`, the others of `failures`.
    pub value: Box<[Part]>,
}

/// The detectors and what each is set to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Settings {
    Beaconing(beaconing::Settings),
    FirstSeen(first_seen::Settings),
    Rarity(rarity::Settings),
    Rotation(rotation::Settings),
    Spread(spread::Settings),
    Repeat(repeat::Settings),
    Failures(failures::Settings),
    Names(names::Settings),
    Validity(validity::Settings),
}

impl Plan {
    /// # Errors
    /// All that is wrong; a key is empty where the fault is of the whole.
    pub fn read(value: &Value) -> Result<Self, Vec<Fault>> {
        let whole = |what: &str| vec![Fault { key: String::new(), what: what.to_owned() }];
        let map = value.as_mapping().ok_or_else(|| whole("`behaviour` holds parameters: write `{type: beaconing}`"))?;
        let mut parameters = Parameters::new(map);
        let Some(kind) = parameters.text("type") else {
            return Err(whole(&format!("`behaviour` needs a `type`: one of {}", types())));
        };
        let Some((_, read)) = TYPES.iter().find(|(name, _)| *name == kind) else {
            let what = format!("there is no behaviour `{kind}`; there are {}", types());
            return Err(vec![Fault { key: "type".to_owned(), what }]);
        };
        let plan = read(&mut parameters);
        let faults = parameters.finish();
        if faults.is_empty() { Ok(plan) } else { Err(faults) }
    }

    /// What states are keyed by, in words: those of another key mean nothing to it.
    pub fn keys(&self) -> String {
        let names = |parts: &[Part]| parts.iter().map(|part| part.name()).collect::<Vec<_>>().join(",");
        format!("{} by {}", names(&self.value), names(&self.by))
    }

    /// The figures that a finding of the detector may have; `note` is a word beside them.
    pub fn measures(&self) -> &'static [&'static str] {
        match self.settings {
            Settings::Beaconing(_) => &[
                "score",
                "interval_score",
                "interval_skew_score",
                "interval_deviation_score",
                "histogram_score",
                "persistence_score",
                "interval_seconds",
                "jitter",
                "size_score",
                "size_octets",
            ],
            Settings::FirstSeen(_) => &["score", "known_values", "learnt_sessions", "learnt_days", "note"],
            Settings::Rarity(_) => &["score", "share", "faded_count", "faded_total"],
            Settings::Rotation(_) => &["score", "distinct", "sessions", "switches", "evenness", "note"],
            Settings::Spread(_) => &["score", "hosts", "sessions", "sessions_per_host", "dispersion", "per_minute"],
            Settings::Repeat(_) => &["score", "delay_seconds", "relayed", "copies", "note"],
            Settings::Failures(_) => {
                &["score", "failures", "share", "others", "window_seconds", "since_change_seconds", "note"]
            }
            Settings::Names(_) => &["score", "names", "note"],
            Settings::Validity(_) => &["score", "days_left", "lifetime_days"],
        }
    }
}

type Read = fn(&mut Parameters<'_>) -> Plan;

const TYPES: &[(&str, Read)] = &[
    ("beaconing", beaconing),
    ("first_seen", first_seen),
    ("rarity", rarity),
    ("rotation", rotation),
    ("spread", spread),
    ("repeat", repeat),
    ("failures", failures),
    ("names", names),
    ("validity", validity),
];

fn types() -> String {
    TYPES.iter().map(|&(name, _)| name).collect::<Vec<_>>().join(", ")
}

fn beaconing(from: &mut Parameters<'_>) -> Plan {
    let samples = from.count("samples", 64, (8, 512));
    let settings = beaconing::Settings {
        samples: samples as usize,
        sessions: from.count("sessions", samples.min(16), (8, samples)) as usize,
        merge: from.time("merge", "1s"),
        lasting: from.span("lasting", "1h"),
        score: from.number("score", 0.78, SHARE),
        again: from.time("again", "1d"),
        bounds: bounds(from, 100_000, "7d"),
    };
    let by = from.parts("by", &["source.ip", "server", "destination.port"]);
    Plan { settings: Settings::Beaconing(settings), by, value: Box::default() }
}

fn first_seen(from: &mut Parameters<'_>) -> Plan {
    let by = from.parts("by", &[]);
    // A network has any number of values, a host or a name has few.
    let varied = if by.is_empty() { u64::from(u32::MAX) } else { 8 };
    let settings = first_seen::Settings {
        learn: from.time("learn", "7d"),
        sessions: from.count("sessions", 20, (1, 1_000_000)),
        varied: from.count("varied", varied, (1, u64::from(u32::MAX))) as u32,
        bounds: bounds(from, 200_000, "90d"),
    };
    Plan { settings: Settings::FirstSeen(settings), by, value: value(from) }
}

fn rarity(from: &mut Parameters<'_>) -> Plan {
    let settings = rarity::Settings {
        half_life: from.span("half_life", "7d"),
        least: from.number("least", 1_000.0, (1.0, 1e12)),
        share: from.number("share", 0.001, SHARE),
        again: from.time("again", "1d"),
        bounds: bounds(from, 200_000, "90d"),
    };
    Plan { settings: Settings::Rarity(settings), by: from.parts("by", &[]), value: value(from) }
}

fn rotation(from: &mut Parameters<'_>) -> Plan {
    let constants =
        [("any", Constant::Any), ("a", Constant::A), ("b", Constant::B), ("c", Constant::C), ("none", Constant::None)];
    let settings = rotation::Settings {
        window: from.span("window", "10m"),
        distinct: from.count("distinct", 3, (2, rotation::MOST_DISTINCT as u64)) as usize,
        constant: from.word("constant", &constants).unwrap_or(Constant::Any),
        score: from.number("score", 0.4, SHARE),
        again: from.time("again", "1h"),
        bounds: bounds(from, 100_000, "1d"),
    };
    Plan { settings: Settings::Rotation(settings), by: from.parts("by", &["source.ip"]), value: Box::default() }
}

fn spread(from: &mut Parameters<'_>) -> Plan {
    let settings = spread::Settings {
        window: from.span("window", "1h"),
        hosts: from.count("hosts", 20, (2, 1_000)) as usize,
        sessions: from.count("sessions", 60, (2, 1_000_000)),
        score: from.number("score", 0.4, SHARE),
        again: from.time("again", "1d"),
        bounds: bounds(from, 50_000, "1d"),
    };
    let by = from.parts("by", &["server", "tls.client.ja4"]);
    Plan { settings: Settings::Spread(settings), by, value: from.parts("value", &["source.ip"]) }
}

fn repeat(from: &mut Parameters<'_>) -> Plan {
    let keys = from.count("keys", 200_000, KEYS) as usize;
    let settings = repeat::Settings {
        mirror: from.time("mirror", "100ms"),
        bounds: Bounds { keys, retention: from.span("within", "1m") },
        again: from.time("again", "1h"),
    };
    Plan { settings: Settings::Repeat(settings), by: Box::default(), value: Box::default() }
}

fn failures(from: &mut Parameters<'_>) -> Plan {
    let settings = failures::Settings {
        window: from.span("window", "5m"),
        distinct: from.count("distinct", 10, (1, 1_000)) as usize,
        failures: from.count("failures", 15, (1, 1_000_000)),
        share: from.number("share", 0.5, SHARE),
        again: from.time("again", "1h"),
        bounds: bounds(from, 50_000, "1d"),
    };
    let by = from.parts("by", &["source.ip"]);
    Plan { settings: Settings::Failures(settings), by, value: from.parts("value", &["destination.ip"]) }
}

fn names(from: &mut Parameters<'_>) -> Plan {
    let settings = names::Settings {
        window: from.span("window", "1h"),
        score: from.number("score", 0.63, SHARE),
        names: from.count("names", 3, (1, 1_000)) as usize,
        again: from.time("again", "1d"),
        bounds: bounds(from, 50_000, "1d"),
    };
    Plan { settings: Settings::Names(settings), by: from.parts("by", &["source.ip"]), value: Box::default() }
}

fn validity(from: &mut Parameters<'_>) -> Plan {
    let seconds = |nanos: i64| nanos / 1_000_000_000;
    let settings = validity::Settings {
        expires_within: from.time_if("expires_within").map(seconds),
        lifetime_below: from.time_if("lifetime_below").map(seconds),
        lifetime_above: from.time_if("lifetime_above").map(seconds),
        again: from.time("again", "7d"),
        bounds: bounds(from, 50_000, "90d"),
    };
    if settings.expires_within.is_none() && settings.lifetime_below.is_none() {
        from.fault("", "`validity` needs `expires_within` or `lifetime_below`".to_owned());
    }
    let by = from.parts("by", &["server", "tls.server.hash.sha256"]);
    Plan { settings: Settings::Validity(settings), by, value: Box::default() }
}

fn bounds(from: &mut Parameters<'_>, keys: u64, forget: &str) -> Bounds {
    let keys = from.count("keys", keys, KEYS) as usize;
    Bounds { keys, retention: from.span("forget", forget) }
}

fn value(from: &mut Parameters<'_>) -> Box<[Part]> {
    let parts = from.parts("value", &[]);
    if parts.is_empty() {
        from.fault("value", "`value` names the field that is looked at, as in `value: tls.client.ja4`".to_owned());
    }
    parts
}

const SHARE: (f64, f64) = (0.0, 1.0);
const KEYS: (u64, u64) = (1, 10_000_000);
