//! What one event costs the rules: none, 10, 100 and 1,000 of mixed kinds, a list of 100,000 entries, and those that are
//! shipped; through the index, and (for comparison) one tree after the other.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tlsight::detect::{Detector, Rules};

#[path = "../tests/samples/mod.rs"]
mod samples;

fn events(c: &mut Criterion) {
    let events = [samples::tls12(), samples::tls13(), samples::storied()];
    let mut group = c.benchmark_group("rules");
    group.throughput(Throughput::Elements(1));
    let shipped = || load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"));
    let cases: [(&str, &dyn Fn() -> Rules); 7] = [
        ("none", &|| mixed(0, 0)),
        ("10", &|| mixed(10, 0)),
        ("100", &|| mixed(100, 0)),
        ("1,000", &|| mixed(1_000, 0)),
        ("list of 100,000", &|| mixed(0, 100_000)),
        ("1,000 and a list of 100,000", &|| mixed(1_000, 100_000)),
        ("as shipped", &shipped),
    ];
    for (name, rules) in cases {
        let rules = rules();
        println!("{name}: {} of {} rules are tried on every event", rules.unindexed(), rules.len());
        let mut detector = Detector::new(rules);
        let (mut alerts, mut at) = (0u64, 0);
        group.bench_function(name, |b| {
            b.iter(|| {
                at = (at + 1) % events.len();
                detector.see(black_box(&events[at]), &mut |_| alerts += 1);
            });
        });
    }
    let rules = mixed(1_000, 0);
    let (mut alerts, mut at) = (0u64, 0);
    group.bench_function("1,000, one tree after the other", |b| {
        b.iter(|| {
            at = (at + 1) % events.len();
            rules.check(black_box(&events[at]), &mut |_| alerts += 1);
        });
    });
    group.finish();
}

/// Rules of ten kinds, and one with a list, none of which holds of the samples.
fn mixed(count: usize, entries: usize) -> Rules {
    let item = |n: usize| match n % 10 {
        0 => format!("tls.client.ja3: '{n:032x}'"),
        1 => format!("tls.client.server_name: ['a{n}.example', 'b{n}.example']"),
        2 => format!("tls.client.server_name|endswith: '.c{n}.example'"),
        3 => format!("destination.ip|cidr: 198.{}.{}.0/24", n / 256, n % 256),
        4 => format!("tls.client.ja4: 't13d1517h2_{n:012x}_000000000000'"),
        5 => format!("tls.server.hash.sha1: '{n:040x}'"),
        6 => format!("tls.server.subject|contains: 'malice {n}'"),
        7 => format!("tls.client.server_name|re: '^x{n}[a-z]+\\.test$'"),
        8 => format!("tls.server.x509.serial_number: ['{n:016X}', 'FF{n:016X}']"),
        _ => format!("tls.client.ja4.a: 't13i{n:04}h2'\n    tls.client.ja4.c: '{n:012x}'"),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: String, item: String| {
        let id = name.trim_end_matches(".yml");
        let rule = format!(
            "title: T{id}\nid: 6a8d3b44-6d8a-4b6f-9a5e-{id:0>12}\nlevel: low\n\
             logsource: {{product: tlsight, category: tls}}\n\
             detection:\n  sel:\n    {item}\n    tls.established: true\n  condition: sel\n"
        );
        fs::write(folder.path().join(name), rule).expect("it is written");
    };
    (0..count).for_each(|n| write(format!("{n}.yml"), item(n)));
    if entries > 0 {
        fs::create_dir(folder.path().join("lists")).expect("a folder");
        let list: String = (0..entries).map(|n| format!("{:032x}\n", n * 7919)).collect();
        fs::write(folder.path().join("lists/many.txt"), list).expect("it is written");
        write("999999.yml".into(), "tls.client.ja3|expand: '%many%'".into());
    }
    load(folder.path())
}

fn load(path: &Path) -> Rules {
    Rules::load(path).unwrap_or_else(|why| panic!("{why}"))
}

criterion_group!(benches, events);
criterion_main!(benches);
