//! A child process and what it cost: `wait4`'s rusage, and its anonymous memory sampled while it runs.

use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;

#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub wall: Duration,
    /// User and system time of all threads.
    pub cpu: Duration,
    /// Peak resident bytes, mapped file pages among them.
    pub peak: u64,
    /// Peak anonymous resident bytes, sampled; `None` when the process was over before the first sample.
    pub anon: Option<u64>,
}

impl Cost {
    /// The median of each column by itself. `costs` is not empty.
    pub fn median(costs: &[Cost]) -> Cost {
        fn middle<T: Ord + Copy>(costs: &[Cost], of: impl Fn(&Cost) -> T) -> T {
            let mut values: Vec<T> = costs.iter().map(of).collect();
            values.sort_unstable();
            values[values.len() / 2]
        }
        Cost {
            wall: middle(costs, |c| c.wall),
            cpu: middle(costs, |c| c.cpu),
            peak: middle(costs, |c| c.peak),
            anon: middle(costs, |c| c.anon),
        }
    }
}

pub enum Outcome {
    Done(Cost),
    Failed { status: String, stderr: String },
}

/// Runs `command` to its end, its output thrown away.
pub fn run(command: &mut Command) -> io::Result<Outcome> {
    let mut errors = tempfile::tempfile()?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors.try_clone()?);
    let started = Instant::now();
    let child = command.spawn()?;
    let id = child.id();
    let anon = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    let (waited, wall) = thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                anon.fetch_max(anonymous_bytes(id).unwrap_or(0), Ordering::Relaxed);
                thread::park_timeout(SAMPLE_EVERY);
            }
        });
        let waited = wait4(id);
        let wall = started.elapsed();
        over.store(true, Ordering::Relaxed);
        sampler.thread().unpark();
        (waited, wall)
    });
    let (status, usage) = waited?;
    if !libc::WIFEXITED(status) || libc::WEXITSTATUS(status) != 0 {
        let status = match libc::WIFEXITED(status) {
            true => format!("status {}", libc::WEXITSTATUS(status)),
            false => format!("signal {}", libc::WTERMSIG(status)),
        };
        io::Seek::rewind(&mut errors)?;
        return Ok(Outcome::Failed { status, stderr: io::read_to_string(errors)? });
    }
    Ok(Outcome::Done(Cost {
        wall,
        cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
        peak: usage.ru_maxrss as u64 * 1024,
        anon: Some(anon.into_inner()).filter(|&bytes| bytes > 0),
    }))
}

/// How many session events the tool reports for `capture`: a fast run that has lost sessions is not fast.
pub fn count_events(tlsight: &Path, capture: &Path) -> Result<u64, String> {
    let fail = |error: io::Error| format!("cannot count the events of {}: {error}", tlsight.display());
    let mut child = Command::new(tlsight)
        .args(["read", "--json"])
        .arg(capture)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(fail)?;
    let output = child.stdout.take().ok_or("a piped child has an output")?;
    let dataset = AhoCorasick::new(["\"tlsight.tls\""]).map_err(|e| e.to_string())?;
    let mut lines = BufReader::with_capacity(1 << 20, output);
    let mut line = Vec::new();
    let mut events = 0;
    while lines.read_until(b'\n', &mut line).map_err(fail)? > 0 {
        events += u64::from(dataset.is_match(&line));
        line.clear();
    }
    let status = child.wait().map_err(fail)?;
    if status.success() { Ok(events) } else { Err(format!("{} ended with {status}", tlsight.display())) }
}

/// Waits for a child that was not waited for yet.
fn wait4(id: u32) -> io::Result<(libc::c_int, libc::rusage)> {
    let mut status = 0;
    // SAFETY: all-zero is a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to live locals of the right types.
        let done = unsafe { libc::wait4(id as libc::pid_t, &raw mut status, 0, &raw mut usage) };
        if done >= 0 {
            return Ok((status, usage));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

fn anonymous_bytes(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("RssAnon:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn duration(time: libc::timeval) -> Duration {
    Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
}

const SAMPLE_EVERY: Duration = Duration::from_millis(20);
