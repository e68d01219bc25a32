//! The layout of programs that are not for the kernel: all functions, in the order in which they
//! are written, and none of the kernel's rules.

use super::function::{Unit, assemble};
use super::program::append;
use super::{Function, Linked, ObjectFunction, Scope};
use alloc::string::String;
use alloc::vec::Vec;

/// Links all functions of an object for a host of the user's own. They may call each other in
/// any order, themselves too, and need not be reached by anything.
pub fn link_user(functions: &[ObjectFunction<'_>], scope: &Scope) -> Linked {
    let mut whole = Linked::default();
    let mut uses = Vec::new();
    for function in functions {
        let assembled = assemble(function.body, scope, Unit::Function, None);
        let base = whole.insns.len() as u32;
        append(&mut whole, assembled.linked, base);
        uses.extend(
            assembled
                .uses
                .into_iter()
                .map(|a_use| (base + a_use.slot, a_use.function)),
        );
        whole.functions.push(Function {
            name: String::from(function.name),
            insn: base,
            linkage: function.linkage,
        });
    }
    for (slot, function) in uses {
        // Sources have less than 4 GiB, and so programs fewer than 2^31 slots.
        let distance = i64::from(whole.functions[function].insn) - i64::from(slot) - 1;
        let slot = &mut whole.insns[slot as usize];
        *slot = slot.with_imm(distance as i32);
    }
    whole
}
