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
