//! `tlsight rules import`: rules of others become Sigma files.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::cli::console::Console;
use crate::cli::{Status, print};
use crate::detect::import::suricata;
use crate::sink::screen::counted;

pub fn run(files: &[PathBuf], output: &Path, console: &Console) -> Result<Status, Error> {
    let mut told = String::new();
    for path in files {
        let bytes = fs::read(path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let import = suricata::read(path, &String::from_utf8_lossy(&bytes));
        let lists = output.join("lists");
        let folder = if import.lists.is_empty() { output } else { &lists };
        fs::create_dir_all(folder).map_err(|source| Error::Write { path: folder.to_owned(), source })?;
        if import.count > 0 {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned() + ".yml";
            write_new(&output.join(name), &import.rules)?;
        }
        for (name, text) in &import.lists {
            write_new(&lists.join(name), text)?;
        }
        import.left_out.iter().for_each(|line| console.warn(&format!("left out: {line}")));
        import.notes.iter().for_each(|line| console.note(line));
        told.push_str(&format!(
            "{}: {} taken over, {} left out, {} switched off\n",
            path.display(),
            counted(import.count as u64, "rule"),
            import.left_out.len(),
            import.commented
        ));
    }
    print(&told.lines().map(|line| console.screen.safe(line).into_owned() + "\n").collect::<String>())?;
    Ok(Status::Done)
}

fn write_new(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = opened.map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => {
            failed(std::io::Error::other("it is there already: name another folder, or remove it"))
        }
        _ => failed(source),
    })?;
    file.write_all(text.as_bytes()).map_err(failed)
}
