//! A batch: rows of one table as they go over the wire, and what they need to be sent again.
//!
//! In: rows. Out: compressed blocks and a head; the same as one file's bytes, with a checksum, and back. Sends nothing.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use twox_hash::{XxHash3_64, XxHash3_128};

use super::migration::{self, Column, identifier, literal};
use super::native::{Block, Given, Unwritable};
use super::schema::Table;

/// Rows of one table, ready to be sent any number of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub head: Head,
    /// In ClickHouse's own compressed framing.
    pub body: Bytes,
}

/// What there is to know about a batch's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub table: String,
    /// What each row consists of, in order.
    pub columns: Vec<String>,
    /// How the rows are written; the first versions did not say it.
    #[serde(default = "row_binary")]
    pub format: String,
    /// Version of the schema for which the rows were made.
    pub schema: u32,
    /// Two batches of the same token are the same batch.
    pub token: String,
    pub rows: usize,
    /// Where it was to go: the server's URL, without user and password.
    pub server: String,
    pub database: String,
}

/// How batches are named, so that one which is sent again is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// By this run and by number: two batches are never the same.
    OfRun(u64),
    /// By what is in them and by number: a run that finds the same again sends the same batches again.
    OfContent,
}

impl Head {
    /// The statement that takes the body. Rows that were made for an older schema go into today's: what is computed by now, or
    /// not there any more, is left out, and types are converted.
    pub fn insert(&self) -> String {
        let names = |columns: &[&str]| columns.iter().map(|column| identifier(column)).collect::<Vec<_>>().join(",");
        let all: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let table = identifier(&self.table);
        let Some((kept, structure)) = self.other_schema() else {
            return format!("INSERT INTO {table}({}) FORMAT {}", names(&all), self.format());
        };
        let kept = names(&kept);
        format!(
            "INSERT INTO {table}({kept}) SELECT {kept} FROM input({}) FORMAT {}",
            literal(&structure),
            self.format()
        )
    }

    /// The columns that a newer schema has kept, and the rows' own structure; `None` where they are today's.
    fn other_schema(&self) -> Option<(Vec<&str>, String)> {
        let (then, now) =
            (migration::columns(&self.table, self.schema), migration::columns(&self.table, migration::latest()));
        let find = |columns: &[Column], name: &str| columns.iter().find(|column| column.name == name).copied();
        let stored = |name: &str| find(&now, name).filter(|column| !column.is_computed);
        let mut is_other = false;
        let mut kept = Vec::new();
        let mut structure = Vec::new();
        for name in self.columns.iter().map(String::as_str) {
            // What no version knows is the server's to refuse.
            let was = find(&then, name)?;
            structure.push(format!("{} {}", identifier(name), was.kind));
            let is = stored(name);
            is_other |= is.is_none_or(|is| is.kind != was.kind);
            kept.extend(is.map(|_| name));
        }
        is_other.then(|| (kept, structure.join(", ")))
    }

    /// A format of ours.
    fn format(&self) -> &'static str {
        if self.format == ROW_BINARY { ROW_BINARY } else { NATIVE }
    }
}

impl Batch {
    /// The batch as the bytes of a file.
    pub fn to_file(&self) -> Result<Vec<u8>, serde_json::Error> {
        let head = serde_json::to_vec(&self.head)?;
        let mut file = Vec::with_capacity(FRAME + head.len() + self.body.len());
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&(head.len() as u64).to_le_bytes());
        file.extend_from_slice(&(self.body.len() as u64).to_le_bytes());
        file.extend_from_slice(&head);
        file.extend_from_slice(&self.body);
        let checksum = XxHash3_64::oneshot(&file);
        file.extend_from_slice(&checksum.to_le_bytes());
        Ok(file)
    }

    /// Reads such a file; `None` if it was cut off or changed.
    pub fn from_file(file: Vec<u8>) -> Option<Self> {
        let (rest, checksum) = file.split_last_chunk()?;
        if XxHash3_64::oneshot(rest) != u64::from_le_bytes(*checksum) {
            return None;
        }
        let (head, body) = parts(rest)?;
        let head: Head = serde_json::from_slice(rest.get(head)?).ok()?;
        let file = Bytes::from(file);
        (body.end <= file.len()).then(|| Self { head, body: file.slice(body) })
    }
}

impl Head {
    /// Reads the head alone, from the beginning of a file.
    pub fn from_start(start: &[u8]) -> Option<Self> {
        let (head, _) = parts(start)?;
        serde_json::from_slice(start.get(head)?).ok()
    }
}

/// Where head and body stand in a file without its checksum.
fn parts(file: &[u8]) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let (head, rest) = file.strip_prefix(MAGIC)?.split_first_chunk()?;
    let (body, _) = rest.split_first_chunk()?;
    let head = usize::try_from(u64::from_le_bytes(*head)).ok()?;
    let body = usize::try_from(u64::from_le_bytes(*body)).ok()?;
    let begin = MAGIC.len() + 16;
    let middle = begin.checked_add(head)?;
    Some((begin..middle, middle..middle.checked_add(body)?))
}

/// A batch while rows come.
pub struct Gathering {
    table: Table,
    block: Block,
}

impl Gathering {
    /// Of rows as the newest schema has them.
    pub fn new(table: Table) -> Self {
        let columns = migration::columns(table.name(), migration::latest());
        let stored = columns.into_iter().filter(|column| !column.is_computed);
        Self::of(table, stored.map(|column| (column.name, column.kind)))
    }

    fn of(table: Table, columns: impl IntoIterator<Item = (&'static str, &'static str)>) -> Self {
        Self { table, block: Block::of(columns) }
    }

    pub fn push<R: Serialize>(&mut self, row: &R) -> Result<(), Unwritable> {
        self.block.push(row)
    }

    /// A row of values, one a column.
    pub fn push_given<'a>(&mut self, values: impl IntoIterator<Item = Option<Given<'a>>>) -> Result<(), Unwritable> {
        self.block.push_given(values)
    }

    pub fn table(&self) -> &'static str {
        self.table.name()
    }

    pub fn rows(&self) -> usize {
        self.block.rows()
    }

    /// Bytes of the rows, as they are before compression; those of the last few may be missing.
    pub fn bytes(&self) -> usize {
        self.block.bytes()
    }

    /// Takes the rows out, under a name; `number` is that of the batch among those of its table and run.
    pub fn cut(&mut self, tokens: Tokens, number: u64, server: &str, database: &str) -> Batch {
        let rows = self.block.rows();
        let mut pack = Pack::default();
        let columns = self.block.take(|piece| pack.add(piece));
        let (body, content) = pack.finish();
        let token = match tokens {
            Tokens::OfRun(run) => format!("tlsight-{run:016x}-{number}"),
            Tokens::OfContent => format!("tlsight-{content:032x}-{number}"),
        };
        let head = Head {
            table: self.table.name().to_owned(),
            columns: columns.into_iter().map(str::to_owned).collect(),
            format: NATIVE.to_owned(),
            schema: migration::latest(),
            token,
            rows,
            server: server.to_owned(),
            database: database.to_owned(),
        };
        Batch { head, body }
    }
}

/// Bytes that are compressed as they come.
#[derive(Default)]
struct Pack {
    /// Not compressed yet.
    raw: Vec<u8>,
    body: Vec<u8>,
    content: XxHash3_128,
}

impl Pack {
    fn add(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let (now, later) = piece.split_at(piece.len().min(BLOCK - self.raw.len()));
            self.raw.extend_from_slice(now);
            piece = later;
            if self.raw.len() >= BLOCK {
                self.compress();
            }
        }
    }

    /// All of it, and the checksum of what it is made of.
    fn finish(mut self) -> (Bytes, u128) {
        self.compress();
        (Bytes::from(self.body), self.content.finish_128())
    }

    fn compress(&mut self) {
        if !self.raw.is_empty() {
            self.content.write(&self.raw);
            compress(&self.raw, &mut self.body);
            self.raw.clear();
        }
    }
}

/// Appends a compressed block: a checksum, a method, two lengths, LZ4
/// (<https://clickhouse.com/docs/native-protocol/compression>).
fn compress(raw: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    let most = lz4_flex::block::get_maximum_output_size(raw.len());
    out.resize(begin + CHECKSUM + HEADER + most, 0);
    let done = out.get_mut(begin + CHECKSUM + HEADER..).map(|room| lz4_flex::block::compress_into(raw, room));
    // There is room for the worst case.
    debug_assert!(matches!(done, Some(Ok(_))));
    let size = done.and_then(Result::ok).unwrap_or(0);
    out.truncate(begin + CHECKSUM + HEADER + size);
    let Some((checksum, rest)) = out.get_mut(begin..).and_then(|block| block.split_at_mut_checked(CHECKSUM)) else {
        return;
    };
    if let Some((header, _)) = rest.split_first_chunk_mut::<HEADER>() {
        let [method, sizes @ ..] = header;
        *method = LZ4;
        let (packed, plain) = sizes.split_at_mut(4);
        packed.copy_from_slice(&((HEADER + size) as u32).to_le_bytes());
        plain.copy_from_slice(&(raw.len() as u32).to_le_bytes());
    }
    // The two halves stand in the other order.
    checksum.copy_from_slice(&cityhash_rs::cityhash_102_128(rest).rotate_right(64).to_le_bytes());
}

fn row_binary() -> String {
    ROW_BINARY.to_owned()
}

/// Columns, each as a whole.
const NATIVE: &str = "Native";
/// Row by row: what the first versions wrote, and may have left in a spool.
const ROW_BINARY: &str = "RowBinary";

/// Rows are compressed in pieces of about this size: as large as the server's own.
const BLOCK: usize = 1 << 20;
const CHECKSUM: usize = 16;
const HEADER: usize = 9;
const LZ4: u8 = 0x82;

/// The eighth byte is the format's version.
pub const MAGIC: &[u8; 8] = b"TLSIGHT\x01";
/// What a file has beside head and body.
const FRAME: usize = 8 + 16 + 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Number {
        number: u64,
    }

    fn batch(numbers: std::ops::Range<u64>, tokens: Tokens, number: u64) -> Batch {
        let mut gathering = Gathering::of(Table::Alerts, [("number", "UInt64")]);
        for number in numbers {
            gathering.push(&Number { number }).expect("it can be written");
        }
        gathering.cut(tokens, number, "http://h:8123", "tls")
    }

    #[test]
    fn a_file_gives_the_batch_back_and_one_that_was_cut_or_changed_gives_none() {
        let batch = batch(0..300_000, Tokens::OfContent, 1);
        let file = batch.to_file().expect("JSON");
        assert_eq!(Batch::from_file(file.clone()), Some(batch.clone()));
        assert_eq!(Head::from_start(&file[..1_000]), Some(batch.head));
        for length in (0..file.len()).step_by(4_999).chain([file.len() - 1]) {
            assert_eq!(Batch::from_file(file[..length].to_vec()), None, "{length}");
        }
        for at in (0..file.len()).step_by(4_999) {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert_eq!(Batch::from_file(changed), None, "{at}");
        }
    }

    #[test]
    fn lengths_that_lie_are_no_batch() {
        let mut file = MAGIC.to_vec();
        file.extend_from_slice(&[255; 16]);
        let checksum = XxHash3_64::oneshot(&file);
        file.extend_from_slice(&checksum.to_le_bytes());
        assert_eq!(Batch::from_file(file), None);
    }

    #[test]
    fn tokens_tell_batches_apart_by_content_or_by_run() {
        let token = |numbers, tokens, number| batch(numbers, tokens, number).head.token;
        let same = token(0..9, Tokens::OfContent, 1);
        assert_eq!(token(0..9, Tokens::OfContent, 1), same);
        assert_ne!(token(0..9, Tokens::OfContent, 2), same);
        assert_ne!(token(0..8, Tokens::OfContent, 1), same);
        assert_eq!(token(0..9, Tokens::OfRun(7), 1), token(0..8, Tokens::OfRun(7), 1));
        assert_ne!(token(0..9, Tokens::OfRun(7), 1), token(0..9, Tokens::OfRun(8), 1));
    }

    #[test]
    fn names_cannot_leave_their_quotes() {
        let mut head = batch(0..1, Tokens::OfContent, 1).head;
        head.table = "a`; DROP".to_owned();
        head.columns = vec!["b`".to_owned()];
        assert_eq!(head.insert(), "INSERT INTO `a\\`; DROP`(`b\\``) FORMAT Native");
    }
}
