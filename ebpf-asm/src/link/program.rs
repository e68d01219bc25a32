//! The layout of a program: itself first, then every function that it reaches.

use super::fragments::Fragments;
use super::function::{Around, Assembled, Unit, assemble, scope_of_constants};
use super::{Function, Linked, Scope, guards, limits};
use crate::diag::{Diagnostic, Rule};
use crate::object::Linkage;
use crate::syntax::ast::Sequence;
use crate::{KernelVersion, ProgramType};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// A function of an object, as the linker needs it.
///
/// ```
/// use ebpf_asm::link::{ObjectFunction, Scope, Symbol, link_program};
/// use ebpf_asm::object::Linkage;
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { fn f() { call two; exit; } fn two() { r0 = 2; exit; } fn unused() { exit; } }", &mut Vec::new());
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
/// // What nothing reaches is left out.
/// assert_eq!(functions.len(), 3);
/// assert_eq!(link_program(&functions, 0, &scope, None).reached, [0, 1]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ObjectFunction<'a> {
    /// Its name.
    pub name: &'a str,
    /// How the kernel checks it.
    pub linkage: Linkage,
    /// Whether it is pasted where it is called: `#[inline]`.
    pub inline: bool,
    /// The type of program; `None` for what programs call.
    pub program_type: Option<ProgramType>,
    /// Its instructions.
    pub body: &'a Sequence,
}

/// Links a bare sequence. `open` says whether unknown names may be constants from elsewhere.
///
/// ```
/// use ebpf_asm::link::link_sequence;
/// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
///
/// let tokens = lex("goto nowhere", &mut Vec::new());
/// let tree = parse_sequence(&tokens, ParseOptions::default()).tree;
/// let linked = link_sequence(&tree, false);
/// assert_eq!(linked.diagnostics.len(), 1);         // there is no such label
/// ```
pub fn link_sequence(body: &Sequence, open: bool) -> Linked {
    let (scope, mut diagnostics) = scope_of_constants(body, open);
    let around = Around {
        scope: &scope,
        functions: &[],
        fragments: &Fragments::default(),
        min_kernel: None,
    };
    let mut linked = assemble(body, around, Unit::Sequence).linked;
    diagnostics.append(&mut linked.diagnostics);
    linked.diagnostics = diagnostics;
    linked
}

/// Links the program `program` (a position in `functions`) with the functions it reaches, in
/// the order in which they are written.
///
/// Diagnostics are those of the program and of every function it reaches; a function that two
/// programs reach is reported with both.
///
/// ```
/// use ebpf_asm::link::{ObjectFunction, Scope, Symbol, link_program};
/// use ebpf_asm::object::Linkage;
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { fn f() { call two; exit; } fn two() { r0 = 2; exit; } }", &mut Vec::new());
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
/// assert!(linked.diagnostics.is_empty());
/// assert_eq!((linked.insns.len(), linked.functions[1].insn), (4, 2));
/// ```
pub fn link_program(
    functions: &[ObjectFunction<'_>],
    program: usize,
    scope: &Scope,
    min_kernel: Option<KernelVersion>,
) -> Linked {
    let fragments = Fragments::new(functions, scope);
    let around = Around {
        scope,
        functions,
        fragments: &fragments,
        min_kernel,
    };
    let mut assembled: BTreeMap<usize, Assembled> = BTreeMap::new();
    let mut pending = vec![program];
    while let Some(function) = pending.pop() {
        if assembled.contains_key(&function) {
            continue;
        }
        let unit = match functions[function].inline {
            true => Unit::Fragment,
            false => Unit::Function,
        };
        let result = assemble(functions[function].body, around, unit);
        pending.extend(result.uses.iter().map(|a_use| a_use.function));
        assembled.insert(function, result);
    }
    let mut order = vec![program];
    order.extend(assembled.keys().copied().filter(|&f| f != program));

    let mut start = 0;
    let mut starts = BTreeMap::new();
    for &function in &order {
        starts.insert(function, start);
        start += assembled[&function].linked.insns.len() as u32;
    }

    let mut whole = Linked::default();
    let recursion = recursion(functions, &assembled, program);
    if recursion.is_empty() {
        let limits = limits::check(functions, &assembled, program, min_kernel);
        whole.diagnostics.extend(limits);
    }
    whole.diagnostics.extend(recursion);
    for &function in &order {
        let Some(Assembled {
            linked,
            uses,
            pasted,
        }) = assembled.remove(&function)
        else {
            continue;
        };
        whole.reached.push(function);
        whole.reached.extend(pasted);
        let base = starts[&function];
        append(&mut whole, linked, base);
        for a_use in uses {
            let slot = (base + a_use.slot) as usize;
            let distance = i64::from(starts[&a_use.function]) - slot as i64 - 1;
            // Programs have fewer than 2^31 slots: their source has less than 4 GiB.
            whole.insns[slot] = whole.insns[slot].with_imm(distance as i32);
        }
        whole.functions.push(Function {
            name: String::from(functions[function].name),
            insn: base,
            linkage: functions[function].linkage,
        });
    }
    if let Some(oldest) = min_kernel {
        report_lacks(&mut whole, oldest);
    }
    whole
}

/// What the oldest kernel lacks is an error where no load-time constant can switch it off.
fn report_lacks(whole: &mut Linked, oldest: KernelVersion) {
    let lacks = core::mem::take(&mut whole.lacks);
    let slots: Vec<u32> = lacks.iter().map(|lack| lack.insn).collect();
    let avoidable = guards::avoidable(whole, oldest, &slots);
    for (lack, avoidable) in lacks.into_iter().zip(avoidable) {
        let diagnostic = match (avoidable, lack.everywhere) {
            (false, _) => lack.diagnostic,
            (true, true) => lack.diagnostic.with_note(
                "the kernel looks at the opcodes of all instructions, also of those that a constant switches off",
            ),
            (true, false) => continue,
        };
        whole.diagnostics.push(diagnostic);
    }
}

pub(super) fn append(whole: &mut Linked, mut part: Linked, base: u32) {
    for patch in &mut part.patches {
        patch.insn += base;
    }
    for relocation in &mut part.relocations {
        relocation.insn += base;
    }
    for label in &mut part.labels {
        label.0 += base;
    }
    for slot in &mut part.distances {
        *slot += base;
    }
    for lack in &mut part.lacks {
        lack.insn += base;
    }
    whole.insns.append(&mut part.insns);
    whole.patches.append(&mut part.patches);
    whole.relocations.append(&mut part.relocations);
    whole.callbacks.append(&mut part.callbacks);
    whole.spans.append(&mut part.spans);
    whole.labels.append(&mut part.labels);
    whole.distances.append(&mut part.distances);
    whole.unused_labels.append(&mut part.unused_labels);
    whole.diagnostics.append(&mut part.diagnostics);
    whole.lacks.append(&mut part.lacks);
}

/// Finds calls that lead back to a function that is being called, depth first and without
/// recursion of our own.
fn recursion(
    functions: &[ObjectFunction<'_>],
    assembled: &BTreeMap<usize, Assembled>,
    program: usize,
) -> Vec<Diagnostic> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Active,
        Done,
    }
    let mut diagnostics = Vec::new();
    let mut states = BTreeMap::from([(program, State::Active)]);
    let mut path = vec![(program, 0)];
    while let Some((function, next)) = path.last_mut() {
        let Some(a_use) = assembled[function].uses.get(*next) else {
            states.insert(*function, State::Done);
            path.pop();
            continue;
        };
        *next += 1;
        match states.get(&a_use.function) {
            Some(State::Done) => {}
            None => {
                states.insert(a_use.function, State::Active);
                path.push((a_use.function, 0));
            }
            Some(State::Active) => {
                let begin = path.iter().position(|&(f, _)| f == a_use.function);
                let mut chain: Vec<&str> = path[begin.unwrap_or(0)..]
                    .iter()
                    .map(|&(f, _)| functions[f].name)
                    .collect();
                chain.push(functions[a_use.function].name);
                let chain = chain.join("` calls `");
                diagnostics.push(
                    Diagnostic::error(
                        Rule::Recursion,
                        a_use.span,
                        format!("recursion is not possible: `{chain}`"),
                    )
                    .with_note("the kernel says: recursive call"),
                );
            }
        }
    }
    diagnostics
}
