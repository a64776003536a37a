//! What threat lists cost an event: none, ten entries of each kind, a hundred thousand in all; and what reading them costs.

use std::fmt::Write;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tlsight::detect::ThreatLists;
use tlsight::detect::threat::ListSource;

#[path = "../tests/samples/mod.rs"]
mod samples;

fn lists(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let events = [samples::tls12(), samples::tls13()];
    let mut group = c.benchmark_group("lists");
    group.throughput(Throughput::Elements(events.len() as u64));
    for entries in [0, 40, 100_000] {
        let path = folder.path().join(format!("{entries}.txt"));
        fs::write(&path, text(entries)).expect("a list");
        let lists = load(&path);
        assert_eq!(lists.len(), entries);
        group.bench_function(format!("{entries} entries"), |b| {
            b.iter(|| {
                for event in &events {
                    lists.check(black_box(event), &mut |alert| drop(black_box(alert)));
                }
            });
        });
    }
    group.throughput(Throughput::Elements(100_000));
    group.sample_size(10);
    group.bench_function("reading 100000", |b| b.iter(|| load(&folder.path().join("100000.txt"))));
    group.finish();
}

/// A quarter each of certificates, JA4, names and addresses, none of which the events show.
fn text(entries: usize) -> String {
    let mut text = String::new();
    for number in 0..entries / 4 {
        let _ = writeln!(text, "{number:040x} certificate");
        let _ = writeln!(text, "t13d0101h2_{number:012x}_{number:012x} client");
        let _ = writeln!(text, "host{number}.listed.example name");
        let _ = writeln!(text, "10.{}.{}.{} address", number >> 16 & 255, number >> 8 & 255, number & 255);
    }
    text
}

fn load(path: &Path) -> ThreatLists {
    let sources = [ListSource { path: path.to_owned(), level: None }];
    ThreatLists::load(&sources).expect("lists").0
}

criterion_group!(benches, lists);
criterion_main!(benches);
