//! The file that packets are written to: an interface is described when its first packet comes.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::capture::write::{self, Described};
use crate::capture::{Frame, LinkType};

pub(super) struct Output<W: Write> {
    out: BufWriter<W>,
    path: PathBuf,
    interfaces: HashMap<LinkType, Interfaces>,
    described: u32,
    block: Vec<u8>,
    packets: u64,
}

/// The numbers of the interfaces of a kind.
#[derive(Debug, Default)]
struct Interfaces {
    unnamed: Option<u32>,
    named: HashMap<Arc<str>, u32>,
}

impl<W: Write> Output<W> {
    pub(super) fn begin(out: W, path: &Path) -> Result<Self, Error> {
        let mut output = Self {
            out: BufWriter::with_capacity(1 << 20, out),
            path: path.to_owned(),
            interfaces: HashMap::new(),
            described: 0,
            block: Vec::new(),
            packets: 0,
        };
        write::begin(&mut output.block);
        output.flush_block()?;
        Ok(output)
    }

    /// Writes a packet that came by the interface of that name.
    pub(super) fn put(&mut self, frame: &Frame<'_>, name: Option<&str>) -> Result<(), Error> {
        let Interfaces { unnamed, named } = self.interfaces.entry(frame.link).or_default();
        let known = name.map_or(*unnamed, |name| named.get(name).copied());
        let number = match known {
            Some(number) => number,
            None => {
                let number = self.described;
                self.described += 1;
                let name: Option<Arc<str>> = name.map(Arc::from);
                match &name {
                    Some(name) => drop(named.insert(Arc::clone(name), number)),
                    None => *unnamed = Some(number),
                }
                write::interface(&Described { name, link: frame.link }, &mut self.block);
                number
            }
        };
        write::packet(frame, number, &mut self.block);
        self.packets += 1;
        self.flush_block()
    }

    /// Gives how many packets were written.
    pub(super) fn end(mut self) -> Result<u64, Error> {
        let Self { out, path, packets, .. } = &mut self;
        out.flush().map_err(|source| Error::Write { path: path.clone(), source })?;
        Ok(*packets)
    }

    fn flush_block(&mut self) -> Result<(), Error> {
        let Self { out, path, block, .. } = self;
        out.write_all(block).map_err(|source| Error::Write { path: path.clone(), source })?;
        block.clear();
        Ok(())
    }
}
