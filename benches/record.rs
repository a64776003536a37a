//! What one NDJSON line costs.
//!
//! `lean`: every shape is known. `new hello`: the client's shape is new each time, as with browsers that shuffle their
//! extensions. `all new`: server's shape and both certificates, too. `serde_json`: the known line again, by serde_json's
//! own serializer.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use tlsight::event::{Event, ServerSide};
use tlsight::sink::record::{Printer, Record, Shared};

#[path = "../tests/samples/mod.rs"]
mod samples;

fn lines(c: &mut Criterion) {
    let mut group = c.benchmark_group("record");
    let mut out = Vec::new();
    let mut printer = Printer::default();
    let event = samples::tls12();
    printer.event(&event, &mut out);
    group.throughput(Throughput::Bytes(out.len() as u64));

    group.bench_function("lean", |b| {
        b.iter(|| {
            out.clear();
            printer.event(black_box(&event), &mut out);
        });
    });

    let mut shared = Shared::default();
    shared.prepare(&event);
    group.bench_function("serde_json", |b| {
        b.iter(|| {
            out.clear();
            let record = Record::of(black_box(&event), &shared);
            record.serialize(&mut Serializer::with_formatter(&mut out, Splice)).expect("supported");
        });
    });

    for (name, renew) in [("new hello", new_hello as fn(&Event) -> Event), ("all new", all_new)] {
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                || renew(&event),
                |event| {
                    out.clear();
                    printer.event(event, &mut out);
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn new_hello(event: &Event) -> Event {
    Event { client_hello: Some(samples::client_side(Some(b"mozilla.example"))), ..event.clone() }
}

fn all_new(event: &Event) -> Event {
    let server_hello = event
        .server_hello
        .as_ref()
        .map(|hello| ServerSide { shape: Arc::new((*hello.shape).clone()), ..hello.clone() });
    let server_chain = event.server_chain.iter().map(|certificate| Arc::new((**certificate).clone())).collect();
    Event { server_hello, server_chain, ..new_hello(event) }
}

/// serde_json with text put in as it is.
struct Splice;

impl Formatter for Splice {
    fn write_byte_array<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, value: &[u8]) -> std::io::Result<()> {
        writer.write_all(value)
    }
}

criterion_group!(benches, lines);
criterion_main!(benches);
