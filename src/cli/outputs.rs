//! The sinks of a run, from the options.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::args::OutputArgs;
use super::console::Console;
use crate::Error;
use crate::sink::clickhouse::{self, Login, Options, SpoolOptions, Target, WhenFull};
use crate::sink::summary::Digest;
use crate::sink::{
    Cef, ClickHouse, Ndjson, Outflow, Sessions, Sink, Summary, Syslog, Webhook, courier, syslog, webhook,
};

/// What the packets come from, on which the outputs depend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Captures, which wait. On a terminal a table is shown.
    Read,
    /// A capture that grows: it waits, but what comes is to be seen at once.
    Follow,
    /// An interface, which does not. On a terminal sessions are shown as they come, and the table at the end.
    Live,
}

/// Sinks, and what comes to standard output in the end.
pub struct Outputs {
    pub sinks: Vec<Box<dyn Sink>>,
    /// Gives the digest when the run has ended, if it is to be shown.
    pub digest: Option<Receiver<Box<Digest>>>,
    /// Lines go to standard output while the run lasts.
    pub streams: bool,
}

impl Outputs {
    /// Opens them all. `inputs` must not be written over.
    pub fn open<'a>(
        args: &OutputArgs,
        purpose: Use,
        inputs: impl Iterator<Item = &'a Path>,
        sensor: &str,
        console: &Console,
    ) -> Result<Self, Error> {
        let to_file = args.output.as_deref().filter(|path| *path != Path::new("-"));
        let standard = Standard::of(args, purpose, console.output_is_terminal);
        let inputs: Vec<&Path> = inputs.collect();
        let mut outputs = Self { sinks: Vec::new(), digest: None, streams: false };
        if let Some(path) = to_file {
            let file = create(path, &inputs, purpose)?;
            outputs.lines(file, path, purpose, |to| Box::new(Ndjson::new(to, path)));
        }
        if standard.json {
            outputs.lines(standard_output()?, STANDARD_OUTPUT.as_ref(), purpose, |to| {
                Box::new(Ndjson::new(to, STANDARD_OUTPUT))
            });
        }
        if standard.sessions {
            outputs.lines(standard_output()?, STANDARD_OUTPUT.as_ref(), purpose, |to| {
                Box::new(Sessions::new(to, STANDARD_OUTPUT, console.screen, console.detail()))
            });
        }
        if let Some(path) = &args.cef {
            if to_file == Some(path) {
                return Err(Error::Input(format!("{}: sessions go to it: name another file", path.display())));
            }
            let file = create(path, &inputs, purpose)?;
            outputs.lines(file, path, purpose, |to| Box::new(Cef::new(to, path)));
        }
        if let Some(url) = &args.clickhouse {
            outputs.sinks.push(Box::new(store(url, args, purpose, sensor)?));
        }
        outputs.alerts(args, purpose)?;
        if standard.table {
            let (summary, digest) = Summary::new();
            outputs.sinks.push(Box::new(summary));
            outputs.digest = Some(digest);
        }
        outputs.streams = standard.json || standard.sessions;
        Ok(outputs)
    }
}

impl Outputs {
    /// A sink of lines. A sensor's waits for nobody, and is followed by the account of what it left out.
    fn lines(&mut self, to: File, name: &Path, purpose: Use, sink: impl FnOnce(Outflow<File>) -> Box<dyn Sink>) {
        match purpose {
            Use::Read | Use::Follow => self.sinks.push(sink(Outflow::Waits(to))),
            Use::Live => {
                let (to, account) = Outflow::shedding(to, name);
                self.sinks.push(sink(to));
                self.sinks.push(Box::new(account));
            }
        }
    }

    /// Those that are sent alerts alone.
    fn alerts(&mut self, args: &OutputArgs, purpose: Use) -> Result<(), Error> {
        let options = match purpose {
            Use::Read | Use::Follow => courier::Options::new(courier::WhenFull::Wait),
            Use::Live => courier::Options { finish_wait: LAST_WAIT, ..courier::Options::new(courier::WhenFull::Shed) },
        };
        if let Some(target) = &args.syslog {
            let header = syslog::Header::new(&host_name(), process::id());
            let receiver = syslog::Receiver { target, authorities: args.syslog_ca.as_deref() };
            self.sinks.push(Box::new(Syslog::open(receiver, header, args.syslog_format, options)?));
        }
        if let Some(url) = &args.webhook {
            let token = env::var(webhook::TOKEN_VARIABLE).ok();
            let target = webhook::Target::parse(url, token)?;
            let target = match &args.webhook_ca {
                Some(path) => target.trusting(path)?,
                None => target,
            };
            self.sinks.push(Box::new(Webhook::open(&target, options)?));
        }
        Ok(())
    }
}

/// Standard output without a buffer: sinks write large pieces.
fn standard_output() -> Result<File, Error> {
    let failed = |source| Error::Write { path: STANDARD_OUTPUT.into(), source };
    io::stdout().as_fd().try_clone_to_owned().map(File::from).map_err(failed)
}

/// The machine's name, or nothing.
pub fn host_name() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

/// The sink for ClickHouse. Captures can wait and be read again, and the same captures make the same batches; an interface
/// does neither, and its rows wait on disk.
fn store(url: &str, args: &OutputArgs, purpose: Use, sensor: &str) -> Result<ClickHouse, Error> {
    let mut target = Target::parse(url, Login::from_env())?;
    if let Some(authorities) = &args.clickhouse_ca {
        target = target.trusting(authorities);
    }
    let spool = args.spool.as_ref().map(|folder| SpoolOptions { folder: folder.clone(), max_bytes: args.spool_size });
    let (when_full, repeatable) = match purpose {
        Use::Read => (WhenFull::Wait, true),
        Use::Follow => (WhenFull::Wait, false),
        Use::Live => (WhenFull::Shed, false),
    };
    let options = Options { spool, sensor: sensor.to_owned(), repeatable, ..Options::new(when_full) };
    if purpose != Use::Live {
        return ClickHouse::open(&target, options);
    }
    let options = Options { finish_wait: LAST_WAIT, ..options };
    if options.spool.is_some() {
        return ClickHouse::open(&target, options);
    }
    let spool = SpoolOptions { folder: clickhouse::default_spool(), max_bytes: args.spool_size };
    if let Err(error) = clickhouse::prepare_spool(&spool) {
        tracing::warn!("{}: {error}: rows wait in memory; --spool names another folder", spool.folder.display());
        // What is not sent then is lost.
        return ClickHouse::open(&target, Options { finish_wait: 2 * LAST_WAIT, ..options });
    }
    ClickHouse::open(&target, Options { spool: Some(spool), ..options })
}

/// What goes to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Standard {
    json: bool,
    sessions: bool,
    table: bool,
}

impl Standard {
    fn of(args: &OutputArgs, purpose: Use, is_terminal: bool) -> Self {
        let OutputArgs { json, sessions, table, output, clickhouse, syslog, cef, webhook, .. } = args;
        let elsewhere =
            output.is_some() || clickhouse.is_some() || syslog.is_some() || cef.is_some() || webhook.is_some();
        let json_here = output.as_deref().is_some_and(|path| path == Path::new("-"));
        let none = Self::default();
        match () {
            _ if *sessions => Self { sessions: true, ..none },
            _ if *table => Self { table: true, ..none },
            _ if json_here || *json && output.is_none() => Self { json: true, ..none },
            _ if is_terminal => Self { sessions: purpose != Use::Read, table: true, ..none },
            _ if elsewhere => none,
            _ => Self { json: true, ..none },
        }
    }
}

/// Creates the file, unless it is one of those that are about to be read. A sensor that is started again goes on with its own.
pub fn create(path: &Path, inputs: &[&Path], purpose: Use) -> Result<File, Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    if let Ok(there) = fs::canonicalize(path)
        && inputs.iter().any(|input| fs::canonicalize(input).is_ok_and(|input| input == there))
    {
        return Err(failed(io::Error::other("it is one of the captures to read: name another file")));
    }
    match purpose {
        Use::Read | Use::Follow => File::create(path).map_err(failed),
        Use::Live => {
            let mut file = File::options().append(true).create(true).open(path).map_err(failed)?;
            if ends_inside_a_line(path) {
                file.write_all(b"\n").map_err(failed)?;
            }
            Ok(file)
        }
    }
}

/// Whether a file's last line was never finished: who wrote it was killed, or the disk was full.
fn ends_inside_a_line(path: &Path) -> bool {
    let is_file = fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() > 0);
    let mut last = [0];
    let read = |path: &Path, last: &mut [u8]| -> io::Result<()> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(last)
    };
    is_file && read(path, &mut last).is_ok() && last != *b"\n"
}

/// How long a sensor waits for each output at its end, one after the other: with all of them less than the 30 s that its unit
/// gives it. What a spool holds is safe.
const LAST_WAIT: Duration = Duration::from_secs(5);

pub const STANDARD_OUTPUT: &str = "standard output";
