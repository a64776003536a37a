//! The rules of the source's layout: imports point down the layers, files say what they are and stay short, parsers are
//! safe, and JA4+ carries its licence. Reads the text of `src`; the tests inside its files are exempt.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may use, besides itself.
const LAYERS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("config", &["error"]),
    ("stats", &[]),
    ("wire", &[]),
    ("feed", &[]),
    ("capture", &["wire", "error"]),
    ("keep", &["capture", "stats", "error"]),
    ("decode", &["capture", "wire", "config"]),
    ("flow", &["decode", "capture", "wire", "config"]),
    ("tls", &["wire"]),
    ("dtls", &["tls", "wire"]),
    ("quic", &["tls", "wire"]),
    // Of the fingerprints only JA4X, and only under its feature.
    ("x509", &["wire", "fingerprint"]),
    ("fingerprint", &["tls", "wire", "capture"]),
    ("event", &["fingerprint", "tls", "x509", "decode", "capture", "wire"]),
    (
        "engine",
        &[
            "event",
            "fingerprint",
            "x509",
            "tls",
            "dtls",
            "quic",
            "flow",
            "decode",
            "capture",
            "wire",
            "config",
            "stats",
        ],
    ),
    ("judge", &["event", "feed", "fingerprint", "x509", "tls", "decode", "capture", "wire", "error"]),
    (
        "detect",
        &[
            "judge",
            "event",
            "feed",
            "fingerprint",
            "x509",
            "tls",
            "decode",
            "capture",
            "wire",
            "config",
            "stats",
            "error",
        ],
    ),
    (
        "sink",
        &[
            "detect",
            "feed",
            "event",
            "fingerprint",
            "x509",
            "tls",
            "decode",
            "capture",
            "wire",
            "config",
            "stats",
            "error",
        ],
    ),
    (
        "runtime",
        &[
            "sink",
            "keep",
            "detect",
            "judge",
            "engine",
            "event",
            "flow",
            "fingerprint",
            "x509",
            "decode",
            "capture",
            "wire",
            "config",
            "stats",
            "error",
        ],
    ),
    (
        "extract",
        &[
            "runtime", "sink", "judge", "engine", "event", "flow", "x509", "decode", "capture", "config", "stats",
            "error",
        ],
    ),
    (
        "cli",
        &[
            "extract",
            "runtime",
            "sink",
            "keep",
            "detect",
            "judge",
            "engine",
            "event",
            "flow",
            "fingerprint",
            "x509",
            "tls",
            "decode",
            "capture",
            "wire",
            "config",
            "stats",
            "error",
        ],
    ),
];

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for file in sources() {
        let Some(allowed) = allowed(&file) else { continue };
        for import in imports(&file.code) {
            let to = import.path.split("::").next().unwrap_or_default();
            if to != file.module() && !allowed.contains(&to) {
                wrong.push(format!("{}:{}: {} must not use {to}", file.name(), import.line, file.module()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_module_has_its_place_in_the_layers() {
    let modules: BTreeSet<String> = sources()
        .iter()
        .map(|file| file.module().to_owned())
        .filter(|module| !["lib", "main"].contains(&&**module))
        .collect();
    let known: BTreeSet<String> = LAYERS.iter().map(|(module, _)| (*module).to_owned()).collect();
    assert!(modules.is_subset(&known), "without a place: {:?}", modules.difference(&known));
}

#[test]
fn the_layers_have_no_circle() {
    let place = |module: &str| LAYERS.iter().position(|(name, _)| *name == module).expect(module);
    for (module, below) in LAYERS {
        for other in *below {
            let ja4x = (*module, *other) == ("x509", "fingerprint");
            assert!(ja4x || place(other) < place(module), "{module} must not use {other}");
        }
    }
    assert!(!allowed_to("fingerprint").contains(&"x509"));
}

#[test]
fn certificates_know_of_fingerprints_ja4x_alone_and_by_its_feature() {
    for file in sources().iter().filter(|file| file.module() == "x509") {
        for import in imports(&file.code).iter().filter(|import| import.path.starts_with("fingerprint")) {
            let lines: Vec<&str> = file.code.lines().collect();
            let gated = lines[..import.line - 1].iter().rev().take(2).any(|line| line.contains(JA4PLUS_GATE));
            assert!(import.path.starts_with("fingerprint::ja4plus"), "{}:{}", file.name(), import.line);
            assert!(gated, "{}:{}: without {JA4PLUS_GATE}", file.name(), import.line);
        }
    }
}

#[test]
fn no_path_climbs_out_of_its_module_by_super() {
    for file in sources() {
        let depth = file.depth();
        for (number, line) in file.code.lines().enumerate() {
            let climbs = line.matches("super::").count();
            assert!(climbs < depth || climbs == 0, "{}:{}: use crate:: instead", file.name(), number + 1);
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    for file in sources() {
        let head = file.text.lines().find(|line| !line.starts_with("// SPDX")).unwrap_or_default();
        assert!(head.starts_with("//! ") && head.len() > 10, "{} does not begin with //!", file.name());
    }
}

#[test]
fn no_file_is_longer_than_five_hundred_lines_before_its_tests() {
    let long: Vec<String> = sources()
        .iter()
        .map(|file| (file.name(), file.code.lines().count()))
        .filter(|(_, lines)| *lines > 500)
        .map(|(name, lines)| format!("{name}: {lines}"))
        .collect();
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn parsers_forbid_unsafe_code() {
    for file in sources() {
        let parses = ["wire", "decode", "flow", "tls", "dtls", "quic", "x509", "feed"].contains(&file.module());
        if parses && file.code.contains("fn ") {
            assert!(forbids_unsafe(&file), "{} lacks #![forbid(unsafe_code)]", file.name());
        }
    }
}

#[test]
fn only_the_memory_map_and_the_ring_are_unsafe() {
    let places =
        ["src/capture/map.rs", "src/capture/ring/block.rs", "src/capture/ring/socket.rs", "src/capture/ring/stamps.rs"];
    for file in sources() {
        let unsafe_lines = file.code.lines().filter(|line| words(line).any(|word| word == "unsafe"));
        if !places.contains(&&*file.name()) {
            assert_eq!(unsafe_lines.collect::<Vec<_>>(), Vec::<&str>::new(), "{}", file.name());
        }
    }
}

#[test]
fn ja4plus_carries_its_licence_and_nothing_else_does() {
    for file in sources() {
        let inside = file.name().starts_with("src/fingerprint/ja4plus");
        let marked = file.text.starts_with("// SPDX-License-Identifier: LicenseRef-FoxIO-1.1\n");
        assert_eq!(inside, marked, "{}", file.name());
    }
}

#[test]
fn names_of_files_say_what_is_in_them() {
    for file in sources() {
        let empty = ["utils", "util", "common", "types", "helper", "helpers", "manager", "misc"];
        let stem = file.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        assert!(!empty.contains(&stem), "{}", file.name());
    }
}

#[test]
fn imports_are_found_in_all_their_forms() {
    let code = "use crate::tls::{Session, hello};\nuse crate::{Error, wire::Cursor};\nfn f() -> crate::event::Event {}";
    let found: Vec<_> = imports(code).into_iter().map(|import| (import.line, import.path)).collect();
    let expected = [(1, "tls::"), (2, "error"), (2, "wire::Cursor"), (3, "event::Event")];
    assert_eq!(found, expected.map(|(line, path)| (line, path.to_owned())));
}

/// Whether the file, or a module around it, has the attribute.
fn forbids_unsafe(file: &Source) -> bool {
    let says = |path: &Path| fs::read_to_string(path).is_ok_and(|text| text.contains("#![forbid(unsafe_code)]"));
    let around = file.path.ancestors().skip(1).take_while(|folder| folder.starts_with(root()) && *folder != root());
    says(&file.path)
        || around.into_iter().any(|folder| says(&folder.join("mod.rs")) || says(&folder.with_extension("rs")))
}

/// A source file without its comments and its tests.
struct Source {
    path: PathBuf,
    text: String,
    /// As many lines as stand before the tests; comments are blank.
    code: String,
}

impl Source {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let lines: Vec<&str> = text.lines().collect();
        let tests = (0..lines.len()).find(|&at| {
            lines[at] == "#[cfg(test)]"
                && lines[at + 1..].iter().find(|line| !line.starts_with("#[")).is_some_and(|line| line.ends_with('{'))
        });
        let code = lines[..tests.unwrap_or(lines.len())].iter().map(|line| without_comment(line)).collect::<Vec<_>>();
        let code = code.join("\n");
        Self { path, text, code }
    }

    fn name(&self) -> String {
        let below = self.path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(&self.path);
        below.display().to_string()
    }

    fn module(&self) -> &str {
        let below = self.path.strip_prefix(root()).unwrap_or(&self.path);
        let first = below.components().next().and_then(|part| part.as_os_str().to_str()).unwrap_or_default();
        first.trim_end_matches(".rs")
    }

    /// 1 for a module of the crate's root, 2 for those in it, and so on.
    fn depth(&self) -> usize {
        let below = self.path.strip_prefix(root()).unwrap_or(&self.path);
        below.components().count() - usize::from(below.ends_with("mod.rs"))
    }
}

struct Import {
    line: usize,
    /// What follows `crate::`.
    path: String,
}

/// Every path that begins with `crate::`, those in braces one by one.
fn imports(code: &str) -> Vec<Import> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == '$') {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => found.extend(entries(list).map(|path| Import { line, path: path_of(path) })),
            None => found.push(Import { line, path: path_of(rest) }),
        }
    }
    found
}

/// The entries of a list in braces, up to the brace that closes it.
fn entries(list: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut from, mut out) = (0, 0, Vec::new());
    for (at, byte) in list.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => {
                out.push(&list[from..at]);
                break;
            }
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                out.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    out.into_iter().map(str::trim).filter(|entry| !entry.is_empty())
}

fn path_of(text: &str) -> String {
    let end =
        text.find(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':').unwrap_or(text.len());
    // The error is re-exported at the root.
    let path = &text[..end];
    if path == "Error" || path.starts_with("Error::") { "error".to_owned() } else { path.to_owned() }
}

/// Nothing is said of `lib.rs`, `main.rs` and modules without a place.
fn allowed(file: &Source) -> Option<&'static [&'static str]> {
    LAYERS.iter().any(|(module, _)| *module == file.module()).then(|| allowed_to(file.module()))
}

fn allowed_to(module: &str) -> &'static [&'static str] {
    LAYERS.iter().find(|(name, _)| *name == module).map_or(&[], |(_, below)| *below)
}

fn without_comment(line: &str) -> &str {
    match line.trim_start().starts_with("//") {
        true => "",
        false => line.split_once(" // ").map_or(line, |(code, _)| code),
    }
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    walk(&root(), &mut paths);
    paths.sort();
    paths.into_iter().map(Source::read).collect()
}

fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src") {
        let path = entry.expect("an entry of src").path();
        if path.is_dir() {
            walk(&path, out);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            out.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

const JA4PLUS_GATE: &str = "feature = \"ja4plus\"";
