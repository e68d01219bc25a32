//! The directory of a reader who follows the book.

use crate::{book, listing, read, shown};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// All readers' packages have one name, by which cargo knows what it has built: one at a time.
static BUILDS: Mutex<()> = Mutex::new(());

/// A project as the reader has it: the book's `Cargo.toml`, and a `src/main.rs` that is a
/// listing as the chapter shows it, so that line numbers are the reader's.
#[derive(Debug)]
pub struct Reader {
    directory: PathBuf,
    target: PathBuf,
}

impl Reader {
    /// Makes the project in a directory of this name, below cargo's directory for tests.
    ///
    /// # Panics
    /// If files cannot be written.
    #[must_use]
    pub fn new(scratch: &str, name: &str, manifest: &str, main: &str) -> Self {
        let scratch = PathBuf::from(scratch).join("reader");
        let directory = scratch.join(name);
        let source = directory.join("src");
        std::fs::create_dir_all(&source).expect("a directory for the reader");
        let project = book().parent().expect("the book is in the project");
        // What differs from the reader's: where the project is, and that a directory above
        // this one may be a workspace.
        let text = read(&listing(manifest));
        let with_path = shown(&text, None)
            .unwrap_or_default()
            .replace("../ebpf/", &format!("{}/", project.display()));
        assert_ne!(text, with_path, "{manifest} names the project's crates");
        let files = [
            (directory.join("Cargo.toml"), with_path + "\n[workspace]\n"),
            // The versions that are here already.
            (
                directory.join("Cargo.lock"),
                read(&project.join("Cargo.lock")),
            ),
            (
                source.join("main.rs"),
                shown(&read(&listing(main)), Some("file")).expect("the listing has `file`"),
            ),
        ];
        for (path, text) in files {
            std::fs::write(&path, text).expect("the reader's files can be written");
        }
        Self {
            directory,
            target: scratch.join("target"),
        }
    }

    /// Adds a file to the project.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn add(&self, path: &str, text: &str) {
        let path = self.directory.join(path);
        let parent = path.parent().expect("a path in the project");
        std::fs::create_dir_all(parent).expect("the directory can be made");
        std::fs::write(path, text).expect("the file can be written");
    }

    /// Runs `cargo run` or another of cargo's commands in the project.
    ///
    /// # Panics
    /// If cargo cannot be started.
    #[must_use]
    pub fn cargo(&self, command: &str) -> Output {
        let _one = BUILDS.lock().unwrap_or_else(PoisonError::into_inner);
        // Newer than what was built of another reader's.
        let main = File::options()
            .append(true)
            .open(self.directory.join("src/main.rs"));
        let touched = main.and_then(|main| main.set_modified(SystemTime::now()));
        touched.expect("the reader's file can be touched");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Command::new(cargo)
            .args([command, "--offline"])
            .current_dir(&self.directory)
            .env("CARGO_TARGET_DIR", &self.target)
            .env_remove("RUST_BACKTRACE")
            // Snapshots are compared, and neither accepted nor asked about.
            .env("INSTA_UPDATE", "no")
            .output()
            .expect("cargo starts")
    }
}

/// What was printed, from the first line that begins with `start`: without what cargo says
/// before.
///
/// # Panics
/// If there is no such line.
#[must_use]
pub fn from_line(output: &[u8], start: &str) -> String {
    let text = String::from_utf8_lossy(output);
    let mut lines = text.lines().skip_while(|line| !line.starts_with(start));
    let Some(first) = lines.next() else {
        panic!("no line begins with {start:?} in\n{text}");
    };
    let rest = lines.map(|line| format!("{line}\n"));
    format!("{first}\n{}", rest.collect::<String>())
}
