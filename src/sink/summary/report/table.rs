//! Tables without lines: a heading, rows, and a last row for all that is not shown.
#![forbid(unsafe_code)]

use comfy_table::{Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row, presets};

use crate::sink::screen::{Colours, Screen, Tone, count, counted};

/// A table in the making.
pub(super) struct Table {
    table: comfy_table::Table,
    columns: Vec<Column>,
}

/// A column by its heading.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column {
    /// Text.
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
    /// Text that is never cut.
    Fixed(&'static str),
}

impl Table {
    pub(super) fn new(screen: Screen, width: usize, columns: &[Column]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        table.set_truncation_indicator(screen.ellipsis());
        table.force_no_tty();
        if screen.colours == Colours::Ansi {
            table.enforce_styling();
        }
        let heading = columns.iter().enumerate().map(|(at, column)| {
            let cell = column.cell((if at == 0 { Tone::Strong } else { Tone::Faint }, column.heading().to_owned()));
            // The first heading is the table's title.
            if at == 0 { cell.add_attribute(Attribute::Underlined) } else { cell }
        });
        table.set_header(Row::from(heading.collect::<Vec<_>>()));
        for (at, column) in columns.iter().enumerate() {
            let Some(place) = table.column_mut(at) else { continue };
            place.set_padding((0, if at + 1 < columns.len() { 2 } else { 0 }));
            if matches!(column, Column::Fixed(_)) {
                place.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        Self { table, columns: columns.to_vec() }
    }

    /// A row of one line; what does not fit is cut.
    pub(super) fn row(&mut self, cells: Vec<(Tone, String)>) {
        let mut row = self.cells(cells);
        row.max_height(1);
        self.table.add_row(row);
    }

    /// A row of as many lines as it takes.
    pub(super) fn wrapped_row(&mut self, cells: Vec<(Tone, String)>) {
        let row = self.cells(cells);
        self.table.add_row(row);
    }

    /// The row for the `keys` that are not shown and occurred so often; none if there are none.
    pub(super) fn others(&mut self, keys: u64, occurrences: u64) {
        if occurrences == 0 {
            return;
        }
        let text = match keys {
            0 => "others".to_owned(),
            keys => counted(keys, "other"),
        };
        let at = self.columns.iter().position(|column| matches!(column, Column::Right(_))).unwrap_or(1);
        let mut cells = vec![(Tone::Faint, String::new()); self.columns.len()];
        cells[0].1 = text;
        if let Some(cell) = cells.get_mut(at) {
            cell.1 = count(occurrences);
        }
        self.row(cells);
    }

    pub(super) fn has_rows(&self) -> bool {
        self.table.row_count() > 0
    }

    /// Lines, each with its end.
    pub(super) fn text(&self) -> String {
        self.table.trim_fmt() + "\n"
    }

    fn cells(&self, cells: Vec<(Tone, String)>) -> Row {
        let cells = self.columns.iter().zip(cells).map(|(column, cell)| column.cell(cell));
        Row::from(cells.collect::<Vec<_>>())
    }
}

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Self::Left(heading) | Self::Right(heading) | Self::Fixed(heading) => heading,
        }
    }

    fn cell(self, (tone, text): (Tone, String)) -> Cell {
        let cell = Cell::new_owned(text);
        let cell = match self {
            Self::Right(_) => cell.set_alignment(CellAlignment::Right),
            Self::Left(_) | Self::Fixed(_) => cell,
        };
        match tone {
            Tone::Plain => cell,
            Tone::Strong => cell.add_attribute(Attribute::Bold),
            Tone::Faint => cell.add_attribute(Attribute::Dim),
            Tone::Good => cell.fg(Color::DarkGreen),
            Tone::Warning => cell.fg(Color::DarkYellow),
            Tone::Bad => cell.fg(Color::DarkRed).add_attribute(Attribute::Bold),
        }
    }
}
