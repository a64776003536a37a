//! Flows: who talks to whom, kept within a cap, and the bytes of each direction in order.
//!
//! In: [`Packet`](crate::decode::Packet)s. Out: for each flow a place for its owner's state ([`Table`]), and what its
//! segments hold in stream order ([`Stream`]). Knows nothing of TLS; the packets' time is the only clock.

mod half_open;
mod index;
pub mod key;
pub mod stream;
pub mod table;
#[cfg(test)]
mod testing;

pub use half_open::HalfOpen;
pub use key::{Hasher, Key};
pub use stream::{HoleKind, Memory, Piece, Segment, Stream, StreamLimits};
pub use table::{Flow, FlowId, NewFlow, Place, TOUCHED, Table, TableLimits};
