//! One capture file, pipe or standard input as a [`Source`].
//!
//! In: a path. Out: batches. Regular files are mapped; compressed ones (gzip, zstd: told by their first bytes, not by
//! their name) and everything that is no regular file are streamed. Damage is no error: the packets before it are
//! given, then the end, and [`Input::warning`] tells where it was.
#![forbid(unsafe_code)]

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::batch::{Batch, Fill, Source, Store};
use super::format::{Format, HEAD, Stop, Window};
use super::map::Map;
use super::stream::{End, Pace, Stream};
use super::{Slot, Timestamp};
use crate::Error;

/// A capture that is being read.
pub struct Input {
    path: PathBuf,
    format: Format,
    body: Body,
    warning: Option<Warning>,
    ended: bool,
}

enum Body {
    Map { map: Map, position: u64 },
    Stream { stream: Stream, coding: Coding, consumed: Consumed },
}

/// How the bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Gzip,
    Zstd,
}

/// What a progress bar wants to know of a stream.
enum Consumed {
    /// Compressed bytes taken from a file of so many.
    Of {
        read: Arc<AtomicU64>,
        total: u64,
    },
    Unknown,
}

/// Where a capture ended before its end. Its text is one line for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub path: PathBuf,
    pub damage: Damage,
    /// Bytes from the capture's start (unpacked) to the record that could not be read.
    pub offset: u64,
    pub why: String,
}

/// What was wrong with a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It ends inside a record.
    CutOff,
    /// It says something that cannot be.
    Damaged,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Warning { path, damage, offset, why } = self;
        let damage = match damage {
            Damage::CutOff => "cut off",
            Damage::Damaged => "damaged",
        };
        write!(f, "{}: {damage} at byte {offset}: {why}; events up to there are complete", path.display())
    }
}

impl Input {
    /// Opens a path; `-` is standard input. Blocks on a pipe until its first bytes have come.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Self::stream(PathBuf::from("standard input"), Box::new(io::stdin()));
        }
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        if !metadata.is_file() {
            return Self::stream(path.to_owned(), Box::new(file));
        }
        let head = head(&mut file).map_err(failed)?;
        let coding = Coding::of(&head);
        if coding == Coding::Plain {
            let (format, position) = detect(path, &head)?;
            let map = Map::of(&file).map_err(failed)?;
            let body = Body::Map { map, position };
            return Ok(Self { path: path.to_owned(), format, body, warning: None, ended: false });
        }
        file.rewind().map_err(failed)?;
        let read = Arc::new(AtomicU64::new(0));
        let reader = coding.unpack(Box::new(Counted { file, read: Arc::clone(&read) })).map_err(failed)?;
        let consumed = Consumed::Of { read, total: metadata.len() };
        Self::begin(path.to_owned(), Stream::new(reader, Pace::Full), coding, consumed)
    }

    /// Reads from anything that is not a regular file; `path` is only its name.
    pub fn stream(path: PathBuf, mut reader: Box<dyn Read + Send>) -> Result<Self, Error> {
        let head = match head(&mut reader) {
            Ok(head) => head,
            Err(source) => return Err(Error::Read { path, source }),
        };
        let coding = Coding::of(&head);
        match coding.unpack(Box::new(io::Cursor::new(head).chain(reader))) {
            Ok(reader) => Self::begin(path, Stream::new(reader, Pace::AsItComes), coding, Consumed::Unknown),
            Err(source) => Err(Error::Read { path, source }),
        }
    }

    fn begin(path: PathBuf, mut stream: Stream, coding: Coding, consumed: Consumed) -> Result<Self, Error> {
        let enough = stream.refill(HEAD as u64);
        if !enough && let Some(End::Failed(error)) = stream.take_end() {
            return Err(match coding {
                Coding::Plain => Error::Read { path, source: error },
                _ => Error::NotACapture { path, why: format!("its compressed data cannot be unpacked: {error}") },
            });
        }
        let (format, position) = detect(&path, stream.rest())?;
        stream.move_to(position);
        let body = Body::Stream { stream, coding, consumed };
        Ok(Self { path, format, body, warning: None, ended: false })
    }

    /// The path, or the name that stands for it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the capture calls an interface of it, where it says so.
    pub fn interface_name(&self, interface: u16) -> Option<&str> {
        self.format.interface_name(interface)
    }

    /// Where the capture was damaged, once its end was reached.
    pub fn warning(&self) -> Option<&Warning> {
        self.warning.as_ref()
    }

    /// Bytes of the file read so far: packed bytes where it is compressed.
    pub fn position(&self) -> u64 {
        match &self.body {
            Body::Map { map, position } => (*position).min(map.bytes().len() as u64),
            Body::Stream { consumed: Consumed::Of { read, .. }, .. } => read.load(Ordering::Relaxed),
            Body::Stream { stream, .. } => stream.offset(),
        }
    }

    /// Bytes of the file; `None` for a pipe.
    pub fn total(&self) -> Option<u64> {
        match &self.body {
            Body::Map { map, .. } => Some(map.bytes().len() as u64),
            Body::Stream { consumed: Consumed::Of { total, .. }, .. } => Some(*total),
            Body::Stream { .. } => None,
        }
    }

    /// The time of the first packet, to put captures in order. Takes the input: it has moved on.
    pub(super) fn first_time(mut self) -> Option<Timestamp> {
        let mut batch = Batch::new();
        self.fill_up_to(1, &mut batch).ok()?;
        batch.slots.first().map(|slot| slot.ts)
    }

    fn fill_up_to(&mut self, slots_max: usize, batch: &mut Batch) -> Result<Fill, Error> {
        batch.slots.clear();
        while !self.ended {
            let stop = self.walk(slots_max, &mut batch.slots);
            if !batch.slots.is_empty() {
                batch.store = self.store();
                return Ok(Fill::More);
            }
            match stop {
                Stop::Full => {}
                Stop::Damaged(why) => self.warn(Damage::Damaged, why),
                Stop::Need(need) => {
                    let more = match &mut self.body {
                        Body::Map { .. } => false,
                        Body::Stream { stream, .. } => {
                            batch.store = stream.no_store();
                            stream.refill(need)
                        }
                    };
                    if !more {
                        self.finish(need)?;
                    }
                }
            }
        }
        Ok(Fill::End)
    }

    fn walk(&mut self, slots_max: usize, slots: &mut Vec<Slot>) -> Stop {
        match &mut self.body {
            Body::Map { map, position } => {
                let start = *position;
                loop {
                    let mut window = Window { store: map.touched(), position: *position };
                    let stop = self.format.walk(&mut window, slots, slots_max);
                    *position = window.position;
                    match stop {
                        Stop::Need(_) if *position >= start.saturating_add(BATCH_BYTES) && !slots.is_empty() => {
                            return Stop::Full;
                        }
                        Stop::Need(need) if map.touched().len() < map.bytes().len() => {
                            map.touch(position.saturating_add(need));
                        }
                        stop => return stop,
                    }
                }
            }
            Body::Stream { stream, .. } => {
                let mut window = stream.window();
                let stop = self.format.walk(&mut window, slots, slots_max);
                let position = window.position;
                stream.move_to(position);
                stop
            }
        }
    }

    fn store(&self) -> Store {
        match &self.body {
            Body::Map { map, .. } => Store::Map(Arc::clone(map.bytes())),
            Body::Stream { stream, .. } => stream.store(),
        }
    }

    /// No more bytes than these come: is that the capture's end, or was it cut off?
    fn finish(&mut self, need: u64) -> Result<(), Error> {
        let (position, end) = match &self.body {
            Body::Map { map, position } => (*position, map.bytes().len() as u64),
            Body::Stream { stream, .. } => (stream.offset(), stream.read()),
        };
        if let Body::Stream { stream, coding, .. } = &mut self.body
            && let Some(End::Failed(source)) = stream.take_end()
        {
            let damage = match source.kind() {
                io::ErrorKind::UnexpectedEof => Damage::CutOff,
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => Damage::Damaged,
                _ => return Err(Error::Read { path: self.path.clone(), source }),
            };
            if *coding == Coding::Plain {
                return Err(Error::Read { path: self.path.clone(), source });
            }
            self.warn(damage, format!("its compressed data: {source}"));
        } else if position > end {
            self.warn(Damage::CutOff, format!("the last {} bytes of a block are not there", position - end));
        } else if position < end {
            self.warn(Damage::CutOff, format!("{} of {need} bytes of a record", end - position));
        }
        self.ended = true;
        Ok(())
    }

    fn warn(&mut self, damage: Damage, why: String) {
        let offset = match &self.body {
            Body::Map { map, position } => (*position).min(map.bytes().len() as u64),
            Body::Stream { stream, .. } => stream.offset().min(stream.read()),
        };
        self.ended = true;
        self.warning = Some(Warning { path: self.path.clone(), damage, offset, why });
    }
}

impl Source for Input {
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
        if let Body::Map { map, position } = &mut self.body {
            map.reach(*position);
        }
        self.fill_up_to(BATCH_SLOTS, batch)
    }
}

impl Coding {
    pub(super) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A zstd frame, or one to be skipped before it (RFC 8878, section 3.1).
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::Plain,
        }
    }

    fn unpack(self, reader: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Plain => reader,
            Self::Gzip => {
                Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(PACKED_BLOCK, reader)))
            }
            Self::Zstd => {
                Box::new(zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(PACKED_BLOCK, reader))?)
            }
        })
    }
}

/// What is in a file, unpacked where gzip or zstd packed it.
pub fn unpacked(mut file: File) -> io::Result<Box<dyn Read + Send>> {
    let head = head(&mut file)?;
    Coding::of(&head).unpack(Box::new(io::Cursor::new(head).chain(file)))
}

/// A file that tells how much of it was read.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

fn detect(path: &Path, head: &[u8]) -> Result<(Format, u64), Error> {
    let head = head.get(..HEAD).unwrap_or(head);
    Format::detect(head).map_err(|why| Error::NotACapture { path: path.to_owned(), why })
}

/// The first bytes of a reader: fewer than [`HEAD`] only if it has no more.
fn head(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    reader.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Packets of a batch: enough to make handing it on cheap, few enough for their headers to stay in the cache.
const BATCH_SLOTS: usize = 2048;

/// Bytes of a map that a batch spans, roughly, so that its packets are decoded while they are in the cache.
const BATCH_BYTES: u64 = 256 << 10;

/// Packed bytes read at once.
const PACKED_BLOCK: usize = 256 << 10;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;
    use tempfile::NamedTempFile;

    use super::super::record::Order;
    use super::super::testing::{Section, pcap};
    use super::*;

    /// Gives its bytes `step` at a time.
    struct Trickle {
        bytes: io::Cursor<Vec<u8>>,
        step: usize,
    }

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let step = self.step.min(buffer.len());
            self.bytes.read(&mut buffer[..step])
        }
    }

    type Frames = Vec<(i64, u16, u32, Vec<u8>)>;

    fn read(mut input: Input) -> (Frames, Option<Warning>) {
        let mut batch = Batch::new();
        let mut frames = Frames::new();
        while input.fill(&mut batch).unwrap() == Fill::More {
            frames.extend(batch.frames().map(|f| (f.ts.0, f.link.0, f.wire_len, f.data.to_vec())));
        }
        assert!(batch.slots.is_empty());
        assert_eq!(input.fill(&mut batch).unwrap(), Fill::End);
        (frames, input.warning().cloned())
    }

    fn file(bytes: &[u8]) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn mapped(bytes: &[u8]) -> Result<Input, Error> {
        Input::open(file(bytes).path())
    }

    fn trickled(bytes: &[u8], step: usize) -> Result<Input, Error> {
        let reader = Trickle { bytes: io::Cursor::new(bytes.to_vec()), step };
        Input::stream(PathBuf::from("pipe"), Box::new(reader))
    }

    fn capture() -> Vec<u8> {
        let mut file = pcap(Order::Little);
        for i in 0..3000u32 {
            file = file.packet(i, i, &vec![i as u8; (i % 1500) as usize]);
        }
        file.bytes
    }

    fn capture_ng() -> Vec<u8> {
        let mut section = Section::new(Order::Big).interface(1, &[]).interface(101, &[(9, &[9])]);
        for i in 0..300u32 {
            section =
                section.packet(i % 2, u64::from(i), &vec![i as u8; (i % 150) as usize]).other(5, &vec![0; i as usize]);
        }
        section.bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_stream_in_any_steps_gives_what_the_map_gives() {
        for bytes in [capture(), capture_ng()] {
            let (expected, warning) = read(mapped(&bytes).unwrap());
            assert!(expected.len() >= 300);
            assert_eq!(warning, None);
            for step in [1, 7, 1000, 65_536, usize::MAX] {
                assert!(read(trickled(&bytes, step).unwrap()) == (expected.clone(), None), "{step}");
            }
        }
    }

    #[test]
    fn gzip_and_zstd_are_unpacked_by_their_first_bytes() {
        let bytes = capture();
        let (expected, _) = read(mapped(&bytes).unwrap());
        let (one, two) = bytes.split_at(100_000);
        let members = [gzip(one), gzip(two)].concat();
        let frames = [zstd::encode_all(one, 1).unwrap(), zstd::encode_all(two, 1).unwrap()].concat();
        for packed in [members, frames] {
            assert!(read(mapped(&packed).unwrap()) == (expected.clone(), None));
            assert!(read(trickled(&packed, 100).unwrap()) == (expected.clone(), None));
        }
    }

    #[test]
    fn a_file_cut_off_gives_all_packets_before() {
        let bytes = capture();
        let (all, _) = read(mapped(&bytes).unwrap());
        for cut in [1, 5, 1400, 100_000] {
            let kept = &bytes[..bytes.len() - cut];
            let (frames, warning) = read(mapped(kept).unwrap());
            let warning = warning.unwrap();
            assert_eq!(frames, all[..frames.len()]);
            assert_eq!(warning.damage, Damage::CutOff);
            let (streamed, same) = read(trickled(kept, 1000).unwrap());
            assert_eq!((streamed, same.unwrap().offset), (frames, warning.offset));
        }
    }

    #[test]
    fn the_warning_is_one_clear_line() {
        let bytes = pcap(Order::Little).packet(1, 1, b"one").packet(1, 1, b"two").bytes;
        let (_, warning) = read(trickled(&bytes[..50], 100).unwrap());
        let line = "pipe: cut off at byte 43: 7 of 16 bytes of a record; events up to there are complete";
        assert_eq!(warning.unwrap().to_string(), line);
        let (_, warning) = read(trickled(&bytes[..60], 100).unwrap());
        assert!(warning.unwrap().to_string().contains("17 of 19 bytes of a record"));
        let mut bytes = bytes;
        bytes.extend([0xff; 16]);
        let (frames, warning) = read(mapped(&bytes).unwrap());
        assert_eq!(frames.len(), 2);
        assert!(warning.unwrap().to_string().contains("damaged at byte 62: a packet record claims 4294967295 bytes"));
    }

    #[test]
    fn a_block_that_reaches_behind_the_end_is_cut_off() {
        let mut bytes = Section::new(Order::Little).interface(1, &[]).packet(0, 1, b"x").bytes;
        bytes.extend([5, 0, 0, 0, 0, 0, 0, 0x10, 1, 2, 3, 4]);
        for input in [mapped(&bytes).unwrap(), trickled(&bytes, 10).unwrap()] {
            let (frames, warning) = read(input);
            assert_eq!(frames.len(), 1);
            let warning = warning.unwrap();
            assert_eq!((warning.damage, warning.offset), (Damage::CutOff, bytes.len() as u64));
            assert!(warning.why.contains("268435444 bytes"), "{}", warning.why);
        }
    }

    #[test]
    fn compressed_data_cut_off_gives_all_packets_before() {
        for packed in [gzip(&capture()), zstd::encode_all(&capture()[..], 1).unwrap()] {
            let (frames, warning) = read(mapped(&packed[..packed.len() / 2]).unwrap());
            assert!(frames.len() > 100, "{}", frames.len());
            assert_eq!(warning.unwrap().damage, Damage::CutOff);
        }
    }

    #[test]
    fn compressed_data_that_was_changed_is_damage() {
        let mut packed = gzip(&capture());
        let middle = packed.len() / 2;
        packed[middle..middle + 50].fill(0xff);
        let (_, warning) = read(mapped(&packed).unwrap());
        assert_eq!(warning.unwrap().damage, Damage::Damaged);
    }

    #[test]
    fn what_is_no_capture_is_named() {
        for (bytes, words) in [(&b""[..], "the file is empty"), (b"%PDF-1.7 ...", "PDF"), (b"hello\n", "text")] {
            let error = mapped(bytes).err().unwrap();
            assert!(matches!(&error, Error::NotACapture { why, .. } if why.contains(words)), "{error}");
            assert!(trickled(bytes, 1).is_err());
            assert!(mapped(&gzip(bytes)).is_err());
        }
        assert!(matches!(Input::open(Path::new("/no/such/file")), Err(Error::Read { .. })));
        assert!(matches!(Input::open(Path::new("/")), Err(Error::Read { .. })));
        assert!(mapped(&gzip(&gzip(&capture()))).err().unwrap().to_string().contains("twice"));
        assert!(mapped(&[0x1f, 0x8b, 0, 0, 0]).is_err());
    }

    #[test]
    fn a_capture_without_packets_is_an_end() {
        let bytes = pcap(Order::Big).bytes;
        assert_eq!(read(mapped(&bytes).unwrap()), (Vec::new(), None));
    }

    #[test]
    fn a_packet_longer_than_a_block_is_carried() {
        let bytes = pcap(Order::Little).packet(1, 1, &vec![7; 3 << 20]).packet(2, 2, b"after").bytes;
        let (frames, warning) = read(trickled(&bytes, 100_000).unwrap());
        assert_eq!(frames.iter().map(|f| f.3.len()).collect::<Vec<_>>(), [3 << 20, 5]);
        assert_eq!(warning, None);
    }

    #[test]
    fn blocks_are_used_again() {
        let bytes = capture();
        let mut input = trickled(&bytes, usize::MAX).unwrap();
        let mut batch = Batch::new();
        while input.fill(&mut batch).unwrap() == Fill::More {}
        let Body::Stream { stream, .. } = &input.body else { panic!("mapped") };
        assert!(stream.handed_out.len() <= 1, "{}", stream.handed_out.len());
    }

    #[test]
    fn progress_is_told_in_bytes_of_the_file() {
        let bytes = capture();
        let packed = gzip(&bytes);
        for file_bytes in [&bytes, &packed] {
            let mut input = mapped(file_bytes).unwrap();
            assert_eq!(input.total(), Some(file_bytes.len() as u64));
            let mut batch = Batch::new();
            while input.fill(&mut batch).unwrap() == Fill::More {
                assert!(input.position() <= file_bytes.len() as u64);
            }
            assert_eq!(input.position(), file_bytes.len() as u64);
        }
        assert_eq!(trickled(&bytes, 9).unwrap().total(), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_damaged_stream_ends_where_the_damaged_map_does(
            at in 24usize..3000, value in any::<u8>(), step in 1usize..500, ng in any::<bool>(),
        ) {
            let mut bytes = if ng { capture_ng() } else { capture() };
            bytes.truncate(4000);
            bytes[at] = value;
            let ((map, one), (stream, two)) = (read(mapped(&bytes).unwrap()), read(trickled(&bytes, step).unwrap()));
            prop_assert!(map == stream);
            prop_assert_eq!(one.map(|w| (w.damage, w.offset, w.why)), two.map(|w| (w.damage, w.offset, w.why)));
        }
    }
}
