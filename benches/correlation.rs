//! What one session costs the correlations: a rule over single sessions alone, and with correlations over it, with few and
//! with many groups.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tlsight::capture::Timestamp;
use tlsight::detect::{Detector, Rules};

#[path = "../tests/samples/mod.rs"]
mod samples;

fn sessions(c: &mut Criterion) {
    let mut group = c.benchmark_group("correlation");
    group.throughput(Throughput::Elements(1));
    let cases = [
        ("none", 1_000, String::new()),
        ("event_count, 1,000 groups", 1_000, correlation("event_count", "{gte: 1000}", 0)),
        ("event_count, 1,000,000 groups", 1_000_000, correlation("event_count", "{gte: 1000}", 0)),
        ("event_count, always a new group", u32::MAX, correlation("event_count", "{gte: 1000}", 0)),
        ("value_count, 1,000 groups", 1_000, correlation("value_count", "{field: source.port, gte: 1000}", 0)),
        ("value_avg, 1,000 groups", 1_000, correlation("value_avg", "{field: source.port, gte: 70000}", 0)),
        ("ten of them, 1,000 groups", 1_000, (0..10).map(|n| correlation("event_count", "{gte: 1000}", n)).collect()),
    ];
    for (name, groups, correlations) in cases {
        let mut detector = Detector::new(load(&correlations));
        let mut event = samples::tls12();
        let (mut n, mut alerts) = (0u32, 0u64);
        group.bench_function(name, |b| {
            b.iter(|| {
                n = n.wrapping_add(1);
                event.client.ip = IpAddr::V4(Ipv4Addr::from_bits(n % groups));
                event.client.port = n as u16;
                // A hundred thousand sessions in a second.
                event.timestamp = Timestamp(1_700_000_000_000_000_000 + i64::from(n) * 10_000);
                event.end = event.timestamp;
                detector.see(&event, &mut |_| alerts += 1);
            });
        });
    }
    group.finish();
}

fn load(correlations: &str) -> Rules {
    let folder = tempfile::tempdir().expect("a folder");
    let base = "title: Any\nname: any\nid: 00000000-0000-4000-8000-000000000000\nlevel: low\nlogsource: {product: tlsight, category: tls}\n\
         detection:\n  s: {destination.port: 443}\n  condition: s\ncustom: {suppress: {for: 1d, by: []}}\n";
    let path = folder.path().join("rules.yml");
    fs::write(&path, format!("{base}{correlations}")).expect("it is written");
    Rules::load(&path).unwrap_or_else(|why| panic!("{why}"))
}

fn correlation(kind: &str, condition: &str, number: u32) -> String {
    format!(
        "---\ntitle: C\nid: 11111111-1111-4111-8111-{number:012}\nlevel: low\ncorrelation:\n  type: {kind}\n  rules: [any]\n  \
         group-by: [source.ip]\n  timespan: 1h\n  condition: {condition}\n"
    )
}

criterion_group!(benches, sessions);
criterion_main!(benches);
