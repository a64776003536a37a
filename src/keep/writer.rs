//! The thread that writes what is kept, and what it does while that is not possible.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::Chunk;
use super::folder::Folder;
use crate::stats::Kept;

pub(super) struct Writer {
    folder: Folder,
    kept: Arc<Kept>,
    trouble: Option<Trouble>,
}

/// Writing fails.
struct Trouble {
    /// When it is tried again.
    next: Instant,
    /// Packets that are lost to it.
    lost: u64,
}

impl Writer {
    pub(super) fn new(folder: Folder, kept: Arc<Kept>) -> Self {
        Self { folder, kept, trouble: None }
    }

    /// Writes chunks as they come, and gives them back, until nobody can send one any more.
    pub(super) fn work(mut self, full: &Receiver<Chunk>, free: &Sender<Chunk>) {
        for mut chunk in full {
            self.write(&chunk);
            chunk.bytes.clear();
            chunk.packets = 0;
            // There is room for each; nobody may want it any more.
            let _ = free.try_send(chunk);
        }
        self.folder.finish();
    }

    fn write(&mut self, chunk: &Chunk) {
        let waits = self.trouble.as_ref().is_some_and(|trouble| Instant::now() < trouble.next);
        let written = if waits { Ok(false) } else { self.folder.write(&chunk.bytes).map(|()| true) };
        match written {
            Ok(true) => {
                self.kept.add_written(chunk.packets, chunk.bytes.len() as u64);
                self.recovered();
            }
            Ok(false) => self.lost(chunk.packets),
            Err(error) => {
                self.failed(&error);
                self.lost(chunk.packets);
            }
        }
    }

    /// Said once, however long it lasts.
    fn failed(&mut self, error: &io::Error) {
        let next = Instant::now() + RETRY;
        match &mut self.trouble {
            Some(trouble) => trouble.next = next,
            None => {
                tracing::warn!("{}: packets are not kept: {error}; it is tried again", self.folder.path().display());
                self.trouble = Some(Trouble { next, lost: 0 });
            }
        }
    }

    fn lost(&mut self, packets: u64) {
        self.kept.add_not_written(packets);
        if let Some(trouble) = &mut self.trouble {
            trouble.lost += packets;
        }
    }

    fn recovered(&mut self) {
        if let Some(Trouble { lost, .. }) = self.trouble.take() {
            tracing::warn!("{}: packets are kept again; {lost} were not", self.folder.path().display());
        }
    }
}

const RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_cannot_be_written_is_counted_and_tried_again() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("keep");
        let kept = Arc::new(Kept::default());
        let folder = Folder::open(&path, 16 << 20, b"head".to_vec()).unwrap();
        let mut writer = Writer::new(folder, Arc::clone(&kept));
        let chunk = |packets| Chunk { bytes: vec![1; 900 << 10], packets };
        writer.write(&chunk(1));
        fs::remove_dir_all(&path).unwrap();
        writer.write(&chunk(2));
        fs::create_dir(&path).unwrap();
        // Not at once.
        writer.write(&chunk(3));
        assert_eq!((kept.counters().packets, kept.counters().not_written), (1, 5));
        writer.trouble.as_mut().unwrap().next = Instant::now();
        writer.write(&chunk(4));
        assert_eq!((kept.counters().packets, kept.counters().not_written), (5, 5));
        assert!(writer.trouble.is_none());
    }
}
