//! Instructions: each in the smallest program that has it.

use super::ask::{self, Refusal};
use super::program_type::SMALLEST;
use crate::maps::raw::with_memlock;
use crate::sys::probe::{self, ProbeMap, ProbeProgram};
use crate::{Errno, Error, capabilities, ebpf_asm};
use ebpf_asm::isa::{
    AtomicOp, Definition, Form, ImmediateSource, Insn, Instruction, IsaLevel, JmpOp, Register,
    Register::*, TABLE, Width,
};
use ebpf_asm::{MapType, ProgramType};
use std::os::fd::AsRawFd;

/// What stands before: an operand of every kind. Packet loads want the context in `r6`.
const BEFORE: &[Insn] = ebpf_asm! {
    r6 = r1;
    r0 = 0;
    r1 = 1;
    r2 = 2;
    *(u64 *)(r10 - 8) = 0;
}
.into_static();

/// The function of a call.
const FUNCTION: &[Insn] = SMALLEST;

/// What verifiers say of an instruction that is not theirs.
const UNKNOWN: [&str; 9] = [
    "unknown opcode",
    "unknown insn class",
    "uses reserved fields",
    "invalid BPF_ALU opcode",
    "invalid BPF_LD mode",
    "invalid atomic opcode",
    "invalid bpf_ld_imm64 insn",
    "unrecognized bpf_ld_imm64 insn",
    "BPF_XADD",
];

/// What a verifier says that knows the instruction and misses what a program around it would
/// have: an arena, a kernel function, BTF of a callback.
const fn misses(form: Form) -> &'static [&'static str] {
    match form {
        Form::CallKfunc => &[
            "kernel btf_id",
            "calling kernel function",
            "kernel function btf",
        ],
        Form::AddressSpaceCast => &["associated arena"],
        Form::GotoIndirect => &["jump table", "PTR_TO_INSN"],
        Form::LoadImm64(ImmediateSource::BtfId) => &["pseudo btf_id", "kernel is missing BTF"],
        Form::LoadImm64(ImmediateSource::Function) => &["missing btf func_info"],
        _ => &[],
    }
}

/// The instruction with operands that are fine after [`BEFORE`].
fn with_operands(form: Form, map: i32) -> Instruction {
    let of = |dst: Register, src: Register, offset: i16, imm: i32| {
        Instruction::from_parts(form, dst, src, offset, imm, 0)
    };
    match form {
        Form::Load(_) | Form::LoadSigned(_) | Form::LoadAcquire(_) => of(R1, R10, -8, 0),
        Form::Store(..) | Form::Atomic(..) | Form::StoreRelease(_) => of(R10, R2, -8, 3),
        Form::LoadImm64(source) => match source {
            ImmediateSource::MapFd | ImmediateSource::MapValue => of(R1, R0, 0, map),
            // The first of the load's array of descriptors.
            ImmediateSource::MapIndex | ImmediateSource::MapIndexValue => of(R1, R0, 0, 0),
            // The function below: the load, `r0 = 0`, `exit` are four slots, of which the
            // last three are counted from the second.
            ImmediateSource::Function => of(R1, R0, 0, 3),
            // Some type of the kernel that is no variable.
            ImmediateSource::BtfId => of(R1, R0, 0, 1),
            _ => of(R1, R0, 0, 0),
        },
        Form::PacketAbsolute(_) | Form::PacketIndirect(_) => of(R0, R2, 0, 0),
        // Over `r0 = 0`, which `BEFORE` has done, too.
        Form::Branch(..) | Form::MayGoto => of(R1, R2, 1, 3),
        // Over what follows: an offset or, in the long form, a constant.
        Form::Goto => of(R0, R0, 1, 0),
        Form::GotoLong => of(R0, R0, 0, 1),
        // bpf_get_prandom_u32
        Form::CallHelper => of(R0, R0, 0, 7),
        // Over `r0 = 0; exit`.
        Form::CallLocal => of(R0, R0, 0, 2),
        // Some type of the kernel that is no function.
        Form::CallKfunc => of(R0, R0, 0, 1),
        Form::AddressSpaceCast => of(R1, R2, 0, 1),
        _ => of(R1, R2, 0, 3),
    }
}

/// What stands before a jump without a condition: what it jumps over can be reached in another
/// way, or it would be refused.
const BEFORE_GOTO: Instruction = Instruction::branch_imm(Width::W64, JmpOp::Eq, R2, 3, 1);
const JUMPED_OVER: &[Insn] = ebpf_asm! { r0 = 0 }.into_static();

fn program_with(instruction: Instruction) -> Vec<Insn> {
    let form = instruction.form();
    let mut insns = BEFORE.to_vec();
    let is_goto = matches!(form, Form::Goto | Form::GotoLong);
    if is_goto {
        insns.extend_from_slice(&BEFORE_GOTO.encode());
    }
    insns.extend_from_slice(&instruction.encode());
    if is_goto {
        insns.extend_from_slice(JUMPED_OVER);
    }
    if form != Form::Exit {
        insns.extend_from_slice(SMALLEST);
    }
    if matches!(
        form,
        Form::CallLocal | Form::LoadImm64(ImmediateSource::Function)
    ) {
        insns.extend_from_slice(FUNCTION);
    }
    insns
}

pub(super) fn ask(row: &Definition) -> Result<bool, Error> {
    // What the kernel inserts by itself, and what no kernel takes.
    if row.min_kernel.is_none() {
        return Ok(false);
    }
    let map = match row.form {
        Form::LoadImm64(
            ImmediateSource::MapFd
            | ImmediateSource::MapValue
            | ImmediateSource::MapIndex
            | ImmediateSource::MapIndexValue,
        ) => Some(array(row)?),
        _ => None,
    };
    let fds = match &map {
        Some(map) => &[map.as_raw_fd()][..],
        None => &[],
    };
    let insns = program_with(with_operands(row.form, fds.first().copied().unwrap_or(0)));
    let uses_array = matches!(
        row.form,
        Form::LoadImm64(ImmediateSource::MapIndex | ImmediateSource::MapIndexValue)
    );
    let program = ProbeProgram {
        fd_array: if uses_array { fds } else { &[] },
        ..ask::program(ProgramType::SocketFilter, &insns)
    };
    match ask::load(&program) {
        Ok(_) => Ok(true),
        Err(refusal) if is_no(row.form, &refusal) => Ok(false),
        Err(refusal) if refusal.says(misses(row.form)) => Ok(true),
        Err(refusal) => {
            let asked = format!("the instruction {}", row.name);
            Err(refusal.unexpected(&asked, "BPF_PROG_LOAD", ProgramType::SocketFilter))
        }
    }
}

fn is_no(form: Form, refusal: &Refusal) -> bool {
    match refusal.errno {
        Errno::EINVAL => refusal.says(&UNKNOWN),
        // The verifier knows it and the JIT does not.
        Errno::ENOTSUPP | Errno::EOPNOTSUPP => true,
        // The array of descriptors came with the instructions that use it.
        Errno::E2BIG => matches!(
            form,
            Form::LoadImm64(ImmediateSource::MapIndex | ImmediateSource::MapIndexValue)
        ),
        _ => false,
    }
}

fn array(row: &Definition) -> Result<std::os::fd::OwnedFd, Error> {
    let map = ProbeMap {
        map_type: MapType::Array,
        key_size: 4,
        value_size: 8,
        max_entries: 1,
        flags: 0,
        inner: None,
        btf: None,
        kernel_type: 0,
    };
    with_memlock(|| probe::map_create(&map)).map_err(|errno| {
        let asked = format!("the instruction {}", row.name);
        let error = ask::unexpected(&asked, "BPF_MAP_CREATE", errno);
        ask::explain(error, errno, capabilities::for_map(MapType::Array))
    })
}

/// Whether a level came with the instruction: not those that only the kernel's loader knows,
/// nor those that LLVM counted to the level in later years.
const fn came_with_its_level(form: Form) -> bool {
    match form {
        Form::LoadImm64(source) => matches!(source, ImmediateSource::Value),
        Form::Atomic(op, _) => matches!(op, AtomicOp::Add),
        Form::CallKfunc
        | Form::CallLocal
        | Form::LoadAcquire(_)
        | Form::StoreRelease(_)
        | Form::GotoIndirect => false,
        _ => true,
    }
}

/// The instructions of a level and of those below it.
pub(super) fn of_level(level: IsaLevel) -> impl Iterator<Item = &'static Definition> {
    // The newest first: what is missing is among them.
    TABLE
        .iter()
        .rev()
        .filter(move |row| row.level.is_some_and(|of| of <= level))
        .filter(|row| came_with_its_level(row.form))
}
