//! The rolling capture of a sensor, from its options.

use std::sync::Arc;

use super::args::{LiveArgs, Packets};
use crate::Error;
use crate::capture::LinkType;
use crate::capture::write::Described;
use crate::keep::{Keep, Options, What};
use crate::stats::{Kept, Ledger};

/// Opens it, where one is asked for; `links` are those of the interfaces in their order.
pub fn open(args: &LiveArgs, links: &[LinkType], ledger: &Ledger) -> Result<Option<Keep>, Error> {
    let Some(folder) = &args.keep else { return Ok(None) };
    let described = |(name, link): (&String, &LinkType)| Described { name: Some(Arc::from(&**name)), link: *link };
    let options = Options {
        folder: folder.clone(),
        max_bytes: args.keep_size,
        what: match args.keep_packets {
            Packets::Handshakes => What::Handshakes,
            Packets::All => What::All,
        },
        interfaces: args.interface.iter().zip(links).map(described).collect(),
    };
    let kept = Arc::new(Kept::default());
    let keep = Keep::open(options, Arc::clone(&kept))?;
    ledger.set_kept(kept);
    Ok(Some(keep))
}
