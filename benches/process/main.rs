//! Whole-process benchmark: `cargo bench --bench process -- [WORKLOAD…] [--runs N] [--threads 1,2] [--quick]`.
//!
//! In: nothing but a seed; the captures are generated once under `target/bench-data`. Out: a table of what
//! `tlsight read --json FILE -o /dev/null --threads N` costs, beside two yardsticks measured in the same minutes: a
//! libpcap loop that does nothing, and one touch of each packet's first cache line. Everything measured, and the
//! generator too, runs in a process of its own, so that no one's memory or page faults count for another.

#[path = "../../tests/packets/mod.rs"]
mod packets;

mod bulk;
mod child;
mod connection;
mod flood;
mod handshakes;
mod noise;
mod quic;
mod report;
mod trace;
mod workload;
mod world;
mod yardstick;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;

use child::{Cost, Outcome};
use report::{Machine, Row, Section};
use workload::{Data, Workload};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(job) = Job::of(&arguments) {
        return job.run();
    }
    // `cargo test --all-targets` starts benchmarks too, without this flag.
    if !arguments.iter().any(|a| a == "--bench") {
        println!("process: a benchmark; run it with `cargo bench --bench process`");
        return ExitCode::SUCCESS;
    }
    match measure(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("process: {message}");
            ExitCode::from(2)
        }
    }
}

/// What the tool costs as a whole process, beside libpcap alone.
#[derive(Debug, Parser)]
#[command(name = "process")]
struct Options {
    /// Workloads to run; all of them when none is named.
    #[arg(value_enum)]
    workloads: Vec<Workload>,
    /// Interleaved runs of each; the table shows medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// One run of each.
    #[arg(long)]
    quick: bool,
    /// Thread counts to run the tool with.
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<u32>,
    /// Size of the workloads; 1 is full size.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Only generate the captures, and name them.
    #[arg(long)]
    generate_only: bool,
    /// Only the yardsticks, not the tool.
    #[arg(long)]
    yardsticks_only: bool,
    /// Another build of the tool.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    fn tlsight(&self) -> PathBuf {
        match (&self.binary, std::env::var_os("CARGO_BIN_EXE_tlsight")) {
            (Some(path), _) => path.clone(),
            (None, Some(path)) => PathBuf::from(path),
            (None, None) => PathBuf::from(env!("CARGO_BIN_EXE_tlsight")),
        }
    }
}

/// What a re-executed copy of this program does instead of measuring.
enum Job {
    Generate { workload: Workload, scale: f64 },
    Libpcap { path: PathBuf, packets: u64 },
    CacheLines { path: PathBuf, packets: u64 },
}

impl Job {
    fn of(arguments: &[String]) -> Option<Self> {
        let [job, subject, number] = arguments else { return None };
        match job.as_str() {
            GENERATE => Some(Self::Generate { workload: Workload::named(subject)?, scale: number.parse().ok()? }),
            LIBPCAP => Some(Self::Libpcap { path: subject.into(), packets: number.parse().ok()? }),
            CACHE_LINES => Some(Self::CacheLines { path: subject.into(), packets: number.parse().ok()? }),
            _ => None,
        }
    }

    fn run(self) -> ExitCode {
        let (seen, expected) = match self {
            Self::Generate { workload, scale } => match workload.generate(scale) {
                Ok(()) => return ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("process: cannot write {}: {error}", workload.data(scale).capture.display());
                    return ExitCode::from(2);
                }
            },
            Self::Libpcap { path, packets } => (yardstick::libpcap(&path), packets),
            Self::CacheLines { path, packets } => (yardstick::cache_lines(&path), packets),
        };
        match seen {
            Ok(seen) if seen == expected => ExitCode::SUCCESS,
            Ok(seen) => {
                eprintln!("process: yardstick saw {seen} packets of {expected}");
                ExitCode::FAILURE
            }
            Err(error) => {
                eprintln!("process: yardstick: {error}");
                ExitCode::FAILURE
            }
        }
    }
}

fn measure(options: &Options) -> Result<(), String> {
    let itself = std::env::current_exe().map_err(|e| format!("cannot find this program's own path: {e}"))?;
    let chosen = if options.workloads.is_empty() { Workload::ALL.to_vec() } else { options.workloads.clone() };
    let runs = if options.quick { 1 } else { options.runs };
    if !options.generate_only {
        println!("{}", Machine::here());
        println!("{runs} interleaved run(s), medians; page cache warm; scale {}", options.scale);
    }
    for workload in chosen {
        let data = prepare(workload, Preparing { itself: &itself, scale: options.scale })?;
        if options.generate_only {
            println!("{}\n{}", data.capture.display(), data.facts);
            continue;
        }
        data.warm().map_err(|e| format!("cannot read {}: {e}", data.capture.display()))?;
        let mut contestants = contestants(options, Subject { itself: &itself, data: &data });
        for _ in 0..runs {
            for contestant in &mut contestants {
                contestant.run_once()?;
            }
        }
        let events = match options.yardsticks_only {
            true => None,
            false => Some(child::count_events(&options.tlsight(), &data.capture)?),
        };
        let rows = contestants.into_iter().map(Contestant::row).collect();
        print!("{}", Section { workload, facts: &data.facts, rows, events });
    }
    if !options.generate_only {
        println!("{}", report::LEGEND);
    }
    Ok(())
}

struct Preparing<'a> {
    itself: &'a Path,
    scale: f64,
}

fn prepare(workload: Workload, how: Preparing<'_>) -> Result<Data, String> {
    let data = workload.data(how.scale);
    if let Some(data) = data.load() {
        return Ok(data);
    }
    eprintln!("generating {} …", data.capture.display());
    let status = Command::new(how.itself)
        .args([GENERATE, workload.name(), &how.scale.to_string()])
        .status()
        .map_err(|e| format!("cannot start {}: {e}", how.itself.display()))?;
    if !status.success() {
        return Err(format!("the generator of {} failed: {status}", workload.name()));
    }
    data.load().ok_or_else(|| format!("the generator of {} left no facts file", workload.name()))
}

struct Subject<'a> {
    itself: &'a Path,
    data: &'a Data,
}

fn contestants(options: &Options, subject: Subject<'_>) -> Vec<Contestant> {
    let packets = subject.data.facts.packets.to_string();
    let yardstick = |label: &str, job: &str| {
        let mut command = Command::new(subject.itself);
        command.arg(job).arg(&subject.data.capture).arg(&packets);
        Contestant::new(label, command)
    };
    let mut all = vec![yardstick(report::LIBPCAP_ROW, LIBPCAP), yardstick(report::CACHE_LINE_ROW, CACHE_LINES)];
    if !options.yardsticks_only {
        for threads in &options.threads {
            let mut command = Command::new(options.tlsight());
            command.args(["read", "--json"]).arg(&subject.data.capture);
            command.args(["-o", "/dev/null", "--threads", &threads.to_string()]);
            all.push(Contestant::new(&format!("tlsight, {threads} thread(s)"), command));
        }
    }
    all
}

struct Contestant {
    label: String,
    command: Command,
    costs: Vec<Cost>,
}

impl Contestant {
    fn new(label: &str, command: Command) -> Self {
        Self { label: label.to_string(), command, costs: Vec::new() }
    }

    fn run_once(&mut self) -> Result<(), String> {
        match child::run(&mut self.command) {
            Ok(Outcome::Done(cost)) => {
                self.costs.push(cost);
                Ok(())
            }
            Ok(Outcome::Failed { status, stderr }) => {
                Err(format!("{} ended with {status}: {}", self.label, stderr.trim()))
            }
            Err(error) => Err(format!("{} did not start: {error}", self.label)),
        }
    }

    fn row(self) -> Row {
        Row { label: self.label, cost: Cost::median(&self.costs) }
    }
}

const GENERATE: &str = "--generate";
const LIBPCAP: &str = "--yardstick-libpcap";
const CACHE_LINES: &str = "--yardstick-cache-lines";
