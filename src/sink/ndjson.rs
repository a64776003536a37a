//! Newline-delimited JSON: a record a line, to any writer.
//!
//! In: events, alerts, counters. Out: bytes in large writes. Does not flush by itself between [`Sink::flush`] calls
//! unless its buffer is full.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::record::Printer;
use super::{Sink, Stats, written};
use crate::Error;
use crate::detect::Alert;
use crate::event::Event;

/// Writes lines to `W`.
#[derive(Debug)]
pub struct Ndjson<W> {
    to: W,
    /// What errors call `to`.
    name: PathBuf,
    printer: Printer,
    buffer: Vec<u8>,
}

impl<W: Write + Send> Ndjson<W> {
    /// Lines to `to`, which errors call `name`. `to` needs no buffer of its own.
    pub fn new(to: W, name: impl AsRef<Path>) -> Self {
        Self {
            to,
            name: name.as_ref().to_owned(),
            printer: Printer::default(),
            // A line may go over the mark before it is written.
            buffer: Vec::with_capacity(FULL + FULL / 4),
        }
    }

    fn write_if_full(&mut self) -> Result<ControlFlow<()>, Error> {
        if self.buffer.len() < FULL { Ok(ControlFlow::Continue(())) } else { self.write() }
    }

    fn write(&mut self) -> Result<ControlFlow<()>, Error> {
        let done = self.to.write_all(&self.buffer);
        self.buffer.clear();
        written(done, &self.name)
    }
}

impl<W: Write + Send> Sink for Ndjson<W> {
    fn events(&mut self, events: &Arc<Vec<Event>>) -> Result<ControlFlow<()>, Error> {
        for event in events.iter() {
            self.printer.event(event, &mut self.buffer);
            if self.write_if_full()?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn alert(&mut self, alert: &Alert) -> Result<ControlFlow<()>, Error> {
        self.printer.alert(alert, &mut self.buffer);
        self.write_if_full()
    }

    fn stats(&mut self, stats: &Stats) -> Result<ControlFlow<()>, Error> {
        self.printer.stats(stats, &mut self.buffer);
        self.write_if_full()
    }

    fn flush(&mut self) -> Result<ControlFlow<()>, Error> {
        if self.write()?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        let done = self.to.flush();
        written(done, &self.name)
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<String>, Error> {
        // A reader who has left misses nothing.
        self.flush().map(|_| Vec::new())
    }
}

/// Bytes after which the buffer is written.
const FULL: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind};
    use std::sync::Mutex;

    use super::*;
    use crate::capture::Timestamp;
    use crate::stats::Counters;

    /// Keeps the sizes of what was written, or fails.
    #[derive(Clone, Default)]
    struct To {
        writes: Arc<Mutex<Vec<usize>>>,
        error: Option<ErrorKind>,
    }

    impl Write for To {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(kind) = self.error {
                return Err(kind.into());
            }
            self.writes.lock().expect("no panic").push(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stats() -> Stats {
        Stats { counters: Counters::default(), interfaces: Vec::new(), sensor: String::new(), end: Timestamp(0) }
    }

    fn failing(kind: ErrorKind) -> Ndjson<To> {
        Ndjson::new(To { error: Some(kind), ..To::default() }, "stdout")
    }

    #[test]
    fn lines_are_written_in_large_pieces_and_none_is_left_behind() {
        let to = To::default();
        let mut sink = Ndjson::new(to.clone(), "stdout");
        let mut line = Vec::new();
        Printer::default().stats(&stats(), &mut line);
        let lines = 3 * FULL / line.len();
        for _ in 0..lines {
            assert!(sink.stats(&stats()).expect("it writes").is_continue());
        }
        assert!(to.writes.lock().expect("no panic").iter().all(|&size| size >= FULL));
        assert_eq!(Box::new(sink).finish().expect("it writes"), Vec::<String>::new());
        assert_eq!(to.writes.lock().expect("no panic").iter().sum::<usize>(), lines * line.len());
    }

    #[test]
    fn a_closed_pipe_ends_the_run_in_peace() {
        let mut sink = failing(ErrorKind::BrokenPipe);
        assert!(sink.stats(&stats()).expect("it is in the buffer").is_continue());
        assert!(sink.flush().expect("no error").is_break());
        assert!(Box::new(sink).finish().is_ok());
    }

    #[test]
    fn other_errors_name_the_file() {
        let mut sink = failing(ErrorKind::StorageFull);
        assert!(sink.stats(&stats()).expect("it is in the buffer").is_continue());
        assert!(sink.flush().expect_err("it is full").to_string().starts_with("stdout: "));
    }
}
