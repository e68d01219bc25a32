//! The one file that a command reads: a path, or `-` and nothing for standard input.

use crate::Exit;
use std::ffi::OsString;
use std::io::{self, Read};

/// What was read, and what it is called in messages.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Input {
    pub(crate) fn read(path: Option<OsString>) -> Result<Self, Exit> {
        match path {
            Some(path) if path != "-" => {
                let name = path.display().to_string();
                let bytes = std::fs::read(&path).map_err(|error| Exit::about(&name, error))?;
                Ok(Self { name, bytes })
            }
            _ => {
                let mut bytes = Vec::new();
                io::stdin()
                    .read_to_end(&mut bytes)
                    .map_err(|error| Exit::about("<stdin>", error))?;
                let name = "<stdin>".into();
                Ok(Self { name, bytes })
            }
        }
    }

    pub(crate) fn text(&self) -> Result<&str, Exit> {
        std::str::from_utf8(&self.bytes).map_err(|error| Exit::about(&self.name, error))
    }
}
