//! What stops a run. Wire errors are not here: they are counted and told in the events.

use std::path::PathBuf;

/// A reason why the run, or one of its inputs, could not go on. Each names what, where and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: {source}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("{}: not a capture: {why}", path.display())]
    NotACapture { path: PathBuf, why: String },
    #[error("filter `{filter}`: {why}")]
    Filter { filter: String, why: String },
    #[error("interface {interface}: {why}")]
    Interface { interface: String, why: String },
    #[error("{0}")]
    Config(String),
    /// Every fault of the configuration file, one `file:line: what` a line.
    #[error("{}", .0.join("\n"))]
    Configuration(Vec<String>),
    /// Every fault of the rule files, one `file:line: what` a line.
    #[error("{}", .0.join("\n"))]
    Rules(Vec<String>),
    /// Every fault of the label files, one `file:line: what` a line.
    #[error("{}", .0.join("\n"))]
    Labels(Vec<String>),
    #[error("ClickHouse at {url}: {why}")]
    ClickHouse { url: String, why: String },
    #[error("{0}")]
    Input(String),
}
