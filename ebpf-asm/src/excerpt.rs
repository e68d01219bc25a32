//! A piece of source with marks under it, drawn as rustc draws it.
//!
//! One drawing for all that points at source: what is wrong with a text ([`Diagnostics`]) and
//! what the kernel says about a loaded program.
//!
//! [`Diagnostics`]: https://docs.rs/ebpf-asm
//!
//! ```
//! use ebpf_asm::excerpt::{Excerpt, MarkedLine};
//!
//! let line = MarkedLine {
//!     number: 7,
//!     column: 6,
//!     text: "r0 = r2",
//!     length: 2,
//!     mark: '^',
//!     label: "it was never written",
//! };
//! let drawn = Excerpt { name: "filter.s", lines: &[line], margin: 1 }.to_string();
//! assert!(drawn.contains("filter.s:7:6") && drawn.contains("^^ it was never written"));
//! ```

use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write as _};

/// The most characters of a line that are shown, and how many of them stand before the place
/// in question.
const SHOWN: usize = 160;
const SHOWN_BEFORE: usize = 80;

/// A line of source and the stretch of it that is meant.
///
/// ```
/// use ebpf_asm::excerpt::{Excerpt, MarkedLine};
///
/// // What led there, and the place in question: two lines of one excerpt.
/// let cause = MarkedLine { number: 3, column: 1, text: "call 5", length: 6, mark: '-', label: "lost here" };
/// let place = MarkedLine { number: 9, column: 6, text: "r0 = r3", length: 2, mark: '^', label: "" };
/// let drawn = Excerpt { name: "filter.s", lines: &[cause, place], margin: 1 }.to_string();
/// assert!(drawn.contains("...") && drawn.contains("------ lost here"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedLine<'a> {
    /// Its number, from 1.
    pub number: u32,
    /// The column of the stretch in characters, from 1; 0 where there are no columns, as in a
    /// list of instructions, whose place is `instruction 7` and not `main.rs:7:5`.
    pub column: u32,
    /// The line, without its end.
    pub text: &'a str,
    /// How many characters are marked; at least one is.
    pub length: usize,
    /// The mark: `^` for the place in question, `-` for what led there.
    pub mark: char,
    /// What stands behind the marks.
    pub label: &'a str,
}

/// Lines of one source, drawn one below the other.
///
/// `margin` is the width of the column of numbers, so that several excerpts of one message
/// stand below each other: see [`margin()`].
///
/// ```
/// use ebpf_asm::excerpt::{Excerpt, MarkedLine};
///
/// let line = MarkedLine {
///     number: 7,
///     column: 5,
///     text: "    exit;",
///     length: 4,
///     mark: '^',
///     label: "here",
/// };
/// let excerpt = Excerpt { name: "src/main.rs", lines: &[line], margin: 1 };
/// assert_eq!(
///     excerpt.to_string(),
///     " --> src/main.rs:7:5\n  |\n7 |     exit;\n  |     ^^^^ here"
/// );
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Excerpt<'a> {
    /// What the source is called: a path, or `<text>`.
    pub name: &'a str,
    /// The lines; `...` stands between those that do not follow each other.
    pub lines: &'a [MarkedLine<'a>],
    /// The width of the column of numbers.
    pub margin: usize,
}

/// The width of the column of numbers for lines up to this one.
///
/// ```
/// use ebpf_asm::excerpt::margin;
///
/// // For several excerpts below each other, by their largest number:
/// assert_eq!((margin(9), margin(120)), (1, 3));
/// ```
#[must_use]
pub fn margin(number: u32) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let margin = self.margin;
        let Some(first) = self.lines.first() else {
            return write!(f, "{:margin$}--> {}", "", self.name);
        };
        write!(f, "{:margin$}--> {}", "", self.name)?;
        match first.column {
            0 => write!(f, " {}", first.number)?,
            column => write!(f, ":{}:{column}", first.number)?,
        }
        write!(f, "\n{:margin$} |", "")?;
        let mut before: Option<u32> = None;
        for line in self.lines {
            if before.is_some_and(|before| line.number != before.saturating_add(1)) {
                f.write_str("\n...")?;
            }
            before = Some(line.number);
            line.draw(f, margin)?;
        }
        Ok(())
    }
}

impl MarkedLine<'_> {
    fn draw(&self, f: &mut fmt::Formatter<'_>, margin: usize) -> fmt::Result {
        let column = self.column.saturating_sub(1) as usize;
        // Of a long line the part around the place is shown.
        let skipped = column.saturating_sub(SHOWN_BEFORE);
        let shown: String = self.text.chars().skip(skipped).take(SHOWN).collect();
        // Tabs keep their place under the line; everything else is one cell.
        let before = shown.chars().take(column - skipped);
        let mut indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let rest = shown.chars().count().saturating_sub(column - skipped);
        let length = self.length.clamp(1, rest.max(1));
        let number = format!("{}", self.number);
        write!(f, "\n{number:>margin$} | ")?;
        if skipped > 0 {
            f.write_char('…')?;
            indent.push(' ');
        }
        f.write_str(&shown)?;
        if self.text.chars().nth(skipped + SHOWN).is_some() {
            f.write_char('…')?;
        }
        write!(f, "\n{:margin$} | {indent}", "")?;
        for _ in 0..length {
            f.write_char(self.mark)?;
        }
        if !self.label.is_empty() {
            write!(f, " {}", self.label)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn line(number: u32, column: u32, text: &str) -> MarkedLine<'_> {
        MarkedLine {
            number,
            column,
            text,
            length: 4,
            mark: '-',
            label: "taken",
        }
    }

    #[test]
    fn several_lines_stand_below_each_other() {
        let lines = [line(9, 1, "goto a"), line(10, 2, " exit"), line(12, 1, "x")];
        let excerpt = Excerpt {
            name: "a.s",
            lines: &lines,
            margin: margin(12),
        };
        let expected = "  --> a.s:9:1\n   |\n 9 | goto a\n   | ---- taken\n10 |  exit\n   |  \
                        ---- taken\n...\n12 | x\n   | - taken";
        assert_eq!(excerpt.to_string(), expected);
    }

    #[test]
    fn any_numbers_are_drawn() {
        for number in [0, 1, u32::MAX] {
            for column in [0, 1, 7, u32::MAX] {
                for text in ["", "é\tx", "x"] {
                    let lines = [line(number, column, text)];
                    let excerpt = Excerpt {
                        name: "",
                        lines: &lines,
                        margin: margin(number),
                    };
                    assert!(excerpt.to_string().contains("--> "));
                }
            }
        }
    }
}
