//! Rows in the store are the events that were emitted, each once: whatever happens to the server, to the program, to the disk.
// More than a minute, and no feature changes any of it: run with the default ones.
#![cfg(not(feature = "ja4plus"))]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tlsight::event::{Event, NewCertificate, Side};
use tlsight::sink::Sink;
use tlsight::sink::clickhouse::{self, ClickHouse, Login, Options, SpoolOptions, Target, WhenFull};

mod samples;
#[allow(dead_code)]
mod store;

use store::{Fault, Proxy, Store};

#[test]
fn no_fault_loses_or_doubles_a_row() {
    let store = Store::shared();
    for fault in [Fault::Unavailable, Fault::Busy, Fault::Reset, Fault::Half, Fault::AnswerLost, Fault::Hang] {
        for place in [Place::Memory, Place::Disk] {
            let name = format!("fault_{fault:?}_{place:?}").to_lowercase();
            store.database(&name);
            let proxy = Proxy::before(store, fault, if fault == Fault::Hang { 1 } else { 4 });
            let folder = tempfile::tempdir().expect("a folder");
            let options =
                Options { spool: place.spool(folder.path()), answer_timeout: Duration::from_secs(2), ..quick() };
            let mut sink = open(proxy.address, &name, options);
            emit(&mut sink, 0..200);
            let told = Box::new(sink).finish().expect("the end is no error");
            assert_eq!(proxy.left(), 0, "{name}");
            assert_eq!(numbers(store, &name), (0..200).collect::<Vec<_>>(), "{name}: {told:?}");
            assert_eq!(store.rows(&format!("{name}.alerts")), 20, "{name}");
            assert_eq!(store.rows(&format!("{name}.certificates")), 20, "{name}");
            assert!(told.iter().all(|line| line.contains("all 240 rows are stored")), "{told:?}");
            assert_eq!(files(folder.path()), 0, "{name}");
        }
    }
}

#[test]
fn what_waits_when_the_program_ends_is_sent_by_the_next() {
    let store = Store::shared();
    store.database("later");
    let folder = tempfile::tempdir().expect("a folder");
    let spool = || Place::Disk.spool(folder.path());
    let (listener, address) = reserved();
    let mut sink =
        open(address, "later", Options { spool: spool(), finish_wait: Duration::from_millis(300), ..quick() });
    emit(&mut sink, 0..50);
    // It says so while it lasts, too.
    let gauge = sink.gauge().expect("there is somebody to wait for");
    let until = Instant::now() + Duration::from_secs(30);
    let standing = loop {
        let standing = gauge.read();
        if standing.waiting == 0 && standing.failures > 0 {
            break standing;
        }
        assert!(Instant::now() < until, "{standing:?}");
        thread::sleep(Duration::from_millis(10));
    };
    let spooled = standing.spool.expect("a spool");
    assert!(spooled.batches > 0 && spooled.bytes > 0 && spooled.max_bytes > spooled.bytes, "{spooled:?}");
    assert_eq!((standing.offered, standing.delivered, standing.shed), (60, 0, 0));
    assert!(standing.lag_seconds > 0.0 && standing.last_error.is_some(), "{standing:?}");
    // As long as it can be asked, the spool is this run's.
    drop(gauge);
    let told = Box::new(sink).finish().expect("the end is no error");
    assert!(told[0].contains("60 of 60 rows were not stored: 60 wait in "), "{told:?}");
    assert!(files(folder.path()) > 0);
    Proxy::listening_on(listener(), store, Fault::Busy, 0);
    let mut sink = open(address, "later", Options { spool: spool(), ..quick() });
    emit(&mut sink, 50..60);
    let gauge = sink.gauge().expect("there is somebody to wait for");
    assert_eq!(Box::new(sink).finish().expect("the end is no error"), Vec::<String>::new());
    assert_eq!(numbers(store, "later"), (0..60).collect::<Vec<_>>());
    assert_eq!(files(folder.path()), 0);
    let standing = gauge.read();
    assert_eq!((standing.delivered, standing.lag_seconds), (standing.offered, 0.0), "{standing:?}");
    assert_eq!(standing.spool.map(|spool| (spool.batches, spool.memory_bytes)), Some((0, 0)));
}

#[test]
fn a_batch_that_is_refused_for_what_it_is_holds_nobody_up() {
    let store = Store::shared();
    store.database("poison");
    let folder = tempfile::tempdir().expect("a folder");
    let spool = || Place::Disk.spool(folder.path());
    // Batches for a server that is not there yet; then rows of one are no rows any more.
    let (listener, address) = reserved();
    let mut sink =
        open(address, "poison", Options { spool: spool(), finish_wait: Duration::from_millis(300), ..quick() });
    emit(&mut sink, 0..30);
    Box::new(sink).finish().expect("the end is no error");
    let batch = all_files(folder.path()).into_iter().find(|path| is_of(path, "sessions")).expect("a batch of sessions");
    spoil(&batch);
    Proxy::listening_on(listener(), store, Fault::Busy, 0);
    let sink = open(address, "poison", Options { spool: spool(), ..quick() });
    Box::new(sink).finish().expect("the end is no error");
    let left = numbers(store, "poison");
    assert!(left.len() == 23 && left.is_sorted(), "{left:?}");
    let census = clickhouse::spool_status(folder.path()).expect("it is read");
    assert_eq!((census.batches, census.quarantined, census.quarantined_rows), (0, 1, 7));
    let aside = all_files(&folder.path().join("quarantine"));
    let why = fs::read_to_string(aside[0].with_extension("error")).expect("it says why");
    assert!(why.contains("Code: "), "{why}");
    // What was refused stays where it is when it is sent again.
    let target = target(store.address, "poison");
    let replayed = clickhouse::replay(&target, &[folder.path().to_owned()], "").expect("the server answers");
    assert_eq!((replayed.batches, replayed.refused.len()), (0, 1));
    assert!(aside[0].exists());
}

#[test]
fn a_spool_that_is_full_sheds_and_says_how_much() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Some(SpoolOptions { folder: folder.path().to_owned(), max_bytes: 40_000 });
    let options = Options { spool, when_full: WhenFull::Shed, finish_wait: Duration::from_millis(300), ..quick() };
    let (_, address) = reserved();
    let mut sink = open(address, "default", options);
    emit(&mut sink, 0..500);
    let told = Box::new(sink).finish().expect("the end is no error");
    let line = &told[0];
    assert!(line.contains("600 of 600 rows were not stored"), "{line}");
    let census = clickhouse::spool_status(folder.path()).expect("it is read");
    assert!(census.bytes <= 40_000 && census.rows > 0, "{census:?}");
    assert!(line.contains(&format!("{} found the spool full", 600 - census.rows)), "{line} {census:?}");
    assert!(line.contains(&format!("{} wait in", census.rows)), "{line}");
}

#[test]
fn what_the_disk_does_not_take_waits_in_memory() {
    let store = Store::shared();
    store.database("disk");
    let folder = tempfile::tempdir().expect("a folder");
    // A program that may write no file at all beyond a few hundred bytes: the signal is ignored, the write fails.
    let told = child(store.address, "disk", Some(folder.path()), 0, 300)
        .limited_to_files_of(1)
        .spawn()
        .expect("it starts")
        .wait_with_output()
        .expect("it ends");
    assert!(told.status.success(), "{told:?}");
    assert_eq!(numbers(store, "disk"), (0..300).collect::<Vec<_>>());
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(said.contains("unspooled"), "{said}");
    assert_eq!(files(folder.path()), 0);
}

/// `TLSIGHT_KILLS=50` for all of them.
#[test]
fn a_kill_at_any_point_loses_nothing_that_is_in_the_spool_and_doubles_nothing() {
    let store = Store::shared();
    store.database("killed");
    let folder = tempfile::tempdir().expect("a folder");
    let mut random = Random(7);
    let mut expected = Vec::new();
    for kill in 0..kills(5) {
        let first = kill * 10_000;
        let mut run = child(store.address, "killed", Some(folder.path()), first, 1_000).spawn().expect("it starts");
        // From its first event to a little after its last.
        let sent = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let stdout = BufReader::new(run.stdout.take().expect("it is piped"));
        let counter = Arc::clone(&sent);
        let reader = thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if let Some(number) = line.strip_prefix("sent ") {
                    counter.store(number.parse().expect("a number"), std::sync::atomic::Ordering::SeqCst);
                }
            }
        });
        let until = random.below(1_050);
        let begin = Instant::now();
        while sent.load(std::sync::atomic::Ordering::SeqCst) < until.min(1_000)
            && begin.elapsed() < Duration::from_secs(60)
        {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(u64::from(random.below(20))));
        run.kill().expect("it can be killed");
        run.wait().expect("it has ended");
        reader.join().expect("no panic");
        let in_store = numbers(store, "killed").iter().filter(|number| **number >= first).count();
        let spooled = clickhouse::spool_status(folder.path()).expect("it is read");
        // The next run sends what this one has left.
        let rest = child(store.address, "killed", Some(folder.path()), 0, 0).output().expect("it runs");
        assert!(rest.status.success(), "{rest:?}");
        assert_eq!(files(folder.path()), 0, "kill {kill}");
        let stored = numbers(store, "killed");
        let these: Vec<u32> = stored.iter().copied().filter(|number| *number >= first).collect();
        // What came first is there up to some event, and nothing twice; what was in the spool is there.
        let end = first + these.len() as u32;
        assert_eq!(these, (first..end).collect::<Vec<_>>(), "kill {kill} at {until}");
        assert!(these.len() >= in_store, "kill {kill}: {} of {in_store}", these.len());
        expected.extend(these);
        assert_eq!(stored, expected, "kill {kill}: what was there before stays");
        eprintln!(
            "kill {kill}: at event {until}, {in_store} sessions stored, {} batches in the spool; then {} sessions",
            spooled.batches,
            end - first
        );
    }
    assert!(!expected.is_empty());
}

#[test]
fn captures_that_are_read_again_after_a_kill_are_stored_once() {
    let store = Store::shared();
    store.database("again");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines = tempfile::NamedTempFile::new().expect("a file");
    let read = |threads: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tlsight"));
        command.arg("read").arg(root.join("testdata/captures")).arg("--rules").arg(root.join("rules"));
        command.args(["--threads", threads, "-q", "-o"]).arg(lines.path());
        command.arg("--clickhouse").arg(format!("http://{}/again", store.address));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let begin = Instant::now();
    let _ = read("2").status().expect("it runs");
    let took = begin.elapsed();
    let mut random = Random(11);
    for kill in 0..kills(3) {
        let mut run = read(if kill % 2 == 0 { "1" } else { "3" }).spawn().expect("it starts");
        thread::sleep(took.mul_f64(f64::from(random.below(1_100)) / 1_000.0));
        let _ = run.kill();
        run.wait().expect("it has ended");
    }
    let _ = read("2").status().expect("it runs");
    let lines = fs::read_to_string(lines.path()).expect("text");
    for (dataset, table) in
        [("tlsight.tls", "sessions"), ("tlsight.alert", "alerts"), ("tlsight.stats", "sensor_stats")]
    {
        let told = lines.lines().filter(|line| line.contains(&format!(r#""dataset":"{dataset}""#))).count();
        assert!(told > 0, "{dataset}");
        assert_eq!(store.rows(&format!("again.{table}")), told as u64, "{table}");
    }
}

/// `TLSIGHT_KILLS=10` for all of them.
#[test]
fn a_server_that_is_killed_and_comes_back_has_every_row_once() {
    let data = tempfile::tempdir().expect("a folder");
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::in_folder(data.path(), 0);
    let address = store.address;
    store.database("survivor");
    let spool = Place::Disk.spool(folder.path());
    let options = Options { spool, batch_rows: 40, finish_wait: Duration::from_secs(300), ..quick() };
    let mut sink = open(address, "survivor", options);
    let mut random = Random(13);
    let mut next = 0;
    for _ in 0..kills(2).min(10) {
        let until = next + 150;
        for number in next..until {
            emit(&mut sink, number..number + 1);
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(u64::from(random.below(60))));
        store.kill();
        emit(&mut sink, until..until + 50);
        next = until + 50;
        store = Store::in_folder(data.path(), address.port());
    }
    let told = Box::new(sink).finish().expect("the end is no error");
    assert_eq!(numbers(&store, "survivor"), (0..next).collect::<Vec<_>>(), "{told:?}");
    assert_eq!(files(folder.path()), 0);
}

/// Does nothing but where another test starts it: emits events, and prints how far it is.
#[test]
fn child_of_other_tests() {
    let Ok(task) = std::env::var("TLSIGHT_TEST_CHILD") else { return };
    let task: Vec<&str> = task.split(' ').collect();
    let [address, database, folder, first, count] = task[..] else { panic!("{task:?}") };
    let spool = (folder != "-").then(|| SpoolOptions::new(folder));
    let (first, count): (u32, u32) = (first.parse().expect("a number"), count.parse().expect("a number"));
    let options = Options { spool, batch_rows: 40, ..quick() };
    let mut sink = open(address.parse().expect("an address"), database, options);
    for number in first..first + count {
        emit(&mut sink, number..number + 1);
        println!("sent {}", number - first + 1);
        thread::sleep(Duration::from_millis(1));
    }
    println!("unspooled {:?}", Box::new(sink).finish().expect("the end is no error"));
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Memory,
    Disk,
}

impl Place {
    fn spool(self, folder: &Path) -> Option<SpoolOptions> {
        match self {
            Self::Memory => None,
            Self::Disk => Some(SpoolOptions::new(folder)),
        }
    }
}

/// Small batches, often.
fn quick() -> Options {
    Options { period: Duration::from_millis(50), batch_rows: 7, ..Options::new(WhenFull::Wait) }
}

fn target(address: SocketAddr, database: &str) -> Target {
    Target::parse(&format!("http://{address}/{database}"), Login::default()).expect("a URL")
}

fn open(address: SocketAddr, database: &str, options: Options) -> ClickHouse {
    ClickHouse::open(&target(address, database), options).expect("nothing is refused")
}

/// An event of each number; with every tenth an alert, and a certificate that is new.
fn emit(sink: &mut ClickHouse, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let mut event: Event = samples::tls12();
        event.id = u128::from(number).to_be_bytes();
        if number % 10 == 0 {
            let mut certificate = (*event.server_chain[0]).clone();
            certificate.sha256[..4].copy_from_slice(&number.to_be_bytes());
            let certificate = Arc::new(certificate);
            event.security.new_certificates =
                Some([NewCertificate { certificate, side: Side::Server, place: 0 }].into());
        }
        assert!(sink.events(&Arc::new(vec![event])).expect("it takes events").is_continue());
        if number % 10 == 0 {
            let alert = samples::alert();
            assert!(sink.alert(&alert).expect("it takes alerts").is_continue());
        }
    }
}

/// The numbers of the events that are stored, in order, each as often as it is there.
fn numbers(store: &Store, database: &str) -> Vec<u32> {
    let select = format!(
        "SELECT reinterpretAsUInt32(reverse(substring(event_id, 13, 4))) AS n FROM {database}.sessions ORDER BY n"
    );
    store.ask(&select).iter().map(|row| row["n"].as_u64().expect("a number") as u32).collect()
}

/// This program again, to emit events of its own.
struct Again(Command);

fn child(address: SocketAddr, database: &str, folder: Option<&Path>, first: u32, count: u32) -> Again {
    let folder = folder.map_or("-".to_owned(), |folder| folder.display().to_string());
    let mut command = Command::new(std::env::current_exe().expect("it has a path"));
    command.args(["--exact", "child_of_other_tests", "--nocapture"]);
    command.env("TLSIGHT_TEST_CHILD", format!("{address} {database} {folder} {first} {count}"));
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    Again(command)
}

impl Again {
    fn spawn(&mut self) -> std::io::Result<Child> {
        self.0.spawn()
    }

    fn output(&mut self) -> std::io::Result<std::process::Output> {
        self.0.output()
    }

    /// The same below a limit on the size of files, in units of 512 or 1,024 bytes.
    fn limited_to_files_of(self, units: u32) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!(r#"trap "" XFSZ; ulimit -f {units}; exec "$0" "$@""#));
        command.arg(self.0.get_program()).args(self.0.get_args());
        for (name, value) in self.0.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        Self(command)
    }
}

/// Batches below a folder.
fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "batch" || extension == "part") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn files(folder: &Path) -> usize {
    all_files(folder).len()
}

fn is_of(path: &Path, table: &str) -> bool {
    let file = fs::read(path).expect("a file");
    let mark = format!(r#""table":"{table}""#);
    file.windows(mark.len()).any(|window| window == mark.as_bytes())
}

/// Gives a column of a batch's block a name that the table does not know; the checksum is made to fit.
fn spoil(path: &Path) {
    let mut file = fs::read(path).expect("a file");
    file.truncate(file.len() - 8);
    // In a block a name stands behind its length.
    let (name, other) = (b"\x05ended", b"\x05other");
    let at = file.windows(name.len()).position(|window| window == name).expect("the column");
    file[at..at + other.len()].copy_from_slice(other);
    let checksum = twox_hash::XxHash3_64::oneshot(&file);
    file.extend_from_slice(&checksum.to_le_bytes());
    fs::write(path, file).expect("it is written");
}

/// An address that nobody listens on until the listener is asked for.
fn reserved() -> (impl FnOnce() -> TcpListener, SocketAddr) {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    (move || TcpListener::bind(address).expect("the port is still free"), address)
}

fn kills(few: u32) -> u32 {
    std::env::var("TLSIGHT_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(few)
}

/// The same numbers each time (xorshift64, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % u64::from(bound)) as u32
    }
}
