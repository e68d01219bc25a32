//! Programs as the machine holds them.

use crate::isa::Insn;
use crate::object::{FunctionRecord, LineTable};
use crate::semantics::Operation;
use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;

/// A program's number in its machine.
///
/// ```
/// use ebpf_asm::vm::Vm;
///
/// let mut vm = Vm::new();
/// let code = ebpf_asm::assemble("r0 = 0; exit")?;
/// vm.load_code("first", &code);
/// assert_eq!(vm.load_code("second", &code).index(), 1);
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgramId(pub(super) usize);

impl ProgramId {
    /// The number: what a program array holds.
    #[must_use]
    pub const fn index(self) -> u32 {
        // A machine has fewer programs than there are bytes of addresses of 32 bits.
        self.0 as u32
    }
}

/// A decoded program.
#[derive(Debug)]
pub(super) struct Program {
    name: String,
    insns: Vec<Insn>,
    operations: Vec<Operation>,
    /// Where its functions begin, with their names.
    functions: Vec<(Cow<'static, str>, u32)>,
    lines: LineTable,
}

impl Program {
    pub(super) fn new(name: &str, insns: Vec<Insn>) -> Self {
        Self {
            name: name.to_owned(),
            operations: Operation::decode_all(&insns),
            insns,
            functions: Vec::new(),
            lines: LineTable::EMPTY,
        }
    }

    pub(super) fn with_functions(mut self, functions: &[FunctionRecord]) -> Self {
        self.functions = functions
            .iter()
            .map(|function| (Cow::Borrowed(function.name), function.insn))
            .collect();
        self
    }

    pub(super) fn with_labels<'a>(mut self, labels: impl Iterator<Item = (u32, &'a str)>) -> Self {
        self.functions = labels
            .map(|(slot, name)| (Cow::Owned(name.to_owned()), slot))
            .collect();
        self
    }

    pub(super) fn with_lines(self, lines: LineTable) -> Self {
        Self { lines, ..self }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn insns(&self) -> &[Insn] {
        &self.insns
    }

    pub(super) fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Where a function, or in a bare sequence a label, begins.
    pub(super) fn function(&self, name: &str) -> Option<usize> {
        self.functions
            .iter()
            .find(|(known, _)| known == name)
            .map(|&(_, slot)| slot as usize)
    }

    pub(super) fn source(&self, slot: usize) -> Option<(&'static str, u32, u16)> {
        let (line, column) = self.lines.get(slot)?;
        Some((self.lines.file, line, column))
    }
}
