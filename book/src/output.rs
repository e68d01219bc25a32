//! What a listing printed against what the book shows.

use crate::{listing, read};

/// Asserts that `real` is what the book shows: the file `path` among the listings. `variable`
/// replaces what differs between machines, on both sides.
///
/// With `BOOK_UPDATE=1` in the environment it writes the file instead.
///
/// # Panics
/// If the two differ.
pub fn assert_output(path: &str, real: &str, variable: fn(&str) -> String) {
    let file = listing(path);
    if std::env::var_os("BOOK_UPDATE").is_some_and(|value| value == "1") {
        let same = std::fs::read_to_string(&file).is_ok_and(|old| variable(&old) == variable(real));
        if !same {
            std::fs::write(&file, real).expect("the file can be written");
        }
        return;
    }
    let expected = read(&file);
    assert!(
        variable(&expected) == variable(real),
        "the book shows in listings/{path}:\n{expected}\nand this is what it is:\n{real}"
    );
}
