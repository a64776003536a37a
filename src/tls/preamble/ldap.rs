//! LDAP: messages of BER, after one of which - the extended request or response StartTLS - TLS begins (RFC 4511,
//! section 4.14).

use super::{Evidence, Expect, Notes, Unit};
use crate::wire::{Cursor, Incomplete};

/// A message (RFC 4511, section 4.1.1). `None` where it is none.
pub(super) fn message(view: &[u8], notes: &mut Notes) -> Option<Unit> {
    match read(view) {
        Ok(length) => {
            notes.evidence.add(Evidence::LDAP);
            Some(Unit::Sized(length, Expect::LdapMessage))
        }
        Err(Fault::Incomplete) => Some(Unit::More),
        Err(Fault::Other) => None,
    }
}

/// How many bytes the message has: a sequence of a number and an operation.
fn read(view: &[u8]) -> Result<usize, Fault> {
    let mut cursor = Cursor::new(view);
    expect(cursor.u8()? == SEQUENCE)?;
    let content = match cursor.u8()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(cursor.u8()?),
        0x82 => usize::from(cursor.u16()?),
        0x83 => cursor.u24()? as usize,
        0x84 => cursor.u32()? as usize,
        _ => return Err(Fault::Other),
    };
    let header = view.len().saturating_sub(cursor.len());
    expect(cursor.u8()? == INTEGER)?;
    let id = cursor.u8()?;
    expect((1..=5).contains(&id))?;
    cursor.take(usize::from(id))?;
    // The class of operations is APPLICATION.
    expect(cursor.u8()? & 0xc0 == 0x40)?;
    expect(content >= usize::from(id).saturating_add(3))?;
    Ok(header.saturating_add(content))
}

enum Fault {
    Incomplete,
    Other,
}

impl From<Incomplete> for Fault {
    fn from(Incomplete: Incomplete) -> Self {
        Self::Incomplete
    }
}

fn expect(holds: bool) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(Fault::Other) }
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
