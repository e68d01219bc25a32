//! Putting a value into a field of an instruction: one definition of what fits where, for the
//! parser's literals, for `{expr}` operands in const evaluation, and for load-time constants.

use super::ConstantField;
use crate::isa::{Insn, Size};

/// The values that a field takes: `minimum..=maximum`, and whether zero is one of them.
///
/// ```
/// use ebpf_asm::object::ConstantField;
///
/// let range = ConstantField::Divisor { bits: 64 }.range();
/// assert!(range.contains(10) && !range.contains(0));      // no division by zero
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldRange {
    /// The least value.
    pub minimum: i128,
    /// The greatest value.
    pub maximum: i128,
    /// Whether zero fits.
    pub zero: bool,
}

impl FieldRange {
    const fn of(minimum: i128, maximum: i128) -> Self {
        Self {
            minimum,
            maximum,
            zero: true,
        }
    }

    /// Whether the value fits.
    #[must_use]
    pub const fn contains(self, value: i128) -> bool {
        value >= self.minimum && value <= self.maximum && (self.zero || value != 0)
    }
}

impl ConstantField {
    /// The values that fit this field.
    #[must_use]
    pub const fn range(self) -> FieldRange {
        match self {
            Self::SignedImm => FieldRange::of(i32::MIN as i128, i32::MAX as i128),
            Self::Imm32 => FieldRange::of(i32::MIN as i128, u32::MAX as i128),
            Self::Imm64 => FieldRange::of(i64::MIN as i128, u64::MAX as i128),
            Self::Shift { bits } => FieldRange::of(0, bits as i128 - 1),
            Self::Divisor { bits } => {
                let range = if bits == 32 {
                    Self::Imm32.range()
                } else {
                    Self::SignedImm.range()
                };
                FieldRange {
                    zero: false,
                    ..range
                }
            }
            Self::Offset => FieldRange::of(i16::MIN as i128, i16::MAX as i128),
            Self::Stored(Size::Byte) => FieldRange::of(i8::MIN as i128, u8::MAX as i128),
            Self::Stored(Size::Half) => FieldRange::of(i16::MIN as i128, u16::MAX as i128),
            Self::Stored(Size::Word) => Self::Imm32.range(),
            Self::Stored(Size::Double) => Self::SignedImm.range(),
        }
    }

    /// What to call the field in a message.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::SignedImm => "a 32-bit constant that is sign-extended to 64 bits",
            Self::Imm32 => "a 32-bit constant",
            Self::Imm64 => "a 64-bit constant",
            Self::Shift { bits: 32 } => "a shift count of a 32-bit operation",
            Self::Shift { .. } => "a shift count of a 64-bit operation",
            Self::Divisor { .. } => "a divisor of 32 bits",
            Self::Offset => "a 16-bit offset",
            Self::Stored(Size::Byte) => "a value stored in one byte",
            Self::Stored(Size::Half) => "a value stored in two bytes",
            Self::Stored(Size::Word) => "a value stored in four bytes",
            Self::Stored(Size::Double) => "a 32-bit constant that is sign-extended to 64 bits",
        }
    }

    /// Puts `value` into this field of the instruction that begins at `slot`.
    ///
    /// # Errors
    /// If the value does not fit, or the slot (for a 64-bit constant: two) does not exist;
    /// nothing is changed then.
    pub const fn put(
        self,
        insns: &mut [Insn],
        slot: usize,
        value: i128,
    ) -> Result<(), ValueDoesNotFit> {
        let last = match self {
            Self::Imm64 => slot.saturating_add(1),
            _ => slot,
        };
        if last >= insns.len() || !self.range().contains(value) {
            return Err(ValueDoesNotFit { field: self, value });
        }
        // In range, so the bits that the casts keep are all there are.
        match self {
            Self::Offset => insns[slot] = insns[slot].with_offset(value as i16),
            Self::Imm64 => {
                insns[slot] = insns[slot].with_imm(value as i32);
                insns[slot + 1] = insns[slot + 1].with_imm((value >> 32) as i32);
            }
            _ => insns[slot] = insns[slot].with_imm(value as i32),
        }
        Ok(())
    }
}

/// A value that was to be put into a field and does not fit.
///
/// ```
/// use ebpf_asm::object::{ConstantField, ValueDoesNotFit};
///
/// let error = ConstantField::Shift { bits: 32 }.put(&mut [], 0, 32).unwrap_err();
/// assert_eq!(error.value, 32);
/// println!("{error}");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ValueDoesNotFit {
    /// The field.
    pub field: ConstantField,
    /// The value.
    pub value: i128,
}

impl core::fmt::Display for ValueDoesNotFit {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "{} does not fit {}",
            self.value,
            self.field.description()
        )
    }
}

impl core::error::Error for ValueDoesNotFit {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Instruction;
    use crate::isa::Register::R1;

    #[test]
    fn edges_of_every_field() {
        let fields = [
            (ConstantField::SignedImm, -(1 << 31), (1 << 31) - 1),
            (ConstantField::Imm32, -(1 << 31), (1 << 32) - 1),
            (ConstantField::Imm64, -(1 << 63), (1 << 64) - 1),
            (ConstantField::Shift { bits: 32 }, 0, 31),
            (ConstantField::Shift { bits: 64 }, 0, 63),
            (ConstantField::Offset, -(1 << 15), (1 << 15) - 1),
            (ConstantField::Stored(Size::Byte), -128, 255),
            (ConstantField::Stored(Size::Half), -(1 << 15), (1 << 16) - 1),
        ];
        for (field, minimum, maximum) in fields {
            let before = Instruction::load_imm64(R1, 0).encode();
            for value in [minimum, maximum] {
                let mut slots = before.to_vec();
                assert_eq!(field.put(&mut slots, 0, value), Ok(()), "{field:?} {value}");
            }
            for value in [minimum - 1, maximum + 1] {
                let mut slots = before.to_vec();
                assert!(
                    field.put(&mut slots, 0, value).is_err(),
                    "{field:?} {value}"
                );
                assert_eq!(slots[..], before[..], "a refused value changes nothing");
            }
        }
        let divisor = ConstantField::Divisor { bits: 64 };
        assert!(!divisor.range().contains(0) && divisor.range().contains(-1));
    }

    #[test]
    fn no_slot_is_an_error() {
        let mut one = Instruction::exit().encode().to_vec();
        assert!(ConstantField::Imm64.put(&mut one, 0, 1).is_err());
        assert!(ConstantField::Imm32.put(&mut one, 1, 1).is_err());
        assert!(ConstantField::Imm64.put(&mut one, usize::MAX, 1).is_err());
    }
}
