//! How far the reading has come, on standard error while it is a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console::Console;
use crate::sink::screen::Charset;

/// A bar that comes up when the reading takes a while.
pub struct Progress {
    bar: ProgressBar,
    begun: Instant,
    state: State,
    files: usize,
    /// The file that is told.
    file: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not for this run.
    Off,
    /// Most readings are over before it would be of use.
    Waiting,
    Shown,
}

/// What there is to do.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    pub files: usize,
    /// Bytes, where all of them are known.
    pub total: Option<u64>,
}

impl Progress {
    pub fn off() -> Self {
        Self { bar: ProgressBar::hidden(), begun: Instant::now(), state: State::Off, files: 0, file: 0 }
    }

    pub fn new(extent: Extent, console: &Console) -> Self {
        let bar = ProgressBar::with_draw_target(extent.total, ProgressDrawTarget::hidden());
        let (blocks, spinner) = match console.screen.charset {
            Charset::Utf8 => ("█▉▊▋▌▍▎▏ ", "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "),
            Charset::Ascii => ("#>-", "-\\|/ "),
        };
        let template = if extent.total.is_some() { KNOWN } else { UNKNOWN };
        // The templates are constants that are known to be right; the default style would do as well.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars(blocks).tick_chars(spinner));
        Self { bar, begun: Instant::now(), state: State::Waiting, files: extent.files, file: 0 }
    }

    /// Tells how many bytes of how many files were read.
    pub fn at(&mut self, position: u64, file: usize) {
        match self.state {
            State::Off => return,
            State::Waiting if self.begun.elapsed() < PATIENCE => return,
            State::Waiting => {
                self.state = State::Shown;
                self.bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            State::Shown => {}
        }
        if self.files > 1 && self.file != file {
            self.file = file;
            self.bar.set_prefix(format!("file {file} of {}", self.files));
        }
        self.bar.set_position(position);
        self.bar.tick();
    }

    /// Says something on standard error without tearing the bar.
    pub fn say(&self, say: impl FnOnce()) {
        self.bar.suspend(say);
    }

    pub fn done(&self) {
        self.bar.finish_and_clear();
    }
}

const PATIENCE: Duration = Duration::from_millis(400);
const KNOWN: &str = "{wide_bar} {percent:>3} %  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left  {prefix}";
const UNKNOWN: &str = "{spinner} {bytes}  {bytes_per_sec}  {elapsed}  {prefix}";
