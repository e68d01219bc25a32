//! Objects of a text, as the macros hand them to the linker.

use ebpf_asm::link::{ObjectFunction, Scope, Symbol};
use ebpf_asm::object::{Linkage, ProgramKind};
use ebpf_asm::syntax::ast::{Item, KernelItemKind, Object};

/// The functions of an object, and the names that they can use. A function with an attribute is a
/// program, unless it is `#[inline]`.
pub(crate) fn functions(object: &Object) -> (Scope, Vec<ObjectFunction<'_>>) {
    let mut scope = Scope::default();
    let mut functions = Vec::new();
    for item in &object.items {
        if let Item::Kernel(block) = item {
            for item in &block.items {
                let symbol = match item.kind {
                    KernelItemKind::Function { .. } => Symbol::KernelFunction(0),
                    KernelItemKind::Variable { .. } => Symbol::KernelVariable(0),
                };
                scope.symbols.insert(item.name.text.clone(), symbol);
            }
        }
        let Item::Function(function) = item else {
            continue;
        };
        let attribute = function.attributes.first().map(|a| a.name.text.as_str());
        let symbol = match attribute {
            None => Symbol::Function(functions.len()),
            Some("inline") => Symbol::Fragment(functions.len()),
            Some(_) => Symbol::Program,
        };
        scope.symbols.insert(function.name.text.clone(), symbol);
        let kind = attribute.and_then(ProgramKind::from_name);
        functions.push(ObjectFunction {
            name: &function.name.text,
            linkage: match function.visibility.is_empty() {
                true => Linkage::Static,
                false => Linkage::Global,
            },
            inline: attribute == Some("inline"),
            program_type: kind.map(ProgramKind::program_type),
            body: &function.body,
        });
    }
    (scope, functions)
}
