//! The 512 bytes of a frame: numbers by the byte, saved registers whole.

use super::value::{Number, Pointer, Value};
use alloc::vec;
use alloc::vec::Vec;

/// Bytes of a frame's stack.
pub(super) const STACK_SIZE: i64 = 512;

/// Eight bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Slot {
    /// Numbers: the bits, which bytes of them are known to this run, and what is known of the
    /// whole.
    Bytes {
        bits: u64,
        written: u8,
        known: bool,
        input: u16,
    },
    /// A pointer, saved whole.
    Pointer(Pointer),
    /// Something that is not modelled.
    Opaque,
}

const EMPTY: Slot = Slot::Bytes {
    bits: 0,
    written: 0,
    known: false,
    input: 0,
};

/// What was read.
pub(super) enum Filled {
    Value(Value),
    /// Bytes that this run does not know: anything may be there.
    Unknown,
    /// A part of a pointer.
    PartOfPointer,
}

/// The stack of a frame. Made when something is first written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stack {
    slots: Vec<Slot>,
    /// The lowest offset that was used, as a positive number.
    pub(super) depth: u16,
    /// The most that functions used together which were called from here, and how many.
    pub(super) below: (i64, usize),
}

impl Stack {
    fn slot(&mut self, offset: i64) -> &mut Slot {
        if self.slots.is_empty() {
            self.slots = vec![EMPTY; STACK_SIZE as usize / 8];
        }
        let at = ((offset + STACK_SIZE) / 8) as usize;
        &mut self.slots[at]
    }

    /// Notes that these bytes were used.
    pub(super) fn touch(&mut self, offset: i64) {
        self.depth = self.depth.max((-offset) as u16);
    }

    /// Writes `size` bytes at an offset that is aligned to them; both are inside.
    pub(super) fn store(&mut self, offset: i64, size: u8, value: Value) {
        let first = offset.rem_euclid(8) as u32;
        let slot = self.slot(offset);
        match value {
            Value::Pointer(pointer) if size == 8 => *slot = Slot::Pointer(pointer),
            Value::Number(number) if size == 8 => {
                *slot = Slot::Bytes {
                    bits: number.bits,
                    written: 0xff,
                    known: number.known,
                    input: number.input,
                };
            }
            Value::Number(number) => {
                // The other bytes of a pointer that is overwritten become numbers.
                let (old, written) = match *slot {
                    Slot::Bytes { bits, written, .. } => (bits, written),
                    Slot::Pointer(_) => (0, 0),
                    Slot::Opaque => return,
                };
                let mask = mask(size) << (8 * first);
                *slot = Slot::Bytes {
                    bits: old & !mask | number.bits << (8 * first) & mask,
                    written: written | byte_mask(size) << first,
                    known: false,
                    input: number.input,
                };
            }
            _ => *slot = Slot::Opaque,
        }
    }

    /// Reads `size` bytes at an offset that is aligned to them; both are inside.
    pub(super) fn load(&mut self, offset: i64, size: u8) -> Filled {
        let first = offset.rem_euclid(8) as u32;
        match *self.slot(offset) {
            Slot::Pointer(pointer) if size == 8 => Filled::Value(Value::Pointer(Pointer {
                from_stack: true,
                ..pointer
            })),
            Slot::Pointer(_) => Filled::PartOfPointer,
            Slot::Opaque => Filled::Value(Value::Opaque),
            Slot::Bytes {
                bits,
                written,
                input,
                ..
            } => {
                let wanted = byte_mask(size) << first;
                if written & wanted != wanted {
                    return Filled::Unknown;
                }
                Filled::Value(Value::Number(Number {
                    bits: bits >> (8 * first) & mask(size),
                    // On another path there may have been another number.
                    known: false,
                    input,
                }))
            }
        }
    }

    /// The pointers that are saved, by their offset.
    pub(super) fn pointers(&self) -> impl Iterator<Item = (i16, Pointer)> + '_ {
        (-(STACK_SIZE as i16)..)
            .step_by(8)
            .zip(&self.slots)
            .filter_map(|(at, slot)| match slot {
                Slot::Pointer(pointer) => Some((at, *pointer)),
                _ => None,
            })
    }

    /// Somebody else wrote these bytes.
    pub(super) fn forget(&mut self, offset: i64, size: i64) {
        for at in offset..offset + size {
            let byte = at.rem_euclid(8) as u32;
            let slot = self.slot(at);
            match slot {
                Slot::Bytes { written, known, .. } => {
                    *written &= !(1 << byte);
                    *known = false;
                }
                Slot::Pointer(_) => *slot = EMPTY,
                Slot::Opaque => {}
            }
        }
    }

    /// Some kernels forget what these bytes were, others do not.
    pub(super) fn blur(&mut self, offset: i64, size: i64) {
        for at in offset..offset + size {
            let slot = self.slot(at);
            match slot {
                Slot::Bytes { known, .. } => *known = false,
                Slot::Pointer(_) => *slot = Slot::Opaque,
                Slot::Opaque => {}
            }
        }
    }

    /// The same for the whole frame.
    pub(super) fn blur_all(&mut self) {
        self.blur(-STACK_SIZE, STACK_SIZE);
    }
}

const fn mask(size: u8) -> u64 {
    if size >= 8 {
        u64::MAX
    } else {
        (1 << (8 * size)) - 1
    }
}

const fn byte_mask(size: u8) -> u8 {
    if size >= 8 { 0xff } else { (1 << size) - 1 }
}
