//! The rolling capture: packets that a sensor saw, in a ring of pcapng files, so that an alert can be opened in Wireshark.
//!
//! In: frames, from the threads that read them. Out: files, written by a thread of its own. Who reads packets is never stalled:
//! it puts them, as blocks of the file, into chunks that are made beforehand, and what finds no chunk is dropped and counted
//! ([`Kept`]). A thread's packets stay in their order; those of different threads may lie a second apart
//! from it. Parts of IP datagrams are kept by one of the threads that share a reader, whosever flow they are of.

mod folder;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::Error;
use crate::capture::write::{self, Described};
use crate::capture::{Frame, LinkType};
use crate::stats::Kept;

use folder::Folder;

/// What is kept, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Made if it is not there.
    pub folder: PathBuf,
    /// What the files may take together, those of earlier runs too; at least [`BYTES_MIN`].
    pub max_bytes: u64,
    pub what: What,
    /// The interfaces that packets come by, in the order of their places.
    pub interfaces: Vec<Described>,
}

/// Which packets are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Those that are read: of a flow, from its first to the one after which nothing more can be learnt of it. Of datagrams
    /// that come in parts every part, since whose they are shows with the last.
    Handshakes,
    All,
}

/// A rolling capture.
#[derive(Debug)]
pub struct Keep {
    feed: Feed,
    folder: PathBuf,
    ended: Receiver<()>,
}

/// Where threads that read get their [`Keeper`]s.
#[derive(Debug, Clone)]
pub struct Feed {
    what: What,
    links: Arc<[LinkType]>,
    free: Receiver<Chunk>,
    full: Sender<Chunk>,
    kept: Arc<Kept>,
}

/// Takes the packets of one thread.
#[derive(Debug)]
pub struct Keeper {
    feed: Feed,
    chunk: Option<Chunk>,
    /// When the chunk's first packet came.
    since: Instant,
}

/// Whole blocks of packets.
#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    packets: u64,
}

impl Keep {
    /// Opens the folder and begins a file in it; `kept` is counted from then on.
    ///
    /// # Errors
    /// The folder cannot be written to, or another run keeps packets in it.
    pub fn open(options: Options, kept: Arc<Kept>) -> Result<Self, Error> {
        let Options { folder: path, max_bytes, what, interfaces } = options;
        if max_bytes < BYTES_MIN {
            let why = format!("{}: packets are kept in {} M at least", path.display(), BYTES_MIN >> 20);
            return Err(Error::Input(why));
        }
        let failed = |source| Error::Write { path: path.clone(), source };
        let folder = Folder::open(&path, max_bytes, head(&interfaces)).map_err(failed)?;
        let ((to_free, free), (full, to_write)) = (bounded(CHUNKS), bounded(CHUNKS));
        for _ in 0..CHUNKS {
            // There is room for each.
            let _ = to_free.try_send(Chunk { bytes: Vec::with_capacity(CHUNK), packets: 0 });
        }
        let (end, ended) = bounded(1);
        let writer = writer::Writer::new(folder, Arc::clone(&kept));
        let work = move || {
            writer.work(&to_write, &to_free);
            let _ = end.send(());
        };
        thread::Builder::new().name("keep".to_owned()).spawn(work).map_err(failed)?;
        let links = interfaces.iter().map(|described| described.link).collect();
        Ok(Self { feed: Feed { what, links, free, full, kept }, folder: path, ended })
    }

    pub fn feed(&self) -> Feed {
        self.feed.clone()
    }

    /// Waits until what was handed over is written, once nobody has a [`Feed`] or a [`Keeper`] any more; gives a line where
    /// it takes too long.
    pub fn finish(self) -> Option<String> {
        let Self { feed, folder, ended } = self;
        drop(feed);
        ended.recv_timeout(LAST_WAIT).err().map(|_| {
            format!("{}: the last packets were not written within {} s", folder.display(), LAST_WAIT.as_secs())
        })
    }
}

impl Feed {
    pub fn what(&self) -> What {
        self.what
    }

    pub fn keeper(&self) -> Keeper {
        Keeper { feed: self.clone(), chunk: None, since: Instant::now() }
    }
}

impl Keeper {
    pub fn what(&self) -> What {
        self.feed.what
    }

    /// Takes a packet, if there is room for it. Waits for nobody and allocates nothing.
    pub fn take(&mut self, frame: &Frame<'_>) {
        let need = write::packet_len(frame);
        // The file could not be read past a packet of an interface that it does not describe.
        let known = self.feed.links.get(usize::from(frame.interface)) == Some(&frame.link);
        if !known || need > CHUNK {
            self.feed.kept.add_not_written(1);
            return;
        }
        if self.chunk.as_ref().is_some_and(|chunk| chunk.bytes.len() + need > CHUNK) {
            self.hand_over();
        }
        if self.chunk.is_none() {
            self.chunk = self.feed.free.try_recv().ok();
            self.since = Instant::now();
        }
        match &mut self.chunk {
            Some(chunk) => {
                write::packet(frame, u32::from(frame.interface), &mut chunk.bytes);
                chunk.packets += 1;
            }
            None => self.feed.kept.add_no_room(1),
        }
    }

    /// To be called after each batch of packets, whether there were any: what has waited for long enough is handed over.
    pub fn pause(&mut self) {
        if self.chunk.is_some() && self.since.elapsed() >= PERIOD {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let Some(chunk) = self.chunk.take() else { return };
        // There is room for each chunk that there is: it can only be that the writer is gone.
        if let Err(TrySendError::Full(chunk) | TrySendError::Disconnected(chunk)) = self.feed.full.try_send(chunk) {
            self.feed.kept.add_not_written(chunk.packets);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.hand_over();
    }
}

/// What each file begins with.
fn head(interfaces: &[Described]) -> Vec<u8> {
    let mut out = Vec::new();
    write::begin(&mut out);
    interfaces.iter().for_each(|described| write::interface(described, &mut out));
    out
}

/// The least that files may take together.
pub const BYTES_MIN: u64 = 16 << 20;
/// Bytes of a chunk: more than the longest packet that is taken.
const CHUNK: usize = 512 << 10;
/// Chunks that there are: 32 MiB, of which the system gives only what was used.
const CHUNKS: usize = 64;
/// How long packets wait in a chunk that is not full: what is lost where the program is killed.
const PERIOD: Duration = Duration::from_secs(1);
/// How long the end waits for a slow disk.
const LAST_WAIT: Duration = Duration::from_secs(5);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::capture::{Batch, Fill, Inputs, Source, Timestamp};

    fn options(folder: &Path) -> Options {
        let described = Described { name: Some("eth0".into()), link: LinkType::ETHERNET };
        Options { folder: folder.to_owned(), max_bytes: BYTES_MIN, what: What::All, interfaces: vec![described] }
    }

    fn frame(ts: i64, data: &[u8]) -> Frame<'_> {
        let wire_len = data.len() as u32;
        Frame { ts: Timestamp(ts), link: LinkType::ETHERNET, interface: 0, data, wire_len }
    }

    /// The times of the packets in the folder's files.
    fn times(folder: &Path) -> Vec<i64> {
        let (inputs, errors) = Inputs::find(&[folder]);
        assert!(errors.is_empty(), "{errors:?}");
        let mut times = Vec::new();
        for input in inputs {
            let (mut input, mut batch) = (input.unwrap(), Batch::new());
            while input.fill(&mut batch).unwrap() == Fill::More {
                times.extend(batch.slots.iter().map(|slot| slot.ts.0));
            }
            assert_eq!(input.warning(), None);
        }
        times
    }

    fn keep(options: Options, frames: impl Iterator<Item = i64>, data: &[u8]) -> Arc<Kept> {
        let kept = Arc::new(Kept::default());
        let keep = Keep::open(options, Arc::clone(&kept)).unwrap();
        let mut keeper = keep.feed().keeper();
        for ts in frames {
            keeper.take(&frame(ts, data));
            // Nobody waits in earnest; here nothing may be lost.
            while keeper.feed.full.len() > CHUNKS / 2 {
                thread::sleep(Duration::from_millis(1));
            }
        }
        drop(keeper);
        assert_eq!(keep.finish(), None);
        kept
    }

    #[test]
    fn what_is_taken_is_written_and_the_oldest_goes_where_room_ends() {
        let folder = tempfile::tempdir().unwrap();
        let data = [7; 60_000];
        let kept = keep(options(folder.path()), 0..100, &data).counters();
        assert_eq!((kept.packets, kept.no_room, kept.not_written), (100, 0, 0));
        assert_eq!(times(folder.path()), (0..100).collect::<Vec<_>>());
        // Another run: its files come after those that are there, which go first.
        keep(options(folder.path()), 100..500, &data);
        let left = times(folder.path());
        let bytes: u64 = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert!(bytes <= BYTES_MIN && bytes > BYTES_MIN * 7 / 8, "{bytes}");
        assert_eq!(left, (500 - left.len() as i64..500).collect::<Vec<_>>());
        assert!(left.len() > 200);
    }

    #[test]
    fn what_finds_no_room_is_dropped_and_counted() {
        let (_free, free) = bounded(1);
        let (full, written) = bounded(1);
        let (kept, links) = (Arc::new(Kept::default()), Arc::from([LinkType::ETHERNET]));
        let feed = Feed { what: What::All, links, free, full, kept: Arc::clone(&kept) };
        _free.send(Chunk { bytes: Vec::with_capacity(CHUNK), packets: 0 }).unwrap();
        let mut keeper = feed.keeper();
        let data = [7; 200_000];
        (0..5).for_each(|ts| keeper.take(&frame(ts, &data)));
        // Two fit into a chunk, and there is no second one.
        assert_eq!(kept.counters().no_room, 3);
        assert_eq!(written.try_recv().unwrap().packets, 2);
        keeper.take(&Frame { link: LinkType::RAW, ..frame(9, &data) });
        keeper.take(&Frame { interface: 1, ..frame(9, &data) });
        assert_eq!((kept.counters().no_room, kept.counters().not_written), (3, 2));
    }

    #[test]
    fn two_runs_do_not_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keep::open(options(folder.path()), Arc::default()).unwrap();
        let second = Keep::open(options(folder.path()), Arc::default()).unwrap_err().to_string();
        assert!(second.contains("another run keeps packets in it"), "{second}");
        first.finish();
        Keep::open(options(folder.path()), Arc::default()).unwrap();
    }

    #[test]
    fn a_folder_too_small_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let small = Options { max_bytes: BYTES_MIN - 1, ..options(folder.path()) };
        assert!(Keep::open(small, Arc::default()).unwrap_err().to_string().contains("16 M at least"));
    }
}
