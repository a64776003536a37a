//! What a file is that is no capture.
//!
//! In: its first bytes. Out: words for the person who handed it over.

/// Names the file that starts with `head`, and how to go on where there is a way.
pub(super) fn name(head: &[u8]) -> String {
    if head.is_empty() {
        return "the file is empty".to_owned();
    }
    let known = KNOWN.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, name)| (*name).to_owned());
    known.unwrap_or_else(|| {
        let start = head.trim_ascii_start();
        if start.starts_with(b"<") {
            return "it is HTML or XML (was a download page saved instead of the file?)".to_owned();
        }
        if head.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
            return "it is text; neither pcap nor pcapng".to_owned();
        }
        let magic: Vec<String> = head.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("it starts with {}, neither pcap nor pcapng", magic.join(" "))
    })
}

const KNOWN: [(&[u8], &str); 14] = [
    (b"\x7fELF", "it is an ELF program"),
    (b"MZ", "it is a Windows program"),
    (b"%PDF", "it is a PDF document"),
    (b"PK\x03\x04", "it is a zip archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive; unpack it first"),
    (b"Rar!", "it is a rar archive; unpack it first"),
    (b"\xfd7zXZ\0", "it is compressed with xz; unpack it first (`xz -dc FILE | tlsight read -`)"),
    (b"BZh", "it is compressed with bzip2; unpack it first (`bzip2 -dc FILE | tlsight read -`)"),
    (b"\x04\x22\x4d\x18", "it is compressed with lz4; unpack it first (`lz4 -dc FILE | tlsight read -`)"),
    (b"\x1f\x8b", "it is compressed twice; unpack it once first"),
    (b"\x28\xb5\x2f\xfd", "it is compressed twice; unpack it once first"),
    (b"snoop\0\0\0", "it is a snoop capture; convert it first (`editcap -F pcap IN OUT`)"),
    (b"GMBU", "it is a Microsoft Network Monitor capture; convert it first (`editcap -F pcap IN OUT`)"),
    (b"\x89PNG", "it is a PNG picture"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_files_are_named() {
        for (head, words) in [
            (&b""[..], "empty"),
            (b"\x7fELF\x02\x01", "ELF"),
            (b"%PDF-1.7", "PDF"),
            (b"PK\x03\x04\x14", "zip"),
            (b"\n <!DOCTYPE html>", "HTML"),
            (b"{\"a\": 1}", "text"),
            (b"\xfd7zXZ\0\0", "xz -dc"),
            (b"\x00\x01\x02\x03\x04", "00 01 02 03"),
        ] {
            assert!(name(head).contains(words), "{words}: {}", name(head));
        }
    }
}
