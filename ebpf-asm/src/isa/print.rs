//! The canonical text of instructions, made from the table's templates.

use super::{Decoded, Instruction};
use core::fmt::{self, Write};

/// How symbols are to be shown in place of numbers while printing; the default shows numbers.
///
/// ```
/// use ebpf_asm::isa::{Decoded, Instruction, Names, Printed};
///
/// let names = Names { callee: Some("bpf_get_smp_processor_id"), ..Names::default() };
/// let printed = Printed { instruction: Decoded::Known(Instruction::call_helper(8)), names };
/// assert_eq!(printed.to_string(), "call bpf_get_smp_processor_id");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Names<'a> {
    /// The name of the place that a jump goes to, in place of `+3`.
    pub jump: Option<&'a str>,
    /// The name of what is called, in place of `call 1`, `call pc+2` or `call kfunc(7, 0)`.
    pub callee: Option<&'a str>,
    /// The name of what a 64-bit immediate load loads (`COUNTS`), in place of `ld_pseudo …`.
    pub symbol: Option<&'a str>,
    /// The name of a constant in place of the immediate.
    pub immediate: Option<&'a str>,
    /// The name of a constant in place of the offset of a memory access.
    pub offset: Option<&'a str>,
}

/// An instruction and the names to print it with: its `Display` is the canonical text.
///
/// ```
/// use ebpf_asm::isa::{Decoded, Instruction, JmpOp, Names, Printed, Register::*, Width};
///
/// // As a disassembler shows jumps that it has found names for:
/// let printed = Printed {
///     instruction: Decoded::Known(Instruction::branch_imm(Width::W64, JmpOp::Eq, R0, 0, 3)),
///     names: Names { jump: Some("done"), ..Names::default() },
/// };
/// assert_eq!(printed.to_string(), "if r0 == 0 goto done");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Printed<'a> {
    /// What to print.
    pub instruction: Decoded,
    /// The names to use.
    pub names: Names<'a>,
}

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.instruction {
            Decoded::Known(instruction) => write_instruction(f, instruction, &self.names),
            Decoded::Unknown(insn) => {
                write!(f, ".8byte {:#018x}", u64::from_le_bytes(insn.to_le_bytes()))
            }
        }
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_instruction(f, self, &Names::default())
    }
}

impl fmt::Display for Decoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printed {
            instruction: *self,
            names: Names::default(),
        }
        .fmt(f)
    }
}

fn write_instruction(
    f: &mut fmt::Formatter<'_>,
    instruction: &Instruction,
    names: &Names<'_>,
) -> fmt::Result {
    if let Some(callee) = names.callee {
        return write!(f, "call {callee}");
    }
    if let (Some(symbol), Some(dst)) = (names.symbol, instruction.dst()) {
        return write!(f, "{dst} = {symbol} ll");
    }
    let mut rest = instruction.definition().text;
    while let Some((before, after)) = rest.split_once('{') {
        f.write_str(before)?;
        let (operand, after) = after.split_once('}').unwrap_or((after, ""));
        write_operand(f, instruction, names, operand)?;
        rest = after;
    }
    f.write_str(rest)
}

fn write_operand(
    f: &mut fmt::Formatter<'_>,
    instruction: &Instruction,
    names: &Names<'_>,
    operand: &str,
) -> fmt::Result {
    let register = |register: Option<super::Register>| register.map_or(0, super::Register::index);
    let (imm, high) = (instruction.imm(), instruction.imm_high());
    match operand {
        "dst" => write!(f, "{}", register(instruction.dst())),
        "src" => write!(f, "{}", register(instruction.src())),
        "imm" | "helper" => match names.immediate {
            Some(name) => f.write_str(name),
            None if operand == "helper" => write!(f, "{}", imm.cast_unsigned()),
            None => write!(f, "{imm}"),
        },
        "imm64" => match names.immediate {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", instruction.imm64()),
        },
        "offset" if names.offset.is_some() => write!(f, " + {}", names.offset.unwrap_or_default()),
        "offset" => {
            let offset = instruction.offset();
            let sign = if offset < 0 { '-' } else { '+' };
            write!(f, " {sign} {}", offset.unsigned_abs())
        }
        "index" => match imm {
            0 => Ok(()),
            1.. => write!(f, " + {imm}"),
            _ => write!(f, " - {}", imm.unsigned_abs()),
        },
        "jump" => match names.jump {
            Some(name) => f.write_str(name),
            None => write!(f, "{:+}", instruction.jump_distance().unwrap_or_default()),
        },
        "index_of_fd" => write!(f, "{}", instruction.offset()),
        "space_to" => write!(f, "{}", imm.cast_unsigned() >> 16),
        "space_from" => write!(f, "{}", imm & 0xffff),
        "words" if high == 0 => write!(f, "{imm}"),
        "words" => write!(f, "{imm}, {high}"),
        "low" => write!(f, "{imm}"),
        "high" => write!(f, "{high}"),
        // A template with an unknown operand shows it; a test over all rows forbids it.
        other => {
            f.write_char('{')?;
            f.write_str(other)?;
            f.write_char('}')
        }
    }
}
