//! What a program could not hand over.

use std::io::{self, Write, stderr};

/// How many records were lost so far. It is told on stderr: the output is for programs as well.
#[derive(Clone, Copy, Debug, Default)]
pub struct Losses(u64);

impl Losses {
    /// Tells how many were lost since the last time, if there were any; `now` is the program's
    /// counter.
    ///
    /// # Errors
    /// What writing says.
    pub fn tell(&mut self, what: &str, now: u64) -> io::Result<()> {
        let before = std::mem::replace(&mut self.0, now);
        match now.saturating_sub(before) {
            0 => Ok(()),
            lost => writeln!(stderr(), "({lost} {what} lost: too many at once)"),
        }
    }
}
