//! One DTLS association: both directions of an address pair, read until nothing more can be learnt in the clear.
//!
//! What it says does not depend on the order in which the datagrams of a direction come, nor on how often: messages wait
//! for those before them, the server's for the client's hello, and the end for what is known to be on its way.

use super::end::End;
use super::message::{CLIENT_HELLO, Fragments, Read, SERVER_HELLO, SERVER_HELLO_DONE, Taken};
use super::record::{self, Datagram, Plain, Step};
use super::trace::Trace;
use crate::tls::message::{Joined, Loss};
use crate::tls::story::{Carrier, Story};
use crate::tls::{Caps, Message, Progress};
use crate::wire::{Both, Direction};

/// Reads both directions of an association. Made once, it serves one after another ([`Session::reset`]).
#[derive(Debug)]
pub struct Session {
    ends: Both<End>,
    story: Story,
    caps: Caps,
    trace: Trace,
    /// Datagrams one after the other that brought nothing new.
    quiet: u32,
    over: bool,
}

impl Session {
    pub fn new(caps: Caps) -> Self {
        Self {
            ends: Both::default(),
            story: Story::new(Carrier::Datagrams),
            caps,
            trace: Trace::default(),
            quiet: 0,
            over: false,
        }
    }

    /// Makes it ready for another association.
    pub fn reset(&mut self) {
        let Self { ends, caps, .. } = self;
        ends.forward.reset();
        ends.backward.reset();
        *self = Self { ends: std::mem::take(ends), ..Self::new(*caps) };
    }

    /// Whether a datagram may begin a session: whether a handshake record of epoch 0 stands first in it, with a message of
    /// the first flights, whose lengths hold together. `cut` bytes of it were not captured.
    pub fn may_begin(payload: &[u8], cut: u32) -> bool {
        if !record::may_be_handshake(payload) {
            return false;
        }
        let Some(Step::Plain(record)) = Datagram::new(payload, cut).next() else { return false };
        let mut fragments = Fragments::new(record.body, record.length).peekable();
        record.kind == record::HANDSHAKE
            && record::is_version(record.version)
            && matches!(fragments.peek(), Some(Read::Fragment(fragment)) if fragment.is_early() && fragment.begins_well())
            && fragments.all(|read| !matches!(read, Read::Malformed(_)))
    }

    /// Takes a datagram, of which `cut` bytes were not captured, and gives what it says to `out`.
    pub fn push(
        &mut self,
        from: Direction,
        payload: &[u8],
        cut: u32,
        out: &mut impl FnMut(Direction, Message<'_>),
    ) -> Progress {
        if self.over {
            return Progress::Over;
        }
        self.quiet = self.quiet.saturating_add(1);
        for step in Datagram::new(payload, cut) {
            match step {
                Step::Plain(record) => self.plain(from, &record, out),
                Step::Sealed => self.ends[from].sealed = true,
                Step::Unified => self.ends[from].unified = true,
                Step::Cut => self.ends[from].cut = true,
                Step::Foreign => out(from, Message::NotARecord),
            }
        }
        for from in Direction::BOTH {
            self.tell_secured(from, out);
        }
        if self.has_ended() {
            self.finish(out);
            return Progress::Over;
        }
        Progress::Reading
    }

    /// Nothing more will come of either direction: what was begun is given out as far as it came.
    pub fn finish(&mut self, out: &mut impl FnMut(Direction, Message<'_>)) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        self.trace.end();
        // The client's hello first; without one, the server's messages tell who is who.
        let first = self.ends.forward.rank() <= self.ends.backward.rank();
        let order = if first { Direction::BOTH } else { [Direction::Backward, Direction::Forward] };
        for from in order {
            self.tell_rest(from, out);
        }
        for from in order {
            // One side alone is in the capture: the version is not known, and the unified header is all there is.
            self.ends[from].sealed |= self.ends[from].unified && self.story.version.is_none();
            self.tell_secured(from, out);
        }
        let mut alerts = order.map(|from| (from, &self.ends[from]));
        alerts.sort_by_key(|(_, end)| !end.failed);
        for (from, end) in alerts {
            for alert in end.alerts() {
                out(from, Message::Alert { level: alert.level, description: alert.description });
            }
        }
    }

    /// Which session this is, as far as its hello has come.
    pub fn trace(&self) -> Trace {
        self.trace
    }

    fn plain(&mut self, from: Direction, record: &Plain<'_>, out: &mut impl FnMut(Direction, Message<'_>)) {
        if !record::is_version(record.version) {
            out(from, Message::UnknownRecordVersion);
        }
        if record.length > record::MAX_LENGTH {
            out(from, Message::OversizedRecord);
        }
        let end = &mut self.ends[from];
        if end.note_record(record.sequence, record.kind == record::HANDSHAKE) {
            self.quiet = 0;
        }
        match (record.kind, record.body) {
            (record::HANDSHAKE, body) => {
                for read in Fragments::new(body, record.length) {
                    self.fragment(from, read, out);
                }
            }
            // AnyConnect's has three bytes (DTLS1_BAD_VER of OpenSSL).
            (record::CHANGE_CIPHER_SPEC, [1, ..]) if !std::mem::replace(&mut end.changed_cipher, true) => {
                out(from, Message::ChangeCipherSpec)
            }
            (record::ALERT, &[level, description]) => end.note_alert(record.sequence, level, description),
            _ => {}
        }
    }

    fn fragment(&mut self, from: Direction, read: Read<'_>, out: &mut impl FnMut(Direction, Message<'_>)) {
        let Self { ends, story, caps, trace, quiet, .. } = self;
        let end = &mut ends[from];
        let fragment = match read {
            Read::Fragment(fragment) => fragment,
            Read::Malformed(kind) => return out(from, Message::Malformed(kind)),
            Read::Cut => {
                end.cut = true;
                return;
            }
        };
        let cap = if fragment.kind == CLIENT_HELLO { caps.client_hello } else { caps.other };
        if end.is_turn_of(&fragment) && fragment.length <= cap && (story.has_hello() || fragment.kind == CLIENT_HELLO) {
            end.tell_now(&fragment);
            trace.note(&fragment);
            *quiet = 0;
            let joined = Joined::Whole { kind: fragment.kind, body: fragment.bytes };
            story.joined(from, joined, &mut |message| out(from, message));
        } else {
            match end.take(&fragment, cap, caps.client_hello.saturating_add(caps.other)) {
                Taken::New => {
                    trace.note(&fragment);
                    *quiet = 0;
                }
                Taken::Repeated => return,
                Taken::Contradicts => return out(from, Message::Malformed(fragment.kind)),
            }
        }
        self.tell_ready(out);
    }

    /// Tells the messages whose turn it is.
    fn tell_ready(&mut self, out: &mut impl FnMut(Direction, Message<'_>)) {
        let Self { ends, story, .. } = self;
        // A second time, for what waited for the client's hello.
        for from in [Direction::Forward, Direction::Backward, Direction::Forward] {
            let end = &mut ends[from];
            while let Some((kind, joined)) = end.ready() {
                if !story.has_hello() && kind != CLIENT_HELLO {
                    break;
                }
                story.joined(from, joined, &mut |message| out(from, message));
                end.step();
            }
        }
    }

    /// Tells what is left of a direction, and what is missing.
    fn tell_rest(&mut self, from: Direction, out: &mut impl FnMut(Direction, Message<'_>)) {
        let Self { ends, story, .. } = self;
        let end = &mut ends[from];
        let mut missing = false;
        while end.has_more() {
            match end.current() {
                None if !missing => {
                    missing = true;
                    out(from, Message::Lost { within: None, loss: Loss::Gap });
                }
                None => {}
                // Of a hello without its beginning nothing is known; one that came whole later has all that it said.
                Some(Joined::Cut { kind: CLIENT_HELLO, body, loss }) if body.is_empty() || end.has_whole_hello() => {
                    out(from, Message::Lost { within: Some(CLIENT_HELLO), loss })
                }
                Some(joined) => story.joined(from, joined, &mut |message| out(from, message)),
            }
            end.step();
        }
        // Without the numbers that are missing a resumption could not be told from a handshake whose middle was lost.
        let is_server = end.has_seen(SERVER_HELLO) && !end.has_seen(SERVER_HELLO_DONE) && !story.is_tls13();
        if !missing && is_server && end.changed_cipher && !end.is_contiguous() {
            out(from, Message::Lost { within: None, loss: Loss::Gap });
        }
        if end.cut {
            out(from, Message::Lost { within: None, loss: Loss::Truncated });
        }
        if end.over_limit {
            out(from, Message::Lost { within: None, loss: Loss::Limit });
        }
    }

    fn tell_secured(&mut self, from: Direction, out: &mut impl FnMut(Direction, Message<'_>)) {
        let end = &mut self.ends[from];
        let secured = end.sealed || (end.unified && self.story.is_tls13());
        if secured && !std::mem::replace(&mut end.secured, true) {
            self.quiet = 0;
            out(from, Message::Secured);
        }
    }

    /// Whether nothing more can be learnt, or enough was waited for it.
    fn has_ended(&self) -> bool {
        let Both { forward, backward } = &self.ends;
        let tls13 = self.story.is_tls13();
        let done = Direction::BOTH.iter().all(|&from| {
            let end = &self.ends[from];
            end.secured && end.is_complete() && (tls13 || end.changed_cipher)
        });
        let repeated = !self.story.was_asked() || forward.hellos.max(backward.hellos) > 1;
        let patience = if forward.secured || backward.secured { PATIENCE_SECURED } else { PATIENCE };
        (done && repeated) || Direction::BOTH.iter().any(|&from| self.has_failed(from)) || self.quiet >= patience
    }

    /// Whether a side has given up, and nothing is known to have been on its way by then.
    fn has_failed(&self, from: Direction) -> bool {
        let (end, other) = (&self.ends[from], &self.ends[from.reverse()]);
        // A client may have sent its alert in the middle of the server's flight.
        let answered = end.hellos == 0 || other.has_seen(SERVER_HELLO_DONE) || self.story.is_tls13();
        end.failed && self.story.has_hello() && answered && end.has_all_from_zero() && other.is_settled()
    }
}

/// Datagrams without news that are waited for what is missing, once a direction is encrypted.
const PATIENCE_SECURED: u32 = 64;
/// The same before: others may share the port.
const PATIENCE: u32 = 1024;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::super::testing::*;
    use super::*;

    const LOST_PART: &str = "Lost { within: Some(11), loss: Gap }";
    const LOST: &str = "Lost { within: None, loss: Gap }";

    /// A full handshake of DTLS 1.2 with a cookie, each record in a datagram.
    fn handshake() -> Vec<(Direction, Vec<u8>)> {
        vec![
            (C, client_hello(0, 5, &[]).at(0)),
            (S, hello_verify_request(0).at(0)),
            (C, client_hello(1, 5, &[1, 2, 3, 4]).at(1)),
            (S, server_hello(1).at(1)),
            (S, certificate(2, 300).at(2)),
            (S, hand(12, 3, &[3, 0, 23, 1, 4]).at(3)),
            (S, hand(13, 4, &[1, 1, 0, 0]).at(4)),
            (S, hand(14, 5, &[]).at(5)),
            (C, certificate(2, 200).at(2)),
            (C, hand(16, 3, &[1, 4]).at(3)),
            (C, hand(15, 4, &[4, 3, 0, 0]).at(4)),
            (C, change_cipher_spec(5)),
            (C, sealed(0)),
            (S, hand(4, 6, &[0; 20]).at(6)),
            (S, change_cipher_spec(7)),
            (S, sealed(0)),
        ]
    }

    fn talk(datagrams: &[(Direction, Vec<u8>)]) -> Talk {
        datagrams.iter().fold(Talk::new(), |talk, (from, datagram)| talk.push(*from, datagram))
    }

    #[test]
    fn a_handshake_is_told_in_order_and_is_over_when_both_are_encrypted() {
        let talk = talk(&handshake());
        let client = [
            "ClientHello",
            "ClientHello",
            "Certificates",
            "CertificateVerify { scheme: Some(1027) }",
            "ChangeCipherSpec",
            "Secured",
        ];
        assert_eq!(talk.of(C), client);
        assert_eq!(talk.of(S)[..3], ["HelloVerifyRequest", "ServerHello", "Certificates"]);
        assert_eq!(talk.of(S)[4..7], ["CertificateRequest", "ServerHelloDone", "NewSessionTicket"]);
        assert_eq!(talk.of(S)[7..], ["ChangeCipherSpec", "Secured"]);
        assert_eq!(talk.progress, Progress::Over);
    }

    #[test]
    fn records_of_one_datagram_are_read_one_after_the_other() {
        let mut datagrams: Vec<(Direction, Vec<u8>)> = Vec::new();
        for (from, record) in handshake() {
            match datagrams.last_mut().filter(|(last, _)| *last == from) {
                Some((_, datagram)) => datagram.extend(record),
                None => datagrams.push((from, record)),
            }
        }
        let joined = talk(&datagrams);
        assert_eq!(datagrams.len(), 6);
        assert_eq!((joined.said, joined.progress), (talk(&handshake()).said, Progress::Over));
    }

    #[test]
    fn fragments_are_joined_in_any_order_with_overlaps() {
        let chain = certificate(1, 100);
        let parts =
            [chain.part_at(4, 60..106), chain.part_at(1, 0..20), chain.part_at(2, 10..70), server_hello(0).at(0)];
        let before = Talk::new().push(C, &client_hello(0, 5, &[]).at(0));
        let talk = parts.iter().fold(before, |talk, part| talk.push(S, part));
        let whole =
            Talk::new().push(C, &client_hello(0, 5, &[]).at(0)).push(S, &[server_hello(0).at(0), chain.at(1)].concat());
        assert_eq!(talk.said, whole.said);
        assert_eq!(talk.of(S), ["ServerHello", "Certificates"]);
    }

    #[test]
    fn the_first_copy_of_a_byte_counts() {
        let (hello, mut other) = (client_hello(0, 5, &[]), client_hello(0, 5, &[]));
        other.body[10] = 66;
        let talk = Talk::new()
            .push(C, &hello.part_at(0, 0..20))
            .push(C, &other.part_at(1, 0..30))
            .push(C, &hello.part_at(2, 30..hello.body.len()));
        assert_eq!(talk.said, Talk::new().push(C, &hello.at(0)).said);
    }

    #[test]
    fn a_duplicate_does_not_hide_a_hole() {
        let chain = certificate(1, 100);
        let mut talk = Talk::new().push(C, &client_hello(0, 5, &[]).at(0)).push(S, &server_hello(0).at(0));
        for _ in 0..5 {
            talk = talk.push(S, &chain.part_at(1, 0..50)).push(S, &chain.part_at(2, 56..106));
        }
        assert_eq!(talk.of(S), ["ServerHello"]);
        assert_eq!(talk.finish().of(S), ["ServerHello", "Certificates", LOST_PART]);
    }

    #[test]
    fn two_messages_may_be_interleaved() {
        let (first, second) = (client_hello(0, 5, &[]), client_hello(1, 5, &[1]));
        let talk = Talk::new()
            .push(C, &second.part_at(2, 0..20))
            .push(C, &first.part_at(0, 0..20))
            .push(C, &second.part_at(3, 20..second.body.len()))
            .push(C, &first.part_at(1, 20..first.body.len()));
        assert_eq!(talk.said, Talk::new().push(C, &first.at(0)).push(C, &second.at(1)).said);
    }

    #[test]
    fn fragments_that_contradict_their_message_are_dropped_and_said() {
        let (hello, longer, other) = (client_hello(0, 5, &[]), client_hello(0, 5, &[9]), hand(2, 0, &[0; 57]));
        let talk = Talk::new()
            .push(C, &hello.part_at(0, 0..20))
            .push(C, &longer.part_at(1, 20..30))
            .push(C, &other.part_at(2, 20..30))
            .push(C, &hello.part_at(3, 20..hello.body.len()))
            .push(C, &longer.at(4));
        assert_eq!(talk.of(C), ["Malformed(1)", "Malformed(2)", "ClientHello", "Malformed(1)"]);
    }

    #[test]
    fn a_fragment_past_its_message_or_record_is_malformed() {
        let hello = client_hello(0, 5, &[]);
        let mut past_message = hello.part(20..30);
        past_message[8] = 200;
        let mut past_record = hello.part(20..30);
        past_record[11] = 11;
        let short = hello.part(20..30)[..11].to_vec();
        let bodies = [past_message, past_record, short];
        let talk = bodies.iter().fold(Talk::new(), |talk, body| talk.push(C, &record(22, 0, body)));
        assert_eq!(talk.finish().of(C), ["Malformed(1)"; 3]);
    }

    #[test]
    fn the_answer_to_a_hello_waits_for_the_hello() {
        let talk = Talk::new().push(S, &server_hello(0).at(0));
        assert!(talk.said.is_empty());
        let talk = talk.push(C, &client_hello(0, 5, &[]).at(0));
        assert_eq!((talk.of(C), talk.of(S)), (vec!["ClientHello"], vec!["ServerHello"]));
    }

    #[test]
    fn an_early_encrypted_record_does_not_end_the_session() {
        let mut datagrams = handshake();
        // The client's Finished before all it had to say, and the server's before its ticket.
        let finished = datagrams.remove(12);
        datagrams.insert(1, finished);
        datagrams.swap(13, 15);
        let (early, usual) = (talk(&datagrams), talk(&handshake()));
        for from in [C, S] {
            let mut said = [early.of(from), usual.of(from)];
            said.iter_mut().for_each(|list| list.sort_unstable());
            assert_eq!(said[0], said[1]);
        }
        assert_eq!(early.progress, Progress::Over);
    }

    #[test]
    fn what_is_missing_is_waited_for_but_not_for_ever() {
        let mut datagrams = handshake();
        datagrams.remove(4);
        let mut talk = talk(&datagrams);
        assert_eq!(talk.progress, Progress::Reading);
        for number in 1..=PATIENCE_SECURED {
            assert_eq!(talk.progress, Progress::Reading, "{number}");
            talk.take(S, &record_of(0xfefd, 1, 23, u64::from(number), &[0; 40]), 0);
        }
        assert_eq!(talk.progress, Progress::Over);
        assert_eq!(talk.of(S).iter().filter(|said| **said == LOST).count(), 1);
        assert!(talk.of(S).contains(&"ServerHelloDone"));
        let said = talk.said.len();
        assert_eq!(talk.finish().said.len(), said);
    }

    #[test]
    fn strangers_on_the_port_are_not_waited_through_for_ever() {
        let mut talk = Talk::new().push(C, &client_hello(0, 5, &[]).at(0));
        for _ in 0..PATIENCE {
            assert_eq!(talk.progress, Progress::Reading);
            talk.take(S, &[0x80; 100], 0);
        }
        assert_eq!(talk.progress, Progress::Over);
        assert_eq!((talk.of(C), talk.of(S)), (vec!["ClientHello"], vec![]));
    }

    #[test]
    fn a_capture_may_begin_with_the_second_hello() {
        let talk = Talk::new().push(C, &client_hello(1, 5, &[1]).at(1)).push(S, &server_hello(1).at(1)).finish();
        assert_eq!(talk.of(C), [LOST, "ClientHello"]);
        assert_eq!(talk.of(S), [LOST, "ServerHello"]);
    }

    #[test]
    fn a_cut_hello_does_not_stand_before_a_whole_one() {
        let (first, second) = (client_hello(0, 5, &[]), client_hello(1, 5, &[1]));
        let talk = Talk::new().push(C, &second.at(2)).push(C, &first.part_at(0, 0..40)).finish();
        assert_eq!(talk.of(C), ["Lost { within: Some(1), loss: Gap }", "ClientHello"]);
        let alone = Talk::new().push(C, &first.part_at(0, 0..40)).finish();
        assert_eq!(alone.of(C), ["ClientHello", "Lost { within: Some(1), loss: Gap }"]);
    }

    #[test]
    fn the_servers_side_alone_is_told() {
        let server: Vec<_> = handshake().into_iter().filter(|(from, _)| *from == S).collect();
        let talk = talk(&server).finish();
        assert_eq!(talk.of(S)[2..5], ["HelloVerifyRequest", "ServerHello", "Certificates"]);
        assert!(talk.of(C).is_empty());
    }

    #[test]
    fn without_hellos_the_side_that_speaks_as_a_server_is_told_first() {
        let talk = Talk::new()
            .push(C, &[certificate(1, 50).at(1), hand(16, 2, &[1, 4]).at(2)].concat())
            .push(S, &[certificate(2, 60).at(2), hand(14, 3, &[]).at(3)].concat())
            .finish();
        assert_eq!(talk.said.first().map(|(from, _)| *from), Some(S));
        assert_eq!(talk.of(S), [LOST, "Certificates", "ServerHelloDone"]);
    }

    #[test]
    fn dtls_1_3_is_over_when_both_use_its_header() {
        let hello = client_hello(0, 5, &[]);
        let talk = Talk::new().push(C, &hello.at(0)).push(S, &[server_hello_13(0, [7; 32]).at(0), unified()].concat());
        assert_eq!((talk.of(S), talk.progress), (vec!["ServerHello", "Secured"], Progress::Reading));
        let talk = talk.push(C, &unified());
        assert_eq!((talk.of(C), talk.progress), (vec!["ClientHello", "Secured"], Progress::Over));
    }

    #[test]
    fn a_hello_retry_request_of_dtls_1_3_waits_for_the_second_hello() {
        use sha2::Digest;
        let retry = server_hello_13(0, sha2::Sha256::digest(b"HelloRetryRequest").into());
        let talk = Talk::new()
            .push(C, &client_hello(0, 5, &[]).at(0))
            .push(S, &retry.at(0))
            .push(C, &unified())
            .push(S, &[server_hello_13(1, [7; 32]).at(1), unified()].concat());
        assert_eq!(talk.progress, Progress::Reading);
        let talk = talk.push(C, &client_hello(1, 5, &[]).at(1));
        assert_eq!(talk.of(S), ["HelloRetryRequest", "ServerHello", "Secured"]);
        assert_eq!((talk.of(C).len(), talk.progress), (3, Progress::Over));
    }

    #[test]
    fn the_header_of_dtls_1_3_says_nothing_in_dtls_1_2() {
        let talk = Talk::new()
            .push(C, &[client_hello(0, 5, &[]).at(0), unified()].concat())
            .push(S, &[server_hello(0).at(0), unified()].concat())
            .finish();
        assert_eq!((talk.of(C), talk.of(S)), (vec!["ClientHello"], vec!["ServerHello"]));
    }

    #[test]
    fn records_with_a_connection_id_are_encrypted() {
        let talk = Talk::new()
            .push(C, &[client_hello(0, 5, &[]).at(0), record_of(0xfefd, 1, 25, 0, &[3; 40])].concat())
            .push(S, &[server_hello_13(0, [7; 32]).at(0), [[0x3f; 4].as_slice(), &[9; 30]].concat()].concat());
        assert_eq!((talk.of(C), talk.of(S)), (vec!["ClientHello", "Secured"], vec!["ServerHello", "Secured"]));
    }

    #[test]
    fn numbers_that_a_server_leaves_out_below_its_messages_are_not_waited_for() {
        let mut datagrams = handshake();
        for at in [3, 4, 5, 6, 7, 13, 14] {
            // Its HelloVerifyRequests have the numbers of the client's records.
            datagrams[at].1[10] += 60;
        }
        assert_eq!(talk(&datagrams).progress, Progress::Over);
    }

    #[test]
    fn a_resumption_is_over_after_two_hellos() {
        let talk = Talk::new()
            .push(C, &client_hello(0, 5, &[]).at(0))
            .push(S, &[server_hello(0).at(0), change_cipher_spec(1), sealed(0)].concat())
            .push(C, &[change_cipher_spec(1), sealed(0)].concat());
        assert_eq!((talk.of(S), talk.progress), (vec!["ServerHello", "ChangeCipherSpec", "Secured"], Progress::Over));
    }

    #[test]
    fn a_lost_middle_is_no_resumption() {
        let talk = Talk::new()
            .push(C, &client_hello(0, 5, &[]).at(0))
            .push(S, &server_hello(0).at(0))
            .push(S, &[change_cipher_spec(5), sealed(0)].concat())
            .finish();
        assert_eq!(talk.of(S), ["ServerHello", "ChangeCipherSpec", "Secured", LOST]);
    }

    #[test]
    fn a_fatal_alert_ends_the_session() {
        let fatal = "Alert { level: 2, description: 40 }";
        let talk = Talk::new().push(C, &client_hello(0, 5, &[]).at(0)).push(S, &alert(0, 2, 40));
        assert_eq!((talk.of(S), talk.progress), (vec![fatal], Progress::Over));
        // Not before what was sent before it.
        let talk = Talk::new().push(C, &client_hello(0, 5, &[]).at(0)).push(S, &alert(1, 2, 40));
        assert_eq!((talk.of(S), talk.progress), (vec![], Progress::Reading));
        let talk = talk.push(S, &server_hello(0).at(0));
        assert_eq!((talk.of(S), talk.progress), (vec!["ServerHello", fatal], Progress::Over));
    }

    #[test]
    fn several_alerts_are_told_by_their_numbers() {
        let talk = Talk::new()
            .push(C, &client_hello(0, 5, &[]).at(0))
            .push(S, &alert(3, 1, 112))
            .push(S, &alert(2, 1, 90))
            .finish();
        assert_eq!(talk.of(S), ["Alert { level: 1, description: 90 }", "Alert { level: 1, description: 112 }"]);
    }

    #[test]
    fn messages_over_their_cap_are_said_in_their_turn() {
        let caps = Caps { client_hello: 1 << 14, other: 200 };
        let talk = Talk::with(caps)
            .push(C, &client_hello(0, 5, &[]).at(0))
            .push(S, &[certificate(1, 300).at(1), hand(14, 2, &[]).at(2), server_hello(0).at(0)].concat());
        let limit = "Lost { within: Some(11), loss: Limit }";
        assert_eq!(talk.of(S), ["ServerHello", "Certificates", limit, "ServerHelloDone"]);
        assert!(talk.said.iter().any(|(_, said)| said == "Certificates(Certificates { list: [], cut: true })"));
    }

    #[test]
    fn what_waits_is_bounded() {
        let caps = Caps { client_hello: 200, other: 1000 };
        let mut talk = Talk::with(caps);
        for number in 0..40 {
            talk.take(S, &certificate(1 + number, 800).at(u64::from(number)), 0);
        }
        assert!(talk.session.ends.backward.held() <= 1200);
        let talk = talk.finish();
        let limits = talk.of(S).iter().filter(|said| **said == "Lost { within: Some(11), loss: Limit }").count();
        assert_eq!(limits, 30);
        assert_eq!(talk.of(S).last(), Some(&"Lost { within: None, loss: Limit }"));
    }

    #[test]
    fn a_message_in_too_many_pieces_is_not_kept() {
        let chain = certificate(1, 5000);
        let mut talk = Talk::new().push(C, &client_hello(0, 5, &[]).at(0)).push(S, &server_hello(0).at(0));
        for at in (0..5000).step_by(2) {
            talk.take(S, &chain.part_at(1, at..at + 1), 0);
        }
        assert_eq!(talk.of(S), ["ServerHello", "Certificates", "Lost { within: Some(11), loss: Limit }"]);
        assert_eq!(talk.session.ends.backward.held(), 0);
    }

    #[test]
    fn a_datagram_that_was_cut_says_so() {
        let hello = client_hello(0, 5, &[]).at(0);
        let truncated = "Lost { within: Some(1), loss: Truncated }";
        let talk = Talk::new().push_cut(C, &hello, 60).finish();
        assert_eq!(talk.of(C), ["ClientHello", truncated]);
        // Sent again, it is whole.
        let talk = Talk::new().push_cut(C, &hello, 60).push(C, &hello).finish();
        assert_eq!(talk.of(C), ["ClientHello"]);
        let flight = [server_hello(0).at(0), certificate(1, 300).at(1), hand(14, 2, &[]).at(2)].concat();
        let before = server_hello(0).at(0).len();
        for (left, last) in [(before, 1), (before + 10, 1), (before + 20, 1), (before + 100, 3)] {
            let talk = Talk::new().push(C, &hello).push_cut(S, &flight, left).finish();
            assert_eq!(talk.of(S).len(), 1 + last, "{left}");
            assert_eq!(talk.of(S).last(), Some(&"Lost { within: None, loss: Truncated }"), "{left}");
        }
        // Behind encrypted records only such follow.
        let talk = Talk::new().push(C, &hello).push_cut(S, &[server_hello(0).at(0), sealed(0)].concat(), before + 20);
        assert_eq!(talk.finish().of(S), ["ServerHello", "Secured"]);
    }

    #[test]
    fn strange_records_are_flagged() {
        let hello = client_hello(0, 5, &[]);
        let talk = Talk::new()
            .push(C, &record_of(0xfefe, 0, 22, 0, &hello.whole()))
            .push(S, &[record(20, 0, &[2; 18500]), vec![0; 5]].concat());
        assert_eq!(talk.of(C), ["UnknownRecordVersion", "ClientHello"]);
        assert_eq!(talk.of(S), ["OversizedRecord", "NotARecord"]);
    }

    #[test]
    fn capwap_has_a_preamble() {
        let wrapped = |record: Vec<u8>| [vec![1, 0, 0, 0], record].concat();
        let hello = wrapped(client_hello(0, 5, &[]).at(0));
        assert!(Session::may_begin(&hello, 0));
        let flight = [wrapped(server_hello(0).at(0)), wrapped(hand(14, 1, &[]).at(1))].concat();
        let talk = Talk::new().push(C, &hello).push(S, &flight).push(C, &wrapped(sealed(0)));
        assert_eq!((talk.of(C), talk.of(S)), (vec!["ClientHello", "Secured"], vec!["ServerHello", "ServerHelloDone"]));
    }

    #[test]
    fn anyconnect_has_a_version_of_its_own_and_a_longer_change_cipher_spec() {
        let mut hello = client_hello(0, 5, &[]);
        hello.body[..2].copy_from_slice(&[1, 0]);
        let mut answer = server_hello(1);
        answer.body[..2].copy_from_slice(&[1, 0]);
        let verify = hand(3, 0, &[1, 0, 2, 1, 2]);
        let mut second = client_hello(1, 5, &[1, 2]);
        second.body[..2].copy_from_slice(&[1, 0]);
        let old = |kind, sequence, body: &[u8]| record_of(0x0100, 0, kind, sequence, body);
        assert!(Session::may_begin(&old(22, 0, &hello.whole()), 0));
        let talk = Talk::new()
            .push(C, &old(22, 0, &hello.whole()))
            .push(S, &old(22, 0, &verify.whole()))
            .push(C, &old(22, 1, &second.whole()))
            .push(S, &old(22, 1, &answer.whole()))
            .push(S, &old(20, 2, &[1, 0, 2]))
            .push(S, &record_of(0x0100, 1, 22, 0, &[9; 60]))
            .push(C, &[old(20, 2, &[1, 0, 2]), record_of(0x0100, 1, 22, 0, &[9; 60])].concat());
        assert_eq!(talk.of(S), ["HelloVerifyRequest", "ServerHello", "ChangeCipherSpec", "Secured"]);
        assert_eq!(talk.of(C), ["ClientHello", "ClientHello", "ChangeCipherSpec", "Secured"]);
        assert_eq!(talk.progress, Progress::Over);
    }

    #[test]
    fn others_on_the_port_begin_nothing() {
        let stun = [&[0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42][..], &[7; 20]].concat();
        let stun_answer = [&[1, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42][..], &[7; 20]].concat();
        let channel = [&[0x40, 0, 0, 100][..], &client_hello(0, 5, &[]).at(0)].concat();
        let rtp = [&[0x80, 0x60, 0x12, 0x34][..], &[9; 30]].concat();
        let rtcp = [&[0x80, 200, 0, 6][..], &[9; 24]].concat();
        let dns = [&[0x16, 0xfe, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x04site\x04test\0\0\x01\0\x01"].concat();
        for payload in [stun, stun_answer, channel, rtp, rtcp, dns, unified(), sealed(0), change_cipher_spec(0)] {
            assert!(!Session::may_begin(&payload, 0), "{payload:?}");
            let mut talk = Talk::new();
            talk.take(C, &payload, 0);
            assert!(talk.said.iter().all(|(_, said)| said == "Secured" || said == "ChangeCipherSpec"), "{payload:?}");
        }
    }

    #[test]
    fn a_session_begins_with_a_handshake_message_whose_lengths_hold_together() {
        let hello = client_hello(0, 5, &[]).at(0);
        assert!(Session::may_begin(&hello, 0));
        assert!(Session::may_begin(&hello[..60], hello.len() as u32 - 60));
        assert!(!Session::may_begin(&hello[..60], 0));
        for first in [hello_verify_request(0), server_hello(0), certificate(2, 30)] {
            assert!(Session::may_begin(&first.at(0), 0));
        }
        assert!(Session::may_begin(&client_hello(0, 5, &[]).part_at(1, 30..40), 0));
        // Another epoch, another content type, a length, an offset, the hello's version.
        for (at, value) in [(4, 1), (0, 23), (12, 9), (16, 9), (21, 200), (25, 3)] {
            let mut wrong = hello.clone();
            wrong[at] = value;
            assert!(!Session::may_begin(&wrong, 0), "{at}");
        }
    }

    #[test]
    fn a_session_serves_again_after_a_reset() {
        let mut talk = talk(&handshake());
        let said = std::mem::take(&mut talk.said);
        talk.session.reset();
        for (from, datagram) in handshake() {
            talk.take(from, &datagram, 0);
        }
        assert_eq!((talk.said, talk.progress), (said, Progress::Over));
    }

    /// Two flights of a full handshake, each message to be cut into fragments.
    fn flights() -> Vec<(Direction, Hand)> {
        vec![
            (C, client_hello(0, 5, &[])),
            (S, hello_verify_request(0)),
            (C, client_hello(1, 5, &[1, 2, 3, 4])),
            (S, server_hello(1)),
            (S, certificate(2, 300)),
            (S, hand(12, 3, &[3, 0, 23, 1, 4])),
            (S, hand(14, 4, &[])),
        ]
    }

    /// Each message in fragments of these sizes, some of which reach over the next.
    fn fragments(sizes: &[(usize, usize)]) -> Vec<(Direction, Vec<u8>)> {
        let (mut datagrams, mut numbers) = (Vec::new(), Both { forward: 0, backward: 0 });
        let mut sizes = sizes.iter().cycle();
        for (from, hand) in flights() {
            let mut at = 0;
            loop {
                let (size, over) = sizes.next().unwrap();
                let end = hand.body.len().min(at + size);
                datagrams.push((from, hand.part_at(numbers[from], at..hand.body.len().min(end + over))));
                numbers[from] += 1;
                at = end;
                if at == hand.body.len() {
                    break;
                }
            }
        }
        datagrams
    }

    fn sorted(talk: &Talk, from: Direction) -> Vec<String> {
        // Encryption, and what came before the hello, may be told at any place among the messages.
        let is_flag = |said: &str| said == "Secured" || said == "ChangeCipherSpec";
        let of_side = talk.said.iter().filter(|(side, _)| *side == from).map(|(_, said)| said.clone());
        let (mut flags, messages): (Vec<_>, Vec<_>) = of_side.partition(|said| is_flag(said));
        flags.sort_unstable();
        messages.into_iter().chain(flags).collect()
    }

    proptest::proptest! {
        #[test]
        fn any_fragments_in_any_order_however_often_give_the_same_messages(
            sizes in proptest::collection::vec((1usize..400, 0usize..40), 1..8),
            order in proptest::collection::vec((0u32.., 1usize..3), 1..400),
        ) {
            let mut datagrams: Vec<_> = fragments(&sizes)
                .into_iter()
                .zip(order.iter().cycle())
                .flat_map(|(datagram, &(place, copies))| {
                    (0..copies as u32).map(move |copy| (place.rotate_left(copy * 16), datagram.clone()))
                })
                .collect();
            datagrams.sort_by_key(|(place, _)| *place);
            let shuffled: Vec<_> = datagrams.into_iter().map(|(_, datagram)| datagram).collect();
            let (any, usual) = (talk(&shuffled).finish(), talk(&fragments(&[(1000, 0)])).finish());
            for from in [C, S] {
                proptest::prop_assert_eq!(sorted(&any, from), sorted(&usual, from));
            }
        }

        #[test]
        fn any_order_of_a_handshake_tells_the_same(order in proptest::collection::vec(0u32.., 16), copies in 1usize..3) {
            let mut datagrams: Vec<_> = order.iter().copied().zip(handshake()).collect();
            // A session begins with a handshake record.
            datagrams[0].0 = 0;
            datagrams.sort_by_key(|(place, _)| *place);
            let datagrams: Vec<_> =
                datagrams.into_iter().flat_map(|(_, datagram)| vec![datagram; copies]).collect();
            let (any, usual) = (talk(&datagrams), talk(&handshake()));
            proptest::prop_assert_eq!(any.progress, Progress::Over);
            for from in [C, S] {
                proptest::prop_assert_eq!(sorted(&any, from), sorted(&usual, from));
            }
        }

        #[test]
        fn anything_is_taken_without_panic_and_within_bounds(
            changes in proptest::collection::vec((0usize..4000, 0u8..), 0..30),
            lengths in proptest::collection::vec((0usize..400, 0u32..50), 16),
        ) {
            let mut datagrams = handshake();
            for (at, value) in changes {
                let place = at % datagrams.len();
                let datagram = &mut datagrams[place].1;
                let at = at / 16 % datagram.len();
                datagram[at] = value;
            }
            let mut talk = Talk::with(Caps { client_hello: 100, other: 250 });
            for ((from, datagram), (length, cut)) in datagrams.iter().zip(lengths) {
                let part = &datagram[..length.min(datagram.len())];
                Session::may_begin(part, cut);
                talk.session.trace().is_another(part, cut);
                talk.take(*from, part, cut);
                proptest::prop_assert!(talk.session.ends[*from].held() <= 350);
            }
            talk.finish();
        }

        #[test]
        fn noise_is_taken_without_panic(noise in proptest::collection::vec(0u8.., 0..200), cut in 0u32..100) {
            let mut talk = Talk::new().push(C, &client_hello(0, 5, &[]).at(0));
            for first in [20, 22, 25, 0x2c, 0x3f, 1] {
                let datagram = [&[first, 0xfe, 0xfd, 0, 0][..], &noise].concat();
                Session::may_begin(&datagram, cut);
                talk.session.trace().is_another(&datagram, cut);
                talk.take(S, &datagram, cut);
            }
            talk.finish();
        }
    }
}
