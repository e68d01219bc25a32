//! The layout of programs that are not for the kernel: all functions, in the order in which they
//! are written, and none of the kernel's rules.

use super::fragments::Fragments;
use super::function::{Around, Unit, assemble};
use super::program::append;
use super::{Function, Linked, ObjectFunction, Scope};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Links all functions of an object for a host of the user's own. They may call each other in
/// any order, themselves too, and need not be reached by anything.
///
/// ```
/// use ebpf_asm::link::{ObjectFunction, Scope, Symbol, link_user};
/// use ebpf_asm::object::Linkage;
/// use ebpf_asm::syntax::ast::Item;
/// use ebpf_asm::syntax::{lex, parse_object};
///
/// let tokens = lex("mod m { fn one() { r0 = 1; exit; } fn two() { r0 = 2; exit; } }", &mut Vec::new());
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
/// // All of them, in their order: each can be the entry.
/// let linked = link_user(&functions, &scope);
/// let entries: Vec<u32> = linked.functions.iter().map(|function| function.insn).collect();
/// assert_eq!(entries, [0, 2]);
/// ```
pub fn link_user(functions: &[ObjectFunction<'_>], scope: &Scope) -> Linked {
    let fragments = Fragments::new(functions, scope);
    let around = Around {
        scope,
        functions,
        fragments: &fragments,
        min_kernel: None,
    };
    let mut whole = Linked::default();
    let mut uses = Vec::new();
    // Where each function begins; what is pasted where it is called begins nowhere.
    let mut starts = vec![0; functions.len()];
    for (index, function) in functions.iter().enumerate() {
        whole.reached.push(index);
        if function.inline {
            // Looked at for its errors.
            let assembled = assemble(function.body, around, Unit::Fragment);
            whole.diagnostics.extend(assembled.linked.diagnostics);
            continue;
        }
        let assembled = assemble(function.body, around, Unit::Function);
        let base = whole.insns.len() as u32;
        starts[index] = base;
        append(&mut whole, assembled.linked, base);
        let used = assembled.uses.into_iter();
        uses.extend(used.map(|a_use| (base + a_use.slot, a_use.function)));
        whole.functions.push(Function {
            name: String::from(function.name),
            insn: base,
            linkage: function.linkage,
        });
    }
    for (slot, function) in uses {
        // Sources have less than 4 GiB, and so programs fewer than 2^31 slots.
        let distance = i64::from(starts[function]) - i64::from(slot) - 1;
        let slot = &mut whole.insns[slot as usize];
        *slot = slot.with_imm(distance as i32);
    }
    whole
}
