//! The table of what the configuration file may say: one line for each key, and nothing of it anywhere else.

use crate::config::Limits;

/// A key of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    pub table: &'static str,
    pub name: &'static str,
    pub kind: Kind,
    /// What is in force without it.
    pub default: Default,
    /// What it does, with its unit.
    pub about: &'static str,
}

/// What is written behind a key, and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, the value of this option.
    Text(&'static str),
    /// A list of texts, each a value of this option.
    Texts(&'static str),
    /// A whole number, the value of this option.
    Number(&'static str),
    /// `true` is this option.
    Switch(&'static str),
    /// `false` is this option.
    Unless(&'static str),
    /// One of these words; all but the first are options of that name.
    Choice(&'static [&'static str]),
    /// A whole number in [`Limits`].
    Limit,
}

/// What is in force where the file says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// This, as it is written in TOML.
    Is(&'static str),
    /// Nothing; this could be.
    Unset { example: &'static str },
    /// What [`Limits`] says.
    Limit,
}

impl Key {
    pub fn named(table: &str, name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.table == table && key.name == name)
    }

    /// The options that say the same on the command line.
    pub fn options(&'static self) -> &'static [&'static str] {
        match &self.kind {
            Kind::Text(option)
            | Kind::Texts(option)
            | Kind::Number(option)
            | Kind::Switch(option)
            | Kind::Unless(option) => std::slice::from_ref(option),
            Kind::Choice(words) => words.get(1..).unwrap_or_default(),
            Kind::Limit if self.name == "max_flows" => &["max-flows"],
            Kind::Limit => &[],
        }
    }
}

/// The id of an option.
pub fn id(option: &str) -> String {
    option.replace('-', "_")
}

/// The limits by their names.
pub fn limits(limits: &Limits) -> [(&'static str, u64); 14] {
    let Limits {
        max_flows,
        max_unanswered,
        out_of_order_bytes,
        total_out_of_order_bytes,
        client_hello_bytes,
        handshake_message_bytes,
        fragment_bytes,
        idle_seconds,
        half_open_seconds,
        fragment_seconds,
        chain_checks,
        rule_groups,
        rule_bytes,
        suppressed_keys,
    } = limits;
    [
        ("max_flows", *max_flows as u64),
        ("max_unanswered", *max_unanswered as u64),
        ("out_of_order_bytes", *out_of_order_bytes as u64),
        ("total_out_of_order_bytes", *total_out_of_order_bytes as u64),
        ("client_hello_bytes", *client_hello_bytes as u64),
        ("handshake_message_bytes", *handshake_message_bytes as u64),
        ("fragment_bytes", *fragment_bytes as u64),
        ("idle_seconds", *idle_seconds),
        ("half_open_seconds", *half_open_seconds),
        ("fragment_seconds", *fragment_seconds),
        ("chain_checks", u64::from(*chain_checks)),
        ("rule_groups", *rule_groups as u64),
        ("rule_bytes", *rule_bytes as u64),
        ("suppressed_keys", *suppressed_keys as u64),
    ]
}

/// The tables of the file, in the order in which they are printed.
pub const TABLES: &[(&str, &str)] = &[
    ("capture", "Where packets come from."),
    ("analysis", "What is analysed, and how."),
    ("outputs", "Where results go, and in which form."),
    ("sensor", "How a sensor runs."),
    ("limits", "Caps. Each is counted when it is hit, and told in tlsight.stats."),
];

/// What is never in the file.
pub const SECRETS: &[(&str, &str)] = &[
    ("TLSIGHT_CLICKHOUSE_USER", "the user of outputs.clickhouse"),
    ("TLSIGHT_CLICKHOUSE_PASSWORD", "the user's password"),
    ("TLSIGHT_CLICKHOUSE_TOKEN", "sent to outputs.clickhouse as a bearer token, in the place of both"),
    ("TLSIGHT_WEBHOOK_TOKEN", "sent to outputs.webhook as a bearer token"),
];

/// Every key.
pub const KEYS: &[Key] = &[
    Key {
        table: "capture",
        name: "interfaces",
        kind: Kind::Texts("interface"),
        default: Default::Unset { example: "[\"eth0\"]" },
        about: "The interfaces that `live` listens to.",
    },
    Key {
        table: "capture",
        name: "way",
        kind: Kind::Text("capture"),
        default: Default::Is("\"auto\""),
        about: "How packets are taken: ring (Linux, Ethernet; a ring for each thread), pcap, or auto: ring where that is\n\
                possible.",
    },
    Key {
        table: "capture",
        name: "promiscuous",
        kind: Kind::Unless("no-promiscuous"),
        default: Default::Is("true"),
        about: "Whether packets that are for others are taken too.",
    },
    Key {
        table: "capture",
        name: "exclude_own",
        kind: Kind::Unless("include-own"),
        default: Default::Is("true"),
        about: "Whether what this program sends to ClickHouse, syslog and web hooks is left out: packets between this machine\n\
                and their addresses and ports, as they are when it starts.",
    },
    Key {
        table: "capture",
        name: "timestamp_source",
        kind: Kind::Text("timestamp-source"),
        default: Default::Is("\"kernel\""),
        about: "Whose clock packets are stamped by, in nanoseconds: kernel, or hardware: the interface's (Linux). That is switched\n\
                on where it is not (CAP_NET_ADMIN), and kept in step with the system's by others (phc2sys).",
    },
    Key {
        table: "capture",
        name: "snap_bytes",
        kind: Kind::Number("snap-bytes"),
        default: Default::Is("262144"),
        about: "Bytes of a packet that are taken: 64 to 262144. With less than a whole packet hellos are cut.",
    },
    Key {
        table: "capture",
        name: "buffer_bytes",
        kind: Kind::Number("buffer-bytes"),
        default: Default::Is("67108864"),
        about: "Bytes of the kernel's buffer for each interface, which holds what comes while nobody reads: 1 MiB to 1 GiB.",
    },
    Key {
        table: "capture",
        name: "filter",
        kind: Kind::Text("filter"),
        default: Default::Unset { example: "\"tcp port 443 or udp port 443\"" },
        about: "Take only the packets that this expression accepts (pcap-filter(7)).",
    },
    Key {
        table: "capture",
        name: "follow",
        kind: Kind::Switch("follow"),
        default: Default::Is("false"),
        about: "Whether `read` goes on as its capture grows.",
    },
    Key {
        table: "analysis",
        name: "threads",
        kind: Kind::Number("threads"),
        default: Default::Unset { example: "2" },
        about: "Threads that analyse; by default as many as there are processors.",
    },
    Key {
        table: "analysis",
        name: "rules",
        kind: Kind::Text("rules"),
        default: Default::Unset { example: "\"/etc/tlsight/rules\"" },
        about: "Sigma rules: a file or a folder. Read again on SIGHUP.",
    },
    Key {
        table: "analysis",
        name: "threat_lists",
        kind: Kind::Texts("threat-list"),
        default: Default::Unset { example: "[\"high=/etc/tlsight/lists/sslbl.csv\"]" },
        about: "Threat lists: files or folders, each with the level of its alerts before it if it is not medium. Read again\n\
                on SIGHUP.",
    },
    Key {
        table: "analysis",
        name: "state",
        kind: Kind::Text("state"),
        default: Default::Unset { example: "\"/var/lib/tlsight/state\"" },
        about: "Where what rules learn and have under way is kept from one run to the next. Only with `rules`.",
    },
    Key {
        table: "analysis",
        name: "labels",
        kind: Kind::Texts("labels"),
        default: Default::Unset { example: "[\"/etc/tlsight/labels\"]" },
        about: "What software is known by its fingerprints, beside what is compiled in: files or folders. Read\n\
                again on SIGHUP.",
    },
    Key {
        table: "analysis",
        name: "use_labels",
        kind: Kind::Unless("no-labels"),
        default: Default::Is("true"),
        about: "Whether sessions are labelled at all. Taken on at SIGHUP.",
    },
    Key {
        table: "analysis",
        name: "fail_on",
        kind: Kind::Text("fail-on"),
        default: Default::Unset { example: "\"high\"" },
        about: "End with status 1 if there were alerts of this level or above: informational, low, medium, high, critical.\n\
                Taken on at SIGHUP.",
    },
    Key {
        table: "analysis",
        name: "ca_files",
        kind: Kind::Texts("ca-file"),
        default: Default::Unset { example: "[\"/etc/tlsight/own-ca.pem\"]" },
        about: "Authorities that are trusted beside Mozilla's when certificates are judged: PEM files. Read again on\n\
                SIGHUP.",
    },
    Key {
        table: "outputs",
        name: "form",
        kind: Kind::Choice(&["auto", "json", "sessions", "table"]),
        default: Default::Is("\"auto\""),
        about: "What goes to standard output: json, sessions (a line each), table (a summary at the end), or auto: what suits\n\
                a terminal or a pipe.",
    },
    Key {
        table: "outputs",
        name: "file",
        kind: Kind::Text("output"),
        default: Default::Unset { example: "\"/var/log/tlsight/sessions.ndjson\"" },
        about: "Write JSON to this file instead of standard output.",
    },
    Key {
        table: "outputs",
        name: "clickhouse",
        kind: Kind::Text("clickhouse"),
        default: Default::Unset { example: "\"http://127.0.0.1:8123/tlsight\"" },
        about: "Store sessions and alerts in ClickHouse too, at http://HOST:PORT/DATABASE.",
    },
    Key {
        table: "outputs",
        name: "clickhouse_ca",
        kind: Kind::Text("clickhouse-ca"),
        default: Default::Unset { example: "\"/etc/tlsight/store-ca.pem\"" },
        about: "Trust the authorities of this PEM file, and no other, for ClickHouse by https. Only with `clickhouse`.",
    },
    Key {
        table: "outputs",
        name: "spool",
        kind: Kind::Text("spool"),
        default: Default::Unset { example: "\"/var/lib/tlsight/spool\"" },
        about: "Where rows wait for ClickHouse, on disk. Only with `clickhouse`.",
    },
    Key {
        table: "outputs",
        name: "spool_size",
        kind: Kind::Text("spool-size"),
        default: Default::Is("\"4G\""),
        about: "What the spool may take on disk: bytes, or a number and M, G or T. Only with `clickhouse`.",
    },
    Key {
        table: "outputs",
        name: "syslog",
        kind: Kind::Text("syslog"),
        default: Default::Unset { example: "\"udp://127.0.0.1:514\"" },
        about: "Send alerts by syslog, to udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH.",
    },
    Key {
        table: "outputs",
        name: "syslog_format",
        kind: Kind::Text("syslog-format"),
        default: Default::Is("\"rfc5424\""),
        about: "What syslog messages look like: rfc5424 or cef. Only with `syslog`.",
    },
    Key {
        table: "outputs",
        name: "syslog_ca",
        kind: Kind::Text("syslog-ca"),
        default: Default::Unset { example: "\"/etc/tlsight/log-ca.pem\"" },
        about: "Trust the authorities of this PEM file, and no other, for syslog over TLS. Only with `syslog`.",
    },
    Key {
        table: "outputs",
        name: "cef",
        kind: Kind::Text("cef"),
        default: Default::Unset { example: "\"/var/log/tlsight/alerts.cef\"" },
        about: "Write alerts to this file, in ArcSight's Common Event Format.",
    },
    Key {
        table: "outputs",
        name: "webhook",
        kind: Kind::Text("webhook"),
        default: Default::Unset { example: "\"https://hooks.example.org/tls\"" },
        about: "Post each alert as JSON to this URL.",
    },
    Key {
        table: "outputs",
        name: "webhook_ca",
        kind: Kind::Text("webhook-ca"),
        default: Default::Unset { example: "\"/etc/tlsight/hooks-ca.pem\"" },
        about: "Trust the authorities of this PEM file, and no other, for the web hook. Only with `webhook`.",
    },
    Key {
        table: "outputs",
        name: "keep",
        kind: Kind::Text("keep"),
        default: Default::Unset { example: "\"/var/lib/tlsight/packets\"" },
        about: "Where `live` keeps packets, in a ring of pcapng files.",
    },
    Key {
        table: "outputs",
        name: "keep_size",
        kind: Kind::Text("keep-size"),
        default: Default::Is("\"10G\""),
        about: "What these files may take on disk: bytes, or a number and M, G or T; at least 16M. Only with `keep`.",
    },
    Key {
        table: "outputs",
        name: "keep_packets",
        kind: Kind::Text("keep-packets"),
        default: Default::Is("\"handshakes\""),
        about: "Which packets are kept: handshakes (those that are read: to where nothing more can be learnt of a connection)\n\
                or all. Only with `keep`.",
    },
    Key {
        table: "outputs",
        name: "top",
        kind: Kind::Number("top"),
        default: Default::Is("8"),
        about: "Rows of the summary's tables.",
    },
    Key {
        table: "sensor",
        name: "name",
        kind: Kind::Text("sensor"),
        default: Default::Unset { example: "\"dc1-tap\"" },
        about: "The sensor's name in counters and in the store; by default the machine's.",
    },
    Key {
        table: "sensor",
        name: "stats_interval",
        kind: Kind::Text("stats-interval"),
        default: Default::Is("\"60s\""),
        about: "How often the counters are told: a number and s, m or h.",
    },
    Key {
        table: "sensor",
        name: "metrics",
        kind: Kind::Text("metrics"),
        default: Default::Unset { example: "\"127.0.0.1:9464\"" },
        about: "Serve Prometheus' metrics, /healthz, /readyz and /top at this address: PORT or HOST:PORT.",
    },
    Key {
        table: "sensor",
        name: "metrics_public",
        kind: Kind::Switch("metrics-public"),
        default: Default::Is("false"),
        about: "Whether `metrics` may be an address that others can reach: whoever does may read the figures.",
    },
    Key {
        table: "sensor",
        name: "watch",
        kind: Kind::Switch("watch"),
        default: Default::Is("false"),
        about: "Whether rules, threat lists, labels, authorities and this file are read again when they change, without SIGHUP.",
    },
    Key {
        table: "sensor",
        name: "user",
        kind: Kind::Text("user"),
        default: Default::Unset { example: "\"tlsight\"" },
        about: "Go on as this user once the interfaces are open (Linux). Outputs are opened by that user.",
    },
    Key {
        table: "sensor",
        name: "confinement",
        kind: Kind::Unless("no-confinement"),
        default: Default::Is("true"),
        about: "Whether capabilities are dropped and system calls and files are fenced in once the interfaces are open (Linux).",
    },
    Key {
        table: "sensor",
        name: "log_format",
        kind: Kind::Text("log-format"),
        default: Default::Is("\"text\""),
        about: "What the lines on standard error look like: text or json.",
    },
    limit("max_flows", "Connections held at once; half-open ones are given up first."),
    limit("max_unanswered", "Connections that are being read and of which one side alone was heard."),
    limit("out_of_order_bytes", "Bytes of a direction that came before those in front of them."),
    limit("total_out_of_order_bytes", "Such bytes of all connections of a thread together."),
    limit("client_hello_bytes", "Bytes of one ClientHello."),
    limit("handshake_message_bytes", "Bytes of one other handshake message."),
    limit("fragment_bytes", "Bytes of IP fragments held by a thread."),
    limit("idle_seconds", "Seconds (packet time) of silence after which a connection is over."),
    limit("half_open_seconds", "Seconds (packet time) that a half-open or a closed connection is kept."),
    limit("fragment_seconds", "Seconds (packet time) that an incomplete IP datagram is kept."),
    limit(
        "chain_checks",
        "Chains of certificates that are verified in a second (packet time) by `live`; 0: none. Taken on at SIGHUP.",
    ),
    limit("rule_groups", "Groups of sessions that correlation rules hold. Taken on at SIGHUP."),
    limit("rule_bytes", "Bytes that those groups take, about. Taken on at SIGHUP."),
    limit("suppressed_keys", "Keys of which alerts are held back. Taken on at SIGHUP."),
];

const fn limit(name: &'static str, about: &'static str) -> Key {
    Key { table: "limits", name, kind: Kind::Limit, default: Default::Limit, about }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Args;

    /// Options that say where the file is, what is to be shown, or how much is said.
    const NOT_IN_THE_FILE: &[&str] = &["config", "print-config", "verbose", "quiet", "help", "version"];

    /// Each option of `read` and `live`.
    fn options() -> BTreeSet<String> {
        let mut command = Args::command();
        command.build();
        let of = |name: &str| -> Vec<String> {
            let command = command.find_subcommand(name).unwrap();
            command.get_arguments().filter_map(|argument| argument.get_long()).map(str::to_owned).collect()
        };
        [of("read"), of("live")].concat().into_iter().filter(|name| !NOT_IN_THE_FILE.contains(&&**name)).collect()
    }

    #[test]
    fn every_option_has_a_key_and_every_key_its_option() {
        let keyed: Vec<String> = KEYS.iter().flat_map(Key::options).map(|option| (*option).to_owned()).collect();
        let once: BTreeSet<String> = keyed.iter().cloned().collect();
        assert_eq!(once.len(), keyed.len(), "an option of two keys");
        assert_eq!(once, options());
    }

    #[test]
    fn every_limit_has_a_key_and_every_key_its_limit() {
        let keys: Vec<&str> = KEYS.iter().filter(|key| key.kind == Kind::Limit).map(|key| key.name).collect();
        assert_eq!(keys, limits(&Limits::default()).map(|(name, _)| name));
    }

    #[test]
    fn defaults_are_those_of_the_options() {
        let command = Args::command();
        for key in KEYS {
            let (Kind::Text(option) | Kind::Texts(option) | Kind::Number(option)) = key.kind else { continue };
            let argument = command
                .get_subcommands()
                .flat_map(clap::Command::get_arguments)
                .find(|argument| argument.get_long() == Some(option))
                .unwrap();
            let values: Vec<&str> = argument.get_default_values().iter().map(|value| value.to_str().unwrap()).collect();
            let said = match key.default {
                Default::Is(text) => vec![text.trim_matches('"')],
                Default::Unset { .. } | Default::Limit => Vec::new(),
            };
            assert_eq!(said, values, "{}.{}", key.table, key.name);
        }
    }

    #[test]
    fn every_key_stands_in_a_table_and_once() {
        let names: BTreeSet<(&str, &str)> = KEYS.iter().map(|key| (key.table, key.name)).collect();
        assert_eq!(names.len(), KEYS.len());
        assert!(KEYS.iter().all(|key| TABLES.iter().any(|(table, _)| *table == key.table)));
    }

    #[test]
    fn the_secrets_are_those_that_the_program_asks_the_environment_for() {
        let asked = [
            crate::sink::clickhouse::USER_VARIABLE,
            crate::sink::clickhouse::PASSWORD_VARIABLE,
            crate::sink::clickhouse::TOKEN_VARIABLE,
            crate::sink::webhook::TOKEN_VARIABLE,
        ];
        assert_eq!(SECRETS.iter().map(|(name, _)| *name).collect::<Vec<_>>(), asked);
    }
}
