//! Text for people, made from what the kernel has.

use std::fmt::Write;

/// The bytes before the first NUL; all of them if there is none.
#[must_use]
pub fn c_string(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Text of another process for a terminal: names of files and processes can contain anything,
/// escape sequences too.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                c if c.is_control() => text.extend(c.escape_default()),
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// `1 second`, `2 seconds`.
#[must_use]
pub fn seconds(count: u64) -> String {
    match count {
        1 => "1 second".to_owned(),
        count => format!("{count} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_strings_end_at_the_first_nul() {
        assert_eq!(c_string(b"sh\0old\0"), b"sh");
        assert_eq!(c_string(b"no end"), b"no end");
        assert_eq!(c_string(b""), b"");
    }

    #[test]
    fn nothing_reaches_the_terminal_unseen() {
        assert_eq!(printable("/tmp/ä b".as_bytes()), "/tmp/ä b");
        assert_eq!(printable(b"a\x1b[2J\n\xffz"), "a\\u{1b}[2J\\n\\xffz");
    }
}
