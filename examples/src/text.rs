//! Text for people, made from what the kernel has.

use ebpf_rt::Errno;
use ebpf_rt::log::Text;
use std::borrow::Cow;

/// The bytes before the first NUL; all of them if there is none.
#[must_use]
pub fn c_string(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Text of another process for a terminal: names of files and processes can contain anything,
/// escape sequences too.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    Text(bytes).to_string()
}

/// Text of another process for JSON, which escapes by itself: the bytes before the first NUL.
/// JSON is Unicode: what is not becomes U+FFFD.
#[must_use]
pub fn json_text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(c_string(bytes))
}

/// `ENOENT` for the result `-2` of a system call; nothing if it was no error.
#[must_use]
pub fn errno_name(result: i64) -> Option<String> {
    let errno = Errno::from_raw(i32::try_from(result.checked_neg()?).ok()?);
    (errno.raw() > 0).then(|| errno.to_string())
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
    fn results_have_names() {
        assert_eq!(errno_name(-2).as_deref(), Some("ENOENT"));
        for result in [0, 3, i64::MIN] {
            assert_eq!(errno_name(result), None);
        }
    }

    #[test]
    fn nothing_reaches_the_terminal_unseen() {
        assert_eq!(printable("/tmp/ä b".as_bytes()), "/tmp/ä b");
        assert_eq!(printable(b"a\x1b[2J\n\xffz"), "a\\u{1b}[2J\\n\\xffz");
    }
}
