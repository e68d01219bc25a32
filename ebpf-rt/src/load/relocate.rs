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
            .and_then(|()| encode(value, field))
            .and_then(|words| {
                put(insns.to_mut(), slot, field, words)
                    .ok_or_else(|| "a slot that the program does not have".to_owned())
            })
            .map_err(|reason| {
                let place = crate::load::program::place(program, slot);
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
    within(value, low, high, &format!("its type {}", ty.name()))
}

fn within(value: ConstantValue, low: i128, high: i128, what: &str) -> Result<(), String> {
    if (low..=high).contains(&value.0) {
        Ok(())
    } else {
        Err(format!("{what} holds {low} to {high}"))
    }
}

/// The value as the lower and upper 32 bits of what the field holds, if the field holds it.
fn encode(value: ConstantValue, field: ConstantField) -> Result<(i32, i32), String> {
    let signed = |what| within(value, i32::MIN.into(), i32::MAX.into(), what);
    let any = |what| within(value, i32::MIN.into(), u32::MAX.into(), what);
    let not_zero = || match value.0 {
        0 => Err("a divisor must not be 0".to_owned()),
        _ => Ok(()),
    };
    match field {
        ConstantField::SignedImm => signed("the instruction's sign-extended immediate")?,
        ConstantField::Imm32 => any("the instruction's immediate")?,
        ConstantField::Imm64 => within(
            value,
            i64::MIN.into(),
            u64::MAX.into(),
            "the instruction's 64-bit immediate",
        )?,
        ConstantField::Shift { bits } => {
            within(
                value,
                0,
                i128::from(bits) - 1,
                "the instruction's shift count",
            )?;
        }
        ConstantField::Divisor { bits: 32 } => {
            not_zero()?;
            any("the instruction's divisor")?;
        }
        ConstantField::Divisor { .. } => {
            not_zero()?;
            signed("the instruction's sign-extended divisor")?;
        }
        ConstantField::Offset => within(
            value,
            i16::MIN.into(),
            i16::MAX.into(),
            "the instruction's offset",
        )?,
        // `ConstantField` can grow: a field that is not known cannot be filled in.
        _ => return Err("this runtime is older than the instruction's field".to_owned()),
    }
    // All ranges lie within 64 bits, of which these are the two's complement halves.
    let bits = value.0 as u64;
    Ok((bits as u32 as i32, (bits >> 32) as u32 as i32))
}

/// Writes the checked words into the slot; `None` if it is not there.
fn put(insns: &mut [Insn], slot: usize, field: ConstantField, words: (i32, i32)) -> Option<()> {
    let (low, high) = words;
    let insn = insns.get(slot)?;
    match field {
        ConstantField::Offset => {
            insns[slot] = insn.with_offset(i16::try_from(low).ok()?);
        }
        ConstantField::Imm64 => {
            let second = insns.get(slot + 1)?.with_imm(high);
            insns[slot] = insn.with_imm(low);
            insns[slot + 1] = second;
        }
        _ => insns[slot] = insn.with_imm(low),
    }
    Some(())
}

/// Puts the maps' descriptors in.
pub(super) fn maps(program: &ProgramDef, maps: &[RawMap], insns: &mut [Insn]) -> Result<(), Error> {
    for relocation in program.relocations {
        let (map, source) = match relocation.kind {
            RelocationKind::MapFd { map } => (map, 1),
            RelocationKind::MapValue { map } => (map, 2),
            RelocationKind::Constant { .. } => continue,
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
fn broken(program: &ProgramDef, slot: usize, what: &str) -> Error {
    Error::invalid(format!("its relocation of slot {slot} asks for {what}"))
        .of_program(program.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(field: ConstantField, value: i128) -> Option<(i32, i32)> {
        encode(ConstantValue(value), field).ok()
    }

    #[test]
    fn every_field_takes_its_range_and_nothing_beyond() {
        use ConstantField::*;
        let ranges = [
            (SignedImm, i128::from(i32::MIN), i128::from(i32::MAX)),
            (Imm32, i128::from(i32::MIN), i128::from(u32::MAX)),
            (Imm64, i128::from(i64::MIN), i128::from(u64::MAX)),
            (Shift { bits: 32 }, 0, 31),
            (Shift { bits: 64 }, 0, 63),
            (
                Divisor { bits: 32 },
                i128::from(i32::MIN),
                i128::from(u32::MAX),
            ),
            (
                Divisor { bits: 64 },
                i128::from(i32::MIN),
                i128::from(i32::MAX),
            ),
            (Offset, i128::from(i16::MIN), i128::from(i16::MAX)),
        ];
        for (field, low, high) in ranges {
            assert!(accepts(field, low).is_some(), "{field:?} {low}");
            assert!(accepts(field, high).is_some(), "{field:?} {high}");
            assert_eq!(accepts(field, low - 1), None, "{field:?}");
            assert_eq!(accepts(field, high + 1), None, "{field:?}");
        }
        assert_eq!(accepts(Divisor { bits: 32 }, 0), None);
        assert_eq!(accepts(Divisor { bits: 64 }, 0), None);
    }

    #[test]
    fn words_are_the_halves() {
        assert_eq!(
            accepts(ConstantField::Imm64, 0x1122_3344_5566_7788),
            Some((0x5566_7788, 0x1122_3344))
        );
        assert_eq!(accepts(ConstantField::Imm64, -1), Some((-1, -1)));
        assert_eq!(accepts(ConstantField::Imm32, 0xffff_ffff), Some((-1, 0)));
    }
}
