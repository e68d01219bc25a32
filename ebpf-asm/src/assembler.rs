//! A builder for programs whose length is known only at run time.

use crate::Code;
use crate::isa::{Form, Insn, Instruction, JmpOp, Register, Width, decode_all};
use alloc::vec::Vec;
use core::fmt;

/// A place in a program that is being built; made by [`Assembler::label`], put somewhere by
/// [`Assembler::bind`].
///
/// ```
/// use ebpf_asm::isa::{Instruction, Register::*};
/// use ebpf_asm::{Assembler, Label};
///
/// /// The end that all branches share.
/// fn give(asm: &mut Assembler, end: Label, value: i32) {
///     asm.push(Instruction::mov_imm(R0, value)).jump(end);
/// }
///
/// let mut asm = Assembler::new();
/// let end = asm.label();
/// give(&mut asm, end, 1);
/// asm.bind(end).push(Instruction::exit());
/// assert_eq!(asm.finish()?.len(), 3);
/// # Ok::<(), ebpf_asm::AssemblerError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    index: usize,
    /// Which assembler made it: a label of another one is an error, not another place.
    owner: u64,
}

/// Builds a program piece by piece: single instructions, jumps to labels, pieces of text and
/// of `ebpf_asm!` code.
///
/// Errors are remembered and given by [`finish`](Self::finish), so that building reads
/// without a `?` in every line.
///
/// ```
/// use ebpf_asm::isa::{Instruction, JmpOp, Register::*, Size, Width};
/// use ebpf_asm::Assembler;
///
/// // A filter with one block for each port that may pass.
/// fn allow(ports: &[u16]) -> Result<ebpf_asm::Code, ebpf_asm::AssemblerError> {
///     let mut asm = Assembler::new();
///     let pass = asm.label();
///     asm.push(Instruction::load(Size::Word, R2, R1, 0));
///     for &port in ports {
///         asm.jump_if_imm(Width::W64, JmpOp::Eq, R2, i32::from(port), pass);
///     }
///     asm.push(Instruction::mov_imm(R0, 0));
///     asm.push(Instruction::exit());
///     asm.bind(pass);
///     asm.push(Instruction::mov_imm(R0, -1));
///     asm.push(Instruction::exit());
///     asm.finish()
/// }
///
/// assert_eq!(allow(&[22, 80, 443])?.len(), 8);
/// # Ok::<(), ebpf_asm::AssemblerError>(())
/// ```
#[derive(Debug)]
pub struct Assembler {
    insns: Vec<Insn>,
    /// For each label the slot it is bound to.
    labels: Vec<Option<usize>>,
    /// Jumps to be completed: the slot of each and its label.
    jumps: Vec<(usize, usize)>,
    error: Option<AssemblerError>,
    id: u64,
}

impl Default for Assembler {
    fn default() -> Self {
        Self::new()
    }
}

/// What was wrong with the use of an [`Assembler`].
///
/// ```
/// use ebpf_asm::{Assembler, AssemblerError};
/// use ebpf_asm::isa::Instruction;
///
/// let mut asm = Assembler::new();
/// let end = asm.label();
/// asm.jump(end).push(Instruction::exit());        // and `end` is bound nowhere
/// let error = asm.finish().unwrap_err();
/// assert_eq!(error, AssemblerError::UnboundLabel { slot: 0 });
/// println!("{error}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssemblerError {
    /// A label that a jump goes to was bound nowhere.
    UnboundLabel {
        /// The slot of the jump.
        slot: usize,
    },
    /// A label was bound a second time.
    BoundTwice {
        /// Where it was bound first.
        first: usize,
        /// Where it was bound again.
        second: usize,
    },
    /// A label of another assembler.
    ForeignLabel {
        /// The slot at which it was used.
        slot: usize,
    },
    /// A jump goes to the end of the program, where no instruction is.
    NothingBehindLabel {
        /// The slot of the jump.
        slot: usize,
    },
    /// A jump is too far for the 16 bits of its distance.
    JumpTooFar {
        /// The slot of the jump.
        slot: usize,
        /// How far it is, in slots.
        distance: isize,
    },
    /// Half of a two-slot instruction was pushed without its other half behind it, or a label
    /// that a jump goes to was bound between the halves.
    SplitInstruction {
        /// The slot of the first half.
        slot: usize,
    },
    /// A piece of text has errors.
    #[cfg(feature = "text")]
    Text(crate::Diagnostics),
}

impl fmt::Display for AssemblerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnboundLabel { slot } => write!(
                f,
                "the jump at slot {slot} goes to a label that is bound nowhere: call `bind` before `finish`"
            ),
            Self::BoundTwice { first, second } => write!(
                f,
                "a label that is bound at slot {first} was bound again at slot {second}"
            ),
            Self::ForeignLabel { slot } => {
                write!(
                    f,
                    "the label used at slot {slot} belongs to another assembler"
                )
            }
            Self::NothingBehindLabel { slot } => write!(
                f,
                "the jump at slot {slot} goes to the end of the program, where no instruction is"
            ),
            Self::JumpTooFar { slot, distance } => write!(
                f,
                "the jump at slot {slot} is {distance} slots far, and its field holds -32768 to 32767: use `jump_long`"
            ),
            Self::SplitInstruction { slot } => write!(
                f,
                "the 64-bit load at slot {slot} is not whole: push it as an `Instruction`"
            ),
            #[cfg(feature = "text")]
            Self::Text(diagnostics) => diagnostics.fmt(f),
        }
    }
}

impl core::error::Error for AssemblerError {}

impl Assembler {
    /// An empty program.
    #[must_use]
    pub fn new() -> Self {
        use core::sync::atomic::{AtomicUsize, Ordering};
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Self {
            insns: Vec::new(),
            labels: Vec::new(),
            jumps: Vec::new(),
            error: None,
            id: NEXT.fetch_add(1, Ordering::Relaxed) as u64,
        }
    }

    /// The slot that the next instruction gets.
    #[must_use]
    pub fn position(&self) -> usize {
        self.insns.len()
    }

    /// Appends an instruction.
    pub fn push(&mut self, instruction: Instruction) -> &mut Self {
        self.insns.extend_from_slice(&instruction.encode());
        self
    }

    /// Appends a raw slot, whatever it is.
    pub fn push_raw(&mut self, insn: Insn) -> &mut Self {
        self.insns.push(insn);
        self
    }

    /// Appends code. Jumps inside it stay inside it.
    pub fn append(&mut self, code: &Code) -> &mut Self {
        self.insns.extend_from_slice(code.insns());
        self
    }

    /// Appends a piece of text. Labels in it are its own.
    ///
    /// ```
    /// use ebpf_asm::isa::{Instruction, JmpOp, Register::*, Width};
    /// use ebpf_asm::{Assembler, assemble};
    ///
    /// let mut asm = Assembler::new();
    /// let (out, double) = (asm.label(), asm.label());
    /// asm.text("r1 = 21; r2 = 0");                    // what is always the same, as text
    /// asm.jump_if_reg(Width::W64, JmpOp::Eq, R1, R2, out);
    /// asm.call(double).push(Instruction::exit());
    /// assert_eq!(asm.position(), 5);                  // the slot of what comes next
    /// asm.bind(double).append(&assemble("r0 = r1; r0 += r0; exit")?);
    /// asm.bind(out).push(Instruction::mov_imm(R0, 0));
    /// asm.push_raw(Instruction::exit().encode()[0]);  // as `push`, of a slot that is there already
    /// let code = asm.finish()?;
    /// assert_eq!(code.len(), 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "text")]
    pub fn text(&mut self, source: &str) -> &mut Self {
        match crate::assemble(source) {
            Ok(code) => {
                self.append(&code);
            }
            Err(diagnostics) => self.fail(AssemblerError::Text(diagnostics)),
        }
        self
    }

    /// A label that is bound nowhere yet.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label {
            index: self.labels.len() - 1,
            owner: self.id,
        }
    }

    /// Binds the label to the instruction that comes next.
    pub fn bind(&mut self, label: Label) -> &mut Self {
        let slot = self.insns.len();
        let Some(index) = self.own(label) else {
            return self;
        };
        match self.labels[index] {
            Some(first) => self.fail(AssemblerError::BoundTwice {
                first,
                second: slot,
            }),
            None => self.labels[index] = Some(slot),
        }
        self
    }

    /// `goto label`
    pub fn jump(&mut self, label: Label) -> &mut Self {
        self.jump_with(Instruction::goto(0), label)
    }

    /// `gotol label`: a jump of any distance (Linux 6.6).
    ///
    /// ```
    /// use ebpf_asm::Assembler;
    /// use ebpf_asm::isa::{Instruction, Register::*};
    ///
    /// let mut asm = Assembler::new();
    /// let far = asm.label();
    /// asm.jump_long(far);
    /// for _ in 0..40_000 {
    ///     asm.push(Instruction::mov_imm(R0, 0));
    /// }
    /// asm.bind(far).push(Instruction::exit());
    /// assert_eq!(asm.finish()?.insns()[0].imm(), 40_000);     // more than 16 bits hold
    /// # Ok::<(), ebpf_asm::AssemblerError>(())
    /// ```
    pub fn jump_long(&mut self, label: Label) -> &mut Self {
        self.jump_with(Instruction::goto_long(0), label)
    }

    /// `if dst OP imm goto label`
    pub fn jump_if_imm(
        &mut self,
        width: Width,
        op: JmpOp,
        dst: Register,
        imm: i32,
        label: Label,
    ) -> &mut Self {
        self.jump_with(Instruction::branch_imm(width, op, dst, imm, 0), label)
    }

    /// `if dst OP src goto label`
    pub fn jump_if_reg(
        &mut self,
        width: Width,
        op: JmpOp,
        dst: Register,
        src: Register,
        label: Label,
    ) -> &mut Self {
        self.jump_with(Instruction::branch_reg(width, op, dst, src, 0), label)
    }

    /// `call label`: a call of a function of the same program.
    pub fn call(&mut self, label: Label) -> &mut Self {
        self.jump_with(Instruction::call_local(0), label)
    }

    fn jump_with(&mut self, instruction: Instruction, label: Label) -> &mut Self {
        if let Some(index) = self.own(label) {
            self.jumps.push((self.insns.len(), index));
        }
        self.push(instruction)
    }

    fn own(&mut self, label: Label) -> Option<usize> {
        if label.owner == self.id {
            return Some(label.index);
        }
        let slot = self.insns.len();
        self.fail(AssemblerError::ForeignLabel { slot });
        None
    }

    /// The first error counts: later ones may follow from it.
    fn fail(&mut self, error: AssemblerError) {
        self.error.get_or_insert(error);
    }

    /// Completes the jumps and gives the program.
    ///
    /// # Errors
    /// The first thing that was wrong with the calls before, or a jump that cannot be
    /// completed.
    pub fn finish(self) -> Result<Code, AssemblerError> {
        let Self {
            mut insns,
            labels,
            jumps,
            error,
            ..
        } = self;
        if let Some(error) = error {
            return Err(error);
        }
        // The first slots of two-slot instructions, in order.
        let mut wide = Vec::new();
        for (slot, decoded) in decode_all(&insns) {
            if decoded.slots() == 2 {
                wide.push(slot);
            } else if insns[slot].is_wide() && decoded.known().is_none() {
                return Err(AssemblerError::SplitInstruction { slot });
            }
        }
        for (slot, label) in jumps {
            let target = labels[label].ok_or(AssemblerError::UnboundLabel { slot })?;
            if target == insns.len() {
                return Err(AssemblerError::NothingBehindLabel { slot });
            }
            if let Some(slot) = target.checked_sub(1)
                && wide.binary_search(&slot).is_ok()
            {
                return Err(AssemblerError::SplitInstruction { slot });
            }
            // A vector of eight-byte slots has fewer than isize::MAX of them.
            let distance = target as isize - slot as isize - 1;
            let too_far = AssemblerError::JumpTooFar { slot, distance };
            let insn = insns[slot];
            let is_long = [Form::GotoLong, Form::CallLocal]
                .iter()
                .any(|form| form.definition().opcode == insn.opcode());
            insns[slot] = if is_long {
                insn.with_imm(i32::try_from(distance).map_err(|_| too_far)?)
            } else {
                insn.with_offset(i16::try_from(distance).map_err(|_| too_far)?)
            };
        }
        Ok(Code::from_vec(insns))
    }
}

#[cfg(test)]
#[path = "assembler_tests.rs"]
mod tests;
