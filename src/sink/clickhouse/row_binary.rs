//! Rows as bytes, in ClickHouse's format RowBinary.
//!
//! In: a row, a field a column. Out: its bytes behind those that are there. The client library keeps its own writer to
//! itself; a spool wants the bytes before there is a connection. Numbers are little-endian; texts, byte strings and arrays
//! have their length before them as LEB128; what may be NULL has a byte before it (1: NULL); tuples and fixed strings have
//! nothing. Arrays of pairs do for maps.

use std::fmt::{self, Display};

use serde::ser::{self, Impossible, Serialize};

/// Appends a row. What cannot be written leaves nothing behind.
///
/// # Errors
/// A kind of value that no column has: a row type is wrong, not a row.
pub fn append<R: Serialize>(row: &R, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    let before = out.len();
    row.serialize(&mut Writer { out }).inspect_err(|_| out.truncate(before))
}

/// A kind of value that the format does not have, or not here.
#[derive(Debug)]
pub struct Unwritable(String);

impl Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unwritable {}

impl ser::Error for Unwritable {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn length(&mut self, mut length: usize) {
        while length >= 0x80 {
            self.out.push(length as u8 | 0x80);
            length >>= 7;
        }
        self.out.push(length as u8);
    }
}

fn unwritable<T>(kind: &str) -> Result<T, Unwritable> {
    Err(Unwritable(format!("RowBinary has no {kind}")))
}

macro_rules! numbers {
    ($($method:ident $kind:ty),*) => {
        $(
            #[inline]
            fn $method(self, value: $kind) -> Result<(), Unwritable> {
                self.out.extend_from_slice(&value.to_le_bytes());
                Ok(())
            }
        )*
    };
}

impl<'a, 'b> ser::Serializer for &'a mut Writer<'b> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeStruct = Self;
    type SerializeTupleStruct = Impossible<(), Unwritable>;
    type SerializeTupleVariant = Impossible<(), Unwritable>;
    type SerializeMap = Impossible<(), Unwritable>;
    type SerializeStructVariant = Impossible<(), Unwritable>;

    numbers!(
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_u8 u8, serialize_u16 u16,
        serialize_u32 u32, serialize_u64 u64, serialize_f32 f32, serialize_f64 f64
    );

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), Unwritable> {
        self.out.push(u8::from(value));
        Ok(())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Unwritable> {
        self.serialize_bytes(value.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), Unwritable> {
        self.length(value.len());
        self.out.extend_from_slice(value);
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Unwritable> {
        self.out.push(1);
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        self.out.push(0);
        value.serialize(self)
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<Self, Unwritable> {
        let Some(length) = length else { return unwritable("array of unknown length") };
        self.length(length);
        Ok(self)
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Self, Unwritable> {
        Ok(self)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unwritable> {
        Ok(self)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_char(self, _: char) -> Result<(), Unwritable> {
        unwritable("character")
    }

    fn serialize_unit(self) -> Result<(), Unwritable> {
        unwritable("unit")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unwritable> {
        unwritable("unit")
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Unwritable> {
        unwritable("variant")
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unwritable> {
        unwritable("variant")
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Unwritable> {
        unwritable("tuple struct")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unwritable> {
        unwritable("variant")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unwritable> {
        unwritable("map")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unwritable> {
        unwritable("variant")
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

impl ser::SerializeSeq for &mut Writer<'_> {
    type Ok = ();
    type Error = Unwritable;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Unwritable> {
        Ok(())
    }
}

impl ser::SerializeTuple for &mut Writer<'_> {
    type Ok = ();
    type Error = Unwritable;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Unwritable> {
        Ok(())
    }
}

impl ser::SerializeStruct for &mut Writer<'_> {
    type Ok = ();
    type Error = Unwritable;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), Unwritable> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Unwritable> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn bytes<R: Serialize>(row: &R) -> Vec<u8> {
        let mut out = Vec::new();
        append(row, &mut out).expect("it can be written");
        out
    }

    #[test]
    fn values_are_what_the_format_says() {
        // https://clickhouse.com/docs/interfaces/formats/RowBinary
        assert_eq!(bytes(&(0x0102_u16, -2_i64)), [2, 1, 254, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(bytes(&("ab", true)), [2, b'a', b'b', 1]);
        assert_eq!(bytes(&(None::<u8>, Some(7_u8))), [1, 0, 7]);
        assert_eq!(bytes(&vec![1_u16, 2]), [2, 1, 0, 2, 0]);
        assert_eq!(bytes(&[9_u8; 3]), [9, 9, 9]);
        assert_eq!(bytes(&vec![("k", 1.0_f64)]), [1, 1, b'k', 0, 0, 0, 0, 0, 0, 240, 63]);
        assert_eq!(bytes(&Ipv6Addr::LOCALHOST), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn lengths_are_leb128() {
        for (length, prefix) in [(127, vec![127]), (128, vec![128, 1]), (16_384, vec![128, 128, 1])] {
            let out = bytes(&"x".repeat(length));
            assert_eq!(out.strip_prefix(&*prefix).map(<[u8]>::len), Some(length));
        }
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let mut out = vec![1];
        assert!(append(&("before", 'c'), &mut out).is_err());
        assert_eq!(out, [1]);
    }
}
