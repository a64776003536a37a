//! Options as they are written, and the texts of `--help`.

mod line;

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Style, Styles};
use clap::{ArgAction, ArgGroup, Args as Group, Parser, Subcommand, ValueEnum};

use super::config::InForce;
use super::extract::args::ExtractArgs;
use super::rules::args::RulesArgs;
use super::top::args::TopArgs;
use crate::detect::Level;
use crate::detect::threat::ListSource;
use crate::sink::syslog;

/// Who talks TLS with whom, with which software, and what is wrong about it: from capture files or an interface.
#[derive(Debug, Parser)]
#[command(name = "tlsight", styles = STYLES, disable_help_subcommand = true, after_help = AFTER)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub verbosity: Verbosity,
    /// What `--print-config` asks for, instead of the run.
    #[arg(skip)]
    pub shown: Option<String>,
    /// By key of the configuration file, where the command has such.
    #[arg(skip)]
    pub in_force: Option<InForce>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Read(ReadArgs),
    Live(LiveArgs),
    Top(TopArgs),
    Extract(ExtractArgs),
    Explain(ExplainArgs),
    Labels(LabelsArgs),
    Rules(RulesArgs),
    Clickhouse(ClickHouseArgs),
    Config(ConfigArgs),
}

#[derive(Debug, Clone, Copy, Default, Group)]
pub struct Verbosity {
    /// Say more on standard error, and of sessions
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet", display_order = 900)]
    pub verbose: u8,
    /// Say nothing on standard error but errors
    #[arg(short, long, global = true, display_order = 901)]
    pub quiet: bool,
}

/// Analyse capture files: pcap and pcapng, also in gzip or zstd.
///
/// On a terminal a summary is shown; elsewhere a JSON object is written for each session, alert and the final counters.
#[derive(Debug, Group)]
#[command(after_help = "Examples:
  tlsight read capture.pcap                    a summary, on a terminal
  tlsight read captures/ -o sessions.ndjson    all captures of a folder into one file
  zcat big.pcap.gz | tlsight read - | jq .tls.client.ja4
  tlsight read --follow growing.pcap           as `tail -F`
  tlsight read capture.pcap --rules rules/ --fail-on high")]
pub struct ReadArgs {
    /// Captures, folders of captures, or - for standard input
    #[arg(required_unless_present = "print_config", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Go on as the capture grows, until interrupted. Whoever writes it should not hold packets back (tcpdump -U)
    #[arg(long)]
    pub follow: bool,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub analysis: AnalysisArgs,
}

/// Listen to an interface until interrupted.
///
/// On a terminal a line is shown for each session and a summary at the end; elsewhere JSON is written. Without -i the
/// interfaces are listed.
#[derive(Debug, Group)]
#[command(after_help = "Examples:
  tlsight live -i eth0
  tlsight live -i eth0 --filter 'port 443' --rules rules/ -o sessions.ndjson
  tlsight live -i rx0 -i tx0 --config /etc/tlsight/tlsight.toml --user tlsight --metrics 9464
  tlsight live -i eth0 --keep /var/lib/tlsight/packets --keep-size 10G")]
pub struct LiveArgs {
    /// The interface; `any` is all of them (Linux). May be given more than once: a link's two directions, say
    #[arg(short, long, value_name = "IFACE")]
    pub interface: Vec<String>,
    /// How packets are taken: ring (Linux, Ethernet; a ring for each thread), pcap, or auto: ring where that is possible
    #[arg(long, value_name = "WAY", default_value = "auto")]
    pub capture: Way,
    /// Take the packets from and to this machine alone
    #[arg(long)]
    pub no_promiscuous: bool,
    /// Take what this program sends to ClickHouse, syslog and web hooks too; it is left out otherwise
    #[arg(long)]
    pub include_own: bool,
    /// Whose clock packets are stamped by: kernel, or hardware: that of the interface (Linux), where it has one
    #[arg(long, value_name = "SOURCE", default_value = "kernel")]
    pub timestamp_source: TimestampSource,
    /// Bytes of a packet that are taken
    #[arg(long, value_name = "N", default_value = "262144", value_parser = size(64..=262_144))]
    pub snap_bytes: u32,
    /// Bytes of the kernel's buffer for each interface, which holds what comes while nobody reads
    #[arg(long, value_name = "N", default_value = "67108864", value_parser = size(1 << 20..=1 << 30))]
    pub buffer_bytes: u32,
    /// How often the counters are told in JSON
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = interval)]
    pub stats_interval: Duration,
    /// The sensor's name in counters and in the store; by default the machine's
    #[arg(long, value_name = "NAME")]
    pub sensor: Option<String>,
    /// Serve Prometheus' metrics, /healthz, /readyz and /top at this address: PORT or HOST:PORT
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub metrics: Option<SocketAddr>,
    /// Let --metrics be an address that others can reach: whoever does may read the figures
    #[arg(long)]
    pub metrics_public: bool,
    /// Read rules, lists, labels and the configuration file again when they change, without SIGHUP
    #[arg(long)]
    pub watch: bool,
    /// Go on as this user once the interfaces are open (Linux)
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Keep the packets of handshakes in a ring of pcapng files in DIR, from which `tlsight extract` takes a session's
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// What the files of --keep may take on disk, at least 16M; the oldest goes first
    #[arg(long, value_name = "BYTES", default_value = "10G", value_parser = bytes, requires = "keep")]
    pub keep_size: u64,
    /// Which packets are kept: handshakes (those that are read: to where nothing more can be learnt of a connection) or all
    #[arg(long, value_name = "WHICH", default_value = "handshakes", requires = "keep")]
    pub keep_packets: Packets,
    /// Keep every right that the program was started with (Linux)
    #[arg(long)]
    pub no_confinement: bool,
    /// What the lines on standard error look like: text or json
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub log_format: LogFormat,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub analysis: AnalysisArgs,
}

/// Say what a fingerprint or a hello is made of.
///
/// VALUE is a JA4, a JA4_r or JA4_ro, a JA3 or JA3S string or its hash, or a ClientHello or ServerHello in hex, as a
/// record or as a bare handshake message (blanks, colons and line ends may be in it).
#[derive(Debug, Group)]
#[command(after_help = "Examples:
  tlsight explain t13d1516h2_8daaf6152771_e5627efa2ab1
  tlsight explain 771,4865-4866,0-10-11,29-23,0
  xxd -p hello.bin | tlsight explain -")]
pub struct ExplainArgs {
    /// What is to be explained; - reads it from standard input
    #[arg(required = true, value_name = "VALUE")]
    pub value: Vec<String>,
}

/// Look into what fingerprints are known by, and add lists of others to it.
#[derive(Debug, Group)]
#[command(after_help = "Examples:
  tlsight labels show t13d3112h2_e8f1e7e78f70_b26ce05bbdd6
  tlsight labels list --role impersonator
  tlsight labels import ja4plus-mapping.csv ja3_fingerprints.csv -o lists.toml
  tlsight read capture.pcap --labels lists.toml")]
pub struct LabelsArgs {
    #[command(subcommand)]
    pub command: LabelsCommand,
}

#[derive(Debug, Subcommand)]
pub enum LabelsCommand {
    /// List the software that is known
    List {
        /// Only that of a role, such as browser, library, tool, scanner, impersonator, malware
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// Also what a file or folder says
        #[arg(long, value_name = "PATH")]
        labels: Vec<PathBuf>,
    },
    /// Say what is known by a JA4, a JA3, or the hash of a certificate
    Show {
        #[arg(value_name = "FINGERPRINT")]
        fingerprint: String,
        /// Also what a file or folder says
        #[arg(long, value_name = "PATH")]
        labels: Vec<PathBuf>,
    },
    /// Make a file for --labels out of lists of others
    ///
    /// Read are FoxIO's ja4plus-mapping.csv, the JSON of ja4db.com, the JA3 and certificate lists of abuse.ch's SSLBL, and
    /// files of Zeek's intelligence framework; which of them a file is, is seen in it.
    Import {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Where the labels go; a file that is there is not written over
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
}

/// Look after the store: its tables, how it stands, what waits for it.
///
/// URL is http[s]://HOST:PORT/DATABASE; TLSIGHT_CLICKHOUSE_USER and TLSIGHT_CLICKHOUSE_PASSWORD, or TLSIGHT_CLICKHOUSE_TOKEN,
/// log in.
#[derive(Debug, Group)]
#[command(after_help = "Examples:
  tlsight clickhouse init http://localhost:8123/tls
  tlsight clickhouse init http://localhost:8123/tls --cluster all --dry-run
  tlsight clickhouse status http://localhost:8123/tls
  tlsight clickhouse replay http://localhost:8123/tls ~/.local/state/tlsight/spool/quarantine")]
pub struct ClickHouseArgs {
    #[command(subcommand)]
    pub command: ClickHouseCommand,
    /// Trust the authorities of a PEM file, and no other, for https
    #[arg(long, value_name = "FILE", global = true)]
    pub clickhouse_ca: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum ClickHouseCommand {
    /// Make the database and its tables, or bring them to the newest version
    Init {
        #[arg(value_name = "URL")]
        url: String,
        /// Make replicated tables on a cluster of the server's configuration, with a Distributed table over them
        #[arg(long, value_name = "NAME")]
        cluster: Option<String>,
        /// Keep sessions, alerts and counters for so many days; without this, for ever or as the tables were told before
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        keep: Option<u32>,
        /// Keep the random bytes of hellos, half of what a session takes on disk, for so many days
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        keep_randoms: Option<u32>,
        /// Print the SQL of a new database, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Say how the store stands, and what waits for it here
    Status {
        #[arg(value_name = "URL")]
        url: String,
        /// Where batches wait; by default where `live` keeps them
        #[arg(long, value_name = "DIR")]
        spool: Option<PathBuf>,
    },
    /// Send what waits in a spool, or what was refused, and remove it there; or NDJSON that tlsight has written. What the
    /// server has is not stored twice
    Replay {
        #[arg(value_name = "URL")]
        url: String,
        /// A spool, its quarantine, or batches; files of NDJSON, packed by gzip or zstd or not; `-` is standard input
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// The sensor that rows of NDJSON carry, which lines of sessions do not tell
        #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
        sensor: String,
    },
}

/// Show what can be configured, and look a configuration file over.
#[derive(Debug, Group)]
#[command(after_help = "Examples:
  tlsight config print > tlsight.toml
  tlsight config check tlsight.toml
  tlsight live -i eth0 --config tlsight.toml")]
pub struct ConfigArgs {
    #[command(subcommand)]
    pub command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print a file with every key, its unit and its default
    Print,
    /// Say what is wrong in a file, and where
    Check {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// Where results go, and in which form.
#[derive(Debug, Group)]
pub struct OutputArgs {
    /// Write JSON, an object a line (the default where standard output is no terminal)
    #[arg(long, group = "form")]
    pub json: bool,
    /// Write a readable line for each session; with -v what it means stands below it
    #[arg(long, group = "form")]
    pub sessions: bool,
    /// Show the summary (the default of `read` on a terminal)
    #[arg(long, group = "form")]
    pub table: bool,
    /// Write JSON to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Store results in ClickHouse too, as http[s]://HOST:PORT/DATABASE; TLSIGHT_CLICKHOUSE_USER and
    /// TLSIGHT_CLICKHOUSE_PASSWORD, or TLSIGHT_CLICKHOUSE_TOKEN, log in
    #[arg(long, value_name = "URL")]
    pub clickhouse: Option<String>,
    /// Send alerts by syslog, to udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH
    #[arg(long, value_name = "URL")]
    pub syslog: Option<syslog::Target>,
    /// What syslog messages look like: rfc5424 or cef
    #[arg(long, value_name = "FORM", default_value = "rfc5424", requires = "syslog")]
    pub syslog_format: syslog::Style,
    /// Trust the authorities of a PEM file, and no other, for syslog over TLS
    #[arg(long, value_name = "FILE", requires = "syslog")]
    pub syslog_ca: Option<PathBuf>,
    /// Write alerts to FILE, in ArcSight's Common Event Format
    #[arg(long, value_name = "FILE")]
    pub cef: Option<PathBuf>,
    /// Post each alert as JSON to a web hook; TLSIGHT_WEBHOOK_TOKEN is sent as a bearer token
    #[arg(long, value_name = "URL")]
    pub webhook: Option<String>,
    /// Trust the authorities of a PEM file, and no other, for the web hook
    #[arg(long, value_name = "FILE", requires = "webhook")]
    pub webhook_ca: Option<PathBuf>,
    /// Trust the authorities of a PEM file, and no other, for ClickHouse by https
    #[arg(long, value_name = "FILE", requires = "clickhouse")]
    pub clickhouse_ca: Option<PathBuf>,
    /// Let rows wait for ClickHouse in DIR, where they outlive the program; `live` does so below the user's own folder, `read`
    /// only if it is told
    #[arg(long, value_name = "DIR", requires = "clickhouse")]
    pub spool: Option<PathBuf>,
    /// What the spool may take on disk
    #[arg(long, value_name = "BYTES", default_value = "4G", value_parser = bytes, requires = "clickhouse")]
    pub spool_size: u64,
    /// Rows of the summary's tables
    #[arg(long, value_name = "N", default_value = "8", value_parser = at_least_one)]
    pub top: usize,
}

/// What is analysed, and how.
#[derive(Debug, Clone, Group)]
#[command(group = ArgGroup::new("detection").args(["rules", "threat_list"]).multiple(true))]
pub struct AnalysisArgs {
    /// Take only the packets that this expression accepts, in tcpdump's language (pcap-filter(7))
    #[arg(long, value_name = "EXPR")]
    pub filter: Option<String>,
    /// Apply the Sigma rules of a file or folder
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// Look for what a list names, or the lists of a folder: hashes of certificates, fingerprints, names, addresses; in CSV,
    /// STIX, Zeek's form or plain lines. `high=PATH` sets the level of alerts. May be given more than once
    #[arg(long, value_name = "[LEVEL=]PATH")]
    pub threat_list: Vec<ListSource>,
    /// Keep what rules have learnt and have under way in FILE, and go on from what is in it
    #[arg(long, value_name = "FILE", requires = "rules")]
    pub state: Option<PathBuf>,
    /// Label sessions with what a file, or the .toml files of a folder, says too; may be given more than once
    #[arg(long, value_name = "PATH")]
    pub labels: Vec<PathBuf>,
    /// Label no session
    #[arg(long, conflicts_with = "labels")]
    pub no_labels: bool,
    /// End with status 1 if there were alerts of LEVEL (informational, low, medium, high, critical) or above
    #[arg(long, value_name = "LEVEL", requires = "detection")]
    pub fail_on: Option<Level>,
    /// Trust the authorities of a PEM file too, beside Mozilla's, when certificates are judged; may be given several times
    #[arg(long, value_name = "FILE")]
    pub ca_file: Vec<PathBuf>,
    /// Threads that analyse; by default as many as there are processors
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
    /// Read options and limits from a TOML file (`tlsight config print` shows one); options given here go before it
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the configuration with the values in force, and do nothing else
    #[arg(long)]
    pub print_config: bool,
    /// Connections held at once; goes before the configuration file
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub max_flows: Option<usize>,
}

/// Which packets are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum Packets {
    Handshakes,
    All,
}

/// How packets are taken from an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum Way {
    Auto,
    Ring,
    Pcap,
}

/// Whose clock packets are stamped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum TimestampSource {
    Kernel,
    Hardware,
}

/// What the lines on standard error look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[value(rename_all = "lower")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

pub fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("write 1 or more".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("write a whole number".to_owned()),
    }
}

/// A whole number of bytes within these bounds.
fn size(bounds: RangeInclusive<u32>) -> impl Fn(&str) -> Result<u32, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| format!("write a whole number from {} to {}", bounds.start(), bounds.end()))
    }
}

/// `9464`, which is one of this machine alone, or `[::1]:9464`.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let named = || text.strip_prefix("localhost:").and_then(|port| port.parse().ok()).map(local);
    let address = text.parse().ok().map(local).or_else(named).or_else(|| text.parse().ok());
    address.ok_or_else(|| "write a port such as 9464, or an address such as 127.0.0.1:9464".to_owned())
}

/// `60s`, `5m`, `1h`; at least a second.
fn interval(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "s" | "" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        _ => return Err(INTERVAL.to_owned()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    seconds.filter(|&seconds| seconds > 0).map(Duration::from_secs).ok_or_else(|| INTERVAL.to_owned())
}

/// `500M`, `4G`; powers of 1024, at least 1 M.
fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "" | "B" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        "T" | "TiB" => 40,
        _ => return Err(BYTES.to_owned()),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    bytes.filter(|&bytes| bytes >= 1 << 20).ok_or_else(|| BYTES.to_owned())
}

const BYTES: &str = "write a size such as 500M or 4G, at least 1M";

const INTERVAL: &str = "write a time such as 30s, 5m or 1h";

const AFTER: &str = "Exit status: 0 done; 1 --fail-on found alerts; 2 something could not be done.
`tlsight COMMAND --help` says more, with examples.";

const STYLES: Styles = Styles::styled()
    .header(Style::new().bold())
    .usage(Style::new().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_options_do_not_contradict_each_other() {
        Args::command().debug_assert();
    }

    #[test]
    fn sizes_have_units() {
        for (text, size) in [
            ("4G", Some(4 << 30)),
            ("500M", Some(500 << 20)),
            ("1048576", Some(1 << 20)),
            ("2T", Some(2 << 40)),
            ("3GiB", Some(3 << 30)),
        ] {
            assert_eq!(bytes(text).ok(), size, "{text}");
        }
        for text in ["", "G", "1K", "-1G", "4 parsecs", "99999999999999T"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_port_alone_is_of_this_machine() {
        for (text, expected) in [
            ("9464", Some("127.0.0.1:9464")),
            ("localhost:1", Some("127.0.0.1:1")),
            ("0.0.0.0:9464", Some("0.0.0.0:9464")),
            ("[::1]:9464", Some("[::1]:9464")),
            ("70000", None),
            ("host", None),
            ("", None),
        ] {
            assert_eq!(address(text).ok(), expected.map(|text| text.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn intervals_have_units() {
        for (text, seconds) in [("60s", Some(60)), ("5m", Some(300)), ("1h", Some(3_600)), ("9", Some(9))] {
            assert_eq!(interval(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
        for text in ["", "0s", "-1s", "5 parsecs", "99999999999999999999h"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }
}
