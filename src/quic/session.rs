//! One QUIC connection: both directions' datagrams, read until nothing more can be learnt in the clear.
//!
//! In: UDP payloads in the order in which they were captured. Out: handshake messages, and how far it has come. Work and
//! memory are bounded whatever comes: so many packets are decrypted, so many may fail, so many bytes are held.

use super::early::Early;
use super::end::{End, Piece, Speaker, Teller};
use super::frame::{Dialect, Frame, Frames};
use super::google;
use super::header::{self, Long, Negotiation, Packet};
use super::identity::{Facts, Id, Identity, Seen, Trace};
use super::keyring::Keyring;
use super::probe;
use super::protect::{Side, is_genuine_retry};
use super::version::{Handshake, Kind};
use crate::tls::message::Loss;
use crate::tls::record::FATAL;
use crate::tls::story::{Carrier, Story};
use crate::tls::{Caps, Message, Progress};
use crate::wire::{Both, Direction};

/// Reads both directions of one connection. Made once, it serves one connection after another ([`Session::reset`]).
#[derive(Debug)]
pub struct Session {
    caps: Caps,
    story: Story,
    ends: Both<End>,
    identity: Identity,
    keys: Keyring,
    /// Initial packets that came before the one that tells their keys.
    early: Early,
    /// There are keys that those packets have not been tried with.
    rekeyed: bool,
    google: google::Hello,
    /// Datagrams that came while nobody's packet could be read.
    undecided: u32,
    /// One side closed the connection, in the clear.
    closed: bool,
    /// What the last datagram held.
    carried: Seen,
    scratch: Vec<u8>,
}

impl Session {
    pub fn new(caps: Caps) -> Self {
        Self {
            caps,
            story: Story::new(Carrier::Stream),
            ends: Both::default(),
            identity: Identity::default(),
            keys: Keyring::default(),
            early: Early::default(),
            rekeyed: false,
            google: google::Hello::default(),
            undecided: 0,
            closed: false,
            carried: Seen::default(),
            scratch: Vec::new(),
        }
    }

    /// Makes it ready for another connection.
    pub fn reset(&mut self) {
        self.story = Story::new(Carrier::Stream);
        self.ends.forward.reset();
        self.ends.backward.reset();
        self.identity = Identity::default();
        self.keys.reset();
        self.early.reset();
        self.rekeyed = false;
        self.google.reset();
        self.undecided = 0;
        self.closed = false;
        self.scratch.clear();
        self.scratch.shrink_to(KEPT_CAPACITY);
    }

    /// Whether a datagram may begin a connection, or be the first of one that is seen: by its header alone, without
    /// cryptography and whatever its ports. `cut` bytes of its end were not captured.
    pub fn may_begin(payload: &[u8], cut: u32) -> bool {
        probe::may_begin(payload, cut)
    }

    /// Whether a datagram begins another connection, though this one is not over: it has none of its ids, and keys of its
    /// own. What this one's client says after a Retry or a Version Negotiation packet is told from its token or its version.
    /// Nothing is decrypted but for the few datagrams that look like it.
    pub fn is_another(&mut self, from: Direction, payload: &[u8], cut: u32) -> bool {
        if self.identity.client.is_none() || cut > 0 || !self.trace().is_another(payload, cut) {
            return false;
        }
        match header::read(payload) {
            Some(Packet::Long(long)) => {
                !self.identity.goes_on(&long)
                    && self.ends[from].spend_try()
                    && Keyring::default().open_by_own_id(&long, &mut self.scratch).is_some()
            }
            _ => true,
        }
    }

    /// Takes a datagram of a direction, of which `cut` bytes were not captured, and gives what it says to `out`.
    pub fn push(
        &mut self,
        from: Direction,
        payload: &[u8],
        cut: u32,
        out: &mut impl FnMut(Direction, Message<'_>),
    ) -> Progress {
        let end = &mut self.ends[from];
        end.datagrams = end.datagrams.saturating_add(1);
        if self.identity.client.is_none() {
            self.undecided = self.undecided.saturating_add(1);
        }
        self.carried = Seen::default();
        let mut rest = payload;
        while let Some(packet) = header::read(rest) {
            rest = &[];
            match packet {
                // Else its length is not that of a packet that came whole.
                Packet::Long(long) if long.missing <= usize::try_from(cut).unwrap_or(usize::MAX) => {
                    rest = long.rest;
                    self.long(from, &long, out);
                }
                Packet::Long(_) => break,
                Packet::Negotiation(negotiation) => self.negotiation(from, &negotiation),
                Packet::Short => {
                    self.carried.one_rtt = true;
                    self.ends[from].goes_on();
                }
            }
        }
        if rest.len() == payload.len() {
            if self.identity.client.is_some() && !self.identity.is_public {
                // The bit that a short header has may be greased (RFC 9287).
                if payload.first().is_some_and(|first| first & header::LONG == 0) {
                    self.ends[from].goes_on();
                }
            } else {
                self.google(from, payload, cut, out);
            }
        }
        for direction in Direction::BOTH {
            if self.ends[direction].becomes_secured() {
                out(direction, Message::Secured);
            }
        }
        self.progress(from)
    }

    /// Nothing more will come: what was begun is told as far as it came.
    pub fn finish(&mut self, out: &mut impl FnMut(Direction, Message<'_>)) {
        for from in Direction::BOTH {
            let speaker = self.speaker(from);
            let within = self.google.is_within() && self.identity.client == Some(from);
            let Self { ends, story, .. } = self;
            ends[from].finish(Teller { from, speaker, story, said: |message: Message<'_>| out(from, message) });
            if within {
                out(from, Message::Lost { within: Some(Speaker::Client.hello()), loss: Loss::Gap });
                self.google.reset();
            }
        }
    }

    /// What is known of the connection, beside what was told.
    pub fn facts(&self) -> Facts<'_> {
        let identity = &self.identity;
        let first = Some(identity.first_version).filter(|&first| first != 0 && first != identity.version);
        Facts {
            client: identity.client,
            version: identity.version,
            original_version: first,
            client_initial_dcid: identity.initial_dcid.as_deref(),
            client_scid: identity.client_scid.as_deref(),
            server_scid: identity.server_scid.as_deref(),
            retry: identity.retry,
            version_negotiation: identity.negotiation,
            gquic: self.google.view(),
            seen: Both { forward: self.ends.forward.seen, backward: self.ends.backward.seen },
        }
    }

    /// Which packets the last datagram held.
    pub fn carried(&self) -> Seen {
        self.carried
    }

    /// Which connection this was, to be kept when the session is over.
    pub fn trace(&self) -> Trace {
        self.identity.trace()
    }

    fn long(&mut self, from: Direction, long: &Long<'_>, out: &mut impl FnMut(Direction, Message<'_>)) {
        let end = &mut self.ends[from];
        match long.kind {
            Kind::Initial => {
                end.seen.initial = true;
                self.carried.initial = true;
                self.initial(from, long, out);
            }
            Kind::Handshake => {
                end.seen.handshake = true;
                self.carried.handshake = true;
                end.protected();
                self.identity.hear(from, long);
            }
            Kind::Retry => self.retry(from, long),
            Kind::ZeroRtt => end.seen.zero_rtt = true,
        }
    }

    fn initial(&mut self, from: Direction, long: &Long<'_>, out: &mut impl FnMut(Direction, Message<'_>)) {
        self.identity.meet(from, long);
        let end = &mut self.ends[from];
        if long.missing > 0 {
            // The tag is not there, so nothing of it can be believed.
            if end.cut() {
                out(from, Message::Lost { within: None, loss: Loss::Truncated });
            }
            return;
        }
        if end.is_given_up() {
            return;
        }
        if !end.may_try() {
            // Of a hello that is whole nothing was lost.
            if end.awaits_bytes() {
                out(from, Message::Lost { within: None, loss: Loss::Limit });
            }
            return;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        match self.unlock(from, long, &mut scratch) {
            Some(frames) => {
                self.ends[from].opened();
                let frames = Frames::new(scratch.get(frames).unwrap_or_default(), long.wire.dialect);
                self.frames(from, frames, long.wire.handshake, out);
            }
            None => {
                if self.identity.client.is_some() {
                    self.ends[from].failed();
                }
                if self.ends[from].version.is_none() {
                    self.early.keep(from, long.bytes);
                }
            }
        }
        self.scratch = scratch;
        if std::mem::take(&mut self.rekeyed) {
            self.replay(out);
        }
    }

    /// Opens an Initial packet, and learns from that who sent it.
    fn unlock(&mut self, from: Direction, long: &Long<'_>, scratch: &mut Vec<u8>) -> Option<std::ops::Range<usize>> {
        let opened = match self.identity.client {
            // Its id should have eight bytes (RFC 9000, section 7.2); there are clients, and servers, that do not mind.
            None => {
                let opened = self.keys.open_by_own_id(long, scratch)?;
                self.identity.begin(from, long);
                self.rekeyed = true;
                opened
            }
            Some(client) if client == from => match self.keys.open(Side::Client, long, scratch) {
                Some(opened) => {
                    let (before, answered) = (self.ends[from].version, self.ends[from.reverse()].version);
                    // A client goes over to another version after its server did (RFC 9368, section 2.3). Before
                    // that, the version is another connection's, which begins anew.
                    if before.is_some_and(|before| before != long.version) && answered != Some(long.version) {
                        self.begin_anew(from);
                    }
                    opened
                }
                None => {
                    if !self.identity.goes_on(long) {
                        return None;
                    }
                    let opened = self.keys.open_by_own_id(long, scratch)?;
                    self.identity.turn(long);
                    self.begin_anew(from);
                    self.rekeyed = true;
                    opened
                }
            },
            Some(_) => self.keys.open(Side::Server, long, scratch)?,
        };
        self.ends[from].version = Some(long.version);
        self.identity.hear(from, long);
        Some(opened.start..opened.end)
    }

    /// After a Retry or a Version Negotiation packet the client says its hello once more, in another stream.
    fn begin_anew(&mut self, client: Direction) {
        self.ends[client].begin_anew();
        self.ends[client.reverse()].begin_anew();
    }

    /// Reads what was kept, now that its keys are known.
    fn replay(&mut self, out: &mut impl FnMut(Direction, Message<'_>)) {
        let mut early = std::mem::take(&mut self.early);
        for (from, bytes) in early.packets() {
            if let Some(Packet::Long(long)) = header::read(bytes) {
                self.initial(from, &long, out);
            }
        }
        early.reset();
        self.early = early;
    }

    fn frames(
        &mut self,
        from: Direction,
        frames: Frames<'_>,
        handshake: Handshake,
        out: &mut impl FnMut(Direction, Message<'_>),
    ) {
        let speaker = self.speaker(from);
        for frame in frames {
            match (frame, handshake) {
                (Frame::Crypto { offset, bytes }, Handshake::Tls) => {
                    let Self { ends, story, caps, .. } = self;
                    let tell = Teller { from, speaker, story, said: |message: Message<'_>| out(from, message) };
                    ends[from].crypto(Piece { offset, bytes }, *caps, tell);
                }
                (Frame::Crypto { offset, bytes }, Handshake::Tags) => {
                    if speaker == Speaker::Client {
                        let (hello, cap) = (&mut self.google, self.caps.client_hello);
                        self.ends[from].stream(Piece { offset, bytes }, self.caps, |bytes| hello.push(bytes, cap));
                    }
                }
                (Frame::Close { code }, _) => {
                    // RFC 9001, section 4.8: 0x0100 and TLS's alert.
                    if let [0, 0, 0, 0, 0, 0, 1, description] = code.to_be_bytes() {
                        out(from, Message::Alert { level: FATAL, description });
                    }
                    self.closed = true;
                    return;
                }
            }
        }
    }

    fn retry(&mut self, from: Direction, long: &Long<'_>) {
        let identity = &mut self.identity;
        // Only the first counts (RFC 9000, section 17.2.5.2), and none after the server's Initial packet.
        if identity.retry || identity.client == Some(from) || self.ends[from].version.is_some() {
            return;
        }
        match (identity.client, &identity.initial_dcid) {
            // The client's side has not been seen: its keys follow from the id that it is told here.
            (None, _) => {
                identity.begin_at_retry(from, long);
                self.keys.turn_to(long.scid);
            }
            (Some(_), Some(original)) => {
                if long.wire.retry.is_none_or(|secret| is_genuine_retry(secret, original, long.bytes)) {
                    identity.retry = true;
                    identity.second_dcid = Id::try_from(long.scid).ok();
                }
            }
            (Some(_), None) => {}
        }
    }

    fn negotiation(&mut self, from: Direction, packet: &Negotiation<'_>) {
        let identity = &mut self.identity;
        let is_answer = match identity.client {
            Some(client) => {
                client != from
                    && identity.initial_dcid.as_deref() == Some(packet.scid)
                    && identity.client_scid.as_deref() == Some(packet.dcid)
            }
            None => true,
        };
        identity.negotiation |= is_answer;
    }

    /// Reads a datagram of gQUIC that is not protected.
    fn google(&mut self, from: Direction, payload: &[u8], cut: u32, out: &mut impl FnMut(Direction, Message<'_>)) {
        let identity = &mut self.identity;
        if let Some(client) = identity.client
            && client != from
        {
            if google::is_negotiation(payload) {
                identity.negotiation = true;
            } else if !payload.is_empty() {
                self.ends[from].protected();
            }
            return;
        }
        let Some(packet) = google::Packet::read(payload) else {
            if identity.is_public {
                self.ends[from].protected();
            }
            return;
        };
        if cut > 0 {
            if self.ends[from].cut() {
                out(from, Message::Lost { within: None, loss: Loss::Truncated });
            }
            return;
        }
        if self.ends[from].is_given_up() {
            return;
        }
        if !self.ends[from].may_try() {
            out(from, Message::Lost { within: None, loss: Loss::Limit });
            return;
        }
        let Some(frames) = packet.frames(Side::Client) else {
            self.ends[from].failed();
            return;
        };
        self.ends[from].opened();
        if self.ends[from].version.is_some_and(|before| before != packet.version) && !self.google.is_read() {
            self.ends[from].begin_anew();
            self.google.reset();
        }
        self.ends[from].version = Some(packet.version);
        self.identity.begin_public(from, &packet);
        self.frames(from, Frames::new(frames, Dialect::Google), Handshake::Tags, out);
    }

    fn speaker(&self, from: Direction) -> Speaker {
        match self.identity.client {
            Some(client) if client != from => Speaker::Server,
            _ => Speaker::Client,
        }
    }

    fn progress(&self, from: Direction) -> Progress {
        let end = &self.ends[from];
        let lone = end.protected >= LONE_PACKETS || end.datagrams >= LONE_DATAGRAMS;
        let Some(client) = self.identity.client else {
            let lost = self.ends.forward.is_lost() || self.ends.backward.is_lost();
            return match (lone || self.undecided >= UNDECIDED, lost) {
                (true, false) => Progress::NotTls,
                (true, true) if lone => Progress::Over,
                _ if self.ends.forward.is_lost() && self.ends.backward.is_lost() => Progress::Over,
                _ => Progress::Reading,
            };
        };
        let google = self.google.is_read() && {
            let server = &self.ends[client.reverse()];
            server.protected > 0 || server.version.is_some()
        };
        let waits = self.story.awaits_hello() && self.ends[client].is_patient();
        let over = self.ends.forward.is_over() && self.ends.backward.is_over() && !waits;
        if over || google || lone || self.closed { Progress::Over } else { Progress::Reading }
    }
}

/// Protected packets of one direction, after which the other is not waited for.
const LONE_PACKETS: u32 = 64;
/// The same for datagrams of any kind.
const LONE_DATAGRAMS: u32 = 256;
/// So many datagrams may come before one of them can be read.
const UNDECIDED: u32 = 8;
/// What is kept of the buffer between two connections.
const KEPT_CAPACITY: usize = 4 << 10;

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::*;
    use super::*;
    use Direction::{Backward, Forward};

    const CAPS: Caps = Caps { client_hello: 16 << 10, other: 64 << 10 };

    /// What a session told of some datagrams, each from the client (`>`) or the server (`<`).
    struct Run {
        session: Session,
        told: Vec<String>,
        progress: Progress,
    }

    impl Run {
        fn new() -> Self {
            Self { session: Session::new(CAPS), told: Vec::new(), progress: Progress::Reading }
        }

        fn client(self, datagram: &[u8]) -> Self {
            self.push(Forward, datagram, 0)
        }

        fn server(self, datagram: &[u8]) -> Self {
            self.push(Backward, datagram, 0)
        }

        fn push(mut self, from: Direction, datagram: &[u8], cut: u32) -> Self {
            let told = &mut self.told;
            self.progress =
                self.session.push(from, datagram, cut, &mut |from, message| told.push(line(from, &message)));
            self
        }

        fn finish(mut self) -> Self {
            let told = &mut self.told;
            self.session.finish(&mut |from, message| told.push(line(from, &message)));
            self
        }
    }

    fn line(from: Direction, message: &Message<'_>) -> String {
        let side = if from == Forward { '>' } else { '<' };
        let what = match message {
            Message::ClientHello(hello) => {
                let name = String::from_utf8_lossy(hello.server_name.unwrap_or_default());
                format!("hello {name}{}", if hello.is_complete() { "" } else { ", incomplete" })
            }
            Message::ServerHello(_) => "answer".to_owned(),
            Message::HelloRetryRequest(_) => "retry".to_owned(),
            Message::Lost { within, loss } => format!("lost {within:?} {loss:?}"),
            other => format!("{other:?}"),
        };
        format!("{side} {what}")
    }

    fn first(host: &str) -> Vec<u8> {
        client().datagram(&crypto(0, &client_hello(host, 0)))
    }

    fn answer() -> Vec<u8> {
        [server().packet(&crypto(0, &server_hello())), handshake(V1, &CLIENT, &SERVER)].concat()
    }

    fn done() -> Vec<u8> {
        let acknowledgement = client().to(&SERVER).number(1).packet(&[2, 0, 0, 0, 0]);
        [acknowledgement, handshake(V1, &SERVER, &CLIENT)].concat()
    }

    const WHOLE: [&str; 4] = ["> hello a.test", "< answer", "< Secured", "> Secured"];

    #[test]
    fn a_handshake_is_told_and_then_over() {
        let run = Run::new().client(&first("a.test")).server(&answer());
        assert_eq!(run.progress, Progress::Reading);
        let run = run.client(&done());
        assert_eq!((&run.told[..], run.progress), (&WHOLE.map(str::to_owned)[..], Progress::Over));
        let facts = run.session.facts();
        assert_eq!((facts.client, facts.version, facts.original_version), (Some(Forward), V1, None));
        assert_eq!(facts.client_initial_dcid, Some(&DCID[..]));
        assert_eq!((facts.client_scid, facts.server_scid), (Some(&CLIENT[..]), Some(&SERVER[..])));
        let expected = super::super::Seen { initial: true, handshake: true, ..Default::default() };
        assert_eq!(facts.seen.backward, expected);
    }

    #[test]
    fn every_version_with_protected_packets_is_read() {
        let versions = [V1, V2, 0x709a_50c4, 0xface_b001, 0xface_b002, 0xface_b003, 0xface_b011, 0x1a2a_3a4a];
        for version in versions.into_iter().chain(0xff00_0016..=0xff00_0022) {
            let run = Run::new()
                .client(&client().version(version).datagram(&crypto(0, &client_hello("a.test", 0))))
                .server(&server().version(version).packet(&crypto(0, &server_hello())));
            assert_eq!(run.told, ["> hello a.test", "< answer"], "{version:#010x}");
        }
    }

    #[test]
    fn an_answer_that_was_captured_first_is_read_all_the_same() {
        let run = Run::new().server(&answer()).client(&first("a.test")).client(&done());
        let expected = ["> hello a.test", "< answer", "> Secured", "< Secured"];
        assert_eq!(run.told.iter().filter(|told| expected.contains(&&***told)).count(), 4, "{:?}", run.told);
        assert_eq!(run.progress, Progress::Over);
        assert_eq!(run.session.facts().client, Some(Forward));
    }

    #[test]
    fn a_hello_in_shuffled_pieces_of_two_packets_is_put_together() {
        let hello = client_hello("a.test", 1_500);
        let (cut, end) = (700, hello.len());
        let one =
            [crypto(900, &hello[900..cut + 600]), crypto(0, &hello[..300]), crypto(1_300, &hello[1_300..end])].concat();
        let two = [crypto(600, &hello[600..900]), vec![1], crypto(300, &hello[300..600])].concat();
        for order in [[(0, &one), (1, &two)], [(1, &two), (0, &one)]] {
            let run = order
                .iter()
                .fold(Run::new(), |run, (number, frames)| run.client(&client().number(*number).datagram(frames)));
            assert_eq!(run.told, ["> hello a.test"]);
        }
    }

    #[test]
    fn a_client_that_breaks_the_rule_of_eight_bytes_is_read() {
        let hello = client().to(&[]).keyed(&[]).scid(&[]).datagram(&crypto(0, &client_hello("a.test", 0)));
        assert!(Session::may_begin(&hello, 0));
        let answer = server().to(&[]).keyed(&[]).packet(&crypto(0, &server_hello()));
        assert_eq!(Run::new().client(&hello).server(&answer).told, ["> hello a.test", "< answer"]);
    }

    #[test]
    fn a_missing_piece_is_said_and_no_whole_hello_is_told() {
        let hello = client_hello("a.test", 1_500);
        let begun = Run::new().client(&client().datagram(&crypto(0, &hello[..900]))).finish();
        assert_eq!(begun.told, ["> hello a.test, incomplete", "> lost Some(1) Gap"]);
        let headless = Run::new().client(&client().datagram(&crypto(900, &hello[900..]))).finish();
        assert_eq!(headless.told, ["> lost Some(1) Gap"]);
        assert_eq!(headless.finish().told.len(), 1);
    }

    #[test]
    fn a_hello_over_its_cap_is_said() {
        let hello = client_hello("a.test", 20_000);
        let run = hello.chunks(1_000).enumerate().fold(Run::new(), |run, (n, piece)| {
            run.client(&client().number(n as u32).datagram(&crypto(n * 1_000, piece)))
        });
        assert_eq!(run.told, ["> hello , incomplete", "> lost Some(1) Limit"]);
    }

    #[test]
    fn a_second_hello_follows_a_hello_retry_request() {
        let (one, two) = (client_hello("a.test", 0), client_hello("b.test", 0));
        let (ask, answer) = (retry_request(), server_hello());
        let run = Run::new()
            .client(&client().datagram(&crypto(0, &one)))
            .server(&server().packet(&crypto(0, &ask)))
            .client(&client().to(&SERVER).number(1).datagram(&crypto(one.len(), &two)))
            .server(&[server().number(1).packet(&crypto(ask.len(), &answer)), handshake(V1, &CLIENT, &SERVER)].concat())
            .client(&handshake(V1, &SERVER, &CLIENT));
        assert_eq!(run.told, ["> hello a.test", "< retry", "> hello b.test", "< answer", "< Secured", "> Secured"]);
        assert_eq!(run.progress, Progress::Over);
    }

    #[test]
    fn after_a_retry_the_hello_is_told_once_and_the_keys_are_new() {
        let again = client().token(b"token").to(&[0x77; 8]).keyed(&[0x77; 8]);
        let run = Run::new()
            .client(&first("a.test"))
            // A Retry that is not in the capture.
            .client(&again.clone().number(1).datagram(&crypto(0, &client_hello("a.test", 0))))
            .server(&server().keyed(&[0x77; 8]).packet(&crypto(0, &server_hello())));
        assert_eq!(run.told, ["> hello a.test", "< answer"]);
        assert_eq!(run.session.facts().server_scid, Some(&SERVER[..]));
        // A late copy of the first packet changes nothing.
        let run = run.client(&first("a.test")).client(&again.number(2).datagram(&[2, 0, 0, 0, 0]));
        assert_eq!(run.told.len(), 2);
        assert!(!run.session.trace().is_another(&first("a.test"), 0));
    }

    #[test]
    fn after_version_negotiation_the_hello_is_told_once_and_both_versions_are_known() {
        for same_id in [true, false] {
            let id = if same_id { DCID } else { [0x44; 8] };
            let run = Run::new()
                .client(&first("a.test"))
                .server(&negotiation(&[V2, 0x1a2a_3a4a]))
                .client(&client().version(V2).to(&id).keyed(&id).datagram(&crypto(0, &client_hello("b.test", 0))))
                .server(&server().version(V2).keyed(&id).packet(&crypto(0, &server_hello())));
            assert_eq!(run.told, ["> hello a.test", "< answer"], "{same_id}");
            let facts = run.session.facts();
            assert_eq!((facts.version, facts.original_version, facts.version_negotiation), (V2, Some(V1), true));
            assert_eq!(facts.client_initial_dcid, Some(&DCID[..]));
        }
    }

    #[test]
    fn pieces_of_two_attempts_are_not_mixed() {
        let (one, two) = (client_hello("a.test", 1_500), client_hello("b.test", 1_500));
        let run = Run::new()
            .client(&client().datagram(&crypto(0, &one[..900])))
            .server(&negotiation(&[V2]))
            .client(&client().version(V2).datagram(&crypto(900, &two[900..])))
            .client(&client().version(V2).number(1).datagram(&crypto(0, &two[..900])));
        assert_eq!(run.told, ["> hello b.test"]);
    }

    #[test]
    fn a_version_that_both_go_over_to_keeps_the_stream() {
        let (one, two) = (client_hello("a.test", 0), client_hello("b.test", 0));
        let (ask, answer) = (retry_request(), server_hello());
        let run = Run::new()
            .client(&client().datagram(&crypto(0, &one)))
            .server(&server().version(V2).packet(&crypto(0, &ask)))
            .client(&client().version(V2).to(&SERVER).number(1).datagram(&crypto(one.len(), &two)))
            .server(&server().version(V2).number(1).packet(&crypto(ask.len(), &answer)));
        assert_eq!(run.told, ["> hello a.test", "< retry", "> hello b.test", "< answer"]);
        let facts = run.session.facts();
        assert_eq!((facts.version, facts.original_version, facts.version_negotiation), (V2, Some(V1), false));
    }

    #[test]
    fn a_retry_alone_gives_the_keys_of_the_server() {
        // RFC 9001, appendix A.4, whose client has an empty id and whose server is asked again at this one.
        let retry = [&b"\xff\0\0\0\x01\0\x08\xf0\x67\xa5\x50\x2a\x42\x62\xb5token"[..], &[0; 16]].concat();
        let id = [0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42, 0x62, 0xb5];
        let run = Run::new().server(&retry).server(&server().to(&[]).keyed(&id).packet(&crypto(0, &server_hello())));
        assert_eq!(run.told, ["< answer"]);
        assert_eq!((run.session.facts().client, run.session.facts().retry), (Some(Forward), true));
    }

    #[test]
    fn a_crypto_error_in_the_clear_is_an_alert() {
        let run = Run::new().client(&first("a.test")).server(&server().packet(&[0x1c, 0x41, 0x28, 0, 0]));
        assert_eq!(run.told, ["> hello a.test", "< Alert { level: 2, description: 40 }"]);
        assert_eq!(run.progress, Progress::Over);
        let run = Run::new().client(&first("a.test")).server(&server().packet(&[0x1c, 0x02, 0, 0]));
        assert_eq!((run.told.len(), run.progress), (1, Progress::Over));
    }

    #[test]
    fn what_was_cut_is_not_believed() {
        let whole = first("a.test");
        let run = Run::new().push(Forward, &whole[..1_000], whole.len() as u32 - 1_000);
        assert_eq!(run.told, ["> lost None Truncated"]);
        let run = run.push(Backward, &answer()[..60], 100);
        assert_eq!((run.told.len(), run.progress), (2, Progress::Over));
        assert_eq!(run.session.facts().client_initial_dcid, Some(&DCID[..]));
        // The server's part, of which enough came, cannot be read without the client's id.
        let later = client().scid(&[]).to(&SERVER).number(1).datagram(&[2, 0, 0, 0, 0]);
        assert!(!run.session.trace().is_another(&later[..1_000], later.len() as u32 - 1_000));
    }

    #[test]
    fn a_length_beyond_the_datagram_is_no_packet() {
        let whole = first("a.test");
        let run = Run::new().client(&whole[..1_000]);
        assert_eq!((run.told.len(), run.progress), (0, Progress::Reading));
        assert!(!Session::may_begin(&whole[..1_000], 0));
        assert!(Session::may_begin(&whole[..1_000], whole.len() as u32 - 1_000));
    }

    #[test]
    fn noise_is_not_tls_after_a_few_datagrams() {
        let mut garbled = first("a.test");
        *garbled.last_mut().unwrap() ^= 1;
        let run = (0..7).fold(Run::new(), |run, _| run.client(&garbled));
        assert_eq!(run.progress, Progress::Reading);
        assert_eq!(run.client(&garbled).progress, Progress::NotTls);
    }

    #[test]
    fn a_flood_of_packets_that_fail_is_given_up() {
        let run = Run::new().client(&first("a.test"));
        let mut garbled = server().packet(&crypto(0, &server_hello()));
        *garbled.last_mut().unwrap() ^= 1;
        let run = (0..20).fold(run, |run, _| run.server(&garbled));
        assert_eq!(run.told, ["> hello a.test", "< lost None Limit"]);
        let run = run.server(&server().packet(&crypto(0, &server_hello())));
        assert_eq!(run.told.len(), 2);
    }

    #[test]
    fn a_flood_of_packets_that_open_is_given_up() {
        let run = (0..100).fold(Run::new(), |run, n| run.client(&client().number(n).datagram(&[1])));
        assert_eq!(run.told, ["> lost None Limit"]);
        let run = (100..256).fold(run, |run, n| run.client(&client().number(n).datagram(&[1])));
        assert_eq!(run.progress, Progress::Over);
    }

    #[test]
    fn one_side_alone_ends_after_enough_protected_packets() {
        let run = (0..63).fold(Run::new().client(&first("a.test")), |run, _| run.client(&one_rtt()));
        assert_eq!(run.progress, Progress::Reading);
        assert_eq!(run.client(&one_rtt()).progress, Progress::Over);
    }

    #[test]
    fn short_headers_with_a_greased_bit_count_once_it_is_known_who_is_who() {
        let greased = [&[0x1a][..], &[0xcd; 40]].concat();
        let run = Run::new().client(&first("a.test")).server(&answer()).client(&greased);
        assert_eq!(run.told, WHOLE);
    }

    #[test]
    fn a_session_serves_one_connection_after_another() {
        let mut session = Session::new(CAPS);
        for host in ["a.test", "b.test"] {
            let mut told = Vec::new();
            for (from, datagram) in [(Forward, first(host)), (Backward, answer()), (Forward, done())] {
                session.push(from, &datagram, 0, &mut |from, message| told.push(line(from, &message)));
            }
            assert_eq!(told.len(), 4, "{told:?}");
            session.reset();
            assert_eq!((session.facts().version, session.facts().client), (0, None));
        }
    }

    #[test]
    fn another_connection_is_told_from_a_late_packet_of_this_one() {
        let trace = Run::new().client(&first("a.test")).server(&answer()).client(&done()).session.trace();
        let is_another = |datagram: &[u8]| trace.is_another(datagram, 0);
        assert!(!is_another(&first("a.test")));
        assert!(!is_another(&client().to(&SERVER).number(2).datagram(&[1])));
        // With an empty id of its own, as Chromium has.
        assert!(!is_another(&client().to(&SERVER).scid(&[]).number(2).datagram(&[1])));
        assert!(!is_another(&server().datagram(&[1])));
        assert!(!is_another(&answer()) && !is_another(&one_rtt()) && !is_another(&[]));
        assert!(is_another(&client().to(&[0x99; 8]).keyed(&[0x99; 8]).scid(&[]).datagram(&[1])));
        assert!(is_another(&client().to(&[0x99; 8]).keyed(&[0x99; 8]).scid(&[0x98; 3]).datagram(&[1])));
    }

    #[test]
    fn another_connection_is_told_while_this_one_is_read() {
        let mut session = Run::new().client(&first("a.test")).session;
        let mut again = |initial: Initial| session.is_another(Forward, &initial.datagram(&[1]), 0);
        let fresh = || client().to(&[0x99; 8]).keyed(&[0x99; 8]).scid(&[]);
        assert!(again(fresh()) && again(fresh().scid(&[0x98; 3])));
        assert!(!again(fresh().token(b"token")) && !again(fresh().version(V2)) && !again(fresh().scid(&CLIENT)));
        assert!(!again(client()) && !again(server()));
        // What the client sends to an id of the server that is in no packet yet.
        assert!(!again(client().to(&[0x99; 8]).scid(&[])));
        // Before it is known who is the client, nobody can tell.
        let mut session = Run::new().server(&answer()).session;
        assert!(!session.is_another(Forward, &first("a.test"), 0));
    }

    #[test]
    fn what_a_server_says_to_a_retried_client_may_come_first() {
        let again = client().token(b"token").to(&[0x77; 8]).keyed(&[0x77; 8]);
        let run = Run::new()
            .client(&first("a.test"))
            .server(&server().keyed(&[0x77; 8]).packet(&crypto(0, &server_hello())))
            .client(&again.number(1).datagram(&crypto(0, &client_hello("a.test", 0))));
        assert_eq!(run.told, ["> hello a.test", "< answer"]);
    }

    #[test]
    fn datagrams_that_may_begin_a_connection() {
        let hello = first("a.test");
        assert!(Session::may_begin(&hello, 0));
        assert!(Session::may_begin(&server().packet(&crypto(0, &server_hello())), 0));
        assert!(Session::may_begin(&negotiation(&[V1]), 0) && !Session::may_begin(&negotiation(&[0x1234_5678]), 0));
        for never in [&one_rtt()[..], &handshake(V1, &CLIENT, &SERVER), &[], &[0xc0], b"GET / HTTP/1.1\r\n\r\n"] {
            assert!(!Session::may_begin(never, 0));
        }
        // Too small for a client's: it has a token.
        assert!(!Session::may_begin(&client().token(b"token").packet(&[1; 20]), 0));
        // The fixed bit may be greased (RFC 9287).
        assert!(Session::may_begin(&[&[hello[0] & !0x40], &hello[1..]].concat(), 0));
    }

    #[test]
    fn a_hello_of_google_is_a_fact_and_no_message() {
        let chlo = google::testing::chlo(&[(b"PAD\0", &[b'-'; 1_000]), (b"SNI\0", b"a.test"), (b"UAID", b"Chrome/1")]);
        let length = (chlo.len() as u16).to_be_bytes();
        let frames = [&[0xa0, 1][..], &length, &chlo].concat();
        let public = b"\x09\x01\x02\x03\x04\x05\x06\x07\x08Q043\x01";
        let long = b"\xc3Q046\x50\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\x01";
        for (version, header, reply) in [(0x5130_3433, &public[..], &[0x00; 30]), (0x5130_3436, &long[..], &[0x40; 30])]
        {
            let datagram = google::testing::sealed(header, &frames, b"Client");
            assert!(Session::may_begin(&datagram, 0));
            let run = Run::new().client(&datagram);
            assert_eq!((run.told.len(), run.progress), (0, Progress::Reading));
            let facts = run.session.facts();
            assert_eq!((facts.version, facts.client_initial_dcid), (version, Some(&[1, 2, 3, 4, 5, 6, 7, 8][..])));
            assert_eq!(facts.gquic.unwrap().server_name, Some(&b"a.test"[..]));
            assert_eq!(facts.gquic.unwrap().user_agent, Some(&b"Chrome/1"[..]));
            assert!(!run.session.trace().is_another(&datagram, 0));
            assert_eq!(run.server(reply).progress, Progress::Over);
        }
        let crypto = [&[0x08, 0, 0x40 | length[0]][..], &length[1..], &chlo].concat();
        let run = Run::new().client(&client().version(0x5130_3530).datagram(&crypto));
        assert_eq!(run.session.facts().gquic.unwrap().server_name, Some(&b"a.test"[..]));
        assert_eq!(run.server(&server().version(0x5130_3530).packet(&[0x07])).progress, Progress::Over);
    }

    #[test]
    fn a_hello_of_google_that_is_not_whole_is_lost() {
        let chlo = google::testing::chlo(&[(b"PAD\0", &[b'-'; 1_500]), (b"SNI\0", b"a.test")]);
        let frames = [&[0x08, 0, 0x44, 0x00][..], &chlo[..1_024]].concat();
        let run = Run::new().client(&client().version(0x5130_3530).datagram(&frames)).finish();
        assert_eq!(run.told, ["> lost Some(1) Gap"]);
    }

    #[test]
    fn every_prefix_of_a_datagram_is_survived() {
        for datagram in [first("a.test"), answer(), negotiation(&[V1, V2])] {
            for end in 0..datagram.len() {
                for cut in [0, 100, (datagram.len() - end) as u32] {
                    let run = Run::new().client(&datagram[..end]).push(Backward, &datagram[..end], cut).finish();
                    assert!(!run.told.iter().any(|told| told == "> hello a.test"));
                    Session::may_begin(&datagram[..end], cut);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn no_mutation_gives_another_hello(at in 0usize..1_200, with in 1u8..) {
            let mut datagram = first("a.test");
            let at = at % datagram.len();
            datagram[at] ^= with;
            let run = Run::new().client(&datagram).server(&answer()).client(&datagram).finish();
            prop_assert!(run.told.iter().all(|told| !told.contains("hello") || told == "> hello a.test"));
        }

        #[test]
        fn any_frames_are_survived(frames in prop::collection::vec(any::<u8>(), 0..1_100), version in 0usize..3) {
            let version = [V1, 0x5130_3530, 0x5430_3531][version];
            Run::new()
                .client(&client().version(version).datagram(&frames))
                .server(&server().version(version).packet(&[&frames[..], &[0; 20]].concat()))
                .finish();
        }

        #[test]
        fn any_order_of_a_handshake_tells_the_same(order in any::<u64>()) {
            let hello = client_hello("a.test", 2_500);
            let mut datagrams: Vec<(Direction, Vec<u8>)> = hello
                .chunks(900)
                .enumerate()
                .map(|(n, piece)| (Forward, client().number(n as u32).datagram(&crypto(n * 900, piece))))
                .collect();
            datagrams.push((Backward, answer()));
            datagrams.push((Forward, done()));
            let mut state = order | 1;
            for at in (1..datagrams.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                datagrams.swap(at, (state >> 33) as usize % (at + 1));
            }
            let run = datagrams.iter().fold(Run::new(), |run, (from, datagram)| run.push(*from, datagram, 0)).finish();
            let mut told = run.told;
            told.sort();
            prop_assert_eq!(told, ["< Secured", "< answer", "> Secured", "> hello a.test"]);
            prop_assert_eq!(run.progress, Progress::Over);
        }
    }
}
