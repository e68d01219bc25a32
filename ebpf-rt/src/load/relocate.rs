//! Fills in what programs leave open: constants and the descriptors of maps.

use super::ConstantValue;
use crate::Error;
use crate::maps::RawMap;
use ebpf_asm::Object;
use ebpf_asm::isa::Insn;
use ebpf_asm::object::{ConstantField, ConstantType, ProgramDef, RelocationKind};
use std::borrow::Cow;
use std::os::fd::{AsFd, AsRawFd};

/// The program with its constants; borrowed as it is if it has none.
pub(super) fn constants(
    object: &Object,
    program: &ProgramDef,
    values: &[Option<ConstantValue>],
) -> Result<Cow<'static, [Insn]>, Error> {
    let mut insns = Cow::Borrowed(program.insns);
    for relocation in program.relocations {
        let RelocationKind::Constant { constant, field } = relocation.kind else {
            continue;
        };
        let index = usize::from(constant);
        let slot = relocation.insn as usize;
        let def = object
            .constants
            .get(index)
            .ok_or_else(|| broken(program, slot, "a constant that the object does not have"))?;
        let Some(value) = values.get(index).copied().flatten() else {
            return Err(
                Error::invalid(format!("the constant `{}` has no value", def.name))
                    .of_program(program.name)
                    .remedy(format!(
                        "set it before loading: loader.consts.{}.set(…)",
                        def.name
                    )),
            );
        };
        check_type(value, def.ty)
            .and_then(|()| put(value.0, field, insns.to_mut(), slot))
            .map_err(|reason| {
                let place = crate::load::rejection::place(program, slot);
                Error::invalid(format!("the constant `{}` is {value}: {reason}", def.name))
                    .of_program(program.name)
                    .at(place)
            })?;
    }
    Ok(insns)
}

/// The values of the dynamic loader come without a type.
fn check_type(value: ConstantValue, ty: ConstantType) -> Result<(), String> {
    let (low, high) = match ty {
        ConstantType::U8 => (0, i128::from(u8::MAX)),
        ConstantType::U16 => (0, i128::from(u16::MAX)),
        ConstantType::U32 => (0, i128::from(u32::MAX)),
        ConstantType::U64 => (0, i128::from(u64::MAX)),
        ConstantType::I8 => (i128::from(i8::MIN), i128::from(i8::MAX)),
        ConstantType::I16 => (i128::from(i16::MIN), i128::from(i16::MAX)),
        ConstantType::I32 => (i128::from(i32::MIN), i128::from(i32::MAX)),
        ConstantType::I64 => (i128::from(i64::MIN), i128::from(i64::MAX)),
    };
    if (low..=high).contains(&value.0) {
        Ok(())
    } else {
        Err(format!("its type {} holds {low} to {high}", ty.name()))
    }
}

/// Puts the value into its field, where the instruction set says that it fits.
pub(super) fn put(
    value: i128,
    field: ConstantField,
    insns: &mut [Insn],
    slot: usize,
) -> Result<(), String> {
    if slot >= insns.len() {
        return Err("the program does not have the slot that it belongs into".to_owned());
    }
    field.put(insns, slot, value).map_err(|_| {
        let range = field.range();
        let not_zero = if range.zero { "" } else { ", but not 0" };
        format!(
            "{} holds {} to {}{not_zero}",
            field.description(),
            range.minimum,
            range.maximum
        )
    })
}

/// The relocations for maps: slot, position of the map, and the source field that says whether
/// it is the map or its value.
fn map_relocations(
    program: &ProgramDef,
    maps: usize,
) -> impl Iterator<Item = Result<(usize, usize, u8), Error>> {
    program.relocations.iter().filter_map(move |relocation| {
        let slot = relocation.insn as usize;
        let (map, source) = match relocation.kind {
            RelocationKind::MapFd { map } => (usize::from(map), 1),
            RelocationKind::MapValue { map } => (usize::from(map), 2),
            RelocationKind::Constant { .. }
            | RelocationKind::KernelFunction { .. }
            | RelocationKind::KernelAddress { .. }
            | RelocationKind::KernelConstant { .. } => return None,
            _ => {
                return Some(Err(broken(
                    program,
                    slot,
                    "something newer than this runtime",
                )));
            }
        };
        if map >= maps {
            return Some(Err(broken(
                program,
                slot,
                "a map that the object does not have",
            )));
        }
        if !program.insns.get(slot).is_some_and(|insn| insn.is_wide()) {
            let what = "a map where no 64-bit immediate is";
            return Some(Err(broken(program, slot, what)));
        }
        Some(Ok((slot, map, source)))
    })
}

/// Puts the maps' descriptors in.
pub(super) fn maps(program: &ProgramDef, maps: &[RawMap], insns: &mut [Insn]) -> Result<(), Error> {
    for relocation in map_relocations(program, maps.len()) {
        let (slot, map, source) = relocation?;
        insns[slot] = insns[slot]
            .with_src(source)
            .with_imm(maps[map].as_fd().as_raw_fd());
    }
    Ok(())
}

/// Whether the maps that a program refers to are there.
#[cfg(feature = "vm")]
pub(super) fn check_maps(program: &ProgramDef, maps: usize) -> Result<(), Error> {
    map_relocations(program, maps).try_for_each(|relocation| relocation.map(drop))
}

/// An object that contradicts itself: not what the macros make.
pub(super) fn broken(program: &ProgramDef, slot: usize, what: &str) -> Error {
    Error::invalid(format!("its relocation of slot {slot} asks for {what}"))
        .of_program(program.name)
}
