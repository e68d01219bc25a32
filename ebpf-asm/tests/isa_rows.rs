//! Every row of the instruction table against facts that were not made by this crate: text,
//! bytes, the kernel's spelling, level, first kernel, group.
#![cfg(all(feature = "text", feature = "listing"))]

use ebpf_asm::isa::{Decoded, Insn, TABLE, decode};
use std::collections::BTreeSet;

/// A line of `tests/data/isa.tsv`.
struct Fact {
    kind: &'static str,
    name: &'static str,
    text: &'static str,
    bytes: Vec<u8>,
    kernel: Option<&'static str>,
    level: &'static str,
    min_kernel: &'static str,
    group: &'static str,
}

fn facts() -> Vec<Fact> {
    let lines = include_str!("data/isa.tsv").lines();
    let rows = lines.filter(|line| !line.starts_with('#')).skip(1);
    rows.map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[kind, name, text, bytes, kernel, level, min_kernel, group] = &fields[..] else {
            panic!("a line of another shape: {line}");
        };
        let digits: Vec<char> = bytes.chars().collect();
        Fact {
            kind,
            name,
            text,
            bytes: digits
                .chunks(2)
                .map(|pair| u8::from_str_radix(&String::from_iter(pair), 16).expect("hex digits"))
                .collect(),
            kernel: (kernel != "-").then_some(kernel),
            level,
            min_kernel,
            group,
        }
    })
    .collect()
}

fn slots(bytes: &[u8]) -> Vec<Insn> {
    bytes
        .chunks_exact(8)
        .map(|slot| Insn::from_le_bytes(slot.try_into().expect("eight bytes")))
        .collect()
}

/// The bytes of a text, assembled where its jumps (three slots ahead) land.
fn assemble(text: &str) -> Result<Vec<u8>, String> {
    let padding = "exit\n".repeat(3);
    let source = format!("{text}\n{padding}exit");
    let code = ebpf_asm::assemble(&source).map_err(|errors| errors.to_string())?;
    let mut bytes = code.to_le_bytes();
    bytes.truncate(bytes.len() - 32);
    Ok(bytes)
}

#[test]
fn text_assembles_to_the_bytes() {
    for fact in facts().iter().filter(|fact| fact.kind != "print") {
        assert_eq!(
            assemble(fact.text).as_ref(),
            Ok(&fact.bytes),
            "{}",
            fact.text
        );
    }
}

#[test]
fn kernel_spellings_assemble_to_the_bytes() {
    let mut seen = 0;
    for fact in facts() {
        let Some(kernel) = fact.kernel else { continue };
        assert_eq!(assemble(kernel).as_ref(), Ok(&fact.bytes), "{kernel}");
        seen += 1;
    }
    assert!(seen > 80, "only {seen} kernel spellings");
}

#[test]
fn bytes_decode_to_the_row_and_print_the_canonical_text() {
    for fact in facts() {
        let decoded = decode(&slots(&fact.bytes)).unwrap();
        let instruction = *decoded
            .known()
            .unwrap_or_else(|| panic!("{} is unknown", fact.name));
        assert_eq!(instruction.definition().name, fact.name);
        assert_eq!(
            instruction.encode()[..],
            slots(&fact.bytes)[..],
            "{}",
            fact.name
        );
        if fact.kind != "alias" {
            assert_eq!(instruction.to_string(), fact.text);
            assert_eq!(Decoded::Known(instruction).to_string(), fact.text);
        }
    }
}

#[test]
fn what_only_prints_does_not_parse() {
    let mut seen = 0;
    for fact in facts().iter().filter(|fact| fact.kind == "print") {
        let decoded = decode(&slots(&fact.bytes)).unwrap();
        let instruction = decoded.known().unwrap();
        assert!(!instruction.definition().is_parseable(), "{}", fact.name);
        assert!(assemble(fact.text).is_err(), "{} parses", fact.text);
        seen += 1;
    }
    assert_eq!(seen, TABLE.iter().filter(|row| !row.is_parseable()).count());
}

#[test]
fn the_table_says_the_same_about_each_row() {
    for fact in facts() {
        let row = TABLE.iter().find(|row| row.name == fact.name).unwrap();
        let level = row
            .level
            .map_or("-".into(), |level| format!("v{}", level as u8));
        let min_kernel = row
            .min_kernel
            .map_or("-".into(), |version| version.to_string());
        let group = row.group.map_or("-", |group| group.name());
        assert_eq!(
            (level.as_str(), min_kernel.as_str(), group),
            (fact.level, fact.min_kernel, fact.group),
            "{}",
            fact.name
        );
        assert_eq!(row.opcode, fact.bytes[0], "{}", fact.name);
    }
}

#[test]
fn facts_and_table_have_the_same_rows() {
    let facts = facts();
    let in_facts: BTreeSet<&str> = facts.iter().map(|fact| fact.name).collect();
    let in_table: BTreeSet<&str> = TABLE.iter().map(|row| row.name).collect();
    assert_eq!(in_table.len(), TABLE.len(), "two rows have one name");
    assert_eq!(in_facts, in_table);
}

#[test]
fn templates_have_no_operand_that_the_printer_does_not_know() {
    for fact in facts() {
        let decoded = decode(&slots(&fact.bytes)).unwrap();
        assert!(!decoded.to_string().contains('{'), "{}", fact.name);
    }
}
