//! Each diagnostic code is in a unit test that compares place, code and message.
//!
//! Those tests are in several crates. Their rows look alike, `(2, 13, "BPF0113", "this writes …")`,
//! which this test looks for.

use ebpf_asm::diag::Rule;
use std::path::Path;

/// The files with such rows.
const FILES: &[&str] = &[
    "ebpf-asm/src/import_tests.rs",
    "ebpf-asm/tests/check.rs",
    "ebpf-asm/tests/errors.rs",
    "ebpf-macros/src/tests.rs",
];

/// The codes in the rows of a file: a number, the code, and a text that is not empty.
fn codes(text: &str) -> Vec<&str> {
    let parts: Vec<&str> = text.split('"').collect();
    let is_code = |part: &str| part.len() == 7 && part.starts_with("BPF");
    let between = |part: &str| part.trim() == ",";
    let ends_with_number = |part: &str| {
        let before = part.trim_end().strip_suffix(',');
        before.is_some_and(|before| before.ends_with(|c: char| c.is_ascii_digit()))
    };
    parts
        .windows(4)
        .filter(|parts| {
            let [before, code, comma, message] = parts else {
                return false;
            };
            ends_with_number(before) && is_code(code) && between(comma) && message.len() > 3
        })
        .map(|parts| parts[1])
        .collect()
}

#[test]
fn each_code_has_a_row() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let texts: Vec<String> = FILES
        .iter()
        .map(|file| {
            let path = workspace.join(file);
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"))
        })
        .collect();
    let tested: Vec<&str> = texts.iter().flat_map(|text| codes(text)).collect();
    let missing: Vec<&str> = Rule::ALL
        .iter()
        .map(|rule| rule.as_str())
        // It is about values of maps, of which texts know nothing: `predict.rs` of ebpf-asm.
        .filter(|&code| code != "BPF0202" && !tested.contains(&code))
        .collect();
    assert_eq!(
        missing, [""; 0],
        "no test compares place and message of these"
    );
}

#[test]
fn rows_are_recognised() {
    let row = "bad(\"exti\", &[(1, 1, \"BPF0012\", \"there is no\", \"\")]),";
    assert_eq!(codes(row), ["BPF0012"]);
    let apart = "(\n    1,\n    82,\n    \"BPF0045\",\n    \"`bpf_loop` calls\",\n)";
    assert_eq!(codes(apart), ["BPF0045"]);
    for no_row in [
        "(1, 1, \"BPF0012\", \"\")",
        "assert_eq!(error.code, \"BPF0012\");",
        "refuses(SocketFilter, \"exit\", \"BPF0110\", 0, \"R0 !read_ok\")",
    ] {
        assert_eq!(codes(no_row), [""; 0], "{no_row}");
    }
}
