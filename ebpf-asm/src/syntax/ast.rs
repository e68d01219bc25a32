//! The syntax tree. Every node knows where it is.
//!
//! What is shaped like Rust (types, signatures, `{expr}`, attributes) stays a range of tokens:
//! the macro hands those to rustc, the text form evaluates them itself.

use crate::diag::Span;
use crate::isa::{Form, Register};
use crate::object::{ConstantField, KernelConstantKind};
use crate::syntax::Token;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// A stretch of tokens: positions in the token list, `end` excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRange {
    /// The first token.
    pub start: u32,
    /// The position behind the last token.
    pub end: u32,
    /// The place in the source.
    pub span: Span,
}

impl TokenRange {
    /// Whether there is no token.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub text: String,
    /// The token's position in the list.
    pub token: u32,
    /// Where it is.
    pub span: Span,
}

/// What a source holds.
#[derive(Clone, Debug)]
pub enum Source {
    /// One object: `mod name { … }`.
    Object(Object),
    /// One bare sequence.
    Sequence(Sequence),
}

/// An object: `#[license = "GPL"] pub mod name { … }`.
#[derive(Clone, Debug)]
pub struct Object {
    /// The attributes, doc comments among them.
    pub attributes: Vec<Attribute>,
    /// `pub`, `pub(crate)` or nothing.
    pub visibility: TokenRange,
    /// The module's name.
    pub name: Name,
    /// What is in it.
    pub items: Vec<Item>,
}

/// An attribute: `#[…]`.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// The path's first word: `tracepoint` of `#[tracepoint("a", "b")]`.
    pub name: Name,
    /// What is between the brackets.
    pub content: TokenRange,
    /// All of it, from `#` to `]`.
    pub tokens: TokenRange,
}

/// An item of an object.
#[derive(Clone, Debug)]
pub enum Item {
    /// `static NAME: Type = value;`: a map or a global.
    Static(StaticItem),
    /// `const NAME: Type;` or `const NAME: Type = value;`
    Const(ConstItem),
    /// `fn name(…) -> T { … }`
    Function(Function),
    /// `extern "user" { … }`
    Extern(ExternBlock),
    /// `use path;`, carried over as it is.
    Use(TokenRange),
    /// `extern "kernel" { … }`: functions and variables of the kernel.
    Kernel(KernelItems),
}

/// Functions and variables of the kernel.
#[derive(Clone, Debug)]
pub struct KernelItems {
    /// The attributes.
    pub attributes: Vec<Attribute>,
    /// What is declared.
    pub items: Vec<KernelItem>,
}

/// A function or variable of the kernel.
#[derive(Clone, Debug)]
pub struct KernelItem {
    /// The attributes.
    pub attributes: Vec<Attribute>,
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: KernelItemKind,
    /// The declaration without attributes and `;`.
    pub declaration: TokenRange,
}

/// What is declared of the kernel.
#[derive(Clone, Debug)]
pub enum KernelItemKind {
    /// `fn name(…) -> T;`
    Function {
        /// What is between the parentheses.
        parameters: TokenRange,
        /// The type behind `->`; empty if there is none.
        output: TokenRange,
    },
    /// `static name: T;`
    Variable {
        /// Its type.
        ty: TokenRange,
    },
}

/// A map or global.
#[derive(Clone, Debug)]
pub struct StaticItem {
    /// The attributes.
    pub attributes: Vec<Attribute>,
    /// `pub` or nothing.
    pub visibility: TokenRange,
    /// Its name.
    pub name: Name,
    /// Its type.
    pub ty: TokenRange,
    /// The expression behind `=`.
    pub value: TokenRange,
}

/// A constant: with a value a Rust constant, without one set at load time.
#[derive(Clone, Debug)]
pub struct ConstItem {
    /// The attributes.
    pub attributes: Vec<Attribute>,
    /// `pub` or nothing.
    pub visibility: TokenRange,
    /// Its name.
    pub name: Name,
    /// Its type; empty only in text form, where it may be left out.
    pub ty: TokenRange,
    /// The expression behind `=`, if there is one.
    pub value: Option<TokenRange>,
}

/// Functions that the host of the programs has: `extern "user" { #[helper = 1] fn f(…) -> T; }`
#[derive(Clone, Debug)]
pub struct ExternBlock {
    /// Who has them, as it is written: a string literal. Its position in the list.
    pub host: Name,
    /// The functions.
    pub functions: Vec<ExternFunction>,
}

/// The declaration of a function that the host has.
#[derive(Clone, Debug)]
pub struct ExternFunction {
    /// The attributes.
    pub attributes: Vec<Attribute>,
    /// Its name.
    pub name: Name,
    /// What is between the parentheses.
    pub parameters: TokenRange,
    /// The type behind `->`; empty if there is none.
    pub output: TokenRange,
}

/// A program (with an attribute that says which) or subprogram.
#[derive(Clone, Debug)]
pub struct Function {
    /// The attributes.
    pub attributes: Vec<Attribute>,
    /// `pub` or nothing.
    pub visibility: TokenRange,
    /// Its name.
    pub name: Name,
    /// What is between the parentheses.
    pub parameters: TokenRange,
    /// The type behind `->`; empty if there is none.
    pub output: TokenRange,
    /// The instructions.
    pub body: Sequence,
}

/// Instructions and labels in order.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    /// The constants that a text defines for itself; an object has them as items.
    pub constants: Vec<ConstItem>,
    /// The statements.
    pub statements: Vec<Statement>,
    /// Whether a statement could not be read, so that distances in slots mean nothing. A raw
    /// slot stands in its place.
    pub incomplete: bool,
    /// Where the sequence ends: its closing brace or the end of the text.
    pub end: Span,
}

/// A statement.
#[derive(Clone, Debug)]
pub enum Statement {
    /// `name:`
    Label(Name),
    /// An instruction.
    Instruction(Instruction),
    /// `.8byte 0x…`: eight bytes as they are.
    Raw {
        /// The bytes, as a little-endian number.
        value: u64,
        /// Where it stands.
        span: Span,
    },
}

/// An instruction as written: numbers are in place, names are still names. What most
/// instructions lack is boxed: a tree may have a million of them.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// Which instruction.
    pub form: Form,
    /// The destination, if there is one.
    pub dst: Register,
    /// The source, if there is one.
    pub src: Register,
    /// The offset, if it is a number.
    pub offset: i16,
    /// The immediate, if it is a number.
    pub imm: i32,
    /// The upper half of a 64-bit immediate, if it is a number.
    pub imm_high: i32,
    /// A constant for the immediate that is not a number here.
    pub immediate_operand: Option<Box<Operand>>,
    /// A constant for the offset that is not a number here.
    pub offset_operand: Option<Box<Operand>>,
    /// Where a jump or call goes, or what a load loads the address of.
    pub target: Target,
    /// All of it.
    pub span: Span,
}

/// A constant that is known later.
#[derive(Clone, Debug)]
pub struct Operand {
    /// What it is.
    pub value: OperandValue,
    /// Where in the instruction it goes.
    pub field: ConstantField,
    /// Whether it is negated: `-NAME`.
    pub negated: bool,
    /// Where it stands.
    pub span: Span,
}

/// A constant by name or by expression.
#[derive(Clone, Debug)]
pub enum OperandValue {
    /// `NAME`
    Name(Name),
    /// `{expr}`
    Expression(TokenRange),
    /// `offsetof(task_struct.pid)`: what the kernel says when the object is loaded.
    Kernel(Box<KernelConstant>),
}

/// A fact about the kernel's types.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KernelConstant {
    /// Which fact.
    pub kind: KernelConstantKind,
    /// The type.
    pub ty: String,
    /// Members from there on; empty for the type itself.
    pub path: String,
}

impl core::fmt::Display for KernelConstant {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.kind.write(f, &self.ty, &self.path)
    }
}

/// Where a jump or call goes, or what a 64-bit load loads.
#[derive(Clone, Debug)]
pub enum Target {
    /// Nothing to resolve.
    None,
    /// A label.
    Label(Box<Name>),
    /// `1f` or `1b`: the next or previous label of this number.
    Numeric {
        /// The number.
        number: Box<Name>,
        /// `f`: after this place; `b`: before it.
        forward: bool,
    },
    /// `+3`: a distance in slots from the next instruction.
    Distance {
        /// How far.
        slots: i32,
        /// Where it stands.
        span: Span,
    },
    /// `call name`
    Callee(Box<Name>),
    /// `r1 = NAME ll`, `r1 = NAME + 8 ll`
    Symbol(Box<SymbolReference>),
}

/// A symbol and an offset into it.
#[derive(Clone, Debug)]
pub struct SymbolReference {
    /// What.
    pub name: Name,
    /// The offset into it.
    pub addend: i32,
    /// Where the offset stands.
    pub addend_span: Span,
}

// Long programs are memory first of all: these sizes decide about the speed of assembly.
const _: () = assert!(size_of::<Statement>() <= 88 && size_of::<Token>() <= 36);
