//! Where the panes stand on the terminal, and the same as text.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::panes::{self, style};
use super::state::{Mode, Pane, State};
use crate::sink::screen::{Tone, duration};
use crate::stats::Phase;

/// Draws everything. Where the terminal is small, the chosen pane alone stands below the rates.
pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let all = frame.area();
    let rates = (all.height / 4).clamp(1, RATES);
    let [head, rate, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(rates), Constraint::Min(0), Constraint::Length(1)])
            .areas(all);
    frame.render_widget(Paragraph::new(heading(state)), head);
    frame.render_widget(Paragraph::new(panes::rates(state, usize::from(rate.width))), rate);
    if state.mode == Mode::Help {
        frame.render_widget(Clear, body);
        frame.render_widget(Paragraph::new(HELP.iter().map(|line| Line::from(*line)).collect::<Vec<_>>()), body);
    } else if body.width < WIDE || body.height < TALL {
        pane(frame, state, state.pane, body);
    } else {
        many(frame, state, body);
    }
    frame.render_widget(Paragraph::new(footing(state)), foot);
}

/// The whole as text, with the lists one below the other.
pub fn text(state: &State) -> String {
    let width = state.screen.width.unwrap_or(TEXT_WIDTH).max(20);
    let mut out = String::new();
    let mut put = |line: &Line<'_>| {
        let text: String = line.spans.iter().map(|span| &*span.content).collect();
        out.push_str(text.trim_end());
        out.push('\n');
    };
    put(&heading(state));
    // A curve of one value says nothing.
    panes::rates(state, panes::RATE_COLUMNS).iter().for_each(&mut put);
    for pane in [Pane::Losses, Pane::Queues, Pane::Versions, Pane::Clients, Pane::Servers, Pane::Alerts] {
        put(&Line::from(""));
        put(&Line::from(panes::title(state, pane)));
        panes::lines(state, pane, width, TEXT_ROWS).iter().for_each(&mut put);
    }
    out
}

/// Six panes: figures, lists, alerts.
fn many(frame: &mut Frame<'_>, state: &State, body: Rect) {
    let [figures, lists, alerts] =
        Layout::vertical([Constraint::Length(7), Constraint::Fill(3), Constraint::Fill(2)]).areas(body);
    let halves = |area: Rect| -> [Rect; 2] {
        Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).spacing(2).areas(area)
    };
    let [losses, queues, versions] =
        Layout::horizontal([Constraint::Fill(3), Constraint::Fill(3), Constraint::Fill(2)]).spacing(2).areas(figures);
    let [clients, servers] = halves(lists);
    for (which, area) in [
        (Pane::Losses, losses),
        (Pane::Queues, queues),
        (Pane::Versions, versions),
        (Pane::Clients, clients),
        (Pane::Servers, servers),
        (Pane::Alerts, alerts),
    ] {
        pane(frame, state, which, area);
    }
}

fn pane(frame: &mut Frame<'_>, state: &State, which: Pane, area: Rect) {
    if area.height == 0 {
        return;
    }
    let [head, rest] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let is_chosen = which == state.pane;
    let mark = if is_chosen { Modifier::REVERSED } else { Modifier::UNDERLINED };
    let width = usize::from(area.width);
    let title: String = panes::title(state, which).chars().take(width).collect();
    let title = Line::from(Span::styled(format!("{title:<width$}"), Style::default().add_modifier(mark)));
    frame.render_widget(Paragraph::new(title), head);
    let room = usize::from(rest.height);
    let lines = panes::lines(state, which, width, usize::MAX);
    let above = if is_chosen { state.scroll.min(lines.len().saturating_sub(room)) } else { 0 };
    let shown: Vec<Line<'_>> = lines.into_iter().skip(above).take(room).collect();
    frame.render_widget(Paragraph::new(shown), rest);
}

fn heading(state: &State) -> Line<'static> {
    let snapshot = &state.snapshot;
    let safe = |text: &str| state.screen.safe(text).into_owned();
    let tone = |tone| style(state.screen, tone);
    let sensor = if snapshot.sensor.is_empty() { String::new() } else { format!("{} ", safe(&snapshot.sensor)) };
    let uptime = duration((snapshot.uptime_seconds.max(0.0) * 1e9) as u64);
    let phase = match snapshot.phase {
        Phase::Starting => "starting",
        Phase::Running => "running",
        Phase::Stopping => "ended",
    };
    let mut spans = vec![
        Span::styled(format!("tlsight {} ", safe(&snapshot.version)), tone(Tone::Strong)),
        Span::raw(format!(" {sensor}({})  {phase}, {uptime}", safe(&state.source))),
    ];
    if let Some(fault) = &state.fault {
        spans.push(Span::styled(format!("  {}", safe(fault)), tone(Tone::Bad)));
    }
    if state.mode == Mode::Paused {
        spans.push(Span::styled("  paused", tone(Tone::Warning)));
    }
    Line::from(spans)
}

fn footing(state: &State) -> Line<'static> {
    let filter = state.screen.safe(&state.filter);
    match state.mode {
        Mode::Filtering => Line::from(format!("/{filter}{}", state.screen.glyph("▏", "_"))),
        _ if !filter.is_empty() => Line::from(format!("filter: {filter}  (Esc clears it)  ? help  q quit")),
        _ => Line::from(Span::styled(
            "q quit  p pause  s order  Tab pane  / filter  ? help",
            style(state.screen, Tone::Faint),
        )),
    }
}

const HELP: &[&str] = &[
    "",
    "  q            leave",
    "  p, blank     let the picture stand still, and go on",
    "  s            order the lists by sessions, by sessions a second, by name",
    "  Tab          choose the next pane; Shift-Tab the one before",
    "  up, down     scroll the chosen pane; also j and k, Page Up and Page Down, Home",
    "  /            show what has a text in it; Enter keeps it, Esc clears it",
    "  ?            this",
    "",
    "  On a small terminal the chosen pane alone is shown.",
];

/// Lines of the rates.
const RATES: u16 = 5;
/// Columns and rows of the body from which on all panes are shown.
const WIDE: u16 = 100;
const TALL: u16 = 18;
/// Columns of the text where the reader's are not known.
const TEXT_WIDTH: usize = 132;
/// Lines of a list in the text.
const TEXT_ROWS: usize = 20;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::cli::top::state::Press;
    use crate::sink::Standing;
    use crate::sink::overview::{LevelCount, Notice, Row, Snapshot, ThreadState};
    use crate::sink::screen::{Charset, Colours, Screen};
    use crate::sink::standing::Spooled;
    use crate::stats::{InterfaceCounters, Losses};

    const SCREEN: Screen = Screen { width: None, colours: Colours::Ansi, charset: Charset::Utf8 };

    fn snapshot(uptime_seconds: f64) -> Snapshot {
        let row = |name: &str, count, label: Option<&str>| Row {
            name: name.to_owned(),
            count,
            label: label.map(str::to_owned),
            example: None,
        };
        let mut snapshot = Snapshot {
            version: "0.1.0".to_owned(),
            sensor: "dc1-tap".to_owned(),
            phase: Phase::Running,
            uptime_seconds,
            interfaces: vec![InterfaceCounters {
                name: "eth0".into(),
                packets: 1_234_567,
                losses: Losses { kernel: 89, interface: 0, shed: 7 },
            }],
            threads: vec![ThreadState { name: "shard-0".to_owned(), silent_seconds: 12.0 }],
            outlet_waiting: 250,
            outlet_capacity: 256,
            outputs: vec![Standing {
                output: "clickhouse".to_owned(),
                unit: "rows".to_owned(),
                waiting: 3,
                capacity: 200_000,
                failures: 4,
                lag_seconds: 9.0,
                last_error: Some("no\u{1b}[2Janswer".to_owned()),
                spool: Some(Spooled { batches: 2, bytes: 5_000_000, max_bytes: 4_000_000_000, memory_bytes: 0 }),
                ..Standing::default()
            }],
            alerts: vec![LevelCount { level: "high".to_owned(), count: 2 }],
            span_seconds: Some(300),
            clients: vec![row("t13d1516h2_8daaf6152771_e5627efa2ab1", 40, Some("Chromium 138")), row("t12x", 3, None)],
            servers: vec![row("example.org", 41, None), row("ev\\x1b[31mil.example", 1, None)],
            versions: vec![row("TLS 1.3", 42, None)],
            notices: vec![Notice {
                number: 2,
                timestamp: 1_700_000_000_000_000_000,
                level: "high".to_owned(),
                rule: "Beacon".to_owned(),
                message: "every 60 s \u{1b}]0;owned\u{7}\u{202e}".to_owned(),
                source: "10.0.0.1:4000".to_owned(),
                destination: "192.0.2.1:443".to_owned(),
            }],
            ..Snapshot::default()
        };
        snapshot.counters.packets = (uptime_seconds * 1_000.0) as u64;
        snapshot.counters.gaps = 5;
        snapshot
    }

    fn state() -> State {
        let mut state = State::new("127.0.0.1:9464", SCREEN);
        (1..=3).for_each(|second| state.take(snapshot(f64::from(second))));
        state
    }

    fn drawn(state: &State, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, state)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(line).collect()
    }

    fn has(lines: &[String], text: &str) -> bool {
        lines.iter().any(|line| line.contains(text))
    }

    #[test]
    fn a_wide_terminal_shows_all_panes() {
        let lines = drawn(&state(), 160, 40);
        for text in [
            "tlsight 0.1.0  dc1-tap (127.0.0.1:9464)  running, 3.0 s",
            "packets/s      1,000  █",
            "Losses",
            "eth0  1,234,567 packets  89 lost by the kernel, 7 left out",
            "5 directions with a gap",
            "rules, outputs ██████████ 250 of 256 batches",
            "clickhouse     █░░░░░░░░░ 3 of 200,000 rows",
            "spool: 2 batches, 5.0 MB of 4.0 GB on disk",
            "nothing taken for 9 s, 4 failed attempts: no\\u{1b}",
            "shard-0 is stuck for 12 s",
            "Clients, last 5 min 0 s",
            "t13d1516h2_8daaf6152771_e5627efa2ab1  Chromium 138",
            "example.org",
            "TLS 1.3",
            "Alerts: 2 high",
            "22:13:20  high          Beacon: every 60 s",
            "10.0.0.1:4000 > 192.0.2.1:443",
            "q quit",
        ] {
            assert!(has(&lines, text), "{text}\n{}", lines.join("\n"));
        }
    }

    #[test]
    fn nothing_that_peers_wrote_moves_the_cursor() {
        for state in [state(), {
            let mut state = state();
            state.screen.charset = Charset::Ascii;
            state
        }] {
            let all = drawn(&state, 200, 50).concat() + &text(&state);
            let bad = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
            assert!(!all.contains(bad), "{all:?}");
            assert!(all.contains("\\u{1b}]0;owned\\u{7}\\u{202e}"), "{all}");
        }
    }

    #[test]
    fn a_small_terminal_shows_the_chosen_pane() {
        let mut state = state();
        let lines = drawn(&state, 60, 12);
        assert!(has(&lines, "Clients") && has(&lines, "Chromium 138") && !has(&lines, "Beacon"), "{lines:?}");
        state.press(Press::Tab);
        state.press(Press::Tab);
        let lines = drawn(&state, 60, 12);
        assert!(has(&lines, "Beacon") && !has(&lines, "Clients"), "{lines:?}");
        // However small it gets.
        for (width, height) in [(1, 1), (3, 2), (10, 3), (20, 5), (500, 1), (1, 100)] {
            drawn(&state, width, height);
        }
    }

    #[test]
    fn the_chosen_pane_scrolls_and_the_others_stay() {
        let mut state = state();
        for number in 0..60 {
            let row = Row { name: format!("server-{number:02}"), count: 100 - number, ..Row::default() };
            state.snapshot.servers.push(row);
        }
        state.press(Press::Tab);
        assert!(has(&drawn(&state, 120, 40), "server-00"));
        state.press(Press::PageDown);
        let lines = drawn(&state, 120, 40);
        assert!(!has(&lines, "server-00") && has(&lines, "server-12") && has(&lines, "Chromium"), "{lines:?}");
    }

    #[test]
    fn help_and_filter_are_shown() {
        let mut state = state();
        state.press(Press::Letter('?'));
        assert!(has(&drawn(&state, 80, 24), "Shift-Tab"));
        state.press(Press::Escape);
        for letter in "/evil".chars() {
            state.press(Press::Letter(letter));
        }
        assert!(has(&drawn(&state, 80, 24), "/evil▏"));
        state.press(Press::Enter);
        state.press(Press::Tab);
        // Its own letters are written out: a filter finds what is shown.
        assert!(has(&drawn(&state, 80, 24), "filter: evil"), "{:?}", drawn(&state, 80, 24));
    }

    #[test]
    fn text_has_it_all_and_no_colours() {
        let mut state = state();
        state.screen = Screen::PLAIN;
        let text = text(&state);
        for part in [
            "\nLosses\n",
            "\nQueues\n",
            "\npackets/s      1,000\n",
            "\nlost/s           0.0\n",
            "Beacon",
            "\nClients, last",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= TEXT_WIDTH), "{text}");
    }
}
