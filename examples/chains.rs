//! Prints every chain of some captures with its verdict, for comparison with `openssl verify`: one JSON object a line.
//!
//! `cargo run --example chains -- [--ca-file PEM]... [--no-mozilla] CAPTURE...`; `--roots` prints Mozilla's roots as PEM,
//! `--records` the records of certificates instead. `testdata/make/verdicts.py` and `certificate_facts.py` run it.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tlsight::capture::{Batch, Fill, Input, Source};
use tlsight::config::Limits;
use tlsight::engine::{Engine, Shard};
use tlsight::event::{Event, Side};
use tlsight::flow::Hasher;
use tlsight::sink::record::{Printer, Sighting};
use tlsight::x509::Certificate;
use tlsight::x509::flaws::Place;
use tlsight::x509::verify::{
    Anchors, Host, Intermediates, Problem, Purpose, Question, Revocation, Verifier, name_match,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut anchors = Anchors::mozilla();
    let (mut captures, mut records) = (Vec::new(), false);
    let mut args = std::env::args_os().skip(1);
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--roots") => {
                print_roots();
                return Ok(());
            }
            Some("--records") => records = true,
            Some("--no-mozilla") => anchors = Anchors::none(),
            Some("--ca-file") => {
                let path = PathBuf::from(args.next().ok_or("--ca-file needs a file")?);
                let added = anchors.add_pem(&std::fs::read(&path)?);
                added.map_err(|fault| format!("{}:{}: {}", path.display(), fault.line, fault.what))?;
            }
            _ => captures.push(PathBuf::from(arg)),
        }
    }
    let verifier = Verifier::new(Arc::new(anchors));
    for path in captures {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut seen = BTreeSet::new();
        for event in events(&path)? {
            if records {
                print_records(&event);
                continue;
            }
            let host = event.server_name().and_then(Host::read);
            for (chain, purpose) in [(&event.server_chain, Purpose::Server), (&event.client_chain, Purpose::Client)] {
                let host = host.as_ref().filter(|_| purpose == Purpose::Server);
                if let Some(line) = line(&verifier, chain, purpose, host, event.timestamp.0.div_euclid(1_000_000_000)) {
                    let line = json!({ "file": name, "chain": line.0, "verdict": line.1 });
                    if seen.insert(line.to_string()) {
                        println!("{line}");
                    }
                }
            }
        }
    }
    Ok(())
}

/// What was judged, and the verdict.
fn line(
    verifier: &Verifier,
    chain: &[Arc<Certificate>],
    purpose: Purpose,
    host: Option<&Host>,
    second: i64,
) -> Option<(serde_json::Value, serde_json::Value)> {
    let leaf = chain.first()?;
    let path = verifier.path(&Question { chain, seen: &Intermediates::default(), purpose, second });
    let verdict = path.with(host.and_then(|host| name_match(leaf, host)), Revocation::Unknown);
    let texts = |problems: &mut dyn Iterator<Item = Problem>| problems.map(Problem::as_str).collect::<Vec<_>>();
    let asked = json!({
        "purpose": match purpose { Purpose::Server => "sslserver", Purpose::Client => "sslclient" },
        "name": match host { Some(Host::Dns(name)) => Some(name.clone()), Some(Host::Ip(ip)) => Some(ip.to_string()), None => None },
        "second": second,
        "sha256": chain.iter().map(|one| hex(&one.sha256)).collect::<Vec<_>>(),
        "der": chain.iter().map(|one| STANDARD.encode(&one.der)).collect::<Vec<_>>(),
    });
    let told = json!({
        "status": verdict.as_str(),
        "problems": texts(&mut verdict.problems.iter()),
        "openssl": verdict.problems.iter().flat_map(Problem::openssl).collect::<Vec<_>>(),
        "path": path.path.iter().map(|one| hex(one)).collect::<Vec<_>>(),
    });
    Some((asked, told))
}

fn events(path: &std::path::Path) -> Result<Vec<Event>, Box<dyn Error>> {
    let (mut input, mut batch, mut events) = (Input::open(path)?, Batch::new(), Vec::new());
    let mut engine = Engine::new(Limits::default(), Shard::whole(Hasher::seeded(1)));
    // What stands before the damage of a damaged file is told.
    while let Ok(Fill::More) = input.fill(&mut batch) {
        engine.on_frames(batch.frames(), &mut |event| events.push(event));
    }
    engine.finish(&mut |event| events.push(event));
    Ok(events)
}

fn print_records(event: &Event) {
    for (chain, side) in [(&event.server_chain, Side::Server), (&event.client_chain, Side::Client)] {
        for (at, certificate) in chain.iter().enumerate() {
            let place = if at == 0 { Place::Leaf } else { Place::Above };
            let sighting = Sighting { certificate, at: event.timestamp, session: &event.id, side, place };
            let mut line = Vec::new();
            Printer::default().certificate(&sighting, &mut line);
            print!("{}", String::from_utf8_lossy(&line));
        }
    }
}

fn print_roots() {
    for der in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let text = STANDARD.encode(der);
        println!("-----BEGIN CERTIFICATE-----");
        text.as_bytes().chunks(64).for_each(|line| println!("{}", String::from_utf8_lossy(line)));
        println!("-----END CERTIFICATE-----");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
