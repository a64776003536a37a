//! The bound on what waits for the server: rows and bytes, whoever holds them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Rows, and the bytes they keep from being freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    pub rows: usize,
    pub bytes: usize,
}

/// What happens to rows for which there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// They wait: for files, which can.
    Wait,
    /// They are counted and dropped: for a tap, which cannot.
    Shed,
}

/// Lets loads in up to a limit.
#[derive(Debug)]
pub struct Gate {
    limit: Load,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    inside: Load,
    closed: bool,
}

impl Gate {
    pub fn new(limit: Load) -> Self {
        Self { limit, state: Mutex::default(), freed: Condvar::new() }
    }

    /// Whether `load` was let in. One that is over the limit by itself is let in when nothing else is inside.
    pub fn admit(&self, load: Load, when_full: WhenFull) -> bool {
        let mut state = self.state();
        while !state.closed && !self.has_room(&state, load) {
            match when_full {
                WhenFull::Shed => return false,
                WhenFull::Wait => state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
        if state.closed {
            return false;
        }
        state.inside.rows += load.rows;
        state.inside.bytes += load.bytes;
        true
    }

    /// Takes out what was let in.
    pub fn release(&self, load: Load) {
        let mut state = self.state();
        state.inside.rows -= load.rows;
        state.inside.bytes -= load.bytes;
        self.freed.notify_all();
    }

    /// Rows inside, and how many may be.
    pub fn rows(&self) -> (usize, usize) {
        (self.state().inside.rows, self.limit.rows)
    }

    /// Lets nothing in any more, and nobody wait.
    pub fn close(&self) {
        self.state().closed = true;
        self.freed.notify_all();
    }

    fn has_room(&self, state: &State, load: Load) -> bool {
        let State { inside, .. } = state;
        *inside == Load::default()
            || inside.rows + load.rows <= self.limit.rows && inside.bytes + load.bytes <= self.limit.bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const TEN: Load = Load { rows: 10, bytes: 100 };

    fn load(rows: usize, bytes: usize) -> Load {
        Load { rows, bytes }
    }

    #[test]
    fn rows_and_bytes_are_bounded() {
        let gate = Gate::new(TEN);
        assert!(gate.admit(load(9, 10), WhenFull::Shed));
        assert!(!gate.admit(load(2, 10), WhenFull::Shed));
        assert!(!gate.admit(load(1, 91), WhenFull::Shed));
        assert!(gate.admit(load(1, 90), WhenFull::Shed));
        gate.release(load(9, 10));
        assert!(gate.admit(load(9, 10), WhenFull::Shed));
    }

    #[test]
    fn a_load_over_the_limit_goes_in_alone() {
        let gate = Gate::new(TEN);
        assert!(gate.admit(load(11, 0), WhenFull::Shed));
        assert!(!gate.admit(load(1, 0), WhenFull::Shed));
    }

    #[test]
    fn a_waiting_load_goes_in_when_there_is_room_and_is_sent_away_when_the_gate_closes() {
        let gate = Gate::new(TEN);
        assert!(gate.admit(TEN, WhenFull::Wait));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.admit(TEN, WhenFull::Wait));
            gate.release(TEN);
            assert!(waiting.join().expect("no panic"));
            let waiting = scope.spawn(|| gate.admit(TEN, WhenFull::Wait));
            gate.close();
            assert!(!waiting.join().expect("no panic"));
        });
    }
}
