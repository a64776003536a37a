//! What one event costs the rules: the ones that are shipped, and two hundred of mixed kinds.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tlsight::detect::Rules;

#[path = "../tests/samples/mod.rs"]
mod samples;

fn events(c: &mut Criterion) {
    let event = samples::tls12();
    let shipped = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"));
    let mut group = c.benchmark_group("rules");
    group.throughput(Throughput::Elements(1));
    for (name, rules) in [("as shipped", &shipped), ("two hundred", &two_hundred())] {
        let mut alerts = 0u64;
        group.bench_function(name, |b| b.iter(|| rules.check(black_box(&event), &mut |_| alerts += 1)));
    }
    group.finish();
}

fn two_hundred() -> Rules {
    let items = |n: usize| {
        [
            format!("tls.client.ja3: '{n:032x}'"),
            format!("tls.client.server_name: ['a{n}.example', 'b{n}.example']"),
            format!("tls.client.server_name|endswith: '.c{n}.example'"),
            format!("destination.ip|cidr: 198.51.{n}.0/24"),
            format!("tls.client.ja4: 't13d1517h2_{n:012x}_000000000000'"),
            format!("tls.server.hash.sha1: '{n:040x}'"),
            format!("tls.server.subject|contains: 'malice {n}'"),
            format!("tls.client.server_name|re: '^x{n}[a-z]+\\.example$'"),
        ]
    };
    let folder = tempfile::tempdir().expect("a folder");
    for n in 0..200 {
        let item = &items(n)[n % 8];
        let rule = format!(
            "title: T{n}\nid: 6a8d3b44-6d8a-4b6f-9a5e-{n:012}\nlevel: low\nlogsource: {{product: tlsight, category: tls}}\n\
             detection:\n  sel:\n    {item}\n    tls.established: true\n  condition: sel\n"
        );
        fs::write(folder.path().join(format!("{n}.yml")), rule).expect("it is written");
    }
    load(folder.path())
}

fn load(path: &Path) -> Rules {
    Rules::load(path).unwrap_or_else(|why| panic!("{why}"))
}

criterion_group!(benches, events);
criterion_main!(benches);
