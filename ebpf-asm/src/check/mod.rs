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
mod must;
mod predict;
mod remedy;
mod structure;
mod tables;
mod witness;

pub use facts::{
    FunctionFacts, MapFacts, Parameter, Program, Reference, ReferenceKind, is_gpl_compatible,
};
pub use finding::{Assumption, Cause, Finding, Kernels};
pub use remedy::{Change, NewMap, Remedy, SIZE_MARK, suggest};
pub use tables::fields::guessed_offset;
pub use witness::Effort;

use crate::isa::JmpOp;
use crate::{KernelVersion, Object};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What every kernel in the program's range refuses, in the order in which a kernel comes upon
/// it; empty if nothing is certain.
///
/// ```
/// use ebpf_asm::ProgramType;
/// use ebpf_asm::check::{Program, check};
///
/// let code = ebpf_asm::assemble("r0 = *(u64 *)(r10 + 8); exit")?;
/// let mut program = Program::new(code.insns());
/// program.program_type = Some(ProgramType::SocketFilter);
/// let findings = check(&program);
/// assert_eq!((findings.len(), findings[0].insn), (1, 0));
/// println!("{}", findings[0].message);
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[must_use]
pub fn check(program: &Program<'_>) -> Vec<Finding> {
    check_with(program, Effort::DEFAULT)
}

/// [`check`] with more or less effort.
///
/// ```
/// use ebpf_asm::ProgramType;
/// use ebpf_asm::check::{Effort, Program, check_with};
///
/// let code = ebpf_asm::assemble("r0 = r3; exit")?;
/// let mut program = Program::new(code.insns());
/// program.program_type = Some(ProgramType::SocketFilter);
/// // In a fuzzer, say, where time is for programs and not for runs:
/// assert_eq!(check_with(&program, Effort::runs(2)).len(), 1);
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[must_use]
pub fn check_with(program: &Program<'_>, effort: Effort) -> Vec<Finding> {
    let findings = check_once(program, effort, true);
    let is_guess = Assumption::is_guess;
    if !findings.iter().any(|f| f.assumptions.iter().any(is_guess)) {
        return findings;
    }
    // What is wrong whatever the guesses are worth is told without them.
    let plain = program.without_guesses();
    let mut certain = check_once(&plain, effort, true);
    let mut merged = Vec::new();
    for finding in findings {
        let same = |other: &Finding| other.insn == finding.insn && other.rule == finding.rule;
        match certain.iter().position(same) {
            Some(at) => merged.push(certain.remove(at)),
            None if merged.iter().any(|other: &Finding| other.covers(&finding)) => {}
            None => merged.push(finding),
        }
    }
    merged.extend(certain);
    merged
}

fn check_once(program: &Program<'_>, effort: Effort, whole: bool) -> Vec<Finding> {
    let mut findings = structure::check(program, whole);
    if findings.is_empty() {
        findings = witness::check(program, effort);
    }
    must::explain(program, &mut findings);
    // Whatever is found at an offset that is a guess stands and falls with it.
    for finding in &mut findings {
        let guess = Assumption::OffsetIsGuessed(finding.insn);
        if program.is_guessed(finding.insn as usize) && !finding.assumptions.contains(&guess) {
            finding.assumptions.push(guess);
        }
    }
    findings
}

/// What is wrong with a fragment: a sequence that may end anywhere, and that begins with anything
/// in its registers.
///
/// ```
/// use ebpf_asm::check::{Program, check_fragment};
///
/// // As a part of a program it may read what is put in front of it …
/// let code = ebpf_asm::assemble("r0 = r3; r0 += 1")?;
/// assert!(check_fragment(&Program::new(code.insns())).is_empty());
/// // … but not what a call takes away.
/// let code = ebpf_asm::assemble("call bpf_ktime_get_ns; r0 = r3")?;
/// assert_eq!(check_fragment(&Program::new(code.insns()))[0].insn, 1);
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[must_use]
pub fn check_fragment(program: &Program<'_>) -> Vec<Finding> {
    let mut fragment = program.clone();
    fragment.fragment = true;
    check_once(&fragment, Effort::DEFAULT, false)
}

/// What kernels from the program's oldest on are predicted to refuse because they do not know
/// better, each finding with those that do. Never an error: what [`check`] finds is not repeated
/// here as such, so ask it first.
///
/// ```
/// use ebpf_asm::check::{Program, check, predict};
/// use ebpf_asm::{ProgramType, assemble};
///
/// // Both halves of the sum are at most 7, which no kernel sees.
/// let code = assemble(
///     "r1 = *(u8 *)(r1 + 0)
///      r2 = r1
///      r2 &= 7
///      r3 = 7
///      r3 -= r2
///      r4 = r10
///      r4 += -8
///      r4 += r2
///      r4 += r3
///      *(u8 *)(r4 + 0) = 1
///      r0 = 0
///      exit",
/// )?;
/// let mut program = Program::new(code.insns());
/// program.program_type = Some(ProgramType::SocketFilter);
/// assert_eq!(check(&program), []);
/// let findings = predict(&program);
/// assert_eq!(findings[0].rule, "BPF0204");
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[must_use]
pub fn predict(program: &Program<'_>) -> Vec<Finding> {
    predict_on(program, &predict::kernels(program.min_kernel))
}

/// [`predict`] for certain kernels.
///
/// ```
/// use ebpf_asm::check::{Program, predict_on};
/// use ebpf_asm::{KernelVersion, ProgramType};
///
/// // Nobody wrote there; kernels from 6.8 on do not mind.
/// let code = ebpf_asm::assemble("r0 = *(u64 *)(r10 - 8); exit")?;
/// let mut program = Program::new(code.insns());
/// program.program_type = Some(ProgramType::RawTracepoint);
/// assert_eq!(predict_on(&program, &[KernelVersion::new(6, 1)])[0].rule, "BPF0215");
/// assert_eq!(predict_on(&program, &[KernelVersion::new(6, 12)]), []);
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[must_use]
pub fn predict_on(program: &Program<'_>, kernels: &[KernelVersion]) -> Vec<Finding> {
    if !structure::check(program, !program.fragment).is_empty() {
        return Vec::new();
    }
    predict::predict(program, kernels)
}

/// What all kernels from the program's oldest on are predicted to refuse, at the same instruction.
///
/// ```
/// use ebpf_asm::ProgramType;
/// use ebpf_asm::check::{Program, predict, predict_for_all};
///
/// // Kernels from 6.8 on do not mind.
/// let code = ebpf_asm::assemble("r0 = *(u64 *)(r10 - 8); exit")?;
/// let mut program = Program::new(code.insns());
/// program.program_type = Some(ProgramType::RawTracepoint);
/// assert_eq!(predict(&program).len(), 1);
/// assert_eq!(predict_for_all(&program), None);
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[must_use]
pub fn predict_for_all(program: &Program<'_>) -> Option<Finding> {
    if !structure::check(program, !program.fragment).is_empty() {
        return None;
    }
    predict::predict_for_all(program)
}

/// "1 byte", "8 bytes".
fn bytes(count: impl Into<i128>) -> String {
    match count.into() {
        1 => "1 byte".into(),
        count => format!("{count} bytes"),
    }
}

/// The comparison with its operands exchanged.
const fn mirrored(op: JmpOp) -> JmpOp {
    match op {
        JmpOp::Gt => JmpOp::Lt,
        JmpOp::Ge => JmpOp::Le,
        JmpOp::Lt => JmpOp::Gt,
        JmpOp::Le => JmpOp::Ge,
        JmpOp::SGt => JmpOp::SLt,
        JmpOp::SGe => JmpOp::SLe,
        JmpOp::SLt => JmpOp::SGt,
        JmpOp::SLe => JmpOp::SGe,
        op => op,
    }
}

impl Object {
    /// What every kernel from [`min_kernel`](Self::min_kernel) on refuses in each program, by the
    /// program's name; of programs without such, what some are [predicted](predict) to refuse, with
    /// these kernels in [`Finding::predicted`]. Programs without findings are left out.
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
    /// assert_eq!(findings[0].predicted, None);
    /// ```
    #[must_use]
    pub fn check(&self) -> Vec<(&'static str, Vec<Finding>)> {
        let programs = self.programs.iter();
        programs
            .map(|program| {
                let facts = Program::from_object(self, program);
                let mut findings = check(&facts);
                if findings.is_empty() {
                    findings = predict(&facts);
                }
                (program.name, findings)
            })
            .filter(|(_, findings)| !findings.is_empty())
            .collect()
    }
}
