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

/// Puts the maps' descriptors in.
pub(super) fn maps(program: &ProgramDef, maps: &[RawMap], insns: &mut [Insn]) -> Result<(), Error> {
    for relocation in program.relocations {
        let (map, source) = match relocation.kind {
            RelocationKind::MapFd { map } => (map, 1),
            RelocationKind::MapValue { map } => (map, 2),
            RelocationKind::Constant { .. }
            | RelocationKind::KernelFunction { .. }
            | RelocationKind::KernelAddress { .. }
            | RelocationKind::KernelConstant { .. } => continue,
            _ => {
                return Err(broken(
                    program,
                    relocation.insn as usize,
                    "something newer than this runtime",
                ));
            }
        };
        let slot = relocation.insn as usize;
        let map = maps
            .get(usize::from(map))
            .ok_or_else(|| broken(program, slot, "a map that the object does not have"))?;
        let insn = insns
            .get_mut(slot)
            .filter(|insn| insn.is_wide())
            .ok_or_else(|| broken(program, slot, "a map where no 64-bit immediate is"))?;
        *insn = insn.with_src(source).with_imm(map.as_fd().as_raw_fd());
    }
    Ok(())
}

/// An object that contradicts itself: not what the macros make.
pub(super) fn broken(program: &ProgramDef, slot: usize, what: &str) -> Error {
    Error::invalid(format!("its relocation of slot {slot} asks for {what}"))
        .of_program(program.name)
}
