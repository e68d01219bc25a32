//! How the parts of the benchmarks compare and print, and the bare system calls that they are
//! compared with.

pub mod raw;
pub mod rounds;

use rounds::{Effort, Result};
use std::path::PathBuf;

/// What is to be done.
pub struct Work {
    pub effort: Effort,
    /// Where the objects are that clang has made of `workloads/`.
    pub objects: Option<PathBuf>,
    /// What else was said.
    pub rest: Vec<String>,
}

impl Work {
    /// From the program's arguments; prints the head of the table.
    pub fn from_arguments() -> Self {
        let mut arguments = std::env::args().skip(1);
        let mut work = Self {
            effort: Effort::Full,
            objects: None,
            rest: Vec::new(),
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--short" => work.effort = Effort::Short,
                "--objects" => work.objects = arguments.next().map(PathBuf::from),
                _ => work.rest.push(argument),
            }
        }
        work
    }

    /// The bytes of an object that clang has made, if it could.
    pub fn object(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(directory) = &self.objects else {
            return Ok(None);
        };
        let path = directory.join(name).with_extension("o");
        let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Some(bytes))
    }
}
