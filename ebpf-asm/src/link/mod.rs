//! From the syntax tree to slots: labels, symbols, the layout of functions, relocations.
//!
//! What is left open afterwards is listed: [`Patch`]es (values that rustc or the evaluator of
//! the text form knows) and [`Relocation`]s (what only a load can know).

mod callbacks;
mod constants;
mod fragments;
mod function;
mod guards;
mod labels;
mod limits;
mod names;
mod program;
mod scope;
mod user;

pub use callbacks::CallbackUse;
pub use constants::TextConstants;
pub use program::{ObjectFunction, link_program, link_sequence};
pub use scope::{Scope, Symbol};
pub use user::link_user;

use crate::diag::{Diagnostic, Span};
use crate::isa::Insn;
use crate::object::{ConstantField, Linkage};
use crate::syntax::ast::{KernelConstant, OperandValue};
use alloc::string::String;
use alloc::vec::Vec;

/// A program or sequence after linking.
#[derive(Clone, Debug, Default)]
pub struct Linked {
    /// The slots.
    pub insns: Vec<Insn>,
    /// Values that are put in later, by rustc or by the evaluator.
    pub patches: Vec<Patch>,
    /// Values that a load puts in, in order of slots.
    pub relocations: Vec<Relocation>,
    /// Where the functions begin, the program itself first. Empty for a bare sequence.
    pub functions: Vec<Function>,
    /// The functions of the object that are part of it, laid out or pasted, by position.
    pub reached: Vec<usize>,
    /// The functions that helpers are given to call, as far as that can be seen.
    pub callbacks: Vec<CallbackUse>,
    /// For each slot, the instruction it came from.
    pub spans: Vec<Span>,
    /// The names of slots, in order of slots.
    pub labels: Vec<(u32, String)>,
    /// Labels that nothing jumps to: the position of each name's token.
    pub unused_labels: Vec<u32>,
    /// What was wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// What the oldest kernel lacks, until it is known whether a load-time constant can switch it
    /// off.
    lacks: Vec<Lack>,
}

/// Something that the oldest kernel lacks.
#[derive(Clone, Debug)]
struct Lack {
    /// The slot of the instruction.
    insn: u32,
    /// Whether the kernel refuses it also where nothing can reach it.
    everywhere: bool,
    diagnostic: Diagnostic,
}

/// A value that is put into an instruction once it is known.
#[derive(Clone, Debug)]
pub struct Patch {
    /// The slot of the instruction.
    pub insn: u32,
    /// The part of it.
    pub field: ConstantField,
    /// The value.
    pub value: OperandValue,
    /// Whether it is negated.
    pub negated: bool,
    /// Where the operand stands.
    pub span: Span,
}

/// A value that only a load can know.
#[derive(Clone, Debug)]
pub struct Relocation {
    /// The slot of the instruction.
    pub insn: u32,
    /// What goes there.
    pub target: RelocationTarget,
    /// Where the operand stands.
    pub span: Span,
}

/// What a [`Relocation`] is about.
#[derive(Clone, Debug)]
pub enum RelocationTarget {
    /// A map or the data of a global, by its position among the object's maps. Which of the
    /// two it is, its type decides.
    Map {
        /// The position.
        map: u16,
        /// The offset into the data.
        addend: i32,
        /// Where the offset stands.
        addend_span: Span,
    },
    /// The call of a function of the kernel, by its position among the object's kernel symbols.
    KernelFunction {
        /// The position.
        symbol: u16,
    },
    /// The address of a function or variable of the kernel.
    KernelAddress {
        /// The position.
        symbol: u16,
    },
    /// A fact about the kernel's types.
    KernelConstant {
        /// Which.
        constant: KernelConstant,
        /// The part of the instruction.
        field: ConstantField,
    },
    /// A load-time constant, by its position.
    Constant {
        /// The position.
        constant: u16,
        /// The part of the instruction.
        field: ConstantField,
    },
}

/// Where a function begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its first slot.
    pub insn: u32,
    /// How the kernel checks it.
    pub linkage: Linkage,
}
