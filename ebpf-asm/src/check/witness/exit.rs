//! The end of a program: what it returns, and what it leaves behind.

use super::Start;
use super::run::{Result, Run, Stop};
use super::value::{Lost, Null, Value};
use crate::check::tables;
use crate::diag::Rule;
use crate::{KernelVersion, ProgramType};
use alloc::format;

/// Before, of two paths that differ in the return value only, one was looked at.
const PRECISE_RETURN: KernelVersion = KernelVersion::new(6, 8);

impl Run<'_> {
    /// Leaves the program.
    pub(super) fn leave(&mut self) -> Result<()> {
        // A fragment may be part of a function that returns nothing.
        if self.program.facts.fragment {
            return Ok(());
        }
        self.no_lock("BPF_EXIT instruction in main prog")?;
        self.no_references("BPF_EXIT instruction in main prog")?;
        match self.program.start {
            Start::Program => {}
            Start::Global(_) => return self.leave_global(),
            Start::Async { .. } => return self.leave_async(),
        }
        let types = &self.program.facts;
        if matches!(
            types.program_type,
            Some(
                ProgramType::StructOps | ProgramType::Ext | ProgramType::Lsm | ProgramType::Tracing
            )
        ) {
            return Ok(());
        }
        let value = self.written(0)?;
        let Some(program_type) = types.program_type else {
            return Ok(());
        };
        let Some((least, most)) = tables::return_range(program_type, types.attach_type) else {
            return Ok(());
        };
        match value {
            Value::Number(number) => {
                let whole = number.bits.cast_signed();
                let half = i64::from(number.bits as u32);
                self.hurt(number.input);
                if (least..=most).contains(&whole) || (least..=most).contains(&half) {
                    return Ok(());
                }
                if types.min_kernel < PRECISE_RETURN && !self.is_only_path() {
                    return Err(Stop::Over);
                }
                Err(self
                    .finding(
                        Rule::ReturnRange,
                        format!("the program returns {whole}, and `{}` programs return {least} to {most}", program_type.name()),
                        format!("At program exit the register R0 has smin={whole} smax={whole} should have been in [{least}, {most}]"),
                    )
                    .with_help(format!("set `r0` to a number from {least} to {most} before `exit`"))
                    .into())
            }
            Value::Pointer(pointer)
                if self.of(pointer).null == Null::Never && self.is_certain(pointer) =>
            {
                let object = self.of(pointer);
                Err(self
                    .finding(
                        Rule::ReturnRange,
                        format!("the program returns a pointer to {}, and `{}` programs return {least} to {most}", object.kind.name(), program_type.name()),
                        format!("At program exit the register R0 is not a known value ({})", object.kind.kernel_name()),
                    )
                    .with_help(format!("set `r0` to a number from {least} to {most} before `exit`"))
                    .into())
            }
            Value::Unwritten(Lost::Gone(_)) | Value::Pointer(_) | Value::Opaque => Err(Stop::Over),
            Value::Unwritten(_) => Ok(()),
        }
    }

    pub(super) fn not_an_instruction(&self, at: usize) -> Stop {
        let Some(insn) = self.program.facts.insns.get(at) else {
            return Stop::Over;
        };
        if insn.opcode() == 0x95 && (insn.dst(), insn.src(), insn.imm()) == (0, 0, 0) {
            // Nobody looks at the offset of `exit`.
            return Stop::Over;
        }
        let known = crate::isa::decode(&self.program.facts.insns[at..]);
        if let Some(crate::isa::Decoded::Known(_)) = known {
            return self
                .finding(
                    Rule::InvalidInstruction,
                    "only the kernel itself makes this instruction",
                    format!("unknown opcode {:02x}", insn.opcode()),
                )
                .into();
        }
        let register = [insn.dst(), insn.src()].into_iter().find(|&r| r > 10);
        match register {
            // Newer kernels may pass arguments there.
            Some(11) => Stop::Over,
            Some(register) => self
                .finding(
                    Rule::NoSuchRegister,
                    format!("there is no register {register}"),
                    format!("R{register} is invalid"),
                )
                .into(),
            None => self
                .finding(
                    Rule::InvalidInstruction,
                    "a field that this instruction does not use is not zero",
                    "uses reserved fields",
                )
                .into(),
        }
    }
}
