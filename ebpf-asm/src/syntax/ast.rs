//! The syntax tree. Every node knows where it is.
//!
//! What is shaped like Rust (types, signatures, `{expr}`, attributes) stays a range of tokens:
//! the macro hands those to rustc, the text form evaluates them itself.
//!
//! ```
//! use ebpf_asm::syntax::ast::Statement;
//! use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
//!
//! let tokens = lex("r0 = 0; goto done; done: exit", &mut Vec::new());
//! let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
//! for statement in &tree.statements {
//!     match statement {
//!         Statement::Label(name) => println!("{}:", name.text),
//!         Statement::Instruction(instruction) => println!("{:?}", instruction.form),
//!         Statement::Raw { .. } => println!(".8byte"),
//!     }
//! }
//! assert_eq!(tree.statements.len(), 4);
//! ```

use crate::diag::Span;
use crate::isa::{Form, Register};
use crate::object::{ConstantField, KernelConstantKind};
use crate::syntax::Token;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// A stretch of tokens: positions in the token list, `end` excluded.
///
/// ```
/// use ebpf_asm::syntax::ast::{Item, TokenRange};
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { fn f(a: u32) { exit; } }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// let Item::Function(function) = &object.items[0] else { unreachable!() };
/// let parameters: TokenRange = function.parameters;
/// assert_eq!(tokens.render(parameters.start, parameters.end), "a : u32");
/// assert!(function.output.is_empty());
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::Name;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod opens { }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// let name: &Name = &object.name;
/// assert_eq!((name.text.as_str(), name.span.column), ("opens", 5));
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::Source;
/// use ebpf_asm::syntax::{lex, parse_source};
///
/// let tokens = lex("exit", &mut Vec::new());
/// let Some(Source::Sequence(sequence)) = parse_source(&tokens).tree else { unreachable!() };
/// assert_eq!(sequence.statements.len(), 1);
/// ```
#[derive(Clone, Debug)]
pub enum Source {
    /// One object: `mod name { … }`.
    Object(Object),
    /// One bare sequence.
    Sequence(Sequence),
}

/// An object: `#[license = "GPL"] pub mod name { … }`.
///
/// ```
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("pub mod m { static A: Array<u64> = Array::with_max_entries(1); fn f() { exit; } }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// assert!(!object.visibility.is_empty());
/// assert_eq!(object.items.len(), 2);
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { #[tracepoint(\"sched\", \"sched_switch\")] fn f() { exit; } }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// let Item::Function(function) = &object.items[0] else { unreachable!() };
/// let attribute = &function.attributes[0];
/// assert_eq!(attribute.name.text, "tracepoint");
/// assert!(!attribute.content.is_empty());
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { const N: u32 = 4; fn f() { exit; } }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// let functions = object.items.iter().filter(|item| matches!(item, Item::Function(_)));
/// assert_eq!(functions.count(), 1);
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { extern \"kernel\" { static jiffies: u64; fn bpf_strcmp(a: u64) -> i32; } fn f() { exit; } }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// let Item::Kernel(block) = &object.items[0] else { unreachable!() };
/// assert_eq!(block.items.len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct KernelItems {
    /// The attributes.
    pub attributes: Vec<Attribute>,
    /// What is declared.
    pub items: Vec<KernelItem>,
}

/// A function or variable of the kernel.
///
/// ```
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { extern \"kernel\" { static jiffies: u64; fn bpf_strcmp(a: u64) -> i32; } fn f() { exit; } }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// let Item::Kernel(block) = &object.items[0] else { unreachable!() };
/// let names: Vec<&str> = block.items.iter().map(|item| item.name.text.as_str()).collect();
/// assert_eq!(names, ["jiffies", "bpf_strcmp"]);
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::{Item, KernelItemKind};
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { extern \"kernel\" { static jiffies: u64; fn bpf_strcmp(a: u64) -> i32; } fn f() { exit; } }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// let Item::Kernel(block) = &object.items[0] else { unreachable!() };
/// assert!(matches!(block.items[0].kind, KernelItemKind::Variable { .. }));
/// assert!(matches!(block.items[1].kind, KernelItemKind::Function { .. }));
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(4); }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// let Item::Static(map) = &object.items[0] else { unreachable!() };
/// assert_eq!(map.name.text, "COUNTS");
/// assert_eq!(tokens.render(map.value.start, map.value.end), "HashMap :: with_max_entries (4 )");
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { const PORT: u16; const LIMIT: u32 = 64; }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// let values: Vec<bool> = object
///     .items
///     .iter()
///     .map(|item| matches!(item, Item::Const(constant) if constant.value.is_some()))
///     .collect();
/// assert_eq!(values, [false, true]);              // the first is said when the object is loaded
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("#[target = \"user\"] mod m { extern \"user\" { #[helper = 1] fn max(a: u64, b: u64) -> u64; } fn f() { exit; } }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// let Item::Extern(block) = &object.items[0] else { unreachable!() };
/// assert_eq!((block.host.text.as_str(), block.functions.len()), ("\"user\"", 1));
/// ```
#[derive(Clone, Debug)]
pub struct ExternBlock {
    /// Who has them, as it is written: a string literal. Its position in the list.
    pub host: Name,
    /// The functions.
    pub functions: Vec<ExternFunction>,
}

/// The declaration of a function that the host has.
///
/// ```
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("#[target = \"user\"] mod m { extern \"user\" { #[helper = 1] fn max(a: u64, b: u64) -> u64; } fn f() { exit; } }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// let Item::Extern(block) = &object.items[0] else { unreachable!() };
/// let max = &block.functions[0];
/// assert_eq!((max.name.text.as_str(), max.attributes.len()), ("max", 1));
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { pub fn rule(length: u32) -> i32 { r0 = 0; exit; } }", &mut Vec::new());
/// let object = parse_object(&tokens).tree.expect("it is an object");
/// let Item::Function(rule) = &object.items[0] else { unreachable!() };
/// assert!(!rule.visibility.is_empty());           // the kernel checks it on its own
/// assert_eq!(rule.body.statements.len(), 2);
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let tokens = lex("const LIMIT: u32 = 64; r0 = LIMIT; exit", &mut Vec::new());
/// let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
/// assert_eq!((tree.constants.len(), tree.statements.len()), (1, 2));
/// assert!(!tree.incomplete);                      // nothing was left out because of an error
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::Statement;
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let tokens = lex("done: exit", &mut Vec::new());
/// let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
/// let [Statement::Label(label), Statement::Instruction(exit)] = &tree.statements[..] else { unreachable!() };
/// assert_eq!((label.text.as_str(), exit.form), ("done", ebpf_asm::isa::Form::Exit));
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::Statement;
/// use ebpf_asm::isa::Register;
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let tokens = lex("r1 = *(u32 *)(r2 + 8)", &mut Vec::new());
/// let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
/// let Statement::Instruction(load) = &tree.statements[0] else { unreachable!() };
/// assert_eq!((load.dst, load.src, load.offset), (Register::R1, Register::R2, 8));
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::Statement;
/// use ebpf_asm::object::ConstantField;
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let tokens = lex("r0 = -LIMIT", &mut Vec::new());
/// let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
/// let Statement::Instruction(set) = &tree.statements[0] else { unreachable!() };
/// let operand = set.immediate_operand.as_ref().unwrap();
/// assert!(operand.negated);
/// assert_eq!(operand.field, ConstantField::SignedImm);
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::{OperandValue, Statement};
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let tokens = lex("r0 = LIMIT", &mut Vec::new());
/// let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
/// let Statement::Instruction(set) = &tree.statements[0] else { unreachable!() };
/// let operand = set.immediate_operand.as_ref().unwrap();
/// assert!(matches!(&operand.value, OperandValue::Name(name) if name.text == "LIMIT"));
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::{OperandValue, Statement};
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let tokens = lex("r0 = *(u32 *)(r1 + offsetof(task_struct.pid))", &mut Vec::new());
/// let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
/// let Statement::Instruction(load) = &tree.statements[0] else { unreachable!() };
/// let OperandValue::Kernel(constant) = &load.offset_operand.as_ref().unwrap().value else { unreachable!() };
/// assert_eq!((constant.ty.as_str(), constant.path.as_str()), ("task_struct", "pid"));
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::{Statement, Target};
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let tokens = lex("goto done; done: exit", &mut Vec::new());
/// let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
/// let Statement::Instruction(goto) = &tree.statements[0] else { unreachable!() };
/// assert!(matches!(&goto.target, Target::Label(name) if name.text == "done"));
/// ```
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
///
/// ```
/// use ebpf_asm::syntax::ast::{Statement, Target};
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let tokens = lex("r1 = CONFIG + 8 ll", &mut Vec::new());
/// let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
/// let Statement::Instruction(load) = &tree.statements[0] else { unreachable!() };
/// let Target::Symbol(symbol) = &load.target else { unreachable!() };
/// assert_eq!((symbol.name.text.as_str(), symbol.addend), ("CONFIG", 8));
/// ```
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
