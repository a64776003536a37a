//! `tlsight rules list`: a table of rules, or JSON.

use std::path::PathBuf;

use comfy_table::Table;
use serde::Serialize;

use crate::Error;
use crate::cli::console::Console;
use crate::cli::{Status, print};
use crate::detect::Rules;
use crate::detect::library::{self, Entry};

/// A rule, as JSON has it.
#[derive(Serialize)]
struct Row<'a> {
    id: String,
    title: &'a str,
    level: &'a str,
    family: String,
    techniques: Vec<String>,
    tags: &'a [String],
    status: Option<&'a str>,
    file: String,
}

pub fn run(paths: &[PathBuf], json: bool, console: &Console) -> Result<Status, Error> {
    let mut entries = Vec::new();
    for path in paths {
        // What cannot be loaded is told with its line, and nothing is listed.
        Rules::load(path)?;
        entries.extend(library::read(path));
    }
    let rows = entries.iter().map(row);
    let text = match json {
        true => rows.filter_map(|row| serde_json::to_string(&row).ok()).map(|line| line + "\n").collect::<String>(),
        false => table(rows, console),
    };
    print(&text)?;
    Ok(Status::Done)
}

fn row(entry: &Entry) -> Row<'_> {
    Row {
        id: entry.id(),
        title: entry.title(),
        level: entry.level().unwrap_or_default(),
        family: entry.family(),
        techniques: entry.techniques().collect(),
        tags: entry.tags(),
        status: entry.status(),
        file: entry.path.display().to_string(),
    }
}

fn table<'a>(rows: impl Iterator<Item = Row<'a>>, console: &Console) -> String {
    let screen = console.screen;
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    if let Some(width) = screen.width {
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    }
    table.set_header(["Level", "Title", "Family", "ATT&CK", "Status", "Id"]);
    for row in rows {
        let techniques = row.techniques.join(" ");
        let cells = [row.level, row.title, &row.family, &techniques, row.status.unwrap_or_default(), &row.id];
        table.add_row(cells.map(|cell| screen.safe(cell).into_owned()));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}
