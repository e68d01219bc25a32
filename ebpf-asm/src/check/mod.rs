//! The kernel's own verdicts, before anything is loaded.
//!
//! Errors come from certainty alone, so that there are no false alarms:
//! - structure: what the kernel decides without following paths;
//! - witnesses: runs of the program, on the interpreter's semantics, with values that carry the
//!   kernel's types. If one does what no kernel allows, every kernel refuses the program.
//!
//! What cannot be decided, is accepted. All capabilities are assumed.
//!
//! ```
//! use ebpf_asm::ProgramType;
//! use ebpf_asm::check::{Program, check};
//! use ebpf_asm::isa::{Instruction, Register::*, Size};
//!
//! let insns: Vec<_> = [
//!     Instruction::load(Size::Word, R0, R2, 0),
//!     Instruction::exit(),
//! ]
//! .iter()
//! .flat_map(|instruction| instruction.encode().to_vec())
//! .collect();
//! let mut program = Program::new(&insns);
//! program.program_type = Some(ProgramType::SocketFilter);
//! let findings = check(&program);
//! assert_eq!(findings[0].rule, "BPF0110");
//! assert_eq!(findings[0].kernel, "R2 !read_ok");
//! ```

mod facts;
mod finding;
mod structure;
mod tables;
mod witness;

pub use facts::{FunctionFacts, MapFacts, Program, Reference, ReferenceKind, is_gpl_compatible};
pub use finding::{Assumption, Cause, Finding};
pub use witness::Effort;

use crate::Object;
use alloc::vec::Vec;

/// What every kernel in the program's range refuses, in the order in which a kernel comes upon
/// it; empty if nothing is certain.
#[must_use]
pub fn check(program: &Program<'_>) -> Vec<Finding> {
    check_with(program, Effort::DEFAULT)
}

/// [`check`] with more or less effort.
#[must_use]
pub fn check_with(program: &Program<'_>, effort: Effort) -> Vec<Finding> {
    let findings = structure::check(program, true);
    if !findings.is_empty() {
        return findings;
    }
    witness::check(program, effort)
}

/// What is wrong with a fragment: a sequence that may end anywhere, and that begins with anything
/// in its registers.
#[must_use]
pub fn check_fragment(program: &Program<'_>) -> Vec<Finding> {
    let findings = structure::check(program, false);
    if !findings.is_empty() {
        return findings;
    }
    let mut fragment = program.clone();
    fragment.fragment = true;
    witness::check(&fragment, Effort::DEFAULT)
}

impl Object {
    /// What every kernel from [`min_kernel`](Self::min_kernel) on refuses in each program, by the
    /// program's name; programs without findings are left out.
    ///
    /// ```
    /// use ebpf_asm::isa::Insn;
    /// use ebpf_asm::object::{FunctionRecord, LineTable, Linkage, ProgramDef, ProgramKind};
    /// use ebpf_asm::{KernelVersion, Object};
    ///
    /// // exit
    /// const INSNS: &[Insn] = &Insn::array_from_le_bytes::<8, 1>(b"\x95\0\0\0\0\0\0\0");
    /// const KIND: ProgramKind = ProgramKind::SocketFilter;
    /// const FUNCTIONS: &[FunctionRecord] = &[FunctionRecord::new("f", 0, Linkage::Static)];
    /// static PROGRAMS: [ProgramDef; 1] =
    ///     [ProgramDef::new("f", KIND, INSNS, &[], FUNCTIONS, LineTable::EMPTY)];
    /// let oldest = KernelVersion::DEFAULT_MINIMUM;
    /// let object = Object::new("example", "GPL", oldest, &[], &[], &PROGRAMS);
    /// let (program, findings) = &object.check()[0];
    /// assert_eq!((*program, findings[0].kernel.as_str()), ("f", "R0 !read_ok"));
    /// ```
    #[must_use]
    pub fn check(&self) -> Vec<(&'static str, Vec<Finding>)> {
        let programs = self.programs.iter();
        programs
            .map(|program| (program.name, check(&Program::from_object(self, program))))
            .filter(|(_, findings)| !findings.is_empty())
            .collect()
    }
}
