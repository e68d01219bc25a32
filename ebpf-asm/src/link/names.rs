//! What an instruction names: constants, functions, maps.

use super::function::{Fields, FunctionAssembler, FunctionUse, Unit};
use super::{Patch, Relocation, RelocationTarget, Symbol};
use crate::diag::{Diagnostic, Rule};
use crate::isa::{Form, ImmediateSource};
use crate::object::{ConstantField, Linkage};
use crate::syntax::ast::{self, KernelConstant, Name, OperandValue, SymbolReference};
use alloc::format;

impl FunctionAssembler<'_> {
    /// A constant by name or expression becomes a patch or a relocation.
    pub(super) fn operand(&mut self, operand: &ast::Operand) -> Result<(), Diagnostic> {
        if let OperandValue::Kernel(constant) = &operand.value {
            return self.kernel_constant(operand, constant);
        }
        if let OperandValue::Name(name) = &operand.value {
            match self.symbol_of(name) {
                Some(&Symbol::LoadTimeConstant(constant)) => {
                    if operand.negated {
                        return Err(Diagnostic::error(
                            Rule::WrongKindOfSymbol,
                            operand.span,
                            format!(
                                "`{}` gets its value at load time and cannot be negated here",
                                name.text
                            ),
                        )
                        .with_help("load it into a register and negate that"));
                    }
                    self.linked.relocations.push(Relocation {
                        insn: self.slot,
                        target: RelocationTarget::Constant {
                            constant,
                            field: operand.field,
                        },
                        span: operand.span,
                    });
                    return Ok(());
                }
                Some(Symbol::Map(_)) => {
                    return Err(Diagnostic::error(
                        Rule::WrongKindOfSymbol,
                        operand.span,
                        format!("`{}` is a map, and its address has 64 bits", name.text),
                    )
                    .with_help(format!("write `r1 = {} ll`", name.text)));
                }
                Some(Symbol::KernelVariable(_)) => {
                    return Err(Diagnostic::error(
                        Rule::WrongKindOfSymbol,
                        operand.span,
                        format!(
                            "`{}` is a variable of the kernel, and its address has 64 bits",
                            name.text
                        ),
                    )
                    .with_help(format!("write `r1 = {} ll`", name.text)));
                }
                Some(
                    Symbol::Function(_)
                    | Symbol::Fragment(_)
                    | Symbol::KernelFunction(_)
                    | Symbol::Program,
                ) => {
                    return Err(Diagnostic::error(
                        Rule::WrongKindOfSymbol,
                        operand.span,
                        format!("`{}` is a function, not a constant", name.text),
                    )
                    .with_help(format!("`r1 = {} ll` loads its address", name.text)));
                }
                Some(Symbol::Constant) | None => {}
            }
        }
        self.linked.patches.push(Patch {
            insn: self.slot,
            field: operand.field,
            value: operand.value.clone(),
            negated: operand.negated,
            span: operand.span,
        });
        Ok(())
    }

    /// A fact about the kernel's types: the loader puts it in.
    fn kernel_constant(
        &mut self,
        operand: &ast::Operand,
        constant: &KernelConstant,
    ) -> Result<(), Diagnostic> {
        if self.unit == Unit::Sequence {
            return Err(Diagnostic::error(
                Rule::WrongKindOfSymbol,
                operand.span,
                format!("`{constant}` is known when an object is loaded, and this is no object"),
            )
            .with_help("write an object: `#[license = \"GPL\"] mod name { … }`"));
        }
        if operand.negated {
            return Err(Diagnostic::error(
                Rule::WrongKindOfSymbol,
                operand.span,
                format!(
                    "`{constant}` is known when the object is loaded and cannot be negated here"
                ),
            )
            .with_help(format!("subtract it first: `r1 -= {constant}`")));
        }
        self.linked.relocations.push(Relocation {
            insn: self.slot,
            target: RelocationTarget::KernelConstant {
                constant: constant.clone(),
                field: operand.field,
            },
            span: operand.span,
        });
        Ok(())
    }

    pub(super) fn callee(&mut self, node: &mut Fields, name: &Name) -> Result<(), Diagnostic> {
        let symbol = self.symbol_of(name).copied();
        let helper = self.around.scope.helper(&name.text);
        let label = self.unit == Unit::Sequence && self.frame.labels.contains(&name.text);
        let is_function = matches!(
            symbol,
            Some(Symbol::Function(_) | Symbol::Fragment(_) | Symbol::KernelFunction(_))
        ) || label;
        if let Some((id, of_kernel)) = helper
            && is_function
        {
            let whose = if of_kernel.is_some() {
                "kernel"
            } else {
                "host"
            };
            return Err(Diagnostic::error(
                Rule::AmbiguousName,
                name.span,
                format!(
                    "`{}` is a function here and helper {id} of the {whose}",
                    name.text
                ),
            )
            .with_help(match symbol {
                Some(Symbol::KernelFunction(_)) => "leave the declaration out",
                _ => "give the function another name",
            }));
        }
        match (symbol, helper) {
            (Some(Symbol::Function(function)), _) => {
                node.form = Form::CallLocal;
                self.uses.push(FunctionUse {
                    slot: self.slot,
                    function,
                    pointer: false,
                    span: name.span,
                });
                Ok(())
            }
            (Some(Symbol::KernelFunction(symbol)), _) => {
                node.form = Form::CallKfunc;
                self.linked.relocations.push(Relocation {
                    insn: self.slot,
                    target: RelocationTarget::KernelFunction { symbol },
                    span: name.span,
                });
                Ok(())
            }
            // Pasted before it comes to this.
            (Some(Symbol::Fragment(_)), None) => Ok(()),
            (_, Some((id, of_kernel))) => {
                node.imm = id.cast_signed();
                if let Some(helper) = of_kernel {
                    self.check_helper_version(helper, name.span);
                }
                Ok(())
            }
            (Some(Symbol::Program), None) => Err(Diagnostic::error(
                Rule::WrongKindOfSymbol,
                name.span,
                format!(
                    "`{}` is a program: the kernel calls it, other functions cannot",
                    name.text
                ),
            )
            .with_help("move the shared part into an `fn` without attribute")),
            (Some(Symbol::Constant), None) => {
                self.linked.patches.push(Patch {
                    insn: self.slot,
                    field: ConstantField::Imm32,
                    value: OperandValue::Name(name.clone()),
                    negated: false,
                    span: name.span,
                });
                Ok(())
            }
            (
                Some(Symbol::Map(_) | Symbol::LoadTimeConstant(_) | Symbol::KernelVariable(_)),
                None,
            ) => Err(Diagnostic::error(
                Rule::WrongKindOfSymbol,
                name.span,
                format!("`{}` is not a function", name.text),
            )),
            (None, None) if label => {
                node.form = Form::CallLocal;
                let to = self.frame.base + self.frame.labels.named(name)?;
                self.jump(node, to, name.span)
            }
            (None, None) => Err(self.unknown_function(name)),
        }
    }

    fn unknown_function(&self, name: &Name) -> Diagnostic {
        let diagnostic = Diagnostic::error(
            Rule::UnknownFunction,
            name.span,
            format!("there is no function or helper `{}`", name.text),
        );
        let prefixed = format!("bpf_{}", name.text);
        if self.around.scope.helper(&prefixed).is_some() {
            return diagnostic.with_help(format!("did you mean `{prefixed}`?"));
        }
        let functions = self.around.scope.names(|symbol| {
            matches!(
                symbol,
                Symbol::Function(_) | Symbol::Fragment(_) | Symbol::KernelFunction(_)
            )
        });
        let known = functions.chain(self.around.scope.helper_names());
        diagnostic.with_similar(&name.text, known)
    }

    /// `r1 = NAME ll`: what it loads, NAME decides.
    pub(super) fn symbol(
        &mut self,
        node: &mut Fields,
        &SymbolReference {
            ref name,
            addend,
            addend_span,
        }: &SymbolReference,
    ) -> Result<(), Diagnostic> {
        let symbol = self.symbol_of(name).copied();
        if let Some(Symbol::Map(map)) = symbol {
            node.form = Form::LoadImm64(ImmediateSource::MapFd);
            node.imm_high = addend;
            self.linked.relocations.push(Relocation {
                insn: self.slot,
                target: RelocationTarget::Map {
                    map,
                    addend,
                    addend_span,
                },
                span: name.span,
            });
            return Ok(());
        }
        if addend != 0 {
            return Err(Diagnostic::error(
                Rule::WrongKindOfSymbol,
                addend_span,
                format!(
                    "`{}` is no map and no global, so there is nothing to be {addend} bytes into",
                    name.text
                ),
            )
            .with_help(format!(
                "a constant is computed in braces: `{{{} + {addend}}} ll`",
                name.text
            )));
        }
        let label = self.unit == Unit::Sequence && self.frame.labels.contains(&name.text);
        match symbol {
            Some(Symbol::Function(function)) => {
                node.form = Form::LoadImm64(ImmediateSource::Function);
                self.uses.push(FunctionUse {
                    slot: self.slot,
                    function,
                    pointer: true,
                    span: name.span,
                });
                let callee = self.around.functions.get(function);
                if callee.is_some_and(|callee| callee.linkage == Linkage::Global) {
                    return Err(Diagnostic::error(
                        Rule::Callback,
                        name.span,
                        format!(
                            "`{}` is a global function (`pub fn`), and callbacks are static",
                            name.text
                        ),
                    )
                    .with_note("the kernel says: callback function not static")
                    .with_help(format!("leave `pub` out: `fn {}(…)`", name.text)));
                }
                Ok(())
            }
            Some(Symbol::Fragment(_)) => Err(Diagnostic::error(
                Rule::Pasting,
                name.span,
                format!(
                    "`{}` is pasted where it is called (`#[inline]`) and has no address",
                    name.text
                ),
            )
            .with_help("leave `#[inline]` out")),
            None if label => {
                node.form = Form::LoadImm64(ImmediateSource::Function);
                let to = self.frame.base + self.frame.labels.named(name)?;
                node.imm = (i64::from(to) - i64::from(self.slot) - 1) as i32;
                Ok(())
            }
            Some(Symbol::KernelFunction(symbol) | Symbol::KernelVariable(symbol)) => {
                node.form = Form::LoadImm64(ImmediateSource::BtfId);
                self.linked.relocations.push(Relocation {
                    insn: self.slot,
                    target: RelocationTarget::KernelAddress { symbol },
                    span: name.span,
                });
                Ok(())
            }
            Some(Symbol::Program) => Err(Diagnostic::error(
                Rule::WrongKindOfSymbol,
                name.span,
                format!(
                    "`{}` is a program, and its address cannot be taken",
                    name.text
                ),
            )
            .with_help("callbacks are functions without attribute")),
            None if !self.around.scope.open => Err(Diagnostic::error(
                Rule::UnknownSymbol,
                name.span,
                format!("there is no map, function or constant `{}`", name.text),
            )
            .with_similar(&name.text, self.around.scope.names(|_| true))),
            Some(Symbol::LoadTimeConstant(_) | Symbol::Constant) | None => {
                self.operand(&ast::Operand {
                    value: OperandValue::Name(name.clone()),
                    field: ConstantField::Imm64,
                    negated: false,
                    span: name.span,
                })
            }
            Some(Symbol::Map(_)) => Ok(()),
        }
    }
}
