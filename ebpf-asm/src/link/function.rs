//! One function, or one bare sequence: from statements to slots.

use super::labels::Labels;
use super::{Lack, Linked, Patch, Relocation, RelocationTarget, Scope, Symbol};
use crate::KernelVersion;
use crate::diag::{Diagnostic, Rule, Span};
use crate::helpers;
use crate::instead;
use crate::isa::{self, Form, ImmediateSource, Insn};
use crate::object::ConstantField;
use crate::syntax::ast::{
    self, Instruction, Name, OperandValue, Sequence, Statement, SymbolReference, Target,
};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A place where a function of the object is used: its distance is known once the functions
/// are laid out.
pub(super) struct FunctionUse {
    pub(super) slot: u32,
    pub(super) function: usize,
    pub(super) span: Span,
}

/// A function whose slots are known except for the distances to other functions.
pub(super) struct Assembled {
    pub(super) linked: Linked,
    pub(super) uses: Vec<FunctionUse>,
}

/// What is being assembled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// A function of an object: must not run off its end.
    Function,
    /// A bare sequence: labels are functions as well, and it may be a fragment.
    Sequence,
}

pub(super) fn assemble(
    body: &Sequence,
    scope: &Scope,
    unit: Unit,
    min_kernel: Option<KernelVersion>,
) -> Assembled {
    let mut diagnostics = Vec::new();
    let (labels, starts) = Labels::collect(body, &mut diagnostics);
    let starts_len = starts.len();
    let mut assembler = FunctionAssembler {
        starts,
        incomplete: body.incomplete,
        labels,
        scope,
        unit,
        min_kernel,
        slot: 0,
        linked: Linked {
            insns: Vec::with_capacity(starts_len),
            spans: Vec::with_capacity(starts_len),
            diagnostics,
            ..Linked::default()
        },
        uses: Vec::new(),
    };
    for statement in &body.statements {
        assembler.statement(statement);
    }
    if unit == Unit::Function {
        assembler.check_end(body);
    }
    let FunctionAssembler {
        labels,
        mut linked,
        uses,
        ..
    } = assembler;
    linked.labels.extend(labels.all());
    linked.labels.sort();
    for name in labels.unused() {
        linked.unused_labels.push(name.token);
        linked.diagnostics.push(
            Diagnostic::warning(
                Rule::UnusedLabel,
                name.span,
                format!("nothing jumps to the label `{}`", name.text),
            )
            .with_help("remove it"),
        );
    }
    Assembled { linked, uses }
}

/// The error about something that the oldest kernel lacks.
fn lack(
    what: &str,
    needed: KernelVersion,
    oldest: KernelVersion,
    instead: Option<&str>,
    span: Span,
) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        Rule::NeedsNewerKernel,
        span,
        format!("{what} needs Linux {needed}, and the object is for Linux {oldest} and later"),
    )
    .with_help(format!("raise it: `#[min_kernel = \"{needed}\"]`"));
    match instead {
        Some(instead) => diagnostic.with_help(format!("or use {instead}")),
        None => diagnostic,
    }
}

/// Whether this kernel knows the opcode from other instructions: then it looks at the rest only
/// when it comes to the instruction.
fn opcode_is_known(definition: &isa::Definition, kernel: KernelVersion) -> bool {
    const LDDW: u8 = 0x18;
    const STX: u8 = 3;
    // What a 64-bit load loads has to be known in any case, and before 5.12 an atomic operation
    // had nothing in its immediate.
    let strict = definition.opcode == LDDW
        || definition.opcode & 7 == STX && kernel < KernelVersion::new(5, 12);
    let mut older = isa::TABLE
        .iter()
        .filter(|row| row.min_kernel.is_some_and(|needed| needed <= kernel));
    !strict && older.any(|row| row.opcode == definition.opcode)
}

/// The fields of an instruction that names can decide.
struct Fields {
    form: Form,
    offset: i16,
    imm: i32,
    imm_high: i32,
}

struct FunctionAssembler<'a> {
    starts: Vec<bool>,
    /// Whether a statement is missing, so that distances mean nothing.
    incomplete: bool,
    labels: Labels<'a>,
    scope: &'a Scope,
    unit: Unit,
    min_kernel: Option<KernelVersion>,
    slot: u32,
    linked: Linked,
    uses: Vec<FunctionUse>,
}

impl<'a> FunctionAssembler<'a> {
    fn statement(&mut self, statement: &'a Statement) {
        match statement {
            Statement::Label(_) => {}
            Statement::Raw { value, span } => {
                let insn = Insn::from_le_bytes(value.to_le_bytes());
                self.emit(&[insn], *span);
            }
            Statement::Instruction(instruction) => self.instruction(instruction),
        }
    }

    fn emit(&mut self, insns: &[Insn], span: Span) {
        self.linked.insns.extend_from_slice(insns);
        for _ in insns {
            self.linked.spans.push(span);
        }
        self.slot += insns.len() as u32;
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.linked.diagnostics.push(diagnostic);
    }

    fn instruction(&mut self, node: &'a Instruction) {
        let mut fields = Fields {
            form: node.form,
            offset: node.offset,
            imm: node.imm,
            imm_high: node.imm_high,
        };
        if let Err(diagnostic) = self.resolve(&node.target, &mut fields) {
            self.report(diagnostic);
        }
        self.check_version(fields.form, node.span);
        let operands = [&node.offset_operand, &node.immediate_operand];
        for operand in operands.into_iter().flatten() {
            if let Err(diagnostic) = self.operand(operand) {
                self.report(diagnostic);
            }
        }
        let instruction = isa::Instruction::from_parts(
            fields.form,
            node.dst,
            node.src,
            fields.offset,
            fields.imm,
            fields.imm_high,
        );
        self.emit(&instruction.encode(), node.span);
    }

    /// A constant by name or expression becomes a patch or a relocation.
    fn operand(&mut self, operand: &ast::Operand) -> Result<(), Diagnostic> {
        if let OperandValue::Name(name) = &operand.value {
            match self.scope.symbols.get(name.text.as_str()) {
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
                Some(Symbol::Function(_) | Symbol::Program) => {
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

    fn resolve(&mut self, target: &Target, node: &mut Fields) -> Result<(), Diagnostic> {
        match target {
            Target::None => Ok(()),
            Target::Label(name) => {
                let to = self.labels.named(name)?;
                self.jump(node, to, name.span)
            }
            Target::Numeric { number, forward } => {
                let to = self.labels.numeric(number, *forward, self.slot)?;
                self.jump(node, to, number.span)
            }
            &Target::Distance { slots, span } => {
                let to = i64::from(self.slot) + 1 + i64::from(slots);
                let start = usize::try_from(to).ok().and_then(|to| self.starts.get(to));
                match start {
                    _ if self.incomplete => Ok(()),
                    Some(true) => self.jump(node, to as u32, span),
                    Some(false) => Err(Diagnostic::error(
                        Rule::JumpTarget,
                        span,
                        "this jumps into the second half of a 64-bit constant, which takes two slots",
                    )
                    .with_help("jump to a label")),
                    None => Err(Diagnostic::error(
                        Rule::JumpTarget,
                        span,
                        match self.starts.len() {
                            1 => String::from("this jumps out of the function, which has 1 slot"),
                            slots => format!("this jumps out of the function, which has {slots} slots"),
                        },
                    )
                    .with_help("a distance counts from the next instruction; a label is easier to keep right")),
                }
            }
            Target::Callee(name) => self.callee(node, name),
            Target::Symbol(symbol) => self.symbol(node, symbol),
        }
    }

    /// Puts the distance to the slot `to` into a jump or local call.
    fn jump(&mut self, node: &mut Fields, to: u32, span: Span) -> Result<(), Diagnostic> {
        // Programs have fewer than 2^31 slots: the source has less than 4 GiB.
        let distance = i64::from(to) - i64::from(self.slot) - 1;
        if matches!(node.form, Form::GotoLong | Form::CallLocal) {
            node.imm = distance as i32;
            return Ok(());
        }
        match i16::try_from(distance) {
            Ok(distance) => {
                node.offset = distance;
                Ok(())
            }
            Err(_) => {
                let diagnostic = Diagnostic::error(
                    Rule::JumpRange,
                    span,
                    format!("the jump is {distance} slots far, and 16 bits hold -32768 to 32767"),
                );
                Err(match node.form {
                    Form::Goto => {
                        diagnostic.with_help("write `gotol`, which has 32 bits (Linux 6.6)")
                    }
                    _ => diagnostic.with_help(
                        "jump over a `gotol` (Linux 6.6) with the opposite condition: `if r1 != 10 goto +1; gotol label;`",
                    ),
                })
            }
        }
    }

    fn callee(&mut self, node: &mut Fields, name: &Name) -> Result<(), Diagnostic> {
        let symbol = self.scope.symbols.get(name.text.as_str()).copied();
        let helper = self.scope.helper(&name.text);
        let label = self.unit == Unit::Sequence && self.labels.contains(&name.text);
        let is_function = matches!(symbol, Some(Symbol::Function(_))) || label;
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
            .with_help("give the function another name"));
        }
        match (symbol, helper) {
            (Some(Symbol::Function(function)), _) => {
                node.form = Form::CallLocal;
                self.uses.push(FunctionUse {
                    slot: self.slot,
                    function,
                    span: name.span,
                });
                Ok(())
            }
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
            (Some(Symbol::Map(_) | Symbol::LoadTimeConstant(_)), None) => Err(Diagnostic::error(
                Rule::WrongKindOfSymbol,
                name.span,
                format!("`{}` is not a function", name.text),
            )),
            (None, None) if label => {
                node.form = Form::CallLocal;
                let to = self.labels.named(name)?;
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
        if self.scope.helper(&prefixed).is_some() {
            return diagnostic.with_help(format!("did you mean `{prefixed}`?"));
        }
        let functions = self
            .scope
            .names(|symbol| matches!(symbol, Symbol::Function(_)));
        let known = functions.chain(self.scope.helper_names());
        diagnostic.with_similar(&name.text, known)
    }

    /// `r1 = NAME ll`: what it loads, NAME decides.
    fn symbol(
        &mut self,
        node: &mut Fields,
        &SymbolReference {
            ref name,
            addend,
            addend_span,
        }: &SymbolReference,
    ) -> Result<(), Diagnostic> {
        let symbol = self.scope.symbols.get(name.text.as_str()).copied();
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
        let label = self.unit == Unit::Sequence && self.labels.contains(&name.text);
        match symbol {
            Some(Symbol::Function(function)) => {
                node.form = Form::LoadImm64(ImmediateSource::Function);
                self.uses.push(FunctionUse {
                    slot: self.slot,
                    function,
                    span: name.span,
                });
                Ok(())
            }
            None if label => {
                node.form = Form::LoadImm64(ImmediateSource::Function);
                let to = self.labels.named(name)?;
                node.imm = (i64::from(to) - i64::from(self.slot) - 1) as i32;
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
            None if !self.scope.open => Err(Diagnostic::error(
                Rule::UnknownSymbol,
                name.span,
                format!("there is no map, function or constant `{}`", name.text),
            )
            .with_similar(&name.text, self.scope.names(|_| true))),
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

    fn check_version(&mut self, form: Form, span: Span) {
        let definition = form.definition();
        let (Some(oldest), Some(needed)) = (self.min_kernel, definition.min_kernel) else {
            return;
        };
        if needed <= oldest {
            return;
        }
        let what = format!("this instruction ({})", definition.name);
        let diagnostic = lack(&what, needed, oldest, instead::of_instruction(form), span);
        self.linked.lacks.push(Lack {
            insn: self.slot,
            everywhere: !opcode_is_known(definition, oldest),
            diagnostic,
        });
    }

    fn check_helper_version(&mut self, helper: &helpers::Helper, span: Span) {
        let Some(oldest) = self.min_kernel.filter(|&oldest| helper.since > oldest) else {
            return;
        };
        let what = format!("`{}`", helper.name);
        let instead = instead::of_helper(helper.name);
        self.linked.lacks.push(Lack {
            insn: self.slot,
            // The verifier looks at a call when it comes to it.
            everywhere: false,
            diagnostic: lack(&what, helper.since, oldest, instead, span),
        });
    }

    /// The kernel refuses a function whose last instruction lets control run on.
    fn check_end(&mut self, body: &Sequence) {
        let last = body
            .statements
            .iter()
            .rev()
            .find(|statement| !matches!(statement, Statement::Label(_)));
        let Some(Statement::Instruction(last)) = last else {
            return;
        };
        let ends = matches!(
            last.form,
            Form::Exit | Form::Goto | Form::GotoLong | Form::GotoIndirect
        );
        if !ends {
            self.report(
                Diagnostic::error(
                    Rule::FallsOffTheEnd,
                    last.span,
                    "the function does not end here: control runs off its end",
                )
                .with_note("the kernel says: last insn is not an exit or jmp")
                .with_help("end it with `exit;`"),
            );
        }
    }
}

/// Checks that no two names of a sequence's own constants are equal, and gives them as a
/// scope.
pub(super) fn scope_of_constants(body: &Sequence, open: bool) -> (Scope, Vec<Diagnostic>) {
    let mut scope = Scope {
        symbols: BTreeMap::new(),
        open,
        user_helpers: None,
    };
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    let mut diagnostics = Vec::new();
    for constant in &body.constants {
        let name = &constant.name;
        if let Some(&first) = seen.get(name.text.as_str()) {
            diagnostics.push(
                Diagnostic::error(
                    Rule::DuplicateItem,
                    name.span,
                    format!("`{}` is defined twice", name.text),
                )
                .with_note_at("first defined", first),
            );
        }
        seen.insert(&name.text, name.span);
        scope
            .symbols
            .insert(String::from(&*name.text), Symbol::Constant);
    }
    (scope, diagnostics)
}
