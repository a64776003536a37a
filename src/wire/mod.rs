//! Bytes and numbers as they stand on the wire: a bounds-checked cursor, the registries' names, the text forms.
//! Knows nothing of packets, flows or TLS state.
#![forbid(unsafe_code)]

pub mod cursor;
pub mod registry;
pub mod text;

pub use cursor::{Cursor, Incomplete};

/// Which of a flow's two ends sent something. `Forward` is from the end that sorts first; who is the client is found
/// out later, by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    Forward,
    Backward,
}

impl Direction {
    pub const BOTH: [Self; 2] = [Direction::Forward, Direction::Backward];

    pub fn reverse(self) -> Self {
        match self {
            Direction::Forward => Direction::Backward,
            Direction::Backward => Direction::Forward,
        }
    }
}

/// One value for each [`Direction`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Both<T> {
    pub forward: T,
    pub backward: T,
}

impl<T> std::ops::Index<Direction> for Both<T> {
    type Output = T;

    #[inline]
    fn index(&self, direction: Direction) -> &T {
        match direction {
            Direction::Forward => &self.forward,
            Direction::Backward => &self.backward,
        }
    }
}

impl<T> std::ops::IndexMut<Direction> for Both<T> {
    #[inline]
    fn index_mut(&mut self, direction: Direction) -> &mut T {
        match direction {
            Direction::Forward => &mut self.forward,
            Direction::Backward => &mut self.backward,
        }
    }
}
