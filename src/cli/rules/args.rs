//! The options of `tlsight rules`.

use std::path::PathBuf;

use clap::{Args as Group, Subcommand};

/// Work on detection rules: check them, run their tests, look into them, take over those of others.
#[derive(Debug, Group)]
#[command(after_help = "Examples:
  tlsight rules check rules/
  tlsight rules test rules/malware
  tlsight rules explain 'Expired certificate'
  tlsight rules import suricata emerging-ja3.rules -o rules/suricata

Exit status: 0 all is well; 1 a test failed, or with --strict something was warned of; 2 a rule cannot be used.")]
pub struct RulesArgs {
    #[command(subcommand)]
    pub command: RulesCommand,
}

#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Say everything that is wrong with rules, and what is odd about them, each with file and line
    Check {
        /// Rule files, or folders of them
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// End with status 1 where something is odd
        #[arg(long)]
        strict: bool,
    },
    /// Run the tests that rules bring along
    Test {
        /// Rule files, or folders of them
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Also trust the authorities of a PEM file where captures are read; may be given several times
        #[arg(long, value_name = "FILE")]
        ca_file: Vec<PathBuf>,
    },
    /// List rules: level, title, family, MITRE ATT&CK, status
    List {
        /// Rule files, or folders of them
        #[arg(value_name = "PATH", default_value = "rules")]
        paths: Vec<PathBuf>,
        /// As JSON, an object a line
        #[arg(long)]
        json: bool,
    },
    /// Say in words what a rule looks at and what its alert means
    Explain {
        /// Its id or the beginning of it, or its title
        #[arg(value_name = "ID")]
        rule: String,
        /// Where the rules are
        #[arg(long, value_name = "PATH", default_value = "rules")]
        rules: Vec<PathBuf>,
    },
    /// Make Sigma rules out of those of other programs
    Import {
        #[command(subcommand)]
        from: ImportFrom,
    },
}

#[derive(Debug, Subcommand)]
pub enum ImportFrom {
    /// Of Suricata: what its rules say of JA3, JA4, server names and certificates
    Suricata {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The folder for the rules and lists; files that are there are not written over
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
}
