//! Lists for Zeek's intelligence framework.

use super::indicator::{Claim, Indicator};
use super::reading::{Found, Reader, Times};
use super::store::Words;
use crate::feed::shortened;
use crate::feed::zeek::{Row, rows};

pub fn read(text: &str, reader: &mut Reader<'_, '_>) {
    reader.reading.form = "a file of Zeek's intelligence framework";
    for row in rows(text) {
        match row {
            Ok(row) => keep(row, reader),
            Err(fault) => reader.fault(fault.line, fault.what),
        }
    }
}

fn keep(row: Row, reader: &mut Reader<'_, '_>) {
    let Row { line, indicator, kind, source, description, url } = row;
    let claim = match kind.as_str() {
        "Intel::ADDR" | "Intel::SUBNET" => Claim::Address,
        "Intel::DOMAIN" => Claim::Name,
        // Zeek's own is the SHA-1; lists have others, too.
        "Intel::CERT_HASH" => Claim::Hash,
        // Types that packages add.
        "Intel::JA3" => Claim::Ja3,
        "Intel::JA3S" => Claim::Ja3s,
        "Intel::JA4" => Claim::Ja4,
        "Intel::JA4X" => Claim::Ja4x,
        other if other.starts_with("Intel::") => {
            return reader.leave_out(line, format_args!("{other} is nothing that TLS shows"));
        }
        other => return reader.fault(line, format_args!("{} is no type of indicator", shortened(other))),
    };
    match Indicator::read(claim, &indicator) {
        Err(why) => reader.refuse(line, &indicator, why),
        Ok(indicators) => {
            let boxed = |text: Option<String>| text.map(String::into_boxed_str);
            let words = Words { description: boxed(description), reference: boxed(url), source: boxed(source) };
            reader.found(Found { line, indicators, words, times: Times::default() });
        }
    }
}
