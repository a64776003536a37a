//! Captures that are sent again at several rates: nothing is lost, nothing is told twice.

use crate::network::frames::{Record, capture, corpus};
use crate::network::in_namespace;
use crate::network::sensor::{ROOM, Sensor};
use crate::network::told::{all_taken, ids, once, read, same, sessions, stats};

#[test]
fn what_is_sent_at_any_rate_is_told_live_as_it_is_read() {
    in_namespace(|net| {
        net.pair("a", "b");
        let frames = corpus(|_| true);
        let file = net.folder.path().join("all.pcap");
        capture(&frames, &file);
        for way in [
            &["--capture", "ring", "--threads", "1"][..],
            &["--capture", "ring", "--threads", "2"],
            &["--capture", "pcap", "--threads", "2"],
        ] {
            for rate in [&["--pps", "2500"][..], &["--pps", "10000"], &["--topspeed"]] {
                let record = Record::start("b");
                let mut sensor = Sensor::start(&["-i", "b", "--buffer-bytes", ROOM], way);
                net.replay("a", &file, rate).end();
                let record = record.end(frames.len());
                let (told, _) = sensor.end();
                let what = [way, rate].concat();
                same(&sessions(&told), &sessions(&read(&record, &[])), &what);
                once(&ids(&told));
                assert!(ids(&told).len() > 300, "{}", ids(&told).len());
                let stats = stats(&told);
                all_taken(&stats, frames.len());
            }
        }
    });
}
