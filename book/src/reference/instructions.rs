//! The pages of instructions.

use super::encoding::drawn;
use super::pseudocode::pseudocode;
use super::{Markdown, Page, linux, sentence, table};
use ebpf_asm::isa::{Definition, Form, Instruction, Register, TABLE};

/// A page: its file, its title, what stands before the instructions, and its sections.
struct Chapter {
    file: &'static str,
    title: &'static str,
    introduction: &'static str,
    sections: &'static [Section],
}

/// A section as RFC 9669 has it.
struct Section {
    title: &'static str,
    introduction: &'static str,
    has: fn(Form) -> bool,
}

const CHAPTERS: &[Chapter] = &[
    Chapter {
        file: "instructions-arithmetic.md",
        title: "Arithmetic and byte order",
        introduction: "",
        sections: &[
            Section {
                title: "Arithmetic instructions",
                introduction: "RFC 9669, section 4.1. Overflow wraps. Constant divisors of zero and \
                    constant shifts of the whole width are errors.",
                has: |form| matches!(form, Form::Alu(..) | Form::Neg(_) | Form::SignExtend(_)),
            },
            Section {
                title: "Byte swap instructions",
                introduction: "RFC 9669, section 4.2. Of 16 and 32 bits, the bits above become zero. \
                    What these do depends on the machine, except for `bswap`.",
                has: |form| matches!(form, Form::Endian(..)),
            },
        ],
    },
    Chapter {
        file: "instructions-jumps.md",
        title: "Jumps and calls",
        introduction: "Distances count slots from the next instruction; a 64-bit constant is two slots.",
        sections: &[
            Section {
                title: "Conditional jumps",
                introduction: "RFC 9669, section 4.3.",
                has: |form| matches!(form, Form::Branch(..)),
            },
            Section {
                title: "Jumps, calls and exit",
                introduction: "RFC 9669, sections 4.3.1 and 4.3.2.",
                has: |form| {
                    matches!(
                        form,
                        Form::Goto
                            | Form::GotoLong
                            | Form::CallHelper
                            | Form::CallLocal
                            | Form::CallKfunc
                            | Form::Exit
                    )
                },
            },
        ],
    },
    Chapter {
        file: "instructions-memory.md",
        title: "Loads and stores",
        introduction: "",
        sections: &[
            Section {
                title: "Regular load and store operations",
                introduction: "RFC 9669, section 5.1.",
                has: |form| matches!(form, Form::Load(_) | Form::Store(..)),
            },
            Section {
                title: "Sign-extension load operations",
                introduction: "RFC 9669, section 5.2.",
                has: |form| matches!(form, Form::LoadSigned(_)),
            },
            Section {
                title: "64-bit immediate instructions",
                introduction: "RFC 9669, section 5.4: the only instruction of two slots. In an object \
                    the name of a map, global, function or kernel symbol stands in the place of the \
                    number, `rD = NAME ll`, and the loader fills in what is behind it.",
                has: |form| matches!(form, Form::LoadImm64(_)),
            },
            Section {
                title: "Legacy packet access instructions",
                introduction: "RFC 9669, section 5.5. The context has to be in `r6`; `r1` to `r5` hold \
                    nothing afterwards. New programs use `bpf_skb_load_bytes` or direct access.",
                has: |form| matches!(form, Form::PacketAbsolute(_) | Form::PacketIndirect(_)),
            },
        ],
    },
    Chapter {
        file: "instructions-atomic.md",
        title: "Atomic operations",
        introduction: "RFC 9669, section 5.3. The address has to be aligned to the size. What fetches \
            is fully ordered; what does not is not ordered at all.",
        sections: &[
            Section {
                title: "Operations on memory",
                introduction: "",
                has: |form| matches!(form, Form::Atomic(..)),
            },
            Section {
                title: "Ordered loads and stores",
                introduction: "Newer than the RFC.",
                has: |form| matches!(form, Form::LoadAcquire(_) | Form::StoreRelease(_)),
            },
        ],
    },
    Chapter {
        file: "instructions-other.md",
        title: "Beyond the RFC",
        introduction: "",
        sections: &[
            Section {
                title: "Linux",
                introduction: "What the RFC does not have.",
                has: |form| {
                    matches!(
                        form,
                        Form::MayGoto
                            | Form::GotoIndirect
                            | Form::AddressSpaceCast
                            | Form::CallIndirect
                    )
                },
            },
            Section {
                title: "Inside the kernel",
                introduction: "The kernel makes these out of others while it loads a program. They are \
                    seen in dumps (`bpftool prog dump xlated`), where they can be disassembled; no \
                    program can hold them.",
                has: |form| matches!(form, Form::Internal(_)),
            },
        ],
    },
];

pub(super) fn pages() -> Vec<Page> {
    let mut pages = vec![overview()];
    pages.extend(CHAPTERS.iter().map(page));
    pages
}

fn overview() -> Page {
    let mut page = Markdown::page("Instructions");
    page.block(
        "Every instruction that the language, the kernel or its dumps have. Those of \
         [RFC 9669](https://www.rfc-editor.org/rfc/rfc9669.html) are grouped as there.",
    );
    page.block(
        "<figure>\n{{#include ../../pictures/instruction.svg}}\n</figure>\n\n\
         An instruction has one slot of eight bytes; the load of a 64-bit constant has two. The drawings \
         below show the fields of a slot in the order of their bytes: the opcode, the destination and \
         source registers (which share a byte: the destination has the lower four bits), the offset (16 \
         bits, with sign) and the constant (32 bits, with sign). Numbers of more than one byte are in \
         the order of the machine; listings show that of little-endian machines.",
    );
    page.block("## How to read the entries");
    page.block(
        "| | stands for |\n|---|---|\n\
         | `rD`, `rS` | the 64-bit register that the destination or source field names |\n\
         | `wD`, `wS` | its lower 32 bits; writing them makes the upper 32 bits zero |\n\
         | `IMM`, `OFF` | the constant, the offset; `imm` is the constant with its sign extended to the \
         operation's width |\n\
         | `LABEL` | a label of the function, or a distance like `+3` |\n\
         | *base32*, *base64*, … | the conformance group of RFC 9669 |\n\
         | `-mcpu=v1` | the level of LLVM's back end from which on it emits the instruction |\n\
         | Linux 3.18 | the first kernel of the main line that takes it |",
    );
    page.block(
        "What an instruction does is said in Rust's notation: `wrapping_add`, `as` and the rest mean \
         what they mean there. `load`, `store` and `atomic` are accesses to memory; `atomic` also gives \
         the old value.",
    );
    page.block("## Opcodes");
    page.block(
        "The lowest three bits of the opcode are the class:\n\n\
         | class | name | has |\n|---|---|---|\n\
         | 0 | `LD` | 64-bit constants, legacy packet access |\n\
         | 1 | `LDX` | loads from memory |\n\
         | 2 | `ST` | stores of constants |\n\
         | 3 | `STX` | stores of registers, atomic operations |\n\
         | 4 | `ALU` | 32-bit arithmetic, byte order |\n\
         | 5 | `JMP` | 64-bit comparisons, jumps, calls, exit |\n\
         | 6 | `JMP32` | 32-bit comparisons, the long jump |\n\
         | 7 | `ALU64` | 64-bit arithmetic, byte swaps |\n\n\
         Of arithmetic and jumps, the upper four bits are the operation, and bit 3 says whether the \
         second operand is a constant (0) or a register (1). Of loads and stores, bits 3 and 4 are the \
         size (`W` 0, `H` 1, `B` 2, `DW` 3), and the upper three bits are the mode (`IMM` 0, `ABS` 1, \
         `IND` 2, `MEM` 3, `MEMSX` 4, `ATOMIC` 6).",
    );
    for chapter in CHAPTERS {
        for section in chapter.sections {
            page.block(&format!("## {}", section.title));
            let rows: Vec<_> = rows(section)
                .map(|row| overview_row(chapter, row))
                .collect();
            page.block(&table(
                &["instruction", "opcode", "group", "`-mcpu`", "Linux"],
                &rows,
            ));
        }
    }
    page.into_page("instructions.md")
}

fn rows(section: &Section) -> impl Iterator<Item = &'static Definition> {
    let has = section.has;
    TABLE.iter().filter(move |row| has(row.form))
}

fn overview_row(chapter: &Chapter, row: &Definition) -> Vec<String> {
    let none = || "–".to_owned();
    vec![
        format!("[`{}`]({}#{})", syntax(row), chapter.file, row.name),
        format!("`{:02x}`", row.opcode),
        row.group.map_or_else(none, |group| group.name().to_owned()),
        row.level
            .map_or_else(none, |level| format!("v{}", level as u8)),
        row.min_kernel
            .map_or_else(none, |version| version.to_string()),
    ]
}

fn page(chapter: &Chapter) -> Page {
    let mut page = Markdown::page(chapter.title);
    if !chapter.introduction.is_empty() {
        page.block(chapter.introduction);
    }
    page.block("[How to read the entries](instructions.md#how-to-read-the-entries)");
    for section in chapter.sections {
        page.block(&format!("## {}", section.title));
        if !section.introduction.is_empty() {
            page.block(section.introduction);
        }
        let mut operation = "";
        for row in rows(section) {
            let name = operation_name(row);
            if name != operation {
                page.block(&format!("### {name}{} {{#op-{name}}}", symbol(row)));
                operation = name;
            }
            page.block(&entry(row));
        }
    }
    page.into_page(chapter.file)
}

/// How the operation is written, for the heading.
fn symbol(row: &Definition) -> String {
    let word = match row.form {
        Form::Alu(..) => 1,
        Form::Branch(..) => 2,
        _ => return String::new(),
    };
    let symbol = row.text.split(' ').nth(word);
    symbol.map_or_else(String::new, |symbol| format!(": `{symbol}`"))
}

/// The heading that rows of one operation share: the name without width and source.
fn operation_name(row: &Definition) -> &'static str {
    let name = row.name;
    let name = name.strip_suffix("_imm").unwrap_or(name);
    let name = name.strip_suffix("_reg").unwrap_or(name);
    match row.form {
        Form::Alu(..) | Form::Branch(..) | Form::Neg(_) => {
            let name = name.strip_suffix("32").unwrap_or(name);
            name.strip_suffix("64").unwrap_or(name)
        }
        Form::SignExtend(_) => "movsx",
        Form::Atomic(..) => name
            .split_once('_')
            .map_or(name, |(_, operation)| operation),
        Form::Load(_) => "ldx",
        Form::LoadSigned(_) => "ldxs",
        Form::Store(..) => "st",
        Form::LoadImm64(_) => "lddw",
        Form::PacketAbsolute(_) => "ldabs",
        Form::PacketIndirect(_) => "ldind",
        Form::LoadAcquire(_) => "load_acquire",
        Form::StoreRelease(_) => "store_release",
        Form::Endian(..) => name.trim_end_matches(|c: char| c.is_ascii_digit()),
        Form::CallHelper | Form::CallLocal | Form::CallKfunc => "call",
        Form::Internal(_) => "internal",
        _ => name,
    }
}

fn entry(row: &Definition) -> String {
    let mut text = Markdown::default();
    text.line(&format!("<div class=\"insn\" id=\"{}\">", row.name));
    text.block(&format!("**`{}`** — {}", syntax(row), sentence(row.doc)));
    text.block(&drawn(row));
    if let Some(code) = pseudocode(row.form) {
        text.block(&format!("```rust\n{code}\n```"));
    }
    let group = row.group.map(|group| group.name().to_owned());
    let level = row.level.map(|level| format!("`-mcpu=v{}`", level as u8));
    let kernel = match (row.min_kernel, row.form) {
        (Some(version), _) => linux(version),
        (None, Form::Internal(_)) => "in dumps only".into(),
        (None, _) => "taken by no kernel".into(),
    };
    let mut facts: Vec<String> = group.into_iter().chain(level).collect();
    facts.push(kernel);
    facts.push(format!("`{}`", row.name));
    text.block(&facts.join(" · "));
    if let Some(example) = example(row) {
        text.block(&example);
    }
    text.block("</div>");
    text.0.trim_end().to_owned()
}

/// An instruction of this row: its text and its bytes.
fn example(row: &Definition) -> Option<String> {
    if matches!(row.form, Form::Internal(_)) {
        return None;
    }
    let (r1, r2) = (Register::R1, Register::R2);
    let instruction = match row.form {
        Form::AddressSpaceCast => Instruction::address_space_cast(r1, r2, 0, 1),
        Form::LoadImm64(_) => Instruction::from_parts(row.form, r1, r2, 0, 5, 16),
        Form::CallHelper => Instruction::call_helper(1),
        form => Instruction::from_parts(form, r1, r2, 8, 10, 0),
    };
    // What of the second half the text cannot say is zero.
    let instruction = match instruction.is_in_dialect() || !row.is_parseable() {
        true => instruction,
        false => Instruction::from_parts(row.form, r1, r2, 0, 5, 0),
    };
    let slots = instruction.encode();
    let slots = slots.iter().map(|slot| {
        let bytes = slot.to_le_bytes().map(|byte| format!("{byte:02x}"));
        format!("`{}`", bytes.join(" "))
    });
    let bytes: Vec<String> = slots.collect();
    Some(format!("`{instruction}` is {}", bytes.join(" ")))
}

/// The text of a row with names for its operands.
fn syntax(row: &Definition) -> String {
    let mut text = row.text.to_owned();
    for (operand, name) in [
        ("pc{jump}", "pc+DISTANCE"),
        ("{dst}", "D"),
        ("{src}", "S"),
        ("{imm}", "IMM"),
        ("{imm64}", "IMM64"),
        ("{offset}", " + OFF"),
        ("{index}", " + IMM"),
        ("{jump}", "LABEL"),
        ("call {helper}", "call HELPER"),
        ("kfunc({helper}, {index_of_fd})", "kfunc(BTF_ID, INDEX)"),
        ("{words}", "NUMBER"),
        ("{low}", "NUMBER"),
        ("{high}", "OFFSET"),
        ("{space_to}", "TO"),
        ("{space_from}", "FROM"),
    ] {
        text = text.replace(operand, name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_in_one_section() {
        let sections = || CHAPTERS.iter().flat_map(|chapter| chapter.sections);
        for row in &TABLE {
            let count = sections().filter(|section| (section.has)(row.form)).count();
            assert_eq!(count, 1, "{}", row.name);
        }
    }

    #[test]
    fn operands_have_names() {
        for row in &TABLE {
            assert!(!syntax(row).contains(['{', '}']), "{}", syntax(row));
        }
    }

    /// What stands behind "is" is what the assembler makes of what stands before it.
    #[test]
    fn examples_are_true() {
        for row in TABLE.iter().filter(|row| row.is_parseable()) {
            let example = example(row).unwrap();
            let (text, bytes) = example.split_once("` is `").unwrap();
            let code = ebpf_asm::assemble(&format!("{}\n", &text[1..]));
            let code = match code {
                Ok(code) => code,
                // A jump needs something to land on.
                Err(_) => {
                    let after = "r0 = 0\n".repeat(12);
                    ebpf_asm::assemble(&format!("{}\n{after}", &text[1..]))
                        .unwrap_or_else(|error| panic!("{}: {error}", row.name))
                }
            };
            let assembled = code.to_le_bytes();
            let found = assembled[..8 * row.slots()]
                .iter()
                .map(|byte| format!("{byte:02x}"));
            let bytes = bytes.replace('`', "");
            assert_eq!(found.collect::<Vec<_>>().join(" "), bytes, "{}", row.name);
            let decoded = ebpf_asm::isa::decode(code.insns()).unwrap();
            assert_eq!(decoded.known().unwrap().form(), row.form);
        }
    }
}
