//! Why a run ended without a result.

use super::memory::{AccessError, Memory, Place};
use crate::isa::{Insn, Register, decode};
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

/// A run that ended without a result: what was wrong, at which instruction, with which values
/// in the registers.
///
/// Shown, it is one line; `{:#}` adds the registers, and so does `Debug`: that is what a `main`
/// that returns it prints.
///
/// ```
/// # #[cfg(feature = "text")] {
/// use ebpf_asm::vm::{FaultKind, Vm};
///
/// let mut vm = Vm::new();
/// let program = vm.load_code("reads_past", &ebpf_asm::assemble("r0 = *(u64 *)(r1 + 2); exit")?);
/// let fault = vm.run(program, &mut [0; 8]).unwrap_err();
/// assert_eq!(fault.kind(), &FaultKind::OutOfBounds);
/// assert_eq!(fault.slot(), 0);
/// assert_eq!(
///     fault.to_string(),
///     "program `reads_past`, instruction 0 (r0 = *(u64 *)(r1 + 2)): reads 8 bytes at 2 of the \
///      context, which has 8 bytes",
/// );
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Fault(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    kind: FaultKind,
    message: String,
    program: String,
    slot: usize,
    instruction: Option<Insn>,
    text: String,
    source: Option<(&'static str, u32, u16)>,
    address: Option<u64>,
    region: Option<String>,
    registers: [u64; Register::ALL.len()],
}

/// What was wrong.
///
/// ```
/// use ebpf_asm::vm::{FaultKind, Vm};
///
/// let mut vm = Vm::new();
/// let program = vm.load_code("calls", &ebpf_asm::assemble("call 999; exit")?);
/// let fault = vm.run(program, &mut []).unwrap_err();
/// assert!(matches!(fault.kind(), FaultKind::NoHelper { .. }), "{fault}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// An access outside of any memory, or only partly inside.
    OutOfBounds,
    /// A store to memory that is only read.
    ReadOnly,
    /// An atomic access to an address that is no multiple of its size.
    Misaligned,
    /// A slot that is no instruction, or the end of the program without `exit`.
    NoInstruction,
    /// An instruction that needs what only a kernel has.
    NotModelled,
    /// A call of a helper that the machine does not have.
    NoHelper {
        /// Its number.
        id: u32,
    },
    /// A helper was called in a way that no kernel allows.
    Helper,
    /// More nested calls than there are frames.
    CallDepth,
    /// The budget of instructions is used up.
    Budget,
    /// A call or jump through a register that holds no function.
    NoFunction,
    /// There is no program or function of this name or number.
    NoProgram,
}

impl Fault {
    /// What was wrong.
    #[must_use]
    pub fn kind(&self) -> &FaultKind {
        &self.0.kind
    }

    /// What was wrong, in words, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The program that ran, which after a tail call is not the one that was started.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.0.program
    }

    /// The slot of the instruction.
    #[must_use]
    pub fn slot(&self) -> usize {
        self.0.slot
    }

    /// The instruction's first slot, if the program has it.
    #[must_use]
    pub fn instruction(&self) -> Option<Insn> {
        self.0.instruction
    }

    /// File, line and column of the instruction, if the program knows.
    #[must_use]
    pub fn source(&self) -> Option<(&'static str, u32, u16)> {
        self.0.source
    }

    /// Where it was: the source line, or the number of the instruction, and its text.
    ///
    /// ```
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// let program = vm.load_code("reads", &ebpf_asm::assemble("r3 = 5; r0 = *(u8 *)(r1 + 9); exit")?);
    /// let fault = vm.run(program, &mut [0; 8]).unwrap_err();
    /// assert_eq!((fault.program(), fault.slot(), fault.source()), ("reads", 1, None));
    /// assert_eq!(fault.instruction().map(|insn| insn.offset()), Some(9));
    /// assert_eq!(fault.registers()[3], 5);            // as they were before it
    /// assert_eq!(fault.address(), Some(fault.registers()[1] + 9));
    /// assert!(fault.region().is_some_and(|region| region.contains("context")));
    /// println!("{} at {}", fault.message(), fault.place());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn place(&self) -> String {
        let place = match self.0.source {
            Some((file, line, column)) => format!("{file}:{line}:{column}"),
            None => format!("instruction {}", self.0.slot),
        };
        match &self.0.text {
            text if text.is_empty() => place,
            text => format!("{place} ({text})"),
        }
    }

    /// The address that was accessed.
    #[must_use]
    pub fn address(&self) -> Option<u64> {
        self.0.address
    }

    /// The name of the region that the address is in, or near.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.0.region.as_deref()
    }

    /// What the registers held before the instruction.
    #[must_use]
    pub fn registers(&self) -> &[u64; Register::ALL.len()] {
        &self.0.registers
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            program, message, ..
        } = &*self.0;
        match self.0.kind {
            // It did not begin, and is nowhere.
            FaultKind::NoProgram => return write!(f, "program `{program}`: {message}"),
            _ => write!(f, "program `{program}`, {}: {message}", self.place())?,
        }
        if f.alternate() {
            for register in Register::ALL {
                let value = self.0.registers[register.index() as usize];
                write!(f, "\n  {:>3} = {value:#x}", register.name())?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")
    }
}

impl core::error::Error for Fault {}

/// The parts of a fault that the place where it happens knows; program and slot are added where
/// the run ends.
#[derive(Clone, Debug)]
pub(super) struct Trap {
    pub(super) kind: FaultKind,
    pub(super) message: String,
    pub(super) address: Option<u64>,
    pub(super) region: Option<String>,
}

impl Trap {
    pub(super) fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            address: None,
            region: None,
        }
    }

    /// An access that memory refused.
    pub(super) fn access(memory: &Memory, address: u64, length: usize, write: bool) -> Self {
        let error = memory.explain(address, length, write);
        let (kind, verb) = match error {
            AccessError::OutOfBounds if write => (FaultKind::OutOfBounds, "writes"),
            AccessError::OutOfBounds => (FaultKind::OutOfBounds, "reads"),
            AccessError::ReadOnly => (FaultKind::ReadOnly, "writes"),
            AccessError::Misaligned => (FaultKind::Misaligned, "accesses"),
        };
        let bytes = if length == 1 { "byte" } else { "bytes" };
        let what = format!("{verb} {length} {bytes}");
        let (message, region) = match memory.place(address) {
            Place::Nothing => (format!("{what} at {address:#x}, which is no memory"), None),
            Place::Map => (format!("{what} of a map itself; look its values up"), None),
            Place::Function => (format!("{what} of a function"), None),
            Place::Region(region, offset) => {
                let name = &region.name;
                let message = match error {
                    AccessError::ReadOnly => {
                        format!("{what} at {offset} of {name}, which is read-only")
                    }
                    AccessError::Misaligned => {
                        format!("{what} at {offset} of {name}, which is not aligned")
                    }
                    AccessError::OutOfBounds if region.stride != 0 && offset >= 0 => {
                        let stride = i64::from(region.stride);
                        // Behind the last one there is none.
                        let last = (region.bytes.len() as i64 / stride - 1).max(0);
                        let number = (offset / stride).min(last);
                        format!(
                            "{what} at {} of {name}, which has {} bytes (it is number {number})",
                            offset - number * stride,
                            region.element,
                        )
                    }
                    AccessError::OutOfBounds => {
                        format!(
                            "{what} at {offset} of {name}, which has {} bytes",
                            region.bytes.len()
                        )
                    }
                };
                (message, Some(name.clone().into_owned()))
            }
        };
        Self {
            kind,
            message,
            address: Some(address),
            region,
        }
    }

    /// The fault at this place.
    pub(super) fn at(
        self,
        program: &super::program::Program,
        slot: usize,
        registers: [u64; Register::ALL.len()],
    ) -> Fault {
        let insns = program.insns();
        Fault(Box::new(Inner {
            kind: self.kind,
            message: self.message,
            program: program.name().to_owned(),
            slot,
            instruction: insns.get(slot).copied(),
            text: insns
                .get(slot..)
                .and_then(decode)
                .map(|instruction| instruction.to_string())
                .unwrap_or_default(),
            source: program.source(slot),
            address: self.address,
            region: self.region,
            registers,
        }))
    }
}
