//! Functions that helpers call: which function is given to which helper, as far as a walk along
//! straight lines of instructions shows.

use crate::diag::Span;
use crate::helpers::{Helper, callback};
use crate::isa::{Form, Instruction, Register, Source};

/// A function that a helper is given to call.
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
