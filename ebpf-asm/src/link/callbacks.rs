//! Functions that helpers call: which function is given to which helper, as far as a walk along
//! straight lines of instructions shows.

use crate::diag::Span;
use crate::helpers::{Helper, callback};
use crate::isa::{Form, Instruction, Register, Source};

/// A function that a helper is given to call.
///
/// ```
/// use ebpf_asm::link::{ObjectFunction, Scope, Symbol, link_program};
/// use ebpf_asm::object::Linkage;
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { fn f() { r1 = 4; r2 = each ll; r3 = 0; r4 = 0; call bpf_loop; r0 = 0; exit; } fn each() { r0 = 0; exit; } }", &mut Vec::new());
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
/// let linked = link_program(&functions, 0, &scope, None);
/// // `each` has to have the signature that the helper wants:
/// assert_eq!(linked.callbacks[0].helper.name, "bpf_loop");
/// assert_eq!(linked.callbacks[0].function, 1);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CallbackUse {
    /// The function, by its position among the object's functions.
    pub function: usize,
    /// The helper.
    pub helper: &'static Helper,
    /// Where the helper is called.
    pub span: Span,
}

/// Which registers hold the address of which function.
#[derive(Clone, Debug, Default)]
pub(super) struct Pointers {
    registers: [Option<usize>; 11],
}

impl Pointers {
    /// Where paths meet, nothing is known.
    pub(super) fn forget_all(&mut self) {
        self.registers = [None; 11];
    }

    /// The callback that a call of a helper hands over.
    pub(super) fn of_call(&self, helper: &Helper) -> Option<usize> {
        let position = callback(helper)?.argument;
        self.registers.get(position + 1).copied().flatten()
    }

    /// What an instruction does to the registers. `function` is what it loads the address of.
    pub(super) fn step(&mut self, instruction: &Instruction, function: Option<usize>) {
        use crate::isa::AluOp::Mov;
        use crate::isa::Width::W64;
        let index = |register: Register| usize::from(register.index());
        match instruction.form() {
            Form::CallHelper | Form::CallLocal | Form::CallKfunc => {
                self.registers[..6].fill(None);
            }
            Form::Branch(..) | Form::Store(..) => {}
            form => {
                let copied = match (form, instruction.src()) {
                    (Form::Alu(Mov, W64, Source::Reg), Some(src)) => self.registers[index(src)],
                    _ => function,
                };
                // Operations on memory may write their source or `r0`: nothing is lost by
                // forgetting too much.
                if matches!(form, Form::Atomic(..)) {
                    self.forget_all();
                } else if let Some(dst) = instruction.dst() {
                    self.registers[index(dst)] = copied;
                }
            }
        }
    }
}
