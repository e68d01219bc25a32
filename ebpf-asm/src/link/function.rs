//! One function, or one bare sequence: from statements to slots.

use super::callbacks::{CallbackUse, Pointers};
use super::fragments::{Fragments, Frame, last_exit};
use super::labels::{Labels, Slot};
use super::{Lack, Linked, ObjectFunction, Scope, Symbol};
use crate::KernelVersion;
use crate::diag::{Diagnostic, Rule, Span};
use crate::helpers;
use crate::instead;
use crate::isa::{self, Form, Insn};
use crate::syntax::ast::{Instruction, Name, Sequence, Statement, Target};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A place where a function of the object is used: its distance is known once the functions
/// are laid out.
pub(super) struct FunctionUse {
    pub(super) slot: u32,
    pub(super) function: usize,
    /// Whether its address is taken; else it is called.
    pub(super) pointer: bool,
    pub(super) span: Span,
}

/// A function whose slots are known except for the distances to other functions.
pub(super) struct Assembled {
    pub(super) linked: Linked,
    pub(super) uses: Vec<FunctionUse>,
    /// The functions that were pasted into it.
    pub(super) pasted: BTreeSet<usize>,
}

/// What is being assembled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// A function of an object: must not run off its end.
    Function,
    /// A function that is pasted, by itself: for its mistakes.
    Fragment,
    /// A bare sequence: labels are functions as well, and it may be a fragment.
    Sequence,
}

/// What is the same for all functions of an object.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) scope: &'a Scope,
    pub(super) functions: &'a [ObjectFunction<'a>],
    pub(super) fragments: &'a Fragments,
    pub(super) min_kernel: Option<KernelVersion>,
}

pub(super) fn assemble(body: &Sequence, around: Around<'_>, unit: Unit) -> Assembled {
    let mut assembler = FunctionAssembler {
        frame: Frame::default(),
        around,
        unit,
        slot: 0,
        linked: Linked {
            insns: Vec::with_capacity(body.statements.len()),
            spans: Vec::with_capacity(body.statements.len()),
            ..Linked::default()
        },
        uses: Vec::new(),
        reached: BTreeSet::new(),
        label_names: BTreeSet::new(),
        pastes: 0,
        pointers: Pointers::default(),
    };
    let slots = |statement| around.fragments.slots(statement, around.scope);
    let fragment = (unit == Unit::Fragment).then(|| {
        let last = last_exit(body);
        let statements = body.statements.iter().enumerate();
        let emitted = statements.filter(|(at, _)| Some(*at) != last);
        emitted.map(|(_, statement)| slots(statement)).sum()
    });
    assembler.frame = assembler.frame_of(body, fragment);
    // Names are only compared with those that pasting makes.
    if around.functions.iter().any(|function| function.inline) {
        let names = assembler.frame.labels.all().map(|(_, name)| name);
        assembler.label_names = names.collect();
    }
    assembler.statements(body);
    if unit == Unit::Function {
        assembler.check_end(body);
    }
    let frame = core::mem::take(&mut assembler.frame);
    // Of several names of a slot the function's own is the first.
    let mut labels: Vec<_> = frame.labels.all().collect();
    labels.sort();
    labels.append(&mut assembler.linked.labels);
    labels.sort_by_key(|(slot, _)| *slot);
    assembler.linked.labels = labels;
    assembler.unused_labels(&frame.labels);
    Assembled {
        linked: assembler.linked,
        uses: assembler.uses,
        pasted: assembler.reached,
    }
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
pub(super) struct Fields {
    pub(super) form: Form,
    pub(super) offset: i16,
    pub(super) imm: i32,
    pub(super) imm_high: i32,
}

pub(super) struct FunctionAssembler<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) around: Around<'a>,
    pub(super) unit: Unit,
    pub(super) slot: u32,
    pub(super) linked: Linked,
    pub(super) uses: Vec<FunctionUse>,
    /// The fragments that were pasted.
    pub(super) reached: BTreeSet<usize>,
    /// The labels that there are.
    pub(super) label_names: BTreeSet<String>,
    /// How often something was pasted.
    pub(super) pastes: u32,
    pub(super) pointers: Pointers,
}

impl<'a> FunctionAssembler<'a> {
    /// A frame that begins at the next slot; of a fragment with its number of slots.
    pub(super) fn frame_of(&mut self, body: &'a Sequence, fragment: Option<u32>) -> Frame<'a> {
        let Around {
            fragments, scope, ..
        } = self.around;
        let last = fragment.and_then(|_| last_exit(body));
        let slots = |at, statement: &Statement| match last == Some(at) {
            true => 0,
            false => fragments.slots(statement, scope),
        };
        let reported = &mut self.linked.diagnostics;
        let (labels, starts) = Labels::collect(body, fragment.is_some(), slots, reported);
        Frame {
            labels,
            starts,
            incomplete: body.incomplete,
            base: self.slot,
            end: fragment.map(|slots| self.slot + slots),
        }
    }

    pub(super) fn statements(&mut self, body: &'a Sequence) {
        let last = self.frame.end.and_then(|_| last_exit(body));
        for (at, statement) in body.statements.iter().enumerate() {
            if last != Some(at) {
                self.statement(statement);
            }
        }
    }

    pub(super) fn unused_labels(&mut self, labels: &Labels<'a>) {
        for name in labels.unused() {
            self.linked.unused_labels.push(name.token);
            self.linked.diagnostics.push(
                Diagnostic::warning(
                    Rule::UnusedLabel,
                    name.span,
                    format!("nothing jumps to the label `{}`", name.text),
                )
                .with_help("remove it"),
            );
        }
    }

    fn statement(&mut self, statement: &'a Statement) {
        match statement {
            Statement::Label(_) => self.pointers.forget_all(),
            Statement::Raw { value, span } => {
                let insn = Insn::from_le_bytes(value.to_le_bytes());
                self.pointers.forget_all();
                self.emit(&[insn], *span);
            }
            Statement::Instruction(instruction) => self.instruction(instruction),
        }
    }

    pub(super) fn emit(&mut self, insns: &[Insn], span: Span) {
        self.linked.insns.extend_from_slice(insns);
        for _ in insns {
            self.linked.spans.push(span);
        }
        self.slot += insns.len() as u32;
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.linked.diagnostics.push(diagnostic);
    }

    fn instruction(&mut self, node: &'a Instruction) {
        if let Target::Callee(name) = &node.target
            && let Some(&Symbol::Fragment(fragment)) = self.symbol_of(name)
            && helpers::by_name(&name.text).is_none()
        {
            return self.paste(fragment, name.span);
        }
        let mut fields = Fields {
            form: node.form,
            offset: node.offset,
            imm: node.imm,
            imm_high: node.imm_high,
        };
        if let (Form::Exit, Some(end)) = (node.form, self.frame.end) {
            fields.form = Form::Goto;
            if let Err(diagnostic) = self.jump(&mut fields, end, node.span) {
                self.report(diagnostic);
            }
        }
        let uses = self.uses.len();
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
        let loaded = self.uses.get(uses).map(|a_use| a_use.function);
        self.follow_pointers(&instruction, loaded, node);
        self.emit(&instruction.encode(), node.span);
    }

    fn follow_pointers(
        &mut self,
        instruction: &isa::Instruction,
        loaded: Option<usize>,
        node: &Instruction,
    ) {
        if self.frame.labels.has_distances {
            return;
        }
        if instruction.form() == Form::CallHelper
            && node.immediate_operand.is_none()
            && let Some(helper) = helpers::by_id(instruction.imm().cast_unsigned())
            && let Some(function) = self.pointers.of_call(helper)
        {
            self.linked.callbacks.push(CallbackUse {
                function,
                helper,
                span: node.span,
            });
        }
        self.pointers.step(instruction, loaded);
    }

    pub(super) fn symbol_of(&self, name: &Name) -> Option<&'a Symbol> {
        self.around.scope.symbols.get(name.text.as_str())
    }

    fn resolve(&mut self, target: &Target, node: &mut Fields) -> Result<(), Diagnostic> {
        match target {
            Target::None => Ok(()),
            Target::Label(name) => {
                let to = self.frame.base + self.frame.labels.named(name)?;
                self.jump(node, to, name.span)
            }
            Target::Numeric { number, forward } => {
                let from = self.slot - self.frame.base;
                let to = self.frame.labels.numeric(number, *forward, from)?;
                self.jump(node, self.frame.base + to, number.span)
            }
            &Target::Distance { slots, span } => {
                self.linked.distances.push(self.slot);
                let Frame {
                    starts, base, end, ..
                } = &self.frame;
                let to = i64::from(self.slot - base) + 1 + i64::from(slots);
                let start = usize::try_from(to).ok().and_then(|to| starts.get(to));
                let at_end = end.is_some() && usize::try_from(to) == Ok(starts.len());
                let into = match start {
                    _ if self.frame.incomplete => return Ok(()),
                    Some(Slot::Begins) => return self.jump(node, base + to as u32, span),
                    None if at_end => return self.jump(node, base + to as u32, span),
                    Some(Slot::SecondHalf) => {
                        "this jumps into the second half of a 64-bit constant, which takes two slots"
                    }
                    Some(Slot::Pasted) => {
                        "this jumps into a function that is pasted there, which takes several slots"
                    }
                    None => {
                        let message = match starts.len() {
                            1 => String::from("this jumps out of the function, which has 1 slot"),
                            slots => {
                                format!("this jumps out of the function, which has {slots} slots")
                            }
                        };
                        return Err(Diagnostic::error(Rule::JumpTarget, span, message)
                            .with_help("a distance counts from the next instruction; a label is easier to keep right"));
                    }
                };
                Err(Diagnostic::error(Rule::JumpTarget, span, into).with_help("jump to a label"))
            }
            Target::Callee(name) => self.callee(node, name),
            Target::Symbol(symbol) => self.symbol(node, symbol),
        }
    }

    /// Puts the distance to the slot `to` into a jump or local call.
    pub(super) fn jump(
        &mut self,
        node: &mut Fields,
        to: u32,
        span: Span,
    ) -> Result<(), Diagnostic> {
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

    fn check_version(&mut self, form: Form, span: Span) {
        let definition = form.definition();
        let (Some(oldest), Some(needed)) = (self.around.min_kernel, definition.min_kernel) else {
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

    pub(super) fn check_helper_version(&mut self, helper: &helpers::Helper, span: Span) {
        let Some(oldest) = self
            .around
            .min_kernel
            .filter(|&oldest| helper.since > oldest)
        else {
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
