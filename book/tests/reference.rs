//! The reference: its pages are what the tables say.

use book_listings::{Chapter, book, chapters, listing, read, reference};
use ebpf_asm::isa::{Form, TABLE};
use ebpf_asm::{assemble, import};
use std::collections::BTreeSet;
use std::process::Command;

/// With `BOOK_UPDATE=1` the pages are written instead.
#[test]
fn pages_are_what_the_tables_say() {
    let directory = book().join("text/reference");
    let update = std::env::var_os("BOOK_UPDATE").is_some_and(|value| value == "1");
    let mut old = Vec::new();
    for page in reference::pages() {
        let path = directory.join(&page.file);
        if std::fs::read_to_string(&path).is_ok_and(|text| text == page.text) {
            continue;
        }
        if update {
            std::fs::write(&path, &page.text).expect("the page can be written");
        } else {
            old.push(page.file);
        }
    }
    assert!(
        old.is_empty(),
        "not what the tables say: {old:?}; BOOK_UPDATE=1 cargo test -p book-listings --test \
         reference writes them"
    );
}

/// What says that it is written from tables is.
#[test]
fn no_page_is_left_over() {
    let pages: BTreeSet<String> = reference::pages()
        .into_iter()
        .map(|page| page.file)
        .collect();
    for entry in std::fs::read_dir(book().join("text/reference")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let written = std::fs::read_to_string(&path)
            .unwrap()
            .starts_with("<!-- Written from the tables");
        assert_eq!(written, pages.contains(&name), "{name}");
    }
}

/// The hand-written pages.
fn page(file: &str) -> Chapter {
    let page = chapters()
        .into_iter()
        .find(|chapter| chapter.name() == file);
    page.unwrap_or_else(|| panic!("{file} is not there"))
}

/// What a block of code on a page is to be tested for: the words behind the language.
fn blocks(chapter: &Chapter, language: &str) -> Vec<(Vec<String>, String, usize)> {
    let fences = chapter.fences().into_iter();
    let blocks = fences.filter_map(|fence| {
        let mut words = fence.language.split(',').map(str::to_owned);
        let included = fence.lines.iter().any(|line| line.contains("{{#include"));
        (words.next()? == language && !included)
            .then(|| (words.collect(), fence.lines.join("\n"), fence.line))
    });
    blocks.collect()
}

/// Blocks of `bpf` assemble without a warning; those of `bpf,fails,CODE` fail with just that
/// code; in `bpf,pairs` both sides of a line are the same instruction.
#[test]
fn examples_of_the_dialect_assemble() {
    let page = page("reference/dialect.md");
    let mut counts = [0, 0, 0];
    for (words, text, line) in blocks(&page, "bpf") {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            [] => {
                let code = assemble(&text).unwrap_or_else(|error| panic!("line {line}: {error}"));
                assert!(
                    code.warnings().is_empty(),
                    "line {line}: {:?}",
                    code.warnings()
                );
                counts[0] += 1;
            }
            ["fails", expected] => {
                let errors = assemble(&text).expect_err("an error");
                let codes: Vec<&str> = errors.iter().map(|error| error.code.as_str()).collect();
                assert_eq!(codes, [expected], "line {line}");
                counts[1] += 1;
            }
            ["pairs"] => {
                for pair in text.lines() {
                    let (left, right) = pair.rsplit_once(" # ").expect("two sides");
                    // A jump needs something to land on.
                    let assembled = |side: &str| {
                        assemble(&format!("{side}\nr0 = 0\nexit\n"))
                            .unwrap_or_else(|error| panic!("{side}: {error}"))
                    };
                    assert_eq!(assembled(left), assembled(right), "{pair}");
                    counts[2] += 1;
                }
            }
            _ => panic!("line {line}: what is {words:?}?"),
        }
    }
    assert!(counts.iter().all(|&count| count >= 5), "{counts:?}");
}

/// Each operator of the instruction table is on the page of the dialect.
#[test]
fn no_operator_is_left_out() {
    let page = page("reference/dialect.md");
    let text = page.text.replace("&#124;", "|");
    for row in &TABLE {
        let symbol = match row.form {
            Form::Alu(..) => row.text.split(' ').nth(1),
            Form::Branch(..) => row.text.split(' ').nth(2),
            _ => None,
        };
        if let Some(symbol) = symbol {
            let said = [
                format!("`{symbol}`"),
                format!(">{symbol}<"),
                format!(" {symbol} "),
            ];
            assert!(said.iter().any(|said| text.contains(said)), "{symbol}");
        }
    }
}

/// The form of a line of a listing; `None` if it has none.
fn form_of_line(line: &str, numbered: bool) -> Option<&'static str> {
    const HEADS: &[&str] = &[
        "object", "license", "kernel", "map", "const", "extern", "program",
    ];
    if line.is_empty() {
        return Some("empty");
    }
    if let Some(head) = HEADS.iter().find(|head| {
        line.strip_prefix(**head)
            .is_some_and(|rest| rest.starts_with(' '))
    }) {
        return Some(head);
    }
    if !line.starts_with(' ') {
        let function = line.starts_with("fn ") || line.starts_with("pub fn ");
        let form = if function { "function" } else { "label" };
        return line.ends_with(':').then_some(form);
    }
    if !numbered {
        let text = line.strip_prefix("    ")?;
        return (!text.is_empty() && !text.starts_with(' ')).then_some("instruction");
    }
    let (slot, rest) = line.split_once(": ")?;
    let right_aligned = slot.len() == 8 && slot.trim_start().bytes().all(|b| b.is_ascii_digit());
    let (bytes, text) = rest.split_once("  ")?;
    let bytes: Vec<&str> = bytes.split(' ').collect();
    let digits = |byte: &&str| byte.len() == 2 && byte.bytes().all(|b| b.is_ascii_hexdigit());
    let well_formed = right_aligned && matches!(bytes.len(), 8 | 16) && bytes.iter().all(digits);
    (well_formed && !text.is_empty()).then_some("instruction")
}

/// The listings on the page have the form that the page describes, in the order that it says, and
/// are read back.
#[test]
fn listings_are_as_the_page_says() {
    const ORDER: &[&str] = &["object", "license", "kernel", "map", "const", "extern"];
    let mut seen = BTreeSet::new();
    for (name, numbered) in [("object", true), ("detailed", true)] {
        let text = read(&listing(&format!("listing-format/{name}.out")));
        let mut last = 0;
        let mut instructions = String::new();
        for line in text.lines() {
            let form = form_of_line(line, numbered).unwrap_or_else(|| panic!("no form: {line}"));
            seen.insert(form);
            if let Some(at) = ORDER.iter().position(|head| *head == form) {
                assert!(at >= last, "the order: {line}");
                last = at;
            }
            if matches!(form, "instruction" | "label") {
                instructions.push_str(&format!("{line}\n"));
            }
        }
        // Names of maps are not in the instructions; bytes are.
        if numbered {
            let code = import::listing(&instructions).unwrap_or_else(|error| panic!("{error}"));
            assert!(!code.is_empty());
        }
    }
    let forms = ["empty", "function", "instruction", "label", "program"];
    let all: BTreeSet<&str> = ORDER.iter().copied().chain(forms).collect();
    assert_eq!(seen, all);
    let example = read(&listing("listing-format/instruction.txt"));
    let plain = |line| form_of_line(line, false).is_some();
    assert!(example.lines().all(plain), "{example}");
    let code = assemble(&example).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(format!("{}\n", code.plain()), example);
    let numbered = read(&listing("listing-format/numbered.txt"));
    assert_eq!(format!("{code}\n"), numbered);
    let again = import::listing(&numbered).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again, code);
}

/// What the page for those who come from elsewhere says that a C macro makes is what the text
/// beside it makes.
#[test]
fn raw_arrays_are_translated_as_the_page_says() {
    let page = page("coming-from.md");
    let rows = [
        ("BPF_MOV64_IMM(BPF_REG_0, 4)", "b7 00 00 00 04 00 00 00"),
        ("BPF_ALU64_REG(BPF_ADD, r1, r2)", "0f 21 00 00 00 00 00 00"),
        ("BPF_ALU32_IMM(BPF_ARSH, r1, 3)", "c4 01 00 00 03 00 00 00"),
        ("BPF_LDX_MEM(BPF_W, r2, r1, 16)", "61 12 10 00 00 00 00 00"),
        (
            "BPF_STX_MEM(BPF_DW, r10, r1, -8)",
            "7b 1a f8 ff 00 00 00 00",
        ),
        ("BPF_ST_MEM(BPF_B, r10, -1, 7)", "72 0a ff ff 07 00 00 00"),
        ("BPF_JMP_IMM(BPF_JEQ, r0, 0, 2)", "15 00 02 00 00 00 00 00"),
        (
            "BPF_JMP_REG(BPF_JSGT, r1, r2, 2)",
            "6d 21 02 00 00 00 00 00",
        ),
        (
            "BPF_EMIT_CALL(BPF_FUNC_map_lookup_elem)",
            "85 00 00 00 01 00 00 00",
        ),
        (
            "BPF_ATOMIC_OP(BPF_DW, BPF_ADD, r0, r1, 0)",
            "db 10 00 00 00 00 00 00",
        ),
        ("BPF_EXIT_INSN()", "95 00 00 00 00 00 00 00"),
    ];
    for (theirs, bytes) in rows {
        let start = format!("| `{theirs}` | `");
        let row = page.text.lines().find_map(|line| line.strip_prefix(&start));
        let ours = row.and_then(|row| row.split('`').next());
        let ours = ours.unwrap_or_else(|| panic!("{theirs} is not on the page"));
        let source = format!("{ours}\nr0 = 0\nr0 = 0\ndone: exit\n");
        let code = match assemble(&source) {
            Ok(code) => code,
            Err(error) => panic!("{ours}: {error}"),
        };
        let found = code.to_le_bytes()[..8]
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<Vec<_>>();
        assert_eq!(found.join(" "), bytes, "{ours}");
    }
}

/// The C that the page shows is C, where there are a compiler and the headers.
#[test]
fn the_raw_array_in_c_is_the_program() {
    let source = read(&listing("coming-from/raw.c"));
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (file, program) = (directory.join("raw.c"), directory.join("raw"));
    let main =
        "\n#include <stdio.h>\nint main(void) { fwrite(count, sizeof(count), 1, stdout); }\n";
    std::fs::write(&file, source + main).unwrap();
    let compiled = Command::new("cc")
        .arg("-o")
        .arg(&program)
        .arg(&file)
        .output();
    let compiled = compiled.expect("cc, which rustc links with");
    let words = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{words}");
    let bytes = Command::new(&program).output().unwrap().stdout;
    let expected = assemble(
        "call bpf_get_current_pid_tgid
        r0 >>= 32
        *(u32 *)(r10 - 4) = w0
        r2 = r10
        r2 += -4
        ld_pseudo r1, 1, 3
        call bpf_map_lookup_elem
        if r0 == 0 goto done
        r1 = 1
        lock *(u64 *)(r0 + 0) += r1
        done: r0 = 0
        exit",
    );
    assert_eq!(bytes, expected.unwrap().to_ne_bytes());
}
