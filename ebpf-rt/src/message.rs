//! Texts put together in const evaluation.

use crate::KernelVersion;

/// A text put together in const evaluation, where there is no formatting.
#[derive(Clone, Copy, Debug)]
pub struct Message<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Message<N> {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; N],
            length: 0,
        }
    }

    /// Appends as much of the text as there is room for.
    pub(crate) const fn text(&mut self, text: &str) {
        let text = text.as_bytes();
        let mut i = 0;
        while i < text.len() && self.length < self.bytes.len() {
            self.bytes[self.length] = text[i];
            self.length += 1;
            i += 1;
        }
    }

    /// The text with a number wherever the mark, a character of one byte, stands.
    pub(crate) const fn text_with(&mut self, text: &str, mark: char, number: i128) {
        let mut rest = text.as_bytes();
        while let [byte, others @ ..] = rest {
            if *byte == mark as u8 {
                self.number(number);
            } else if self.length < self.bytes.len() {
                self.bytes[self.length] = *byte;
                self.length += 1;
            }
            rest = others;
        }
    }

    pub(crate) const fn number(&mut self, value: i128) {
        if value < 0 {
            self.text("-");
        }
        let mut digits = [0; 40];
        let mut rest = value.unsigned_abs();
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        let (_, digits) = digits.split_at(start);
        if let Ok(digits) = core::str::from_utf8(digits) {
            self.text(digits);
        }
    }

    pub(crate) const fn version(&mut self, version: KernelVersion) {
        self.number(version.major as i128);
        self.text(".");
        self.number(version.minor as i128);
    }

    /// The text.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        let (text, _) = self.bytes.split_at(self.length);
        match core::str::from_utf8(text) {
            Ok(text) => text,
            // Names can be cut in the middle of a character when there is no more room.
            Err(_) => "an operand does not fit its field",
        }
    }
}
