//! Rows as a block of columns, in ClickHouse's format Native.
//!
//! In: rows, a field a column, in the order of the columns. Out: one block. The server takes one in for a fraction of what rows
//! in RowBinary cost it, since it keeps columns itself. Columns in which no row says anything stay out of the block: the server
//! gives them their defaults. A block is its number of columns and of rows, then for each column name, type and values; numbers
//! are little-endian, lengths before texts are LEB128 (<https://clickhouse.com/docs/interfaces/formats/Native>).

mod cells;
mod row;

use std::fmt::{self, Display};

use serde::Serialize;

pub use cells::{Cells, Given};

/// Rows that are gathered.
pub struct Block {
    columns: Vec<Column>,
    rows: usize,
    /// Of the values, as of a few rows ago.
    bytes: usize,
}

/// A column; `filled` rows of it are written, and those behind them are defaults.
struct Column {
    name: &'static str,
    kind: &'static str,
    cells: Cells,
    filled: usize,
}

/// A value that its column cannot hold: a type of rows is wrong, not a row.
#[derive(Debug)]
pub struct Unwritable {
    why: String,
    /// How many went with it: the block is empty afterwards.
    pub rows: usize,
}

impl Block {
    /// For columns of these names and types, in the words of `system.columns`. A type that is not known here takes no value.
    pub fn of(columns: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        let column = |(name, kind)| Column { name, kind, cells: Cells::of(kind), filled: 0 };
        Self { columns: columns.into_iter().map(column).collect(), rows: 0, bytes: 0 }
    }

    /// Appends a row.
    ///
    /// # Errors
    /// A kind of value that its column does not have.
    pub fn push<R: Serialize>(&mut self, row: &R) -> Result<(), Unwritable> {
        let written = row::write(row, &mut self.columns, self.rows);
        self.end_row(written)
    }

    /// Appends a row of values, one a column, `None` for those that are not known.
    ///
    /// # Errors
    /// A kind of value that its column does not have.
    pub fn push_given<'a>(&mut self, values: impl IntoIterator<Item = Option<Given<'a>>>) -> Result<(), Unwritable> {
        let mut written = Ok(());
        for (column, value) in self.columns.iter_mut().zip(values) {
            let Some(value) = value.filter(|value| !value.is_default()) else { continue };
            if !column.cells_of_row(self.rows).put(&value) {
                written = Err(Unwritable::new(column.name));
                break;
            }
        }
        self.end_row(written)
    }

    fn end_row(&mut self, written: Result<(), Unwritable>) -> Result<(), Unwritable> {
        self.rows += 1;
        if let Err(error) = written {
            let rows = self.rows;
            // Some columns have it and some do not.
            self.clear();
            return Err(Unwritable { rows, ..error });
        }
        if self.rows.is_multiple_of(ROWS_BETWEEN_SUMS) {
            self.bytes = self.columns.iter().map(|column| column.cells.bytes()).sum();
        }
        Ok(())
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// What the values take, but for the last few rows.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Hands the block's bytes over, piece by piece, and is empty then; returns the columns that are in it.
    pub fn take(&mut self, mut out: impl FnMut(&[u8])) -> Vec<&'static str> {
        let rows = self.rows;
        // A block has to have a column.
        if let Some(first) = self.columns.first_mut().filter(|_| rows > 0) {
            first.fill(rows);
        }
        let said = self.columns.iter_mut().filter(|column| column.filled > 0);
        let said: Vec<&mut Column> = said.collect();
        let names = said.iter().map(|column| column.name).collect();
        let mut head = Vec::new();
        cells::length(said.len(), &mut head);
        cells::length(rows, &mut head);
        for column in said {
            column.fill(rows);
            cells::text(column.name.as_bytes(), &mut head);
            cells::text(column.kind.as_bytes(), &mut head);
            out(&head);
            head.clear();
            column.cells.write(&mut out);
        }
        self.clear();
        names
    }

    fn clear(&mut self) {
        for column in &mut self.columns {
            column.cells.clear();
            column.filled = 0;
        }
        self.rows = 0;
        self.bytes = 0;
    }
}

impl Column {
    /// Where the value of this row goes; the row counts as written.
    fn cells_of_row(&mut self, row: usize) -> &mut Cells {
        self.fill(row);
        self.filled = row + 1;
        &mut self.cells
    }

    /// Gives the rows before this one their default where they have none.
    fn fill(&mut self, row: usize) {
        self.cells.pad(row.saturating_sub(self.filled));
        self.filled = self.filled.max(row);
    }
}

impl Unwritable {
    fn new(why: impl Display) -> Self {
        Self { why: why.to_string(), rows: 0 }
    }
}

impl Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Unwritable {}

/// To ask every column what it takes is not worth it for each row.
const ROWS_BETWEEN_SUMS: usize = 64;

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn block(kinds: &[&'static str]) -> Block {
        Block::of(NAMES.into_iter().zip(kinds.iter().copied()))
    }

    fn bytes(block: &mut Block) -> Vec<u8> {
        let mut out = Vec::new();
        block.take(|piece| out.extend_from_slice(piece));
        out
    }

    #[derive(Serialize)]
    struct Row<T> {
        a: T,
    }

    #[derive(Serialize)]
    struct Two<T, U> {
        a: T,
        b: U,
    }

    /// The values of a column of these rows, behind name and type.
    fn column<T: Serialize>(kind: &'static str, values: &[T]) -> Vec<u8> {
        let mut block = block(&[kind]);
        values.iter().for_each(|a| block.push(&Row { a }).expect("it can be written"));
        let rows = values.len() as u8;
        let head = [&[1, rows, 1, b'a', kind.len() as u8], kind.as_bytes()].concat();
        let bytes = bytes(&mut block);
        bytes.strip_prefix(&*head).expect("columns, rows, name, type").to_vec()
    }

    #[test]
    fn values_are_what_the_format_says() {
        assert_eq!(column("UInt16", &[0x0102_u16, 3]), [2, 1, 3, 0]);
        assert_eq!(column("DateTime64(9, 'UTC')", &[-2_i64]), [254, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(column("Bool", &[true, false, true]), [1, 0, 1]);
        assert_eq!(column("String", &["ab", "", "c"]), [2, b'a', b'b', 0, 1, b'c']);
        assert_eq!(column("Nullable(UInt8)", &[None, Some(7_u8), None]), [1, 0, 1, 0, 7, 0]);
        assert_eq!(column("FixedString(3)", &[[9_u8, 8, 7]]), [9, 8, 7]);
        assert_eq!(column("IPv6", &[Ipv6Addr::LOCALHOST]), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        let end = |at: u8| [at, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            column("Array(UInt16)", &[vec![], vec![1_u16, 2], vec![3]]),
            [&end(0)[..], &end(2), &end(3), &[1, 0, 2, 0, 3, 0]].concat()
        );
        assert_eq!(
            column("Array(Array(String))", &[vec![vec!["x"], vec![], vec!["y", "z"]]]),
            [&end(3)[..], &end(1), &end(1), &end(3), &[1, b'x', 1, b'y', 1, b'z']].concat()
        );
        assert_eq!(column("Array(Nullable(UInt8))", &[vec![Some(5_u8), None]]), [&end(2)[..], &[0, 1, 5, 0]].concat());
    }

    /// Version; kind of index, with the bits for a dictionary of its own; keys; places.
    #[test]
    fn words_stand_in_a_dictionary() {
        let number = |number: u64| number.to_le_bytes();
        let of_bytes = number(0x600);
        assert_eq!(
            column("LowCardinality(String)", &["x", "yy", "", "x"]),
            [&number(1)[..], &of_bytes, &number(3), &[0, 1, b'x', 2, b'y', b'y'], &number(4), &[1, 2, 0, 1]].concat()
        );
        assert_eq!(
            column("Array(LowCardinality(String))", &[vec!["x"], vec![]]),
            [&number(1)[..], &number(1), &number(1), &of_bytes, &number(2), &[0, 1, b'x'], &number(1), &[1]].concat()
        );
        let many: Vec<String> = (0..300).map(|n| n.to_string()).collect();
        let wide = column_of_many(&many);
        assert_eq!(&wide[8..16], number(0x601));
        assert_eq!(
            column("Map(LowCardinality(String), Float64)", &[vec![("k", 1.0_f64)]]),
            [&number(1)[..], &number(1), &of_bytes, &number(2), &[0, 1, b'k'], &number(1), &[1], &1_f64.to_le_bytes()]
                .concat()
        );
    }

    fn column_of_many(values: &[String]) -> Vec<u8> {
        let mut block = block(&["LowCardinality(String)"]);
        values.iter().for_each(|a| block.push(&Row { a }).expect("it can be written"));
        let bytes = bytes(&mut block);
        let head = [&[1, 0xac, 2, 1, b'a', 22], "LowCardinality(String)".as_bytes()].concat();
        bytes.strip_prefix(&*head).expect("columns, rows, name, type").to_vec()
    }

    #[test]
    fn columns_that_say_nothing_stay_out() {
        let mut block = block(&["UInt8", "String"]);
        for b in ["", "x", ""] {
            block.push(&Two { a: 0_u8, b }).expect("it can be written");
        }
        assert_eq!(block.take(|_| ()), ["a", "b"]);
        block.push(&Two { a: 1_u8, b: "" }).expect("it can be written");
        assert_eq!(block.take(|_| ()), ["a"]);
        for b in [None, Some(0_u8)] {
            let mut block = Block::of([("a", "UInt8"), ("b", "Nullable(UInt8)")]);
            block.push(&Two { a: 1_u8, b }).expect("it can be written");
            assert_eq!(block.take(|_| ()).len(), 1 + usize::from(b.is_some()), "nought is not nothing");
        }
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let mut block = block(&["UInt8", "UInt16"]);
        block.push(&Two { a: 1_u8, b: 2_u16 }).expect("it can be written");
        assert_eq!(block.push(&Two { a: 1_u8, b: 2_u32 }).map_err(|error| error.rows), Err(2));
        assert_eq!(block.rows(), 0);
        assert!(block.push(&Two { a: 1_u8, b: "text" }).is_err());
        assert!(block.push(&Two { a: 'c', b: 1_u16 }).is_err());
        block.push(&Two { a: 1_u8, b: 2_u16 }).expect("it can be written");
        assert_eq!(bytes(&mut block).len(), 2 + (2 + 6 + 1) + (2 + 7 + 2));
    }

    const NAMES: [&str; 2] = ["a", "b"];
}
