//! The options of `tlsight extract`, and the text of its help.

use std::path::PathBuf;

use clap::Args as Group;

use crate::cli::args::at_least_one;

/// Write the packets of sessions, out of captures or of what `live --keep` has kept.
///
/// All packets of the connection are written as they were captured, tunnels and fragments too, for Wireshark or to be read
/// again. A session is named by its `event.id`; `--event -` reads lines of tlsight's JSON from standard input and takes every
/// session that they name, alerts' too.
#[derive(Debug, Group)]
#[command(after_help = "Examples:
  tlsight extract --event 0c2e5b4f8f1d7a90b5a3c1d2e4f60718 -o session.pcapng capture.pcap
  grep '\"high\"' alerts.ndjson | tlsight extract --event - -o alerts.pcapng /var/lib/tlsight/packets")]
pub struct ExtractArgs {
    /// The session's event.id; may be given more than once. - reads lines of JSON, or ids, from standard input
    #[arg(long, required = true, value_name = "ID")]
    pub event: Vec<String>,
    /// Where the packets go; by default to standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Captures, or folders of captures
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Threads that look for the sessions; by default as many as there are processors
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
}
