//! Alerts on their way out: syslog, CEF and web hooks, each against a receiver of its own on the loopback.
//!
//! What arrives is read by the grammars of RFC 5424, RFC 6587 and CEF, whatever the alert holds.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tlsight::detect::{Alert, Facts, Level};
use tlsight::sink::courier::{Options, WhenFull};
use tlsight::sink::syslog::{Header, Receiver, Style, Target};
use tlsight::sink::{Cef, Sink, Syslog, Webhook, webhook};

mod samples;

#[test]
fn a_message_over_udp_is_what_rfc_5424_describes() {
    let receiver = UdpSocket::bind("127.0.0.1:0").expect("a port");
    receiver.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let target = format!("udp://{}", receiver.local_addr().expect("an address"));
    send(&target, Style::Rfc5424, &[samples::alert()]);
    let mut buffer = [0; 65_536];
    let length = receiver.recv(&mut buffer).expect("a datagram");
    let message = Message::parse(&buffer[..length]);
    // local0 and error: 16 * 8 + 3.
    assert_eq!(message.priority, 131);
    assert_eq!(message.header, ["2024-02-29T23:59:59.123456Z", "sensor-1", "tlsight", "42", "tlsight.alert"]);
    let data = |name: &str| message.data.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    assert_eq!(data("rule"), Some("8d0b3b44-6d8a-4b6f-9a5e-0c1d2e3f4a5b"));
    assert_eq!(data("group"), Some("source.ip=128.232.110.120, n\"ame=va]lue"));
    assert_eq!(data("session"), Some("00112233445566778899aabbccddeeff"));
    assert_eq!((data("count"), data("suppressed"), data("list")), (Some("70"), Some("3"), Some("c2")));
    assert_eq!(data("tags"), Some("attack.command-and-control,attack.t1573.002"));
    assert_eq!(message.text, "tab here");
}

#[test]
fn whatever_an_alert_holds_a_tcp_stream_keeps_its_frames() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let target = format!("tcp://{}", listener.local_addr().expect("an address"));
    let all = thread::spawn(move || {
        let mut bytes = Vec::new();
        listener.accept().expect("a connection").0.read_to_end(&mut bytes).expect("it ends");
        bytes
    });
    let alerts = hostile();
    send(&target, Style::Rfc5424, &alerts);
    let bytes = all.join().expect("no panic");
    let frames = frames(&bytes);
    assert_eq!(frames.len(), alerts.len());
    for (frame, alert) in frames.iter().zip(&alerts) {
        assert!(frame.len() <= 8_192);
        let message = Message::parse(frame);
        let title = &message.data.iter().find(|(name, _)| name == "title").expect("a title").1;
        let clean: String = alert.rule.title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        assert!(clean.starts_with(title.as_str()) && !title.is_empty(), "{title:?} of {clean:?}");
        let text: String = alert.message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        assert!(text.starts_with(&message.text), "{:?}", message.text);
        assert!(message.text == text || frame.len() > 8_188, "cut without need: {}", frame.len());
    }
}

#[test]
fn a_connection_that_breaks_is_made_again() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let target: Target = format!("tcp://{}", listener.local_addr().expect("an address")).parse().expect("a target");
    let mut sink =
        Syslog::open(Receiver::new(&target), header(), Style::Rfc5424, Options::new(WhenFull::Wait)).expect("a thread");
    let _ = sink.alert(&samples::alert()).expect("no error");
    let (mut first, _) = listener.accept().expect("a connection");
    let mut begun = [0; 16];
    first.read_exact(&mut begun).expect("a frame");
    drop(first);
    // Until the sender's side knows of it.
    thread::sleep(Duration::from_millis(200));
    let _ = sink.alert(&samples::alert()).expect("no error");
    let second = thread::spawn(move || {
        let mut bytes = Vec::new();
        listener.accept().expect("another").0.read_to_end(&mut bytes).expect("it ends");
        bytes
    });
    assert_eq!(Box::new(sink).finish().expect("no error"), Vec::<String>::new());
    assert_eq!(frames(&second.join().expect("no panic")).len(), 1);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_gets_datagrams() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let receiver = std::os::unix::net::UnixDatagram::bind(&path).expect("a socket");
    receiver.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let alerts = hostile();
    let sender = {
        let (target, alerts) = (format!("unix://{}", path.display()), alerts.clone());
        thread::spawn(move || send(&target, Style::Rfc5424, &alerts))
    };
    for _ in &alerts {
        let mut buffer = [0; 65_536];
        let length = receiver.recv(&mut buffer).expect("a datagram");
        assert!(length <= 2_048);
        assert_eq!(Message::parse(&buffer[..length]).header[2], "tlsight");
    }
    sender.join().expect("no panic");
}

#[test]
fn a_receiver_that_is_away_costs_no_time_and_is_told() {
    // Nobody listens there any more.
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let target: Target = format!("tcp://{free}").parse().expect("a target");
    let options = Options { finish_wait: Duration::from_millis(400), ..Options::new(WhenFull::Shed) };
    let mut sink = Syslog::open(Receiver::new(&target), header(), Style::Rfc5424, options).expect("a thread");
    let begun = Instant::now();
    for _ in 0..20_000 {
        let _ = sink.alert(&samples::alert()).expect("no error");
    }
    let told = Box::new(sink).finish().expect("no error").concat();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(told.starts_with(&format!("syslog at tcp://{free}: 20000 of 20000 alerts were not delivered")), "{told}");
    assert!(told.contains("found the queue full") && told.contains("last error: "), "{told}");
}

#[test]
fn syslog_over_tls_is_framed_ends_in_order_and_goes_to_whom_it_trusts_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let openssl = |arguments: &[&str]| {
        let made = Command::new("openssl").args(arguments).output().expect("openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    for name in ["ours", "theirs"] {
        let (key, authority) = (path(&format!("{name}.key")), path(&format!("{name}.pem")));
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            &format!("/CN={name}"),
            "-keyout",
            &key,
            "-out",
            &authority,
        ]);
    }
    openssl(&[
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=log",
        "-keyout",
        &path("log.key"),
        "-out",
        &path("log.csr"),
    ]);
    std::fs::write(path("log.ext"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").expect("a file");
    openssl(&[
        "x509",
        "-req",
        "-in",
        &path("log.csr"),
        "-CA",
        &path("ours.pem"),
        "-CAkey",
        &path("ours.key"),
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        &path("log.ext"),
        "-out",
        &path("log.pem"),
    ]);
    for version in ["TLSv1_2", "TLSv1_3"] {
        let receiver = Command::new("python3")
            .args(["-c", TLS_RECEIVER, &path("log.pem"), &path("log.key"), version])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let mut receiver = Ended(receiver);
        let mut said = BufReader::new(receiver.0.stdout.take().expect("a pipe"));
        let mut port = String::new();
        said.read_line(&mut port).expect("a port");
        let target: Target = format!("tls://127.0.0.1:{}", port.trim()).parse().expect("a target");

        // Whom the others vouch for, or the whole world, is not whom we look for.
        let (theirs, ours) = (path("theirs.pem"), path("ours.pem"));
        for authorities in [Some(theirs.as_ref()), None] {
            let options = Options { finish_wait: Duration::from_millis(600), ..Options::new(WhenFull::Wait) };
            let stranger = Receiver { target: &target, authorities };
            let mut sink = Syslog::open(stranger, header(), Style::Rfc5424, options).expect("a thread");
            let _ = sink.alert(&samples::alert()).expect("no error");
            let told = Box::new(sink).finish().expect("no error").concat();
            assert!(
                told.contains("1 of 1 alerts were not delivered") && told.contains("invalid peer certificate"),
                "{told}"
            );
        }

        let trusted = Receiver { target: &target, authorities: Some(ours.as_ref()) };
        let options = Options::new(WhenFull::Wait);
        let mut sink = Syslog::open(trusted, header(), Style::Rfc5424, options).expect("a thread");
        let alerts = hostile();
        for alert in &alerts {
            let _ = sink.alert(alert).expect("no error");
        }
        assert_eq!(Box::new(sink).finish().expect("no error"), Vec::<String>::new());
        let mut bytes = Vec::new();
        said.read_to_end(&mut bytes).expect("it ends");
        // An end without close_notify is an error there.
        assert!(receiver.0.wait().expect("an end").success(), "{version}");
        let frames = frames(&bytes);
        assert_eq!(frames.len(), alerts.len(), "{version}");
        assert!(frames.iter().all(|frame| Message::parse(frame).header[2] == "tlsight"));
    }
}

#[test]
fn authorities_are_for_receivers_over_tls() {
    let target: Target = "tcp://127.0.0.1:6514".parse().expect("a target");
    let fault = |target, authorities: &str| {
        let receiver = Receiver { target, authorities: Some(authorities.as_ref()) };
        Syslog::open(receiver, header(), Style::Rfc5424, Options::new(WhenFull::Wait)).unwrap_err().to_string()
    };
    assert!(fault(&target, "ca.pem").contains("ca.pem is for receivers over TLS: write tls://host"));
    let target: Target = "tls://127.0.0.1".parse().expect("a target");
    assert!(fault(&target, "/nowhere/ca.pem").contains("syslog at tls://127.0.0.1:6514: /nowhere/ca.pem: "));
    assert!(fault(&target, "/dev/null").contains("/dev/null: no certificate in it"));
}

/// Says its port, takes one session that holds, and says what came in it to its end.
const TLS_RECEIVER: &str = r"
import socket, ssl, sys
certificate, key, version = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
while True:
    raw, _ = listener.accept()
    try:
        peer = context.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False)
        data = peer.recv(65536)
    except OSError:
        continue
    while data:
        sys.stdout.buffer.write(data)
        data = peer.recv(65536)
    break
";

#[test]
fn cef_in_syslog_and_in_a_file_is_the_same_line() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let target = format!("tcp://{}", listener.local_addr().expect("an address"));
    let all = thread::spawn(move || {
        let mut bytes = Vec::new();
        listener.accept().expect("a connection").0.read_to_end(&mut bytes).expect("it ends");
        bytes
    });
    let alerts = [samples::alert()];
    send(&target, Style::Cef, &alerts);
    let bytes = all.join().expect("no panic");
    let message = Message::parse(frames(&bytes)[0]);
    assert_eq!(message.data, []);
    let lines = cef(&alerts);
    assert_eq!(lines, [message.text]);
}

#[test]
fn a_cef_line_can_be_taken_apart_again() {
    let alerts = hostile();
    let lines = cef(&alerts);
    assert_eq!(lines.len(), alerts.len());
    for (line, alert) in lines.iter().zip(&alerts) {
        let (header, extension) = cef_parts(line);
        assert_eq!(header[..3], ["CEF:0", "tlsight", "tlsight"]);
        let clean = |text: &str, most: usize| -> String {
            text.chars().take(most).map(|c| if is_line_or_control(c) { ' ' } else { c }).collect()
        };
        assert_eq!(header[5], clean(&alert.rule.title, 512));
        assert_eq!(header[6], "8");
        let value = |key: &str| extension.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
        let message: String = alert.message.chars().take(1_023).collect();
        let expected: String =
            message.chars().map(|c| if is_line_or_control(c) && !matches!(c, '\n' | '\r') { ' ' } else { c }).collect();
        assert_eq!(value("msg"), Some(expected).filter(|text| !text.is_empty()));
        assert_eq!(value("src").as_deref(), Some("128.232.110.120"));
        assert_eq!((value("c6a3").as_deref(), value("dpt").as_deref()), (Some("2001:db8::2"), Some("443")));
        assert_eq!(value("rt").as_deref(), Some("1709251199123"));
    }
}

#[test]
fn a_web_hook_that_fails_twice_gets_every_alert_once() {
    let server = Http::start(&["503 Service Unavailable", "429 Too Many Requests\r\nRetry-After: 0", "200 OK"]);
    let target = webhook::Target::parse(&format!("http://{}/hook", server.address), Some("s3cret".to_owned()));
    let target = target.expect("a URL");
    assert!(!format!("{target:?}").contains("s3cret"));
    let mut sink = Webhook::open(&target, Options::new(WhenFull::Wait)).expect("a thread");
    for _ in 0..3 {
        let _ = sink.alert(&samples::alert()).expect("no error");
    }
    assert_eq!(Box::new(sink).finish().expect("no error"), Vec::<String>::new());
    let requests: Vec<Request> = server.requests.try_iter().collect();
    // Two that failed, and three that did not.
    assert_eq!(requests.len(), 5);
    for request in &requests {
        assert_eq!(request.line, "POST /hook HTTP/1.1");
        assert!(request.head.contains("authorization: bearer s3cret\r\n"), "{}", request.head);
        assert!(request.head.contains("content-type: application/json\r\n"), "{}", request.head);
        let record: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(record["event"]["dataset"], "tlsight.alert");
        assert_eq!(record["threat"]["indicator"]["name"], "2001:db8::2");
    }
}

#[test]
fn a_web_hook_that_refuses_is_told_without_its_secrets() {
    for (answer, told) in [
        ("400 Bad Request", "1 were refused; last error: the answer was 400"),
        ("302 Found\r\nLocation: http://127.0.0.1:1/", "1 were refused; last error: the answer was 302"),
    ] {
        let server = Http::start(&[answer]);
        let url = format!("http://user:pass@{}/services/T0P/secret", server.address);
        let target = webhook::Target::parse(&url, Some("s3cret".to_owned())).expect("a URL");
        let mut sink = Webhook::open(&target, Options::new(WhenFull::Shed)).expect("a thread");
        let _ = sink.alert(&samples::alert()).expect("no error");
        let said = Box::new(sink).finish().expect("no error").concat();
        let expected = format!("webhook at http://{}: 1 of 1 alerts were not delivered: {told}", server.address);
        assert_eq!(said, expected);
    }
}

#[test]
fn a_web_hook_nobody_answers_at_does_not_hold_up_the_end() {
    // Takes connections and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let target = webhook::Target::parse(&url, None).expect("a URL");
    let options = Options { finish_wait: Duration::from_millis(500), ..Options::new(WhenFull::Wait) };
    let mut sink = Webhook::open(&target, options).expect("a thread");
    let _ = sink.alert(&samples::alert()).expect("no error");
    let begun = Instant::now();
    let told = Box::new(sink).finish().expect("no error").concat();
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert!(told.ends_with("1 of 1 alerts were not delivered: 1 did not arrive in time"), "{told}");
}

#[test]
fn a_web_hook_over_tls_must_show_a_certificate_of_whom_we_trust() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &path("key.pem"), "-out", &path("cert.pem")])
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    // What it decrypts comes out of it, and what goes into it is encrypted: the HTTP is ours.
    let mut server = Command::new("openssl")
        .args([
            "s_server",
            "-quiet",
            "-accept",
            &port.to_string(),
            "-key",
            &path("key.pem"),
            "-cert",
            &path("cert.pem"),
        ])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("openssl runs");
    let (mut answer, request) = (server.stdin.take().expect("piped"), server.stdout.take().expect("piped"));
    let _server = Ended(server);
    let asked = thread::spawn(move || {
        let request = Request::read(&mut BufReader::new(request)).expect("a request");
        answer.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").expect("it takes the answer");
        // The pipe must not close before the answer has gone.
        thread::sleep(Duration::from_millis(500));
        request
    });
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < PATIENCE, "the server does not listen");
        thread::sleep(Duration::from_millis(20));
    }
    let url = format!("https://localhost:{port}/");
    let said = |target: webhook::Target| {
        let options = Options { finish_wait: Duration::from_secs(4), ..Options::new(WhenFull::Shed) };
        let mut sink = Webhook::open(&target, options).expect("a thread");
        let _ = sink.alert(&samples::alert()).expect("no error");
        Box::new(sink).finish().expect("no error").concat()
    };
    let strange = said(webhook::Target::parse(&url, None).expect("a URL"));
    assert!(strange.contains("did not arrive") && strange.to_lowercase().contains("certificate"), "{strange}");
    let known = webhook::Target::parse(&url, None).expect("a URL").trusting(path("cert.pem").as_ref()).expect("a PEM");
    assert_eq!(said(known), "");
    let request = asked.join().expect("no panic");
    let record: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!((request.line.as_str(), &record["event"]["dataset"]), ("POST / HTTP/1.1", &"tlsight.alert".into()));
}

#[test]
fn what_is_no_url_is_told() {
    for url in ["hook.example", "ftp://hook.example", "https://", "https:///x", "http://a b/"] {
        assert!(webhook::Target::parse(url, None).is_err(), "{url}");
    }
    assert!(webhook::Target::parse("http://a/", Some("a\r\nb: c".to_owned())).is_err());
}

/// Alerts that hold what could break a frame, a line or a field.
fn hostile() -> Vec<Alert> {
    let texts = [
        String::new(),
        "a\"b]c\\d|e=f g".to_owned(),
        "]\" 999 <0>1 - - - - - - x\n<34>1 2020-01-01T00:00:00Z evil su - ID47 - forged".to_owned(),
        "a=b c=d\\=e\\\\ f\\".to_owned(),
        "\u{0}\u{1}\r\n\t\u{7f}\u{85}\u{2028}\u{2029}\u{feff}é🦀".to_owned(),
        "\"".repeat(5_000),
        "🦀]".repeat(5_000),
        "|".repeat(3_000),
    ];
    let alert = |text: String| Alert {
        rule: Arc::new(Facts {
            title: if text.is_empty() { "x".to_owned() } else { text.clone() },
            level: Level::High,
            tags: vec![text.clone(), "a]".to_owned()],
            ..(*samples::alert().rule).clone()
        }),
        group: [(text.as_str().into(), text.as_str().into())].into(),
        message: text,
        ..samples::alert()
    };
    texts.into_iter().map(alert).collect()
}

fn header() -> Header {
    Header::new("sensor-1\n", 42)
}

fn send(target: &str, style: Style, alerts: &[Alert]) {
    let target: Target = target.parse().expect("a target");
    let mut sink =
        Syslog::open(Receiver::new(&target), header(), style, Options::new(WhenFull::Wait)).expect("a thread");
    for alert in alerts {
        let _ = sink.alert(alert).expect("no error");
    }
    assert_eq!(Box::new(sink).finish().expect("no error"), Vec::<String>::new());
}

fn cef(alerts: &[Alert]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("alerts.cef");
    let mut sink = Box::new(Cef::new(std::fs::File::create(&path).expect("a file"), &path));
    for alert in alerts {
        let _ = sink.alert(alert).expect("it writes");
    }
    sink.finish().expect("it writes");
    let text = std::fs::read_to_string(&path).expect("UTF-8");
    assert!(text.ends_with('\n'));
    text.split_terminator('\n').map(str::to_owned).collect()
}

fn is_line_or_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Header fields, and the extension's keys and values, unescaped.
fn cef_parts(line: &str) -> (Vec<String>, Vec<(String, String)>) {
    let (mut fields, mut field, mut letters) = (Vec::new(), String::new(), line.chars());
    while fields.len() < 7 {
        match letters.next().expect("seven bars") {
            '\\' => field.push(letters.next().expect("an escaped letter")),
            '|' => fields.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    // A key is what stands between a blank and an equals sign that is not escaped.
    let rest: Vec<char> = letters.collect();
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut at = 0;
    let mut text = String::new();
    while at < rest.len() {
        match rest[at] {
            '\\' => {
                text.push(match rest[at + 1] {
                    'n' => '\n',
                    'r' => '\r',
                    other => {
                        assert!(matches!(other, '\\' | '='), "an escape of {other}");
                        other
                    }
                });
                at += 1;
            }
            '=' => {
                let (before, key) = text.rsplit_once(' ').unwrap_or(("", &text));
                if let Some(last) = pairs.last_mut() {
                    last.1 = before.to_owned();
                }
                pairs.push((key.to_owned(), String::new()));
                text = String::new();
            }
            letter => text.push(letter),
        }
        at += 1;
    }
    if let Some(last) = pairs.last_mut() {
        last.1 = text;
    }
    (fields, pairs)
}

/// The frames of a stream with octet counting: `MSG-LEN SP SYSLOG-MSG` (RFC 6587, section 3.4.1).
fn frames(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let blank = bytes.iter().position(|byte| *byte == b' ').expect("a blank behind the length");
        let digits = std::str::from_utf8(&bytes[..blank]).expect("digits");
        assert!(!digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()), "{digits}");
        let length: usize = digits.parse().expect("a number");
        frames.push(&bytes[blank + 1..blank + 1 + length]);
        bytes = &bytes[blank + 1 + length..];
    }
    frames
}

/// A message, read by the grammar of RFC 5424, section 6.
struct Message {
    priority: u32,
    /// TIMESTAMP, HOSTNAME, APP-NAME, PROCID, MSGID.
    header: Vec<String>,
    data: Vec<(String, String)>,
    text: String,
}

impl Message {
    fn parse(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        let (priority, rest) = text.strip_prefix('<').and_then(|rest| rest.split_once('>')).expect("a PRI");
        assert!(priority.len() <= 3 && !priority.starts_with('0'), "{priority}");
        let mut rest = rest.strip_prefix("1 ").expect("version 1");
        let mut header = Vec::new();
        for most in [32, 255, 48, 128, 32] {
            let (field, after) = rest.split_once(' ').expect("a header field");
            let fits = (1..=most).contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_graphic());
            assert!(fits, "{field:?}");
            header.push(field.to_owned());
            rest = after;
        }
        let mut data = Vec::new();
        if let Some(after) = rest.strip_prefix('-') {
            rest = after;
        } else {
            rest = rest.strip_prefix("[alert@32473").expect("an SD-ELEMENT");
            loop {
                if let Some(after) = rest.strip_prefix(']') {
                    rest = after;
                    break;
                }
                let (name, after) =
                    rest.strip_prefix(' ').and_then(|rest| rest.split_once("=\"")).expect("SP and a name");
                assert!(
                    (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                    "{name:?}"
                );
                let (mut value, mut letters) = (String::new(), after.char_indices());
                let end = loop {
                    match letters.next().expect("a closing quote") {
                        (_, '\\') => {
                            let (_, escaped) = letters.next().expect("an escaped letter");
                            assert!(matches!(escaped, '"' | '\\' | ']'), "an escape of {escaped:?}");
                            value.push(escaped);
                        }
                        (at, '"') => break at,
                        (_, ']') => panic!("a bracket that is not escaped in {name}"),
                        (_, letter) => {
                            assert!(!letter.is_control(), "{letter:?} in {name}");
                            value.push(letter);
                        }
                    }
                };
                data.push((name.to_owned(), value));
                rest = &after[end + 1..];
            }
        }
        let text = rest.strip_prefix(' ').unwrap_or_default();
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(text.is_ascii() || text.starts_with('\u{feff}') || header.is_empty() || data.is_empty(), "{text:?}");
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        Self { priority: priority.parse().expect("a number"), header, data, text }
    }
}

/// A server that gives its answers in turn, the last for ever.
struct Http {
    address: SocketAddr,
    requests: mpsc::Receiver<Request>,
}

struct Request {
    line: String,
    /// In lower case.
    head: String,
    body: Vec<u8>,
}

impl Http {
    fn start(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (send, requests) = mpsc::channel();
        let mut answers: Vec<String> = answers.iter().rev().map(|answer| (*answer).to_owned()).collect();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.expect("a connection"));
                while let Some(request) = Request::read(&mut stream) {
                    let answer = if answers.len() > 1 { answers.pop() } else { answers.first().cloned() };
                    if send.send(request).is_err() {
                        return;
                    }
                    let answer = format!("HTTP/1.1 {}\r\nContent-Length: 2\r\n\r\n{{}}", answer.expect("an answer"));
                    stream.get_mut().write_all(answer.as_bytes()).expect("it takes the answer");
                }
            }
        });
        Self { address, requests }
    }
}

impl Request {
    fn read(stream: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let mut head = String::new();
        loop {
            let mut field = String::new();
            stream.read_line(&mut field).ok()?;
            if field == "\r\n" {
                break;
            }
            head.push_str(&field.to_lowercase());
        }
        let length = head.lines().find_map(|field| field.strip_prefix("content-length: "))?.trim().parse().ok()?;
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        Some(Self { line: line.trim_end().to_owned(), head, body })
    }
}

/// Ends a process with the test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
