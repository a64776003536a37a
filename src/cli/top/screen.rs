//! The terminal while the view is on it: taken, drawn on, listened to, and given back however it ends.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::Receiver;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::state::{Press, State, Turn};
use super::view;
use crate::Error;
use crate::sink::overview::Snapshot;

/// Shows what comes until the user leaves, or a signal ends it.
pub fn show(mut state: State, snapshots: &Receiver<Result<Snapshot, Error>>) -> Result<(), Error> {
    let signals = Signals::caught().map_err(failed)?;
    // Restores the terminal before a panic is told, too.
    let terminal = ratatui::try_init().map_err(failed)?;
    let shown = turn(terminal, &mut state, snapshots, &signals.stop);
    let restored = ratatui::try_restore();
    shown.and(restored).map_err(failed)
}

fn turn(
    mut terminal: DefaultTerminal,
    state: &mut State,
    snapshots: &Receiver<Result<Snapshot, Error>>,
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut is_new = true;
    while !stop.load(Ordering::Relaxed) {
        while let Ok(snapshot) = snapshots.try_recv() {
            match snapshot {
                Ok(snapshot) => state.take(snapshot),
                Err(error) => state.fail(error.to_string()),
            }
            is_new = true;
        }
        if is_new {
            // It asks the terminal for its size each time.
            terminal.draw(|frame| view::draw(frame, state))?;
        }
        is_new = event::poll(STEP)?;
        if !is_new {
            continue;
        }
        if let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
        {
            let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
            let leaves = match press(key.code) {
                // No signal comes of it while the terminal is taken.
                Some(Press::Letter('c' | 'd')) if is_control => Turn::Leave,
                Some(press) if !is_control => state.press(press),
                _ => Turn::Stay,
            };
            if leaves == Turn::Leave {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn press(code: KeyCode) -> Option<Press> {
    Some(match code {
        KeyCode::Char(letter) => Press::Letter(letter),
        KeyCode::Tab | KeyCode::Right => Press::Tab,
        KeyCode::BackTab | KeyCode::Left => Press::BackTab,
        KeyCode::Up => Press::Up,
        KeyCode::Down => Press::Down,
        KeyCode::PageUp => Press::PageUp,
        KeyCode::PageDown => Press::PageDown,
        KeyCode::Home => Press::Home,
        KeyCode::Enter => Press::Enter,
        KeyCode::Esc => Press::Escape,
        KeyCode::Backspace => Press::Backspace,
        _ => return None,
    })
}

/// SIGINT and SIGTERM leave, and leave the terminal as it was.
struct Signals {
    stop: Arc<AtomicBool>,
    ids: Vec<SigId>,
}

impl Signals {
    fn caught() -> io::Result<Self> {
        let mut signals = Self { stop: Arc::default(), ids: Vec::new() };
        for signal in [SIGINT, SIGTERM] {
            signals.ids.push(signal_hook::flag::register(signal, Arc::clone(&signals.stop))?);
        }
        Ok(signals)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}

fn failed(why: io::Error) -> Error {
    Error::Input(format!("terminal: {why}"))
}

/// How long a key is waited for before news are looked for.
const STEP: Duration = Duration::from_millis(100);
