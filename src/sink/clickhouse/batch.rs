//! A batch: rows of one table as they go over the wire, and what they need to be sent again.
//!
//! In: rows. Out: compressed blocks and a head; the same as one file's bytes, with a checksum, and back. Sends nothing.

use bytes::Bytes;
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use twox_hash::{XxHash3_64, XxHash3_128};

use super::migration::{self, identifier};
use super::row_binary::{self, Unwritable};
use super::schema::Table;

/// Rows of one table, ready to be sent any number of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub head: Head,
    /// Blocks in ClickHouse's own compressed framing, of RowBinary.
    pub body: Bytes,
}

/// What there is to know about a batch's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub table: String,
    /// What each row consists of, in order.
    pub columns: Vec<String>,
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
    /// The statement that takes the body.
    pub fn insert(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| identifier(column)).collect();
        format!("INSERT INTO {}({}) FORMAT RowBinary", identifier(&self.table), columns.join(","))
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
    columns: &'static [&'static str],
    rows: usize,
    /// Not compressed yet.
    raw: Vec<u8>,
    body: Vec<u8>,
    raw_bytes: usize,
    content: XxHash3_128,
}

impl Gathering {
    pub fn new<R: Row>(table: Table) -> Self {
        Self {
            table,
            columns: R::COLUMN_NAMES,
            rows: 0,
            raw: Vec::with_capacity(BLOCK + BLOCK / 4),
            body: Vec::new(),
            raw_bytes: 0,
            content: XxHash3_128::new(),
        }
    }

    pub fn push<R: Serialize>(&mut self, row: &R) -> Result<(), Unwritable> {
        row_binary::append(row, &mut self.raw)?;
        self.rows += 1;
        if self.raw.len() >= BLOCK {
            self.pack();
        }
        Ok(())
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of the rows, as they are before compression.
    pub fn bytes(&self) -> usize {
        self.raw_bytes + self.raw.len()
    }

    /// Takes the rows out, under a name; `number` is that of the batch among those of its table and run.
    pub fn cut(&mut self, tokens: Tokens, number: u64, server: &str, database: &str) -> Batch {
        self.pack();
        let content = std::mem::replace(&mut self.content, XxHash3_128::new()).finish_128();
        let token = match tokens {
            Tokens::OfRun(run) => format!("tlsight-{run:016x}-{number}"),
            Tokens::OfContent => format!("tlsight-{content:032x}-{number}"),
        };
        let head = Head {
            table: self.table.name().to_owned(),
            columns: self.columns.iter().map(|&column| column.to_owned()).collect(),
            schema: migration::latest(),
            token,
            rows: std::mem::take(&mut self.rows),
            server: server.to_owned(),
            database: database.to_owned(),
        };
        self.raw_bytes = 0;
        Batch { head, body: Bytes::from(std::mem::take(&mut self.body)) }
    }

    fn pack(&mut self) {
        if !self.raw.is_empty() {
            self.content.write(&self.raw);
            compress(&self.raw, &mut self.body);
            self.raw_bytes += self.raw.len();
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

/// Rows are compressed in pieces of about this size: as large as the server's own.
const BLOCK: usize = 1 << 20;
const CHECKSUM: usize = 16;
const HEADER: usize = 9;
const LZ4: u8 = 0x82;

/// The eighth byte is the format's version.
const MAGIC: &[u8; 8] = b"TLSIGHT\x01";
/// What a file has beside head and body.
const FRAME: usize = 8 + 16 + 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Row, Serialize)]
    struct Number {
        number: u64,
    }

    fn batch(numbers: std::ops::Range<u64>, tokens: Tokens, number: u64) -> Batch {
        let mut gathering = Gathering::new::<Number>(Table::Alerts);
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
        assert_eq!(head.insert(), "INSERT INTO `a\\`; DROP`(`b\\``) FORMAT RowBinary");
    }
}
