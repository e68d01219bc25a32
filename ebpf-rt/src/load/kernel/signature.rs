//! Whether a kernel symbol is what the program declares it as.

use crate::{Error, ErrorKind};
use ebpf_asm::btf::{self, Btf, Definition, IntEncoding, TypeId};
use ebpf_asm::object::{KernelSymbolDef, KernelSymbolKind, KernelType};

/// Compares a declaration with the kernel's type of the symbol.
pub(super) fn check(btf: &Btf<'_>, id: TypeId, def: &KernelSymbolDef) -> Result<(), Error> {
    let difference = match def.kind {
        KernelSymbolKind::Function { parameters, result } => {
            of_function(btf, id, parameters, result)
        }
        KernelSymbolKind::Variable { ty } => of_variable(btf, id, ty),
        _ => Ok(None),
    };
    let difference = difference.map_err(|error| {
        Error::new(ErrorKind::Unsupported)
            .because(format!(
                "the kernel's type of `{}` cannot be read: {error}",
                def.name
            ))
            .caused_by(error)
    })?;
    match difference {
        None => Ok(()),
        Some(difference) => Err(Error::invalid(format!(
            "`{}` is declared as `{}`, and in this kernel it is `{}`: {difference}",
            def.name,
            def.declaration,
            btf.c_name(id).unwrap_or_default()
        ))),
    }
}

fn of_function(
    btf: &Btf<'_>,
    id: TypeId,
    parameters: &[KernelType],
    result: KernelType,
) -> Result<Option<String>, btf::Error> {
    let prototype = btf.function_prototype(id)?;
    let has = prototype.parameters.len();
    if has != parameters.len() {
        return Ok(Some(format!(
            "it has {has} parameters and not {}",
            parameters.len()
        )));
    }
    for (position, (parameter, declared)) in prototype.parameters.zip(parameters).enumerate() {
        let parameter = parameter?;
        if !fits(btf, parameter.ty, *declared)? {
            let number = position + 1;
            return Ok(Some(format!("parameter {number} has another type")));
        }
    }
    Ok(match fits(btf, prototype.result, result)? {
        true => None,
        false => Some("its result has another type".to_owned()),
    })
}

fn of_variable(
    btf: &Btf<'_>,
    id: TypeId,
    declared: KernelType,
) -> Result<Option<String>, btf::Error> {
    let Definition::Var { ty, .. } = btf.get(id)?.definition else {
        return Ok(Some("it is no variable".to_owned()));
    };
    Ok(match fits(btf, ty, declared)? {
        true => None,
        false => Some("it has another type".to_owned()),
    })
}

/// Whether a type of the kernel is what was declared, as far as that can be compared: integers by
/// size and sign, pointers by the name of the struct that they point to.
fn fits(btf: &Btf<'_>, id: TypeId, declared: KernelType) -> Result<bool, btf::Error> {
    let ty = btf.resolve(id)?;
    Ok(match (&ty.definition, declared) {
        (Definition::Void, KernelType::Void) => true,
        (
            Definition::Int { size, encoding, .. },
            KernelType::Integer {
                size: bytes,
                signed,
            },
        ) => {
            let same_sign = match encoding {
                IntEncoding::Signed => signed,
                IntEncoding::Unsigned => !signed,
                // What sign a character has differs from machine to machine.
                _ => true,
            };
            *size == u32::from(bytes) && same_sign
        }
        (Definition::Enum { size, .. }, KernelType::Integer { size: bytes, .. }) => {
            *size == u32::from(bytes)
        }
        (Definition::Int { encoding, .. }, KernelType::Bool) => *encoding == IntEncoding::Bool,
        (Definition::Ptr(to), KernelType::Pointer { to: name }) => {
            let to = btf.resolve(*to)?;
            match to.definition {
                Definition::Struct { .. } | Definition::Union { .. } | Definition::Fwd { .. } => {
                    name.is_empty() || is_any_memory(name) || same_name(to.name, name)
                }
                _ => true,
            }
        }
        (
            Definition::Struct { .. } | Definition::Union { .. } | Definition::Enum { .. },
            KernelType::Other { name },
        ) => name.is_empty() || same_name(ty.name, name),
        // Arrays, floats and what else a variable can be: there is no name to compare.
        (Definition::Array { .. } | Definition::Float { .. }, KernelType::Other { .. }) => true,
        _ => false,
    })
}

/// Rust's types for memory of any type.
fn is_any_memory(name: &str) -> bool {
    let bytes = ["c_void", "c_char", "u8", "i8"];
    bytes.contains(&name)
}

/// `task_struct`, as Rust writes it: `TaskStruct` and `task_struct` are the same.
fn same_name(kernel: &str, declared: &str) -> bool {
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(|&c| c != '_');
        letters.flat_map(char::to_lowercase).collect()
    };
    // An anonymous struct has no name that could differ.
    kernel.is_empty() || plain(kernel) == plain(declared)
}
