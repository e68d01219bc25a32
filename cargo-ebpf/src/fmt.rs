//! `cargo ebpf fmt`.

use crate::rust_source::{self, BlockKind};
use crate::{Exit, input::Input};
use ebpf_asm::format::{self, SourceForm};
use lexopt::prelude::*;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const HELP: &str = "\
Formats the instructions in the blocks of ebpf! and ebpf_asm! of Rust files; everything else in
them stays as it is, and so do the bytes that come out of it.

Usage: cargo ebpf fmt [--check] [PATH]…
       cargo ebpf fmt --stdin [--text]

PATH is a file or a folder, in which all files *.rs are meant; by default it is this folder.
Files that do not end with .rs are text files for include_ebpf! or cargo ebpf asm.

Options:
      --check    Change nothing; name the files that would change, and exit with 1
      --stdin    Read from standard input and write to standard output
      --text     With --stdin: it is a text file and not Rust
  -h, --help     Print this
";

pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<(), Exit> {
    let mut check = false;
    let mut stdin = false;
    let mut text = false;
    let mut paths = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Err(Exit::Help(HELP)),
            Long("check") => check = true,
            Long("stdin") => stdin = true,
            Long("text") => text = true,
            Value(path) => paths.push(PathBuf::from(path)),
            other => return Err(other.unexpected().into()),
        }
    }
    if stdin {
        if !paths.is_empty() {
            return Err(Exit::Usage("--stdin and a path exclude each other".into()));
        }
        return of_stdin(text, check);
    }
    if text {
        return Err(Exit::Usage(
            "--text is for --stdin: files have names".into(),
        ));
    }
    if paths.is_empty() {
        paths.push(PathBuf::from("."));
    }
    let mut files = Vec::new();
    for path in &paths {
        find(path, true, &mut files).map_err(|error| Exit::about(path.display(), error))?;
    }
    of_files(&files, check)
}

fn of_stdin(text: bool, check: bool) -> Result<(), Exit> {
    let input = Input::read(None)?;
    let source = input.text()?;
    let name = if text { "<stdin>" } else { "<stdin>.rs" };
    let formatted = formatted(Path::new(name), source).map_err(Exit::Failed)?;
    if !check {
        io::stdout().write_all(formatted.as_bytes())?;
    } else if formatted != source {
        return Err(Exit::Found);
    }
    Ok(())
}

/// All files are looked at, whatever becomes of one.
fn of_files(files: &[PathBuf], check: bool) -> Result<(), Exit> {
    let mut problems = Vec::new();
    let mut would_change = false;
    for path in files {
        match of_file(path, check) {
            Ok(changes) => would_change |= changes,
            Err(problem) => problems.push(problem),
        }
    }
    match problems.is_empty() {
        false => Err(Exit::Failed(problems.join("\nerror: "))),
        true if check && would_change => Err(Exit::Found),
        true => Ok(()),
    }
}

/// Whether the file changes.
fn of_file(path: &Path, check: bool) -> Result<bool, String> {
    let about = |error: &dyn std::error::Error| format!("{}: {error}", path.display());
    let source = fs::read_to_string(path).map_err(|error| about(&error))?;
    let formatted = formatted(path, &source)?;
    if formatted == source {
        return Ok(false);
    }
    if check {
        let line = source
            .lines()
            .zip(formatted.lines())
            .position(|(old, new)| old != new)
            .map_or(source.lines().count(), |line| line + 1);
        // A closed pipe must not end the look at the other files.
        let _ = writeln!(io::stdout(), "{}:{line}: not formatted", path.display());
    } else {
        replace(path, &formatted).map_err(|error| about(&error))?;
    }
    Ok(true)
}

/// Writes a file anew as a whole or not at all: a full disk must not cost the source.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays a link.
    let path = fs::canonicalize(path)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = fs::write(&temporary, text)
        .and_then(|()| fs::set_permissions(&temporary, fs::metadata(&path)?.permissions()))
        .and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// The text of a file, formatted.
fn formatted(path: &Path, source: &str) -> Result<String, String> {
    if path.extension() != Some(OsStr::new("rs")) && path != Path::new("<stdin>.rs") {
        return format::file(source)
            .map_err(|error| error.with_name(&path.display().to_string()).to_string());
    }
    // Most Rust files have no such block.
    if !source.contains("ebpf") {
        return Ok(source.to_owned());
    }
    let blocks = rust_source::blocks(source).map_err(|error| {
        let start = error.span().start();
        let (line, column) = (start.line, start.column + 1);
        format!(
            "{}:{line}:{column}: this is not Rust: {error}",
            path.display()
        )
    })?;
    let mut text = String::with_capacity(source.len());
    let mut copied = 0;
    for block in blocks {
        let inside = &source[block.bytes.clone()];
        let indent = format::indent_at(source, block.bytes.start);
        let new = match block.kind {
            BlockKind::Object => format::object(inside, indent, SourceForm::Macro),
            BlockKind::Sequence => format::body(inside, indent, SourceForm::Macro),
        }
        .map_err(|error| {
            let line = source[..block.bytes.start].matches('\n').count() + 1;
            let name = format!("{} (in the block of line {line})", path.display());
            error.with_name(&name).to_string()
        })?;
        text.push_str(&source[copied..block.bytes.start]);
        text.push_str(&new);
        copied = block.bytes.end;
    }
    text.push_str(&source[copied..]);
    Ok(text)
}

/// Collects the Rust files below a folder, but for `target`, hidden ones and what links lead to;
/// a file that is `named` by the user is meant, whatever it is called.
fn find(path: &Path, named: bool, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let metadata = match named {
        true => fs::metadata(path)?,
        false => fs::symlink_metadata(path)?,
    };
    if !metadata.is_dir() {
        let is_rust = metadata.is_file() && path.extension() == Some(OsStr::new("rs"));
        if named || is_rust {
            files.push(path.to_owned());
        }
        return Ok(());
    }
    // What cargo builds marks its folder.
    if !named && path.join("CACHEDIR.TAG").exists() {
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?
        .map(|entry| Ok(entry?.file_name()))
        .collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for entry in entries {
        let is_hidden = entry.as_encoded_bytes().starts_with(b".");
        if !is_hidden && entry != "target" {
            find(&path.join(entry), false, files)?;
        }
    }
    Ok(())
}
