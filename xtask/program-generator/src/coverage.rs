//! What programs have executed.

use crate::Program;
use ebpf_asm::isa::{Decoded, Definition, Form, ImmediateSource, TABLE, decode_all};
use ebpf_asm::vm::{Input, ProgramId, Vm};
use std::fmt;

/// How often each row of the instruction table was executed, and branches by the way they went.
#[derive(Clone, Debug)]
pub struct Coverage {
    rows: Vec<u64>,
    taken: Vec<u64>,
    programs: u64,
    instructions: u64,
}

impl Default for Coverage {
    fn default() -> Self {
        Self {
            rows: vec![0; TABLE.len()],
            taken: vec![0; TABLE.len()],
            programs: 0,
            instructions: 0,
        }
    }
}

/// Whether random programs can have the instruction, and if not why.
fn exception(form: Form) -> Option<&'static str> {
    match form {
        Form::Internal(_) => Some("the kernel itself makes it"),
        Form::CallIndirect => Some("no kernel accepts it"),
        Form::CallKfunc | Form::LoadImm64(ImmediateSource::BtfId) => Some("needs the kernel's BTF"),
        Form::LoadImm64(ImmediateSource::Function) => Some("needs BTF of the function"),
        Form::AddressSpaceCast => Some("needs an arena"),
        Form::GotoIndirect => Some("needs an instruction array"),
        _ => None,
    }
}

fn is_branch(row: &Definition) -> bool {
    matches!(row.form, Form::Branch(..))
}

impl Coverage {
    /// Runs the program, and counts what is executed.
    pub(crate) fn count(
        &mut self,
        vm: &mut Vm,
        id: ProgramId,
        program: &Program,
        input: Input<'_>,
    ) -> Result<u64, String> {
        vm.record_coverage(true);
        let result = vm.run_on(id, input);
        let counts = vm.coverage(id);
        let count = |slot: usize| counts.get(slot).copied().unwrap_or(0);
        for (at, decoded) in decode_all(&program.insns) {
            let Decoded::Known(instruction) = decoded else {
                continue;
            };
            let row = instruction.form().index();
            self.rows[row] += count(at);
            if is_branch(instruction.definition()) {
                // Those that did not go on went elsewhere. Jumps to the next instruction are
                // counted as going on, and so is a next one that others jump to: too few are
                // counted as taken, never too many.
                self.taken[row] += count(at).saturating_sub(count(at + 1));
            }
        }
        self.programs += 1;
        self.instructions += vm.executed();
        result.map_err(|fault| fault.to_string())
    }

    /// The rows that no program has executed although it could have, of those that the kernel
    /// has.
    pub fn missing(&self, kernel: ebpf_asm::KernelVersion) -> impl Iterator<Item = &'static str> {
        self.rows_that_can(kernel)
            .filter(|(index, _)| self.rows[*index] == 0)
            .map(|(_, row)| row.name)
    }

    /// The conditional jumps that were never taken, or always.
    pub fn one_sided(&self, kernel: ebpf_asm::KernelVersion) -> impl Iterator<Item = &'static str> {
        self.rows_that_can(kernel)
            .filter(|(_, row)| is_branch(row))
            .filter(|(index, _)| matches!(self.taken[*index], taken if taken == 0 || taken == self.rows[*index]))
            .map(|(_, row)| row.name)
    }

    fn rows_that_can(
        &self,
        kernel: ebpf_asm::KernelVersion,
    ) -> impl Iterator<Item = (usize, &'static Definition)> {
        TABLE.iter().enumerate().filter(move |(_, row)| {
            exception(row.form).is_none() && row.min_kernel.is_some_and(|since| since <= kernel)
        })
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<20} {:>12} {:>12}",
            "instruction", "executed", "taken"
        )?;
        for (index, row) in TABLE.iter().enumerate() {
            let (executed, taken) = (self.rows[index], self.taken[index]);
            match exception(row.form) {
                Some(_) if matches!(row.form, Form::Internal(_)) => {}
                Some(reason) => writeln!(f, "{:<20} {reason}", row.name)?,
                None if is_branch(row) => {
                    writeln!(f, "{:<20} {executed:>12} {taken:>12}", row.name)?;
                }
                None => writeln!(f, "{:<20} {executed:>12}", row.name)?,
            }
        }
        write!(
            f,
            "{} programs, {} instructions",
            self.programs, self.instructions
        )
    }
}
