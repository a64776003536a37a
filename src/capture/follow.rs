//! A capture file that is still being written, followed as `tail -F` does.
//!
//! In: a path. Out: batches, as records are whole; what is there of a record that is not waits for the rest. A file in the
//! place of the one that was followed is read from its start, and so is one that was cut short. Looks ten times a second:
//! that costs next to nothing, and works where nobody is told of changes (network file systems).
#![forbid(unsafe_code)]

use std::fs::{self, File, Metadata};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::batch::{Batch, Fill, Source};
use super::file::Coding;
use super::format::{Format, HEAD, Stop};
use super::quiet::Quiet;
use super::stream::{End, Pace, Stream};
use crate::Error;

/// A capture that grows. It is followed until `stop` is set; what is there by then is still given.
pub struct Follow {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    opened: Option<Opened>,
    /// Whether a capture was read at all: from then on a file that is none is waited out.
    has_begun: bool,
    /// It was said that there is no file.
    is_missed: bool,
    quiet: Quiet,
    remarks: Vec<String>,
}

/// The file as it was found.
struct Opened {
    file: File,
    identity: Option<(u64, u64)>,
    stream: Stream,
    format: State,
    /// Another file is in its place: it is left at its end.
    is_left: bool,
    /// After the stop, bytes that were there by the time of it.
    until: Option<u64>,
}

enum State {
    /// Its first bytes are still to come.
    Unknown,
    Known(Format),
    /// Nothing more can be read in it.
    Broken,
}

/// What a look at the file has brought.
enum Found {
    Packets,
    /// What there is was read.
    Nothing,
}

impl Follow {
    /// # Errors
    /// There is something at the path that is no regular file. Where there is nothing, it is waited for.
    pub fn new(path: &Path, stop: Arc<AtomicBool>) -> Result<Self, Error> {
        let why = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => "a folder cannot be followed: name a file of it",
            Ok(metadata) if !metadata.is_file() => "no regular file: it is read as it comes without --follow",
            _ => {
                let path = path.to_owned();
                let (opened, quiet, remarks) = (None, Quiet::default(), Vec::new());
                return Ok(Self { path, stop, opened, has_begun: false, is_missed: false, quiet, remarks });
            }
        };
        Err(Error::Input(format!("{}: {why}", path.display())))
    }

    /// Lines about what happened to the file, each once.
    pub fn take_remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }

    /// Puts in the next packets, if there are any.
    fn look(&mut self, batch: &mut Batch) -> Result<Found, Error> {
        loop {
            if self.opened.is_none() && !self.open()? {
                return Ok(Found::Nothing);
            }
            let Some(opened) = &mut self.opened else { return Ok(Found::Nothing) };
            if let Found::Packets = opened.read(batch, &self.path, &mut self.remarks, &mut self.has_begun)? {
                return Ok(Found::Packets);
            }
            if !self.has_changed()? {
                return Ok(Found::Nothing);
            }
        }
    }

    /// Opens what is at the path, if there is something.
    fn open(&mut self) -> Result<bool, Error> {
        let failed = |source| Error::Read { path: self.path.clone(), source };
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.miss();
                return Ok(false);
            }
            Err(error) => return Err(failed(error)),
        };
        let metadata = file.metadata().map_err(failed)?;
        let reader = file.try_clone().map_err(failed)?;
        self.is_missed = false;
        self.opened = Some(Opened {
            identity: identity(&metadata),
            file,
            stream: Stream::new(Box::new(reader), Pace::AsItComes),
            format: State::Unknown,
            is_left: false,
            until: None,
        });
        Ok(true)
    }

    fn miss(&mut self) {
        if !std::mem::replace(&mut self.is_missed, true) {
            self.remarks.push(format!("{}: it is not there; it is waited for", self.path.display()));
        }
    }

    /// Looks, at the end of the file, whether it is still the one to be followed; `true` where there may be more at once.
    fn has_changed(&mut self) -> Result<bool, Error> {
        let Some(opened) = &mut self.opened else { return Ok(false) };
        let path = self.path.display();
        let failed = |source| Error::Read { path: self.path.clone(), source };
        if opened.is_left {
            let lost = opened.lost();
            self.remarks.push(format!("{path}: another file is in its place, and is read from its start{lost}"));
            self.opened = None;
            return Ok(true);
        }
        if opened.file.metadata().map_err(failed)?.len() < opened.stream.read() {
            let lost = opened.lost();
            self.remarks.push(format!("{path}: it was cut short, and is read from its start{lost}"));
            self.opened = None;
            return Ok(true);
        }
        match fs::metadata(&self.path) {
            // What its writer has written since it was looked at is still read.
            Ok(metadata) => {
                opened.is_left = identity(&metadata) != opened.identity;
                self.is_missed = false;
                Ok(opened.is_left)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.miss();
                Ok(false)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Whether all was given that was there when the stop came.
    fn is_past_the_stop(&mut self) -> Result<bool, Error> {
        let Some(opened) = &mut self.opened else { return Ok(false) };
        let until = match opened.until {
            Some(until) => until,
            None => {
                let failed = |source| Error::Read { path: self.path.clone(), source };
                *opened.until.insert(opened.file.metadata().map_err(failed)?.len())
            }
        };
        Ok(opened.stream.offset() >= until)
    }

    fn end(&mut self) -> Fill {
        if let Some(lost) = self.opened.take().map(|opened| opened.lost()).filter(|lost| !lost.is_empty()) {
            self.remarks.push(format!("{}: the end{lost}", self.path.display()));
        }
        Fill::End
    }
}

impl Source for Follow {
    /// Waits a tenth of a second where there is nothing new.
    fn fill(&mut self, batch: &mut Batch) -> Result<Fill, Error> {
        let asked = Instant::now();
        batch.slots.clear();
        let stops = self.stop.load(Ordering::Relaxed);
        // Its writer may be faster than this is.
        if stops && self.is_past_the_stop()? {
            return Ok(self.end());
        }
        if let Found::Packets = self.look(batch)? {
            return Ok(self.quiet.told(asked, Fill::More, batch));
        }
        if stops {
            return Ok(self.end());
        }
        thread::sleep(PATIENCE);
        Ok(self.quiet.told(asked, Fill::More, batch))
    }
}

impl Opened {
    fn read(
        &mut self,
        batch: &mut Batch,
        path: &Path,
        remarks: &mut Vec<String>,
        has_begun: &mut bool,
    ) -> Result<Found, Error> {
        loop {
            let need = match &mut self.format {
                State::Broken => return Ok(Found::Nothing),
                State::Unknown if self.stream.rest().len() < HEAD => HEAD as u64,
                State::Unknown => {
                    let head = self.stream.rest();
                    let detected = match Coding::of(head) {
                        Coding::Plain => Format::detect(head.get(..HEAD).unwrap_or(head)),
                        _ => Err("it is compressed: it can be read, but not followed".to_owned()),
                    };
                    match detected {
                        Ok((format, position)) => {
                            *has_begun = true;
                            self.stream.move_to(position);
                            self.format = State::Known(format);
                        }
                        Err(why) if *has_begun => {
                            remarks.push(format!("{}: not a capture: {why}; another is waited for", path.display()));
                            self.format = State::Broken;
                        }
                        Err(why) => return Err(Error::NotACapture { path: path.to_owned(), why }),
                    }
                    continue;
                }
                State::Known(format) => {
                    let mut window = self.stream.window();
                    let stop = format.walk(&mut window, &mut batch.slots, BATCH_SLOTS);
                    let position = window.position;
                    self.stream.move_to(position);
                    if !batch.slots.is_empty() {
                        batch.store = self.stream.store();
                        return Ok(Found::Packets);
                    }
                    match stop {
                        Stop::Need(need) => need,
                        Stop::Full => continue,
                        Stop::Damaged(why) => {
                            let offset = self.stream.offset();
                            let path = path.display();
                            remarks.push(format!("{path}: damaged at byte {offset}: {why}; another is waited for"));
                            self.format = State::Broken;
                            continue;
                        }
                    }
                }
            };
            batch.store = self.stream.no_store();
            if !self.stream.refill(need) {
                return match self.stream.take_end() {
                    Some(End::Failed(source)) => Err(Error::Read { path: path.to_owned(), source }),
                    // More may come.
                    _ => Ok(Found::Nothing),
                };
            }
        }
    }

    /// What is said of a record that was not whole.
    fn lost(&self) -> String {
        match (&self.format, self.stream.rest().len()) {
            (State::Broken, _) | (_, 0) => String::new(),
            (_, bytes) => format!("; {bytes} bytes of a record were without the rest of it"),
        }
    }
}

/// What tells a file from another one at the same path.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

const BATCH_SLOTS: usize = 2048;
const PATIENCE: Duration = Duration::from_millis(100);

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::io::Write;

    use super::super::record::Order;
    use super::super::testing::{Section, pcap};
    use super::*;

    struct Watched {
        folder: tempfile::TempDir,
        stop: Arc<AtomicBool>,
        follow: Follow,
    }

    impl Watched {
        fn new(bytes: Option<&[u8]>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("growing");
            if let Some(bytes) = bytes {
                fs::write(&path, bytes).unwrap();
            }
            let stop = Arc::default();
            let follow = Follow::new(&path, Arc::clone(&stop)).unwrap();
            Self { folder, stop, follow }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("growing")
        }

        fn append(&self, bytes: &[u8]) {
            File::options().append(true).open(self.path()).unwrap().write_all(bytes).unwrap();
        }

        /// The packets that come at once.
        fn packets(&mut self) -> Vec<Vec<u8>> {
            let (mut batch, mut packets) = (Batch::new(), Vec::new());
            loop {
                let fill = self.follow.fill(&mut batch).unwrap();
                assert_ne!(fill, Fill::End);
                if batch.slots.is_empty() {
                    return packets;
                }
                packets.extend(batch.frames().map(|frame| frame.data.to_vec()));
            }
        }

        fn remark(&mut self) -> String {
            let remarks = self.follow.take_remarks();
            assert_eq!(remarks.len(), 1, "{remarks:?}");
            remarks[0].clone()
        }
    }

    fn capture(packets: &[&[u8]]) -> Vec<u8> {
        packets.iter().fold(pcap(Order::Little), |file, data| file.packet(1, 0, data)).bytes
    }

    #[test]
    fn a_record_is_given_when_it_is_whole_wherever_it_was_cut() {
        let pcapng = Section::new(Order::Big).interface(1, &[]).packet(0, 1, b"first").packet(0, 2, b"second").bytes;
        for whole in [capture(&[b"first", b"second"]), pcapng] {
            for cut in 0..whole.len() {
                let mut watched = Watched::new(Some(&whole[..cut]));
                let mut packets = Vec::new();
                let mut batch = Batch::new();
                // Without a wait, which a look at the end of the file would be.
                while let Found::Packets = watched.follow.look(&mut batch).unwrap() {
                    packets.extend(batch.frames().map(|frame| frame.data.to_vec()));
                    batch.slots.clear();
                }
                watched.append(&whole[cut..]);
                while let Found::Packets = watched.follow.look(&mut batch).unwrap() {
                    packets.extend(batch.frames().map(|frame| frame.data.to_vec()));
                    batch.slots.clear();
                }
                assert_eq!(packets, [&b"first"[..], b"second"], "{cut}");
                assert_eq!(watched.follow.take_remarks(), Vec::<String>::new());
            }
        }
    }

    #[test]
    fn a_file_in_its_place_is_read_from_its_start_after_the_rest_of_the_old_one() {
        let mut watched = Watched::new(Some(&capture(&[b"one"])));
        assert_eq!(watched.packets(), [b"one"]);
        let writer = File::options().append(true).open(watched.path()).unwrap();
        fs::rename(watched.path(), watched.folder.path().join("old")).unwrap();
        assert_eq!(watched.packets(), Vec::<Vec<u8>>::new());
        assert!(watched.remark().ends_with("growing: it is not there; it is waited for"));
        let record = &capture(&[b"two", b"cut off"])[24..];
        (&writer).write_all(&record[..record.len() - 3]).unwrap();
        fs::write(watched.path(), capture(&[b"three"])).unwrap();
        assert_eq!(watched.packets(), [&b"two"[..], b"three"]);
        let remark = watched.remark();
        let expected = "another file is in its place, and is read from its start; 20 bytes of a record were without";
        assert!(remark.contains(expected), "{remark}");
    }

    #[test]
    fn a_file_that_is_cut_short_is_read_from_its_start() {
        let mut watched = Watched::new(Some(&capture(&[b"a long one", b"another"])));
        assert_eq!(watched.packets().len(), 2);
        fs::write(watched.path(), capture(&[b"new"])).unwrap();
        assert_eq!(watched.packets(), [b"new"]);
        assert!(watched.remark().contains("it was cut short, and is read from its start"));
    }

    #[test]
    fn what_is_there_when_the_stop_comes_is_still_given() {
        let mut watched = Watched::new(None);
        assert_eq!(watched.packets(), Vec::<Vec<u8>>::new());
        let whole = capture(&[b"one", b"two"]);
        fs::write(watched.path(), &whole[..whole.len() - 1]).unwrap();
        watched.stop.store(true, Ordering::Relaxed);
        let mut batch = Batch::new();
        assert_eq!(watched.follow.fill(&mut batch).unwrap(), Fill::More);
        assert_eq!(batch.slots.len(), 1);
        assert_eq!(watched.follow.fill(&mut batch).unwrap(), Fill::End);
        assert!(watched.follow.take_remarks()[1].contains("18 bytes of a record"));
    }

    #[test]
    fn what_is_no_capture_is_an_error_at_first_and_waited_out_later() {
        let mut text = Watched::new(Some(b"this is text, and more than a few bytes of it"));
        let error = text.follow.fill(&mut Batch::new()).unwrap_err().to_string();
        assert!(error.contains("it is text"), "{error}");
        let mut packed = Watched::new(Some(&[0x1f, 0x8b].repeat(20)));
        let error = packed.follow.fill(&mut Batch::new()).unwrap_err().to_string();
        assert!(error.contains("it can be read, but not followed"), "{error}");
        let mut watched = Watched::new(Some(&capture(&[b"one"])));
        watched.append(&[0xff; 40]);
        assert_eq!(watched.packets(), [b"one"]);
        assert!(watched.remark().contains("damaged at byte 43"));
        fs::rename(watched.path(), watched.folder.path().join("old")).unwrap();
        fs::write(watched.path(), capture(&[b"two"])).unwrap();
        assert_eq!(watched.packets(), [b"two"]);
    }

    #[test]
    fn folders_cannot_be_followed() {
        let folder = tempfile::tempdir().unwrap();
        let error = Follow::new(folder.path(), Arc::default()).err().unwrap().to_string();
        assert!(error.contains("a folder cannot be followed"), "{error}");
    }
}
