//! A row's fields as values of columns.

use std::fmt::Display;

use serde::ser::{self, Impossible, Serialize};

use super::cells::Cells;
use super::{Column, Unwritable};

/// Writes a row into the columns as that of this number.
pub fn write<R: Serialize>(row: &R, columns: &mut [Column], number: usize) -> Result<(), Unwritable> {
    row.serialize(Row { columns: columns.iter_mut(), number })
}

/// The row itself.
struct Row<'a> {
    columns: std::slice::IterMut<'a, Column>,
    number: usize,
}

/// A value's place.
enum Place<'a> {
    /// A column, in which it is the value of this row.
    Column(&'a mut Column, usize),
    /// Behind the values that are there.
    Inside(&'a mut Cells),
    /// An octet of a fixed string, or of an address.
    Octet(&'a mut Vec<u8>),
}

impl<'a> Place<'a> {
    fn cells(self) -> Option<&'a mut Cells> {
        match self {
            Place::Column(column, row) => Some(column.cells_of_row(row)),
            Place::Inside(cells) => Some(cells),
            Place::Octet(_) => None,
        }
    }

    /// Where nothing has to be written for a default.
    #[inline]
    fn has_defaults(&self) -> bool {
        matches!(self, Place::Column(..))
    }

    #[inline]
    fn octets(self, value: &[u8]) -> Result<(), Unwritable> {
        if value.is_empty() && self.has_defaults() {
            return Ok(());
        }
        done(self.cells().is_some_and(|cells| cells.octets(value)))
    }

    #[inline]
    fn number<const N: usize>(self, value: [u8; N]) -> Result<(), Unwritable> {
        if value == [0; N] && self.has_defaults() {
            return Ok(());
        }
        done(self.cells().is_some_and(|cells| cells.number(value)))
    }
}

/// The elements of a list, or of what has a fixed number of them.
enum Elements<'a> {
    None,
    List(&'a mut Cells),
    Octets(&'a mut Vec<u8>),
    /// A key, whose value comes next.
    Pair(&'a mut Cells, &'a mut Cells),
    /// A value, behind which there is nothing.
    Last(&'a mut Cells),
}

#[inline]
fn done(done: bool) -> Result<(), Unwritable> {
    if done { Ok(()) } else { Err(Unwritable::new("its column has another type")) }
}

fn unwritable<T>(kind: &str) -> Result<T, Unwritable> {
    Err(Unwritable::new(format_args!("no column has a {kind}")))
}

impl ser::Error for Unwritable {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message)
    }
}

macro_rules! numbers {
    ($($method:ident $kind:ty),*) => {
        $(
            #[inline]
            fn $method(self, value: $kind) -> Result<(), Unwritable> {
                self.number(value.to_le_bytes())
            }
        )*
    };
}

/// What no row is made of.
macro_rules! never {
    () => {
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
    };
}

impl<'a> ser::Serializer for Place<'a> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Elements<'a>;
    type SerializeTuple = Elements<'a>;
    type SerializeStruct = Impossible<(), Unwritable>;
    type SerializeTupleStruct = Impossible<(), Unwritable>;
    type SerializeTupleVariant = Impossible<(), Unwritable>;
    type SerializeMap = Impossible<(), Unwritable>;
    type SerializeStructVariant = Impossible<(), Unwritable>;

    numbers!(
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_u16 u16,
        serialize_u32 u32, serialize_u64 u64, serialize_f32 f32, serialize_f64 f64
    );

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), Unwritable> {
        match self {
            Place::Octet(octets) => {
                octets.push(value);
                Ok(())
            }
            place => place.number([value]),
        }
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), Unwritable> {
        self.number([u8::from(value)])
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Unwritable> {
        self.octets(value.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), Unwritable> {
        self.octets(value)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Unwritable> {
        if let Place::Inside(cells) = self {
            cells.pad(1);
        }
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        match self.cells().and_then(Cells::some) {
            Some(cells) => value.serialize(Place::Inside(cells)),
            None => done(false),
        }
    }

    #[inline]
    fn serialize_seq(self, length: Option<usize>) -> Result<Elements<'a>, Unwritable> {
        let Some(length) = length else { return unwritable("list of unknown length") };
        if length == 0 && self.has_defaults() {
            return Ok(Elements::None);
        }
        match self.cells().and_then(|cells| cells.list(length)) {
            Some(cells) => Ok(Elements::List(cells)),
            None => unwritable("list, where there is none"),
        }
    }

    #[inline]
    fn serialize_tuple(self, length: usize) -> Result<Elements<'a>, Unwritable> {
        match self.cells() {
            Some(Cells::Fixed { width, octets }) if *width == length => Ok(Elements::Octets(octets)),
            Some(Cells::Pairs(keys, values)) if length == 2 => Ok(Elements::Pair(keys, values)),
            _ => unwritable("tuple of that length"),
        }
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Unwritable> {
        unwritable("row within a row")
    }

    never!();
}

impl Elements<'_> {
    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        match self {
            Elements::List(cells) => value.serialize(Place::Inside(cells)),
            Elements::Octets(octets) => value.serialize(Place::Octet(octets)),
            Elements::Pair(..) => {
                let Elements::Pair(keys, values) = std::mem::replace(self, Elements::None) else { return done(false) };
                *self = Elements::Last(values);
                value.serialize(Place::Inside(keys))
            }
            Elements::Last(values) => value.serialize(Place::Inside(values)),
            Elements::None => unwritable("further element"),
        }
    }
}

impl ser::SerializeSeq for Elements<'_> {
    type Ok = ();
    type Error = Unwritable;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.element(value)
    }

    fn end(self) -> Result<(), Unwritable> {
        Ok(())
    }
}

impl ser::SerializeTuple for Elements<'_> {
    type Ok = ();
    type Error = Unwritable;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        self.element(value)
    }

    fn end(self) -> Result<(), Unwritable> {
        Ok(())
    }
}

macro_rules! not_a_row {
    ($($method:ident $kind:ty),*) => {
        $(
            fn $method(self, _: $kind) -> Result<(), Unwritable> {
                unwritable("row that is a value")
            }
        )*
    };
}

impl<'a> ser::Serializer for Row<'a> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Impossible<(), Unwritable>;
    type SerializeTuple = Impossible<(), Unwritable>;
    type SerializeStruct = Self;
    type SerializeTupleStruct = Impossible<(), Unwritable>;
    type SerializeTupleVariant = Impossible<(), Unwritable>;
    type SerializeMap = Impossible<(), Unwritable>;
    type SerializeStructVariant = Impossible<(), Unwritable>;

    not_a_row!(
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_u8 u8, serialize_u16 u16,
        serialize_u32 u32, serialize_u64 u64, serialize_f32 f32, serialize_f64 f64, serialize_bool bool, serialize_str &str,
        serialize_bytes &[u8]
    );

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unwritable> {
        Ok(self)
    }

    fn serialize_none(self) -> Result<(), Unwritable> {
        unwritable("row that is absent")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Unwritable> {
        unwritable("row that is a list")
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unwritable> {
        unwritable("row that is a tuple")
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    never!();
}

impl ser::SerializeStruct for Row<'_> {
    type Ok = ();
    type Error = Unwritable;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unwritable> {
        let Some(column) = self.columns.next() else { return unwritable("field more than the table has columns") };
        debug_assert_eq!(column.name, name);
        value
            .serialize(Place::Column(column, self.number))
            .map_err(|error| Unwritable::new(format_args!("`{name}`: {error}")))
    }

    fn end(self) -> Result<(), Unwritable> {
        Ok(())
    }
}
