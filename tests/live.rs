//! `tlsight live` on the loopback, with real clients and servers: openssl and curl.
//!
//! Capturing needs CAP_NET_RAW. Where the tests do not have it they say so on standard error and check nothing.
#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

mod child;
#[allow(dead_code)]
mod store;

use child::{Ended, lines_of};
use store::Store;

#[test]
fn a_session_is_printed_while_listening_and_an_interrupt_flushes_the_open_one() {
    if !may_capture() {
        return;
    }
    let server = Server::start();
    // Takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent_port = silent.local_addr().expect("an address").port();
    let filter = format!("tcp port {} or tcp port {silent_port}", server.port);
    let mut sensor = Sensor::start(&filter, ["--json"]);

    assert_eq!(get(server.port, "1.2"), "200");
    let seen = sensor.session();
    assert_eq!(seen["destination"]["port"], server.port);
    assert_eq!(seen["tls"]["client"]["server_name"], NAME);
    assert_eq!(seen["tls"]["version"], "1.2");
    assert_eq!(seen["tls"]["established"], true);
    assert_eq!(seen["tls"]["server"]["subject"], "CN=live.test");
    assert_eq!(seen["tls"]["server"]["hash"]["sha256"], server.certificate_sha256());
    let ja4 = seen["tls"]["client"]["ja4"].as_str().expect("a JA4");
    assert!(ja4.starts_with("t12d") && ja4.len() == 36, "{ja4}");

    assert_eq!(get(server.port, "1.3"), "200");
    let seen = sensor.session();
    assert_eq!(seen["tls"]["version"], "1.3");
    assert!(seen["tlsight"]["missing"].as_array().expect("a list").contains(&"certificate:encrypted".into()));

    let mut waiting = Ended(curl(silent_port, "1.3").spawn().expect("curl runs"));
    let mut accepted = silent.accept().expect("curl connects").0;
    accepted.read_exact(&mut [0; 5]).expect("a record's header");
    // The tap gives packets in their order: when this session is told, that hello has been read.
    assert_eq!(get(server.port, "1.3"), "200");
    assert_eq!(sensor.session()["tls"]["established"], true);
    let rest = sensor.interrupt();
    waiting.kill();
    let sessions: Vec<&Value> = rest.iter().filter(|line| line["event"]["dataset"] == "tlsight.tls").collect();
    assert_eq!(sessions.len(), 1, "{rest:?}");
    assert_eq!(sessions[0]["destination"]["port"], silent_port);
    assert_eq!(sessions[0]["tls"]["established"], false);
    let stats = rest.last().expect("a line at the end");
    assert_eq!(stats["event"]["dataset"], "tlsight.stats");
    assert_eq!(stats["tlsight"]["stats"]["sessions"], 4, "{stats}");
}

#[test]
fn lines_for_people_name_client_and_server() {
    if !may_capture() {
        return;
    }
    let server = Server::start();
    let mut sensor = Sensor::start(&format!("tcp port {}", server.port), ["--sessions"]);
    assert_eq!(get(server.port, "1.3"), "200");
    let line = sensor.line();
    assert!(line.contains(NAME) && line.contains("t13d"), "{line}");
    sensor.interrupt();
}

#[test]
fn sessions_are_stored_in_clickhouse() {
    if !may_capture() {
        return;
    }
    let store = Store::shared();
    store.database("live");
    let server = Server::start();
    let url = format!("http://{}/live", store.address);
    let folder = tempfile::tempdir().expect("a folder");
    let spool = folder.path().display().to_string();
    let mut sensor =
        Sensor::start(&format!("tcp port {}", server.port), ["--json", "--clickhouse", &url, "--spool", &spool]);
    assert_eq!(get(server.port, "1.2"), "200");
    let seen = sensor.session();
    sensor.interrupt();
    let rows = store.ask(
        "SELECT lower(hex(event_id)) AS id, server_name, ja4, version, destination_port AS port, \
         server_chain_subject[1] AS subject FROM live.sessions",
    );
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = &rows[0];
    assert_eq!(row["id"], seen["event"]["id"]);
    assert_eq!(row["ja4"], seen["tls"]["client"]["ja4"]);
    assert_eq!(row["server_name"], NAME);
    assert_eq!(row["version"], "1.2");
    assert_eq!(row["port"], server.port);
    assert_eq!(row["subject"], "CN=live.test");
}

#[test]
fn lists_are_read_again_on_a_hangup_and_a_bad_one_leaves_the_old_in_force() {
    if !may_capture() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("names.txt");
    fs::write(&list, "other.test\n").expect("a list");
    let (first, second) = (Server::start(), Server::start());
    let path = list.display().to_string();
    let filter = format!("tcp port {} or tcp port {}", first.port, second.port);
    let mut sensor = Sensor::start(&filter, ["--json", "--threat-list", &path]);
    assert_eq!(sensor.listed(first.port), Vec::<String>::new());

    fs::write(&list, format!("{NAME}\n127.0.0.1:{}\n", second.port)).expect("a list");
    let said = sensor.hang_up();
    assert_eq!(said, "tlsight: read again: 0 rules, 2 entries of threat lists");
    assert_eq!(sensor.listed(first.port), [NAME]);

    fs::write(&list, "no list at all\n").expect("a file");
    let said = sensor.hang_up();
    assert!(
        said.contains("names.txt: no line of it could be read") && said.ends_with("what was in force stays"),
        "{said}"
    );
    // An entry that was not met before, since the same is told once an hour.
    let address = format!("127.0.0.1:{}", second.port);
    assert!(sensor.listed(second.port).contains(&address));
    sensor.interrupt();
}

/// Whether this process has CAP_NET_RAW; says so where it has not.
fn may_capture() -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).expect("CapEff");
    let capabilities = u64::from_str_radix(effective.trim(), 16).expect("hex digits");
    let has_it = capabilities & (1 << CAP_NET_RAW) != 0;
    if !has_it {
        // Not through the macro, whose output is only shown of tests that fail.
        let _ = writeln!(io::stderr(), "live: nothing checked: capturing needs CAP_NET_RAW; run the tests as root");
    }
    has_it
}

/// `tlsight live -i lo`, listening.
struct Sensor {
    child: Ended,
    lines: Receiver<String>,
    complaints: Receiver<String>,
}

impl Sensor {
    fn start(filter: &str, options: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tlsight"))
            .args(["live", "-v", "-i", "lo", "--filter", filter])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tlsight runs");
        let lines = lines_of(child.stdout.take().expect("it is piped"));
        let complaints = lines_of(child.stderr.take().expect("it is piped"));
        let sensor = Self { child: Ended(child), lines, complaints };
        let mut said = Vec::new();
        while !said.last().is_some_and(|line: &String| line.contains("listening to lo")) {
            match sensor.complaints.recv_timeout(PATIENCE) {
                Ok(line) => said.push(line),
                Err(_) => panic!("tlsight does not listen: {said:?}"),
            }
        }
        sensor
    }

    fn line(&mut self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }

    fn session(&mut self) -> Value {
        loop {
            let line = self.line();
            let line: Value = serde_json::from_str(&line).expect(&line);
            match line["event"]["dataset"].as_str() {
                // It comes before the session that showed it.
                Some("tlsight.certificate") => {}
                dataset => {
                    assert_eq!(dataset, Some("tlsight.tls"));
                    return line;
                }
            }
        }
    }

    /// What lists know of a session with the server at that port.
    fn listed(&mut self, port: u16) -> Vec<String> {
        assert_eq!(get(port, "1.2"), "200");
        let id = loop {
            // Alerts of the session before may still come.
            let line: Value = serde_json::from_str(&self.line()).expect("JSON");
            if line["tls"]["version"] == "1.2" {
                break line["event"]["id"].clone();
            }
        };
        // What is not there cannot be waited for: that of the next session shows that nothing stood between.
        assert_eq!(get(port, "1.3"), "200");
        let mut found = Vec::new();
        loop {
            let line: Value = serde_json::from_str(&self.line()).expect("JSON");
            if line["tls"]["version"] == "1.3" {
                return found;
            }
            if line["event"]["dataset"] == "tlsight.alert" && line["tlsight"]["alert"]["session"] == id {
                found.push(line["threat"]["indicator"]["name"].as_str().expect("an indicator").to_owned());
            }
        }
    }

    /// Has it read rules and lists again; gives what it says of that.
    fn hang_up(&mut self) -> String {
        let pid = i32::try_from(self.child.0.id()).expect("a process number");
        // SAFETY: a system call on a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGHUP) }, 0);
        loop {
            let line = self.complaints.recv_timeout(PATIENCE).expect("a line");
            if line.contains("read again") || line.contains("in force") {
                return line;
            }
        }
    }

    /// Interrupts it as Ctrl-C does. Gives what it still prints in JSON.
    fn interrupt(&mut self) -> Vec<Value> {
        let pid = i32::try_from(self.child.0.id()).expect("a process number");
        // SAFETY: a system call on a child that has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, libc::SIGINT) }, 0);
        let status = self.child.wait(PATIENCE);
        let said: Vec<String> = self.complaints.iter().collect();
        assert_eq!(status, Some(0), "{said:?}");
        assert!(said.iter().any(|line| line.contains("0 packets dropped by the kernel")), "{said:?}");
        self.lines.iter().filter_map(|line| serde_json::from_str(&line).ok()).collect()
    }
}

/// `openssl s_server` with a certificate of its own, which answers requests.
struct Server {
    port: u16,
    folder: TempDir,
    _child: Ended,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let request = ["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "30"];
        let files = ["-subj", "/CN=live.test", "-keyout", "key.pem", "-out", "certificate.pem"];
        openssl(folder.path(), request.into_iter().chain(files));
        // With stdin closed it would end; port 0 lets the system choose.
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-www", "-key", "key.pem", "-cert", "certificate.pem"])
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl runs (`make setup` installs it)");
        let lines = lines_of(child.stdout.take().expect("it is piped"));
        let child = Ended(child);
        let port = loop {
            let line = lines.recv_timeout(PATIENCE).expect("openssl s_server listens");
            if let Some(address) = line.strip_prefix("ACCEPT ") {
                let address = address.split(' ').next().unwrap_or_default();
                break address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
            }
        };
        Self { port, folder, _child: child }
    }

    fn certificate_sha256(&self) -> String {
        let print = ["x509", "-in", "certificate.pem", "-noout", "-fingerprint", "-sha256"];
        let told = openssl(self.folder.path(), print);
        told.trim().rsplit('=').next().expect("a fingerprint").replace(':', "").to_lowercase()
    }
}

fn openssl<'a>(folder: &Path, arguments: impl IntoIterator<Item = &'a str>) -> String {
    let done = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("openssl runs (`make setup` installs it)");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8")
}

/// The status of a request over TLS of this version.
fn get(port: u16, version: &str) -> String {
    let done = curl(port, version).output().expect("curl runs (`make setup` installs it)");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8")
}

fn curl(port: u16, version: &str) -> Command {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--insecure", "--max-time", "20", "--noproxy", "*"])
        .args(["--output", "/dev/null", "--write-out", "%{http_code}"])
        .args([&format!("--tlsv{version}"), "--tls-max", version])
        .args(["--resolve", &format!("{NAME}:{port}:127.0.0.1"), &format!("https://{NAME}:{port}/")])
        .stdin(Stdio::null());
    command
}

const NAME: &str = "live.test";
/// `capabilities(7)`
const CAP_NET_RAW: u32 = 13;
const PATIENCE: Duration = Duration::from_secs(20);
