//! Connections that come and go: alone, and among other traffic.

use std::io;

use crate::connection::{Network, Setting, Tags, connection};
use crate::noise;
use crate::packets::{Rng, tcp::START};
use crate::trace::Trace;
use crate::world::{Meeting, World};

/// `count` TLS connections and nothing else, about 2,000 at a time.
pub fn pure(trace: &mut Trace, count: u64) -> io::Result<()> {
    let world = World::new(0x0001);
    let mut rng = Rng::new(0xa11ce);
    let network = Network { tags: Tags::None, swapped_percent: 0.0 };
    let mut clock = START;
    let mut open = Open::default();
    for _ in 0..count {
        clock += rng.between(1, 2 * PURE_INTERVAL);
        trace.write_until(clock)?;
        open.see(trace.open_flows());
        let meeting = Meeting { host: world.host(&mut rng), site: world.site(&mut rng) };
        let setting = Setting { start: clock, network, facts: &mut trace.facts };
        let frames = connection(meeting, setting, Rng::new(rng.next()));
        trace.begin(frames);
    }
    trace.facts.add("open_connections_mean", open.mean());
    Ok(())
}

/// `count` TLS connections among other traffic, which is 60 % of the packets.
pub fn mixed(trace: &mut Trace, count: u64) -> io::Result<()> {
    let world = World::new(0x0002);
    let mut rng = Rng::new(0xb0b);
    let network = Network { tags: Tags::OfHost, swapped_percent: MIXED_SWAPPED };
    let mut clock = START;
    let (mut tls, mut other) = (0, 0);
    let mut open = Open::default();
    for _ in 0..count {
        while other * 2 < tls * 3 {
            clock += rng.between(1, 2 * MIXED_INTERVAL);
            trace.write_until(clock)?;
            let host = world.host(&mut rng);
            let setting = Setting { start: clock, network, facts: &mut trace.facts };
            let frames = noise::exchange(host, setting, Rng::new(rng.next()));
            other += frames.len() as u64;
            trace.begin(frames);
        }
        clock += rng.between(1, 2 * MIXED_INTERVAL);
        trace.write_until(clock)?;
        open.see(trace.open_flows());
        let meeting = Meeting { host: world.host(&mut rng), site: world.site(&mut rng) };
        let setting = Setting { start: clock, network, facts: &mut trace.facts };
        let frames = connection(meeting, setting, Rng::new(rng.next()));
        tls += frames.len() as u64;
        trace.begin(frames);
    }
    trace.facts.add("open_flows_mean", open.mean());
    trace.facts.add("tls_packets", tls);
    trace.facts.add("other_packets", other);
    Ok(())
}

/// The mean number of flows under way, as arrivals find it.
#[derive(Default)]
struct Open {
    sum: u64,
    arrivals: u64,
}

impl Open {
    fn see(&mut self, flows: usize) {
        self.sum += flows as u64;
        self.arrivals += 1;
    }

    fn mean(&self) -> u64 {
        self.sum / self.arrivals.max(1)
    }
}

/// Mean nanoseconds between two connections.
const PURE_INTERVAL: u64 = 270_000;
const MIXED_INTERVAL: u64 = 120_000;
const MIXED_SWAPPED: f64 = 13.0;
