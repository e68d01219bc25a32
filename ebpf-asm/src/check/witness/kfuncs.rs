//! Calls of functions of the kernel, where their contract is known.

use super::run::{Result, Run, Stop};
use super::value::{Kind, Lost, Null, Value};
use crate::check::facts::ReferenceKind;
use crate::check::tables::kfuncs::{Gives, contract};
use crate::diag::Rule;
use alloc::format;

impl Run<'_> {
    pub(super) fn kernel_function(&mut self) -> Result<usize> {
        let facts = self.program.facts;
        let name = match facts.reference(self.at).map(|reference| reference.kind) {
            Some(ReferenceKind::KernelFunction(symbol)) => {
                facts.kernel_symbols.get(usize::from(symbol))
            }
            _ => None,
        };
        let name = name.ok_or(Stop::Over)?;
        let contract = contract(name).ok_or(Stop::Over)?;
        if self.lock.is_some() || self.callbacks_active() > 0 {
            return Err(Stop::Over);
        }
        for register in 1..=usize::from(contract.arguments) {
            if let Value::Unwritten(Lost::Gone(slot)) = self.written(register)? {
                return Err(self.stale(register as u8, slot).into());
            }
        }
        let result = match contract.gives {
            Gives::Number => self.any(8)?,
            Gives::Reference(_) => {
                let value = self.maybe(Kind::KernelObject)?;
                if let Value::Pointer(pointer) = value {
                    let there = self.of(pointer).null != Null::Unchecked(true);
                    self.objects[usize::from(pointer.object)].held = there;
                }
                value
            }
            Gives::Back => {
                let Value::Pointer(pointer) = self.now(self.registers[1]) else {
                    return Err(Stop::Over);
                };
                let object = *self.of(pointer);
                match (object.kind, object.null) {
                    (Kind::KernelObject, Null::Never) if object.held && pointer.offset == 0 => {
                        self.release(pointer.object);
                    }
                    (Kind::KernelObject, Null::Unchecked(_)) if object.held => {
                        return Err(self
                            .finding(
                                Rule::PossiblyNull,
                                format!("`{name}` takes no null, and what is in `r1` may be null"),
                                "Possibly NULL pointer passed to trusted arg0",
                            )
                            .because("`r1` may be null since the call", Some(object.origin))
                            .into());
                    }
                    _ => return Err(Stop::Over),
                }
                Value::Unwritten(Lost::Call(self.at as u32))
            }
        };
        Ok(self.after_call(result))
    }
}
