//! Five million SYNs from spoofed sources to four servers, one a microsecond.

use std::io;

use crate::packets::frame::flag;
use crate::packets::{Endpoint, Envelope, Rng, Segment, TimedFrame, tcp::START};
use crate::trace::Trace;

pub fn write(trace: &mut Trace, packets: u64) -> io::Result<()> {
    let mut rng = Rng::new(0xf100d);
    for n in 0..packets {
        let bits = rng.next();
        // 1.0.0.0 to 223.255.255.255.
        let [_, b, c, d] = (bits as u32).to_be_bytes();
        let a = rng.between(1, 223) as u8;
        let from = Endpoint::v4([a, b, c, d], (bits >> 32) as u16 | 0x400);
        let to = Endpoint::v4([198, 51, 100, 10 + rng.below(4) as u8], 443);
        let options: &[u8] = if bits >> 63 == 0 { &[2, 4, 5, 0xb4] } else { &[] };
        let segment =
            Segment { seq: rng.next() as u32, flags: flag::SYN, window: 64_240, options, ..Segment::default() };
        let ttl = 40 + rng.below(200) as u8;
        let envelope = Envelope { ttl, id: (bits >> 48) as u16, ..Envelope::between(from, to) };
        trace.write(&TimedFrame::whole(START + n * 1_000, envelope.tcp(&segment)))?;
    }
    trace.facts.flows = packets;
    Ok(())
}
