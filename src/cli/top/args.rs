//! Options of `tlsight top` as they are written.

use std::path::PathBuf;

use clap::Args as Group;

use crate::cli::args::AnalysisArgs;
use crate::detect::threat::ListSource;

/// Watch a running sensor, or captures while they are read.
///
/// Rates, losses, queues, the most frequent clients and servers, and alerts as they come. ADDRESS is that of the sensor's
/// --metrics: PORT, HOST:PORT or a URL; - reads a document of its /top from standard input. Press ? for the keys.
#[derive(Debug, Group)]
#[command(after_help = "Examples:
  tlsight top                                  the sensor of this machine, at 127.0.0.1:9464
  tlsight top sensor.example.org:9464
  tlsight top --read capture.pcap --rules rules/
  tlsight top --read growing.pcap --follow
  tlsight top --once | head -20                the same as text, once")]
pub struct TopArgs {
    /// Where the sensor serves its metrics
    #[arg(value_name = "ADDRESS", default_value = "9464")]
    pub address: String,
    /// Read captures, or folders of them, and show what is in them
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with = "address")]
    pub read: Vec<PathBuf>,
    /// Read one capture while it grows
    #[arg(long, requires = "read", conflicts_with = "once")]
    pub follow: bool,
    /// Print what there is as text, once, and end; captures are read to their ends before
    #[arg(long)]
    pub once: bool,
    /// Take only the packets that this expression accepts, in tcpdump's language (pcap-filter(7))
    #[arg(long, value_name = "EXPR", requires = "read")]
    pub filter: Option<String>,
    /// Apply the Sigma rules of a file or folder
    #[arg(long, value_name = "DIR", requires = "read")]
    pub rules: Option<PathBuf>,
    /// Look for what a list names; `high=PATH` sets the level of alerts
    #[arg(long, value_name = "[LEVEL=]PATH", requires = "read")]
    pub threat_list: Vec<ListSource>,
    /// Label sessions with what a file, or the .toml files of a folder, says too
    #[arg(long, value_name = "PATH", requires = "read")]
    pub labels: Vec<PathBuf>,
}

impl TopArgs {
    /// What is analysed, as `read` has it.
    pub fn analysis(&self) -> AnalysisArgs {
        AnalysisArgs {
            filter: self.filter.clone(),
            rules: self.rules.clone(),
            threat_list: self.threat_list.clone(),
            state: None,
            labels: self.labels.clone(),
            no_labels: false,
            fail_on: None,
            ca_file: Vec::new(),
            threads: None,
            config: None,
            print_config: false,
            max_flows: None,
        }
    }
}
