//! Listing: a device filter made from rules.

// ANCHOR: file
use ebpf_asm::isa::Register::{R0, R1, R2, R3, R4, R5};
use ebpf_asm::isa::{AluOp, Instruction, JmpOp, Width};
use ebpf_asm::{Assembler, AssemblerError, Code};
use ebpf_rt::ebpf_asm;

// ANCHOR: rule
/// `struct bpf_cgroup_dev_ctx`: what the kernel asks about.
#[repr(C)]
pub(crate) struct Request {
    /// What is wanted in the upper half, the kind of device in the lower.
    pub(crate) access_and_kind: u32,
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

pub(crate) const CHARACTER: i32 = 2;
pub(crate) const READ: i32 = 2;
pub(crate) const WRITE: i32 = 4;

/// Of several rules that match, the last one counts.
pub(crate) struct Rule {
    pub(crate) allow: bool,
    /// `None` means any, here and below.
    pub(crate) kind: Option<i32>,
    pub(crate) major: Option<i32>,
    pub(crate) minor: Option<i32>,
    /// The rule is about requests that want nothing but these.
    pub(crate) access: i32,
}
// ANCHOR_END: rule

// ANCHOR: fixed
const LOAD: Code = ebpf_asm! {
    r3 = *(u32 *)(r1 + { core::mem::offset_of!(Request, access_and_kind) });
    r2 = r3;
    r2 &= 0xffff;               // the kind
    r3 >>= 16;                  // what is wanted
    r4 = *(u32 *)(r1 + { core::mem::offset_of!(Request, major) });
    r5 = *(u32 *)(r1 + { core::mem::offset_of!(Request, minor) });
};

const DENY: Code = ebpf_asm! {
    r0 = 0;
    exit;
};
// ANCHOR_END: fixed

// ANCHOR: build
/// The filter for a list of rules. What no rule is about is denied.
///
/// # Errors
/// If there are too many rules for the jumps of a program.
pub(crate) fn filter(rules: &[Rule]) -> Result<Code, AssemblerError> {
    let mut asm = Assembler::new();
    asm.append(&LOAD);
    for rule in rules.iter().rev() {
        let next = asm.label();
        // Does it want anything else?
        asm.push(Instruction::mov_reg(R1, R3));
        asm.push(Instruction::alu_imm(
            Width::W64,
            AluOp::And,
            R1,
            !rule.access,
        ));
        asm.jump_if_imm(Width::W64, JmpOp::Ne, R1, 0, next);
        let fields = [(R2, rule.kind), (R4, rule.major), (R5, rule.minor)];
        for (register, value) in fields {
            if let Some(value) = value {
                asm.jump_if_imm(Width::W64, JmpOp::Ne, register, value, next);
            }
        }
        asm.push(Instruction::mov_imm(R0, rule.allow.into()));
        asm.push(Instruction::exit());
        asm.bind(next);
    }
    asm.append(&DENY);
    asm.finish()
}
// ANCHOR_END: build

/// What the chapter's container may have.
// ANCHOR: rules
pub(crate) const RULES: [Rule; 3] = [
    // Any character device may be read …
    Rule {
        allow: true,
        kind: Some(CHARACTER),
        major: None,
        minor: None,
        access: READ,
    },
    // … but not /dev/zero; /dev/null may be written as well.
    Rule {
        allow: false,
        kind: Some(CHARACTER),
        major: Some(1),
        minor: Some(5),
        access: READ,
    },
    Rule {
        allow: true,
        kind: Some(CHARACTER),
        major: Some(1),
        minor: Some(3),
        access: READ | WRITE,
    },
];
// ANCHOR_END: rules
// ANCHOR_END: file
