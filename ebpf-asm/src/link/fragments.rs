//! Functions that are pasted where they are called: `#[inline] fn`.

use super::function::FunctionAssembler;
use super::labels::Labels;
use super::{ObjectFunction, Scope, Symbol};
use crate::diag::{Diagnostic, Rule, Span};
use crate::isa::Form;
use crate::syntax::ast::{Instruction, Sequence, Statement, Target};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// The kernel takes no longer program.
const MOST_SLOTS: u64 = 1_000_000;

/// How deeply fragments may be nested: more is a mistake, and pasting them is recursive.
const MOST_NESTED: u32 = 64;

/// How many slots each fragment of an object takes where it is pasted, or why it cannot be.
#[derive(Clone, Debug, Default)]
pub(super) struct Fragments {
    sizes: BTreeMap<usize, Result<Size, String>>,
}

#[derive(Clone, Copy, Debug)]
struct Size {
    slots: u32,
    /// How deeply fragments are nested in it, itself included.
    nested: u32,
}

impl Fragments {
    pub(super) fn new(functions: &[ObjectFunction<'_>], scope: &Scope) -> Self {
        let mut fragments = Self::default();
        for (index, function) in functions.iter().enumerate() {
            if function.inline {
                fragments.measure(functions, scope, index);
            }
        }
        fragments
    }

    /// Measures a fragment and those it pastes, depth first.
    fn measure(&mut self, functions: &[ObjectFunction<'_>], scope: &Scope, first: usize) {
        let pastes = |index: usize| -> Vec<usize> {
            let statements = functions[index].body.statements.iter();
            statements
                .filter_map(|statement| pasted(statement, scope))
                .collect()
        };
        let mut path = vec![(first, pastes(first), 0)];
        let mut active = BTreeSet::from([first]);
        while let Some((index, inner, next)) = path.last_mut() {
            let (index, place) = (*index, *next);
            if self.sizes.contains_key(&index) {
                active.remove(&index);
                path.pop();
                continue;
            }
            let Some(&callee) = inner.get(place) else {
                let size = self.sum(functions, scope, index);
                self.sizes.insert(index, size);
                active.remove(&index);
                path.pop();
                continue;
            };
            *next += 1;
            if active.contains(&callee) {
                let begin = path.iter().rposition(|(f, ..)| *f == callee);
                let mut chain: Vec<&str> = path[begin.unwrap_or(0)..]
                    .iter()
                    .map(|(f, ..)| functions[*f].name)
                    .collect();
                chain.push(functions[callee].name);
                let chain = chain.join("` pastes `");
                self.sizes
                    .insert(callee, Err(format!("it contains itself: `{chain}`")));
            } else if !self.sizes.contains_key(&callee) {
                active.insert(callee);
                path.push((callee, pastes(callee), 0));
            }
        }
    }

    /// The size of a fragment whose own fragments have been measured.
    fn sum(
        &self,
        functions: &[ObjectFunction<'_>],
        scope: &Scope,
        index: usize,
    ) -> Result<Size, String> {
        let body = functions[index].body;
        let mut size = Size {
            slots: 0,
            nested: 1,
        };
        let mut slots = 0_u64;
        let last = last_exit(body);
        for (at, statement) in body.statements.iter().enumerate() {
            if let Some(callee) = pasted(statement, scope) {
                // What is wrong with that one is reported where it stands.
                if let Some(Ok(inner)) = self.sizes.get(&callee) {
                    slots += u64::from(inner.slots);
                    size.nested = size.nested.max(inner.nested + 1);
                    continue;
                }
            }
            if Some(at) != last {
                slots += u64::from(own_slots(statement));
            }
        }
        if slots > MOST_SLOTS {
            return Err(format!(
                "it takes {slots} slots with what it pastes itself, and a program has at most {MOST_SLOTS}"
            ));
        }
        if size.nested > MOST_NESTED {
            return Err(format!(
                "functions are pasted into each other more than {MOST_NESTED} deep"
            ));
        }
        size.slots = slots as u32;
        Ok(size)
    }

    /// The slots that a statement takes in a function.
    pub(super) fn slots(&self, statement: &Statement, scope: &Scope) -> u32 {
        let size = pasted(statement, scope).and_then(|callee| self.sizes.get(&callee));
        match size {
            Some(Ok(size)) => size.slots,
            _ => own_slots(statement),
        }
    }

    /// Whether a fragment can be pasted.
    fn check(&self, fragment: usize) -> Result<u32, &str> {
        match self.sizes.get(&fragment) {
            Some(Ok(size)) => Ok(size.slots),
            Some(Err(why)) => Err(why),
            None => Err("it is not known"),
        }
    }
}

/// The slots of a statement by itself.
fn own_slots(statement: &Statement) -> u32 {
    match statement {
        Statement::Label(_) => 0,
        Statement::Instruction(instruction) => instruction.form.definition().slots() as u32,
        Statement::Raw { .. } => 1,
    }
}

/// The fragment that a statement pastes.
fn pasted(statement: &Statement, scope: &Scope) -> Option<usize> {
    let Statement::Instruction(Instruction {
        target: Target::Callee(name),
        ..
    }) = statement
    else {
        return None;
    };
    match scope.symbols.get(name.text.as_str()) {
        Some(&Symbol::Fragment(fragment)) => Some(fragment),
        _ => None,
    }
}

/// The position of the `exit` that a fragment ends with: nothing has to be emitted for it.
pub(super) fn last_exit(body: &Sequence) -> Option<usize> {
    let statements = body.statements.iter().enumerate().rev();
    let mut statements =
        statements.skip_while(|(_, statement)| matches!(statement, Statement::Label(_)));
    match statements.next() {
        Some((at, Statement::Instruction(last))) if last.form == Form::Exit => Some(at),
        _ => None,
    }
}

/// The sequence that is being assembled: a function's own, or that of a fragment in it.
#[derive(Default)]
pub(super) struct Frame<'a> {
    pub(super) labels: Labels<'a>,
    pub(super) starts: Vec<super::labels::Slot>,
    /// Whether a statement is missing, so that distances mean nothing.
    pub(super) incomplete: bool,
    /// The function's slot where it begins: labels count from there.
    pub(super) base: u32,
    /// Of a fragment the slot behind it, where its `exit` goes.
    pub(super) end: Option<u32>,
}

impl<'a> FunctionAssembler<'a> {
    /// Pastes a fragment in the place of a call of it.
    pub(super) fn paste(&mut self, fragment: usize, call: Span) {
        let function = self.around.functions[fragment];
        let slots = match self.around.fragments.check(fragment) {
            Ok(slots) => slots,
            Err(why) => {
                let message = format!("`{}` cannot be pasted here: {why}", function.name);
                let help = "a function without `#[inline]` is called and not pasted";
                let diagnostic = Diagnostic::error(Rule::Pasting, call, message);
                self.report(diagnostic.with_help(help));
                // Keeps the slots that were counted for it.
                self.emit(&crate::isa::Instruction::exit().encode(), call);
                return;
            }
        };
        // Its mistakes are reported once, however often it is pasted.
        let first = self.reached.insert(fragment);
        let reported = self.linked.diagnostics.len();
        let inner = self.frame_of(function.body, Some(slots));
        let outer = core::mem::replace(&mut self.frame, inner);
        self.pastes += 1;
        let number = self.pastes;
        self.statements(function.body);
        let inner = core::mem::replace(&mut self.frame, outer);
        self.unused_labels(&inner.labels);
        for (slot, label) in inner.labels.all() {
            let mut name = format!("{}_{number}_{label}", function.name);
            while !self.label_names.insert(name.clone()) {
                name.push('_');
            }
            self.linked.labels.push((inner.base + slot, name));
        }
        if !first {
            self.linked.diagnostics.truncate(reported);
        }
        // Its jumps meet here.
        self.pointers.forget_all();
    }
}
