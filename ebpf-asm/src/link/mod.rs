//! From the syntax tree to slots: labels, symbols, the layout of functions, relocations.
//!
//! What is left open afterwards is listed: [`Patch`]es (values that rustc or the evaluator of
//! the text form knows) and [`Relocation`]s (what only a load can know).
//!
//! ```
//! use ebpf_asm::link::link_sequence;
//! use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
//!
//! let tokens = lex("r0 = 0; goto done; done: exit", &mut Vec::new());
//! let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
//! let linked = link_sequence(&tree, false);
//! assert!(linked.diagnostics.is_empty());
//! assert_eq!(linked.insns[1].offset(), 0);        // to the next instruction
//! ```

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
///
/// ```
/// use ebpf_asm::link::link_sequence;
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let tokens = lex("start: r0 = 0; exit", &mut Vec::new());
/// let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
/// let linked = link_sequence(&tree, false);
/// assert_eq!((linked.insns.len(), linked.spans.len()), (2, 2));
/// assert_eq!(linked.unused_labels, [0]);          // nothing jumps to `start`
/// ```
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
    /// The slots of jumps that are written as distances.
    pub distances: Vec<u32>,
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
///
/// ```
/// use ebpf_asm::link::link_sequence;
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let tokens = lex("r0 = LIMIT; exit", &mut Vec::new());
/// let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
/// let linked = link_sequence(&tree, true);
/// // In a macro rustc looks the name up, and puts the value in:
/// assert_eq!((linked.patches.len(), linked.patches[0].insn), (1, 0));
/// ```
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
///
/// ```
/// use ebpf_asm::link::{ObjectFunction, Scope, Symbol, link_program};
/// use ebpf_asm::object::Linkage;
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { fn f() { r1 = COUNTS ll; r0 = 0; exit; } }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// let functions: Vec<ObjectFunction<'_>> = object
///     .items
///     .iter()
///     .filter_map(|item| match item {
///         Item::Function(function) => Some(ObjectFunction {
///             name: &function.name.text,
///             linkage: Linkage::Static,
///             inline: false,
///             program_type: None,
///             body: &function.body,
///         }),
///         _ => None,
///     })
///     .collect();
/// let mut scope = Scope::default();
/// for (index, function) in functions.iter().enumerate() {
///     scope.symbols.insert(function.name.to_owned(), Symbol::Function(index));
/// }
/// scope.symbols.insert("COUNTS".to_owned(), Symbol::Map(0));
/// let linked = link_program(&functions, 0, &scope, None);
/// assert_eq!(linked.relocations[0].insn, 0);      // the map's descriptor goes there
/// ```
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
///
/// ```
/// use ebpf_asm::link::{ObjectFunction, Scope, Symbol, RelocationTarget, link_program};
/// use ebpf_asm::object::Linkage;
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { fn f() { r1 = CONFIG + 8 ll; r0 = 0; exit; } }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// let functions: Vec<ObjectFunction<'_>> = object
///     .items
///     .iter()
///     .filter_map(|item| match item {
///         Item::Function(function) => Some(ObjectFunction {
///             name: &function.name.text,
///             linkage: Linkage::Static,
///             inline: false,
///             program_type: None,
///             body: &function.body,
///         }),
///         _ => None,
///     })
///     .collect();
/// let mut scope = Scope::default();
/// for (index, function) in functions.iter().enumerate() {
///     scope.symbols.insert(function.name.to_owned(), Symbol::Function(index));
/// }
/// scope.symbols.insert("CONFIG".to_owned(), Symbol::Map(2));
/// let linked = link_program(&functions, 0, &scope, None);
/// let target = &linked.relocations[0].target;
/// assert!(matches!(target, RelocationTarget::Map { map: 2, addend: 8, .. }));
/// ```
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
///
/// ```
/// use ebpf_asm::link::link_sequence;
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let tokens = lex("call two; exit; two: r0 = 2; exit", &mut Vec::new());
/// let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
/// let linked = link_sequence(&tree, false);
/// // In a sequence the labels that are called are functions.
/// assert_eq!(linked.insns[0].imm(), 1);
/// for function in &linked.functions {
///     println!("{} at {}", function.name, function.insn);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its first slot.
    pub insn: u32,
    /// How the kernel checks it.
    pub linkage: Linkage,
}
