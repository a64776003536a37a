//! Eight connections that carry a gigabyte.

use std::io;

use crate::connection::{Network, Setting, Tags, Talked, handshake};
use crate::packets::{Rng, Tcp, TimedFrame, tcp::START, tls};
use crate::trace::Trace;
use crate::world::{Meeting, World};

/// Eight handshakes, then `bytes` of application data from the servers, in turns of one record: full segments,
/// a bare ACK for each two.
pub fn write(trace: &mut Trace, bytes: u64) -> io::Result<()> {
    let world = World::new(0x0003);
    let mut rng = Rng::new(0xb01c);
    let network = Network { tags: Tags::None, swapped_percent: 0.0 };
    let mut clock = START;
    let mut flows: Vec<Flow> = Vec::new();
    while flows.len() < FLOWS {
        let meeting = Meeting { host: world.host(&mut rng), site: world.site(&mut rng) };
        let setting = Setting { start: clock, network, facts: &mut trace.facts };
        let talked = handshake(meeting, setting, &mut rng);
        trace.facts.flows += 1;
        match talked {
            Talked::Established(talk) => {
                let mut script = talk.into_tcp();
                write_all(trace, &script.drain())?;
                clock = script.now();
                let script = script.step(SEGMENT_NS).server_answers_after(SEGMENT_NS).client_answers_after(SEGMENT_NS);
                flows.push(Flow { script, segment: if meeting.host.stack.has_timestamps() { 1448 } else { 1460 } });
            }
            Talked::Over(talk) => {
                let script = talk.into_tcp();
                clock = script.now();
                write_all(trace, &script.frames())?;
            }
        }
    }

    let mut sent = 0;
    while sent < bytes {
        for flow in &mut flows {
            let record = tls::application_data(&mut rng, RECORD);
            sent += RECORD as u64;
            let mut script = flow.script.clone().at(clock);
            for pair in record.chunks(2 * flow.segment) {
                script = script.server(pair).ack();
            }
            write_all(trace, &script.drain())?;
            clock = script.now();
            flow.script = script;
        }
    }
    for flow in flows {
        let script = flow.script.at(clock).fin();
        clock = script.now();
        write_all(trace, &script.frames())?;
    }
    Ok(())
}

struct Flow {
    script: Tcp,
    /// Payload bytes of a full segment.
    segment: usize,
}

fn write_all(trace: &mut Trace, frames: &[TimedFrame]) -> io::Result<()> {
    frames.iter().try_for_each(|frame| trace.write(frame))
}

const FLOWS: usize = 8;
const RECORD: usize = 16_384;
/// A segment's time at 10 Gbit/s.
const SEGMENT_NS: u64 = 1_200;
