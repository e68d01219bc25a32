use super::*;
use crate::isa::Register::{R0, R1, R2};
use crate::isa::{ImmediateSource, Size};
use alloc::string::ToString;

fn slots(code: &Code) -> Vec<Insn> {
    code.insns().to_vec()
}

fn encoded(instructions: &[Instruction]) -> Vec<Insn> {
    let slots = instructions.iter().map(|i| i.encode().to_vec());
    slots.collect::<Vec<_>>().concat()
}

fn nop() -> Instruction {
    Instruction::mov_reg(R0, R0)
}

#[test]
fn every_kind_of_jump_goes_to_its_label() {
    let mut asm = Assembler::new();
    let (top, end, function) = (asm.label(), asm.label(), asm.label());
    asm.bind(top)
        .push(Instruction::load_imm64(R1, 7))
        .jump_if_imm(Width::W32, JmpOp::Eq, R1, 3, end)
        .jump_if_reg(Width::W64, JmpOp::SLt, R1, R2, top)
        .call(function)
        .jump(end)
        .jump_long(top);
    assert_eq!(asm.position(), 7);
    asm.bind(end)
        .push(Instruction::exit())
        .bind(function)
        .push(Instruction::exit());
    let expected = encoded(&[
        Instruction::load_imm64(R1, 7),
        Instruction::branch_imm(Width::W32, JmpOp::Eq, R1, 3, 4),
        Instruction::branch_reg(Width::W64, JmpOp::SLt, R1, R2, -4),
        Instruction::call_local(3),
        Instruction::goto(1),
        Instruction::goto_long(-7),
        Instruction::exit(),
        Instruction::exit(),
    ]);
    assert_eq!(slots(&asm.finish().unwrap()), expected);
}

#[test]
fn pieces_keep_their_own_jumps() {
    let piece = Code::from_vec(encoded(&[Instruction::goto(0), nop()]));
    let mut asm = Assembler::default();
    let end = asm.label();
    asm.append(&piece).jump(end).append(&piece).bind(end);
    asm.push_raw(Instruction::exit().encode()[0]);
    let code = asm.finish().unwrap();
    let distances = slots(&code)
        .iter()
        .map(|insn| insn.offset())
        .collect::<Vec<_>>();
    assert_eq!(distances, [0, 0, 2, 0, 0, 0]);
    assert!(Assembler::new().finish().unwrap().is_empty());
}

#[cfg(feature = "text")]
#[test]
fn pieces_of_text() {
    let mut asm = Assembler::new();
    let drop = asm.label();
    asm.text("r2 = *(u32 *)(r1 + 0); if r2 > 64 goto big; r2 += 1; big: r2 += 2")
        .jump_if_imm(Width::W64, JmpOp::Eq, R2, 0, drop)
        .text("big: r0 = 1; exit")
        .bind(drop)
        .text("r0 = 0; exit");
    let expected = crate::assemble(
        "r2 = *(u32 *)(r1 + 0); if r2 > 64 goto big; r2 += 1; big: r2 += 2
        if r2 == 0 goto drop; r0 = 1; exit; drop: r0 = 0; exit",
    );
    assert_eq!(asm.finish().unwrap(), expected.unwrap());

    let mut asm = Assembler::new();
    let nowhere = asm.label();
    asm.text("r11 = 0").jump(nowhere);
    let Err(AssemblerError::Text(errors)) = asm.finish() else {
        panic!("the text has an error");
    };
    assert_eq!(errors.as_slice()[0].code, "BPF0013");
    let shown = AssemblerError::Text(errors).to_string();
    assert!(shown.contains("there is no register `r11`"), "{shown}");
}

/// The error of a use, and how it begins when it is shown.
fn error(build: impl FnOnce(&mut Assembler), shown: &str) -> AssemblerError {
    let mut asm = Assembler::new();
    build(&mut asm);
    let error = asm.finish().unwrap_err();
    assert!(error.to_string().contains(shown), "{error}");
    error
}

#[test]
fn labels_are_bound_once_and_by_their_own_assembler() {
    let unbound = error(
        |asm| {
            let label = asm.label();
            asm.push(nop()).jump(label);
        },
        "the jump at slot 1 goes to a label that is bound nowhere",
    );
    assert_eq!(unbound, AssemblerError::UnboundLabel { slot: 1 });
    let twice = error(
        |asm| {
            let label = asm.label();
            asm.bind(label).push(nop()).bind(label).push(nop());
        },
        "bound at slot 0 was bound again at slot 1",
    );
    assert_eq!(
        twice,
        AssemblerError::BoundTwice {
            first: 0,
            second: 1
        }
    );
    let mut other = Assembler::new();
    let foreign = other.label();
    let used = error(
        |asm| {
            asm.label();
            asm.push(nop()).jump(foreign).push(nop());
        },
        "belongs to another assembler",
    );
    assert_eq!(used, AssemblerError::ForeignLabel { slot: 1 });
    let bound = error(
        |asm| {
            asm.bind(foreign);
        },
        "another assembler",
    );
    assert_eq!(bound, AssemblerError::ForeignLabel { slot: 0 });
    // A label that nothing uses may stay unbound.
    let mut asm = Assembler::new();
    asm.label();
    assert!(asm.push(nop()).position() == 1 && asm.finish().is_ok());
}

#[test]
fn the_first_error_counts() {
    let first = error(
        |asm| {
            let label = asm.label();
            asm.bind(label).bind(label);
            let unbound = asm.label();
            asm.jump(unbound);
        },
        "bound again",
    );
    assert_eq!(
        first,
        AssemblerError::BoundTwice {
            first: 0,
            second: 0
        }
    );
}

#[test]
fn a_jump_needs_an_instruction_to_go_to() {
    let end = error(
        |asm| {
            let label = asm.label();
            asm.jump(label).bind(label);
        },
        "the jump at slot 0 goes to the end of the program",
    );
    assert_eq!(end, AssemblerError::NothingBehindLabel { slot: 0 });
}

#[test]
fn sixteen_bits_of_distance() {
    let jump_over = |count: usize, long: bool| {
        let mut asm = Assembler::new();
        let label = asm.label();
        if long {
            asm.jump_long(label);
        } else {
            asm.jump(label);
        }
        for _ in 0..count {
            asm.push(nop());
        }
        asm.bind(label).push(Instruction::exit());
        asm.finish()
    };
    assert_eq!(jump_over(32767, false).unwrap().insns()[0].offset(), 32767);
    let error = jump_over(32768, false).unwrap_err();
    let expected = AssemblerError::JumpTooFar {
        slot: 0,
        distance: 32768,
    };
    assert_eq!(error, expected);
    assert!(error.to_string().contains("use `jump_long`"), "{error}");
    assert_eq!(jump_over(32768, true).unwrap().insns()[0].imm(), 32768);

    let jump_back = |count: usize| {
        let mut asm = Assembler::new();
        let label = asm.label();
        asm.bind(label);
        for _ in 0..count {
            asm.push(nop());
        }
        asm.jump(label).finish_by_value()
    };
    assert_eq!(jump_back(32767).unwrap().insns()[32767].offset(), -32768);
    let error = jump_back(32768).unwrap_err();
    let expected = AssemblerError::JumpTooFar {
        slot: 32768,
        distance: -32769,
    };
    assert_eq!(error, expected);
}

impl Assembler {
    /// Ends a chain of calls.
    fn finish_by_value(&mut self) -> Result<Code, AssemblerError> {
        core::mem::take(self).finish()
    }
}

#[test]
fn the_halves_of_a_constant_stay_together() {
    let whole = Instruction::load_imm64(R1, 1 << 40).encode();
    let split = error(
        |asm| {
            asm.push(nop()).push_raw(whole[0]).push(Instruction::exit());
        },
        "the 64-bit load at slot 1 is not whole",
    );
    assert_eq!(split, AssemblerError::SplitInstruction { slot: 1 });
    let mut asm = Assembler::new();
    asm.push_raw(whole[0]).push_raw(whole[1]);
    assert_eq!(slots(&asm.finish().unwrap()), whole.to_vec());
    let mut asm = Assembler::new();
    asm.push(Instruction::load_pseudo(
        R1,
        ImmediateSource::MapValue,
        3,
        8,
    ));
    asm.push(Instruction::store_imm(Size::Byte, R1, 0, 1));
    assert_eq!(asm.finish().unwrap().len(), 3);
}

#[test]
fn a_label_never_splits_a_constant() {
    let whole = Instruction::load_imm64(R1, 0).encode();
    let mut asm = Assembler::new();
    let half = asm.label();
    asm.jump(half)
        .push_raw(whole[0])
        .bind(half)
        .push_raw(whole[1]);
    let error = asm.finish().unwrap_err();
    assert_eq!(error, AssemblerError::SplitInstruction { slot: 1 });
}
