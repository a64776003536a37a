//! A real ClickHouse for tests, and a proxy before it that lets answers go wrong.
pub mod columns;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

/// A user that has a password.
pub const USER: &str = "alice";
pub const PASSWORD: &str = "it's:a @secret";

/// The server, one for all tests of a process.
pub struct Store {
    pub address: SocketAddr,
    /// The server ends when this is gone.
    child: Mutex<Child>,
}

impl Store {
    /// Starts the server with the first call.
    pub fn shared() -> &'static Self {
        static STORE: OnceLock<Store> = OnceLock::new();
        STORE.get_or_init(|| Self::start(&[]))
    }

    /// One of its own, with its tables in a folder that outlives it; on a port, or on any.
    pub fn in_folder(data: &Path, port: u16) -> Self {
        Self::start(&["--data", &data.display().to_string(), "--port", &port.to_string()])
    }

    /// Ends it as a loss of power would, but for what the kernel holds.
    pub fn kill(self) {
        let mut child = self.child.into_inner().expect("no panic");
        // The engine dies with its parent.
        child.kill().expect("it runs");
        child.wait().expect("it has ended");
        while TcpStream::connect(self.address).is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// One of its own, with more arguments than the shared one has.
    pub fn start(more: &[&str]) -> Self {
        let python = python();
        assert!(python.exists(), "{}: no ClickHouse to test with: run `make store-setup`", python.display());
        let mut child = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/store/server.py"))
            .args(["--user", &format!("{USER}:{PASSWORD}")])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let told: Value = serde_json::from_str(&line).expect("the server starts; its error is above");
        let url = told["url"].as_str().expect("a URL");
        let address = url.trim_start_matches("http://").parse().expect("an address");
        Self { address, child: Mutex::new(child) }
    }

    /// The answer to a statement: one JSON object a row.
    pub fn ask(&self, statement: &str) -> Vec<Value> {
        let body = self.answer("default", statement).unwrap_or_else(|why| panic!("{statement}: {why}"));
        body.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The answer to a statement about the tables of a database, in the format that it names, or the server's refusal.
    pub fn answer(&self, database: &str, statement: &str) -> Result<String, String> {
        let mut stream = TcpStream::connect(self.address).expect("the server listens");
        let settings = "default_format=JSONEachRow&output_format_json_quote_64bit_integers=0";
        let head = format!("POST /?database={database}&{settings} HTTP/1.0\r\n");
        write!(stream, "{head}Content-Length: {}\r\n\r\n{statement}", statement.len()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        if head.split(' ').nth(1) == Some("200") { Ok(body.to_owned()) } else { Err(body.to_owned()) }
    }

    /// Runs the program, which has to succeed.
    pub fn tlsight(arguments: &[&str]) -> String {
        let done = Command::new(env!("CARGO_BIN_EXE_tlsight")).args(arguments).output().expect("the program runs");
        assert!(done.status.success(), "tlsight {}: {}", arguments.join(" "), String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// A fresh database of this name.
    pub fn database(&self, name: &str) {
        self.ask(&format!("DROP DATABASE IF EXISTS {name}"));
        self.ask(&format!("CREATE DATABASE {name}"));
    }

    pub fn rows(&self, table: &str) -> u64 {
        self.ask(&format!("SELECT count() AS n FROM {table}"))[0]["n"].as_u64().expect("a number")
    }
}

/// The Python that has the server.
pub fn python() -> PathBuf {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/store-venv/bin/python"));
    std::env::var_os("TLSIGHT_STORE_PYTHON").map_or_else(default, PathBuf::from)
}

/// A file of `tests/store/tls`.
pub fn tls(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/store/tls")).join(name)
}

/// What happens to an INSERT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is refused with 503.
    Unavailable,
    /// It is refused with 500: too many parts.
    Busy,
    /// The connection ends before its body is read.
    Reset,
    /// The server gets half of its body, then the connection ends.
    Half,
    /// There is no answer for as long as the client waits.
    Hang,
    /// It is stored, and the answer is lost.
    AnswerLost,
}

/// Hands requests on to the server, a connection each; the first `times` INSERTs meet with a fault.
pub struct Proxy {
    pub address: SocketAddr,
    left: Arc<AtomicUsize>,
}

impl Proxy {
    pub fn before(store: &Store, fault: Fault, times: usize) -> Self {
        Self::listening_on(TcpListener::bind("127.0.0.1:0").expect("a port"), store, fault, times)
    }

    pub fn listening_on(listener: TcpListener, store: &Store, fault: Fault, times: usize) -> Self {
        let address = listener.local_addr().expect("an address");
        let (server, left) = (store.address, Arc::new(AtomicUsize::new(times)));
        let counter = Arc::clone(&left);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let counter = Arc::clone(&counter);
                // A connection that breaks is the client's to notice.
                thread::spawn(move || hand_on(client, server, fault, &counter));
            }
        });
        Self { address, left }
    }

    /// TLS before the server, with the certificate of `tests/store/tls`.
    pub fn secure(store: &Store) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                let chain = CertificateDer::pem_file_iter(tls("server.pem")).expect("a file").flatten().collect();
                let key = PrivateKeyDer::from_pem_file(tls("server.key")).expect("a key");
                config.with_no_client_auth().with_single_cert(chain, key)
            })
            .expect("they belong together");
        let (server, config) = (store.address, Arc::new(config));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                thread::spawn(move || {
                    let session = ServerConnection::new(config).map_err(std::io::Error::other)?;
                    let mut client = BufReader::new(StreamOwned::new(session, client));
                    let request = Request::read(&mut client)?;
                    let mut to_server = TcpStream::connect(server)?;
                    request.write(&mut to_server)?;
                    let mut answer = Vec::new();
                    to_server.read_to_end(&mut answer)?;
                    let client = client.get_mut();
                    client.write_all(&answer)?;
                    client.conn.send_close_notify();
                    client.flush()
                });
            }
        });
        Self { address, left: Arc::default() }
    }

    /// Faults that nobody met.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }
}

fn hand_on(client: TcpStream, server: SocketAddr, fault: Fault, left: &AtomicUsize) -> std::io::Result<()> {
    let mut from_client = BufReader::new(client.try_clone()?);
    let request = Request::read(&mut from_client)?;
    let is_insert = request.head.first().is_some_and(|line| line.contains("INSERT"));
    let faulty = is_insert && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
    let refusal = match fault {
        _ if !faulty => None,
        Fault::Unavailable => Some(("503 Service Unavailable", "Code: 202. DB::Exception: Too many queries")),
        Fault::Busy => Some(("500 Internal Server Error", "Code: 252. DB::Exception: Too many parts")),
        Fault::Reset => return client.shutdown(Shutdown::Both),
        Fault::Hang => {
            thread::sleep(Duration::from_secs(20));
            return client.shutdown(Shutdown::Both);
        }
        Fault::Half => {
            request.write_half(&mut TcpStream::connect(server)?)?;
            return client.shutdown(Shutdown::Both);
        }
        Fault::AnswerLost => None,
    };
    if let Some((status, body)) = refusal {
        let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
        return write!(&client, "{head}Content-Length: {}\r\n\r\n{body}\n", body.len() + 1);
    }
    let mut to_server = TcpStream::connect(server)?;
    request.write(&mut to_server)?;
    let mut answer = Vec::new();
    to_server.read_to_end(&mut answer)?;
    if !faulty {
        (&client).write_all(&answer)?;
    }
    client.shutdown(Shutdown::Both)
}

struct Request {
    head: Vec<String>,
    body: Vec<u8>,
}

impl Request {
    fn read(from: &mut impl BufRead) -> std::io::Result<Self> {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            from.read_line(&mut line)?;
            if line.trim_end().is_empty() {
                break;
            }
            head.push(line.trim_end().to_owned());
        }
        let field = |name: &str| {
            let lines = head.iter().filter_map(|line| line.split_once(": "));
            lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
        };
        let mut body = Vec::new();
        if field("transfer-encoding").is_some() {
            while read_chunk(from, &mut body)? {}
        } else if let Some(length) = field("content-length").and_then(|length| length.parse().ok()) {
            from.take(length).read_to_end(&mut body)?;
        }
        Ok(Self { head, body })
    }

    /// Sends it with its length told, as the last one of its connection.
    fn write(&self, to: &mut impl Write) -> std::io::Result<()> {
        self.write_head(to)?;
        to.write_all(&self.body)
    }

    /// Sends half of it.
    fn write_half(&self, to: &mut impl Write) -> std::io::Result<()> {
        self.write_head(to)?;
        to.write_all(&self.body[..self.body.len() / 2])
    }

    fn write_head(&self, to: &mut impl Write) -> std::io::Result<()> {
        let dropped = ["transfer-encoding", "content-length", "connection"];
        for line in &self.head {
            let name = line.split(':').next().unwrap_or_default();
            if !dropped.iter().any(|dropped| dropped.eq_ignore_ascii_case(name)) {
                write!(to, "{line}\r\n")?;
            }
        }
        write!(to, "Connection: close\r\nContent-Length: {}\r\n\r\n", self.body.len())
    }
}

/// Whether another chunk may follow.
fn read_chunk(from: &mut impl BufRead, body: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut size = String::new();
    from.read_line(&mut size)?;
    let size = u64::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
    from.by_ref().take(size).read_to_end(body)?;
    from.read_line(&mut String::new())?;
    Ok(size > 0)
}
