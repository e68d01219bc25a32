//! The pseudo-code of the reference is Rust, and does what the instructions do.

#[allow(
    non_snake_case,
    unused,
    trivial_numeric_casts,
    clippy::all,
    reason = "the code is written as the book shows it: with both operands, of which some need none"
)]
#[rustfmt::skip]
mod functions;

use book_listings::{book, reference};
use ebpf_asm::isa::Register::{R0, R1, R2};
use ebpf_asm::isa::{Form, Insn, Instruction, TABLE};
use ebpf_asm::vm::Vm;

/// With `BOOK_UPDATE=1` the functions are written instead.
#[test]
fn the_functions_are_those_of_the_pages() {
    let path = book().join("tests/pseudocode/functions.rs");
    let text = reference::functions();
    let same = std::fs::read_to_string(&path).is_ok_and(|old| old == text);
    if !same && std::env::var_os("BOOK_UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, text).expect("the file can be written");
        return;
    }
    assert!(
        same,
        "BOOK_UPDATE=1 cargo test -p book-listings --test pseudocode writes the functions again"
    );
}

const VALUES: [u64; 10] = [
    0,
    1,
    7,
    0x80,
    0xffff_8000,
    0x7fff_ffff,
    0x8000_0000,
    0x0123_4567_89ab_cdef,
    0x8000_0000_0000_0000,
    u64::MAX,
];
const CONSTANTS: [i32; 7] = [0, 1, 5, 31, -1, i32::MIN, i32::MAX];

#[test]
fn pseudocode_does_what_instructions_do() {
    let mut runs = 0;
    for (name, function) in functions::FUNCTIONS {
        let row = TABLE.iter().find(|row| row.name == *name).expect("a row");
        for imm in CONSTANTS {
            let instruction = Instruction::from_parts(row.form, R1, R2, 1, imm, 0);
            if !instruction.is_in_dialect() {
                continue;
            }
            for d in VALUES {
                for s in VALUES {
                    let result = run(instruction, d, s);
                    let said = function(d, s, imm);
                    assert_eq!(said, result, "{instruction}: {d:#x}, {s:#x}");
                    runs += 1;
                }
            }
        }
    }
    let kinds = |form: Form| {
        matches!(
            form,
            Form::Alu(..)
                | Form::Branch(..)
                | Form::Neg(_)
                | Form::SignExtend(_)
                | Form::Endian(..)
        )
    };
    let rows = TABLE.iter().filter(|row| kinds(row.form));
    assert_eq!(functions::FUNCTIONS.len(), rows.count());
    assert!(runs > 10_000);
}

/// What is in `r1` after the instruction; of a jump, whether it was taken.
fn run(instruction: Instruction, d: u64, s: u64) -> u64 {
    let jumps = matches!(instruction.form(), Form::Branch(..));
    let mut program = vec![
        Instruction::load_imm64(R1, d),
        Instruction::load_imm64(R2, s),
        Instruction::mov_imm(R0, 1),
        instruction,
    ];
    program.push(match jumps {
        true => Instruction::mov_imm(R0, 0),
        false => Instruction::mov_reg(R0, R1),
    });
    program.push(Instruction::exit());
    let slots: Vec<Insn> = program
        .iter()
        .flat_map(|instruction| instruction.encode().to_vec())
        .collect();
    let mut vm = Vm::new();
    let id = vm.load_insns("row", &slots);
    vm.run(id, &mut []).expect("it runs")
}
