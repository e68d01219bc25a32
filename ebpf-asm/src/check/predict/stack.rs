//! The stack of a frame as kernels keep it: what each byte is, and what was saved in each slot of
//! eight.

use super::kernel::Kernel;
use super::scalar::Scalar;
use super::value::Value;
use alloc::rc::Rc;
use alloc::vec::Vec;

/// Bytes of a frame's stack.
pub(super) const STACK_SIZE: i64 = 512;

/// What is known of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Byte {
    Unwritten,
    /// Any number.
    Number,
    Zero,
    /// A part of what was saved.
    Saved,
    /// Kernels differ, or it is not modelled.
    Opaque,
}

/// Eight bytes. What was saved begins at the first of them.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Slot {
    bytes: [Byte; 8],
    saved: Value,
}

static EMPTY: Slot = Slot {
    bytes: [Byte::Unwritten; 8],
    saved: Value::Unwritten(None),
};

/// What reading gives.
pub(super) enum Read {
    Value(Value),
    /// Bytes to which nothing was written.
    Unwritten,
    PartOfPointer,
}

/// The stack of a frame; copies share it until one is written to.
#[derive(Clone, Debug, Default)]
pub(super) struct Stack {
    /// From the frame's end down.
    slots: Rc<Vec<Slot>>,
}

impl Slot {
    const fn saved_bytes(&self) -> usize {
        let mut count = 0;
        while count < 8 && matches!(self.bytes[count], Byte::Saved) {
            count += 1;
        }
        count
    }

    /// What is saved is not to be had whole any more.
    fn scrub(&mut self) {
        let opaque = matches!(self.saved, Value::Opaque);
        for byte in &mut self.bytes {
            if *byte == Byte::Saved {
                *byte = if opaque { Byte::Opaque } else { Byte::Number };
            }
        }
        self.saved = Value::Unwritten(None);
    }
}

/// The slot of an offset, and the place in it.
const fn place(offset: i64) -> (usize, usize) {
    let slot = (-offset - 1) / 8;
    (slot as usize, (offset + (slot + 1) * 8) as usize)
}

impl Stack {
    fn slot(&self, index: usize) -> &Slot {
        self.slots.get(index).unwrap_or(&EMPTY)
    }

    fn slot_mut(&mut self, index: usize) -> &mut Slot {
        let slots = Rc::make_mut(&mut self.slots);
        if slots.len() <= index {
            slots.resize(index + 1, EMPTY);
        }
        &mut slots[index]
    }

    /// Writes `size` bytes at an aligned offset inside.
    pub(super) fn store(
        &mut self,
        kernel: Kernel,
        offset: i64,
        size: u8,
        value: Value,
        is_register: bool,
    ) {
        let (index, first) = place(offset);
        let saves = first == 0
            && match value {
                Value::Pointer(_) | Value::Opaque => true,
                // Before 6.9 only what has bounds.
                Value::Number(number) if is_register => {
                    kernel.narrow_fills() || !number.is_unknown()
                }
                Value::Number(_) => kernel.stored_constants(),
                Value::Unwritten(_) => false,
            };
        let slot = self.slot_mut(index);
        let size = usize::from(size);
        if saves {
            for (at, byte) in slot.bytes.iter_mut().enumerate() {
                *byte = match *byte {
                    _ if at < size => Byte::Saved,
                    Byte::Saved => Byte::Number,
                    other => other,
                };
            }
            slot.saved = value;
            if let Value::Number(number) = &mut slot.saved {
                let fits = number.width() <= 8 * size as u32;
                if !is_register || !fits {
                    number.id = 0;
                }
            }
            return;
        }
        slot.scrub();
        let written = match value {
            Value::Number(number) if number.constant() == Some(0) => Byte::Zero,
            Value::Number(_) => Byte::Number,
            _ => Byte::Opaque,
        };
        slot.bytes[first..first + size].fill(written);
    }

    /// Reads `size` bytes at an aligned offset inside.
    pub(super) fn load(&self, kernel: Kernel, offset: i64, size: u8, at: u32) -> Read {
        let (index, first) = place(offset);
        let slot = self.slot(index);
        let size = usize::from(size);
        let saved = slot.saved_bytes();
        if saved == 8 && size == 8 {
            return Read::Value(slot.saved);
        }
        if saved > 0 {
            match slot.saved {
                Value::Pointer(_) => return Read::PartOfPointer,
                Value::Number(number) if first == 0 && size <= saved => {
                    // Before 6.9 only as many bytes as were saved.
                    if size != saved && !kernel.narrow_fills() {
                        return Read::Value(number_of(size, at));
                    }
                    let mut number = number;
                    if number.width() > 8 * size as u32 {
                        number.id = 0;
                    }
                    number.truncate(size as u8);
                    return Read::Value(Value::Number(number));
                }
                Value::Number(number) if number.constant() == Some(0) && first + size <= saved => {
                    return Read::Value(Value::Number(Scalar::known(0, at)));
                }
                Value::Number(_) => {}
                _ => return Read::Value(Value::Opaque),
            }
        }
        let bytes = &slot.bytes[first..first + size];
        if bytes.contains(&Byte::Opaque) {
            return Read::Value(Value::Opaque);
        }
        if index >= self.slots.len() && !kernel.unwritten_stack() {
            return Read::Unwritten;
        }
        if bytes.iter().all(|&byte| byte == Byte::Zero) {
            return Read::Value(Value::Number(Scalar::known(0, at)));
        }
        Read::Value(number_of(size, at))
    }

    /// The four bytes of a key, if they are a constant; `None` where they are not, and an error
    /// where that is not certain.
    pub(super) fn constant(
        &self,
        kernel: Kernel,
        offset: i64,
        size: u8,
    ) -> Result<Option<u64>, ()> {
        if !(-STACK_SIZE..=-i64::from(size)).contains(&offset) || offset % i64::from(size) != 0 {
            return Err(());
        }
        match self.load(kernel, offset, size, 0) {
            Read::Value(Value::Number(number)) => Ok(number.constant()),
            _ => Err(()),
        }
    }

    /// Whether something was written at this offset or below.
    pub(super) fn reaches(&self, offset: i64) -> bool {
        place(offset).0 < self.slots.len()
    }

    /// Whether all of these bytes are plain numbers.
    pub(super) fn are_numbers(&self, offset: i64, size: i64) -> bool {
        (offset..offset.saturating_add(size)).all(|at| {
            let (index, place) = place(at);
            let slot = self.slot(index);
            match slot.bytes[place] {
                Byte::Number => true,
                Byte::Unwritten | Byte::Zero | Byte::Opaque => false,
                Byte::Saved => matches!(slot.saved, Value::Number(n) if n.constant() != Some(0)),
            }
        })
    }

    /// A helper wrote these bytes.
    pub(super) fn fill(&mut self, offset: i64, size: i64) {
        for at in offset..offset.saturating_add(size) {
            let (index, place) = place(at);
            let slot = self.slot_mut(index);
            slot.scrub();
            slot.bytes[place] = Byte::Number;
        }
    }

    /// Kernels differ about what is in these bytes now.
    pub(super) fn blur(&mut self, offset: i64, size: i64, written: bool) {
        for at in offset..offset.saturating_add(size) {
            let (index, place) = place(at);
            let slot = self.slot_mut(index);
            if slot.bytes[place] == Byte::Saved {
                slot.scrub();
                slot.bytes.fill(Byte::Opaque);
                continue;
            }
            match slot.bytes[place] {
                Byte::Unwritten if !written => {}
                // What is a number stays one.
                Byte::Number => {}
                _ => slot.bytes[place] = Byte::Opaque,
            }
        }
    }

    /// What was saved in the slot of this offset, if it is to be had.
    pub(super) fn saved(&self, offset: i64) -> &Value {
        &self.slot(place(offset).0).saved
    }

    /// Changes values that were saved, where `wanted` says so.
    pub(super) fn change(
        &mut self,
        wanted: impl Fn(&Value) -> bool,
        mut change: impl FnMut(&mut Value),
    ) {
        if !self.slots.iter().any(|slot| wanted(&slot.saved)) {
            return;
        }
        for slot in Rc::make_mut(&mut self.slots) {
            if wanted(&slot.saved) {
                change(&mut slot.saved);
            }
        }
    }

    /// Compares with an older stack: whether all that this one may hold was looked at with it.
    pub(super) fn is_within(
        &self,
        older: &Self,
        mut compare: impl FnMut(&Value, &Value) -> bool,
    ) -> bool {
        if Rc::ptr_eq(&self.slots, &older.slots) {
            return true;
        }
        let longest = self.slots.len().max(older.slots.len());
        (0..longest).all(|index| {
            let (new, old) = (self.slot(index), older.slot(index));
            let bytes = new.bytes.iter().zip(&old.bytes).all(|(new, old)| {
                // Since 6.3 any number is as good as what is read here, even a pointer.
                matches!(old, Byte::Unwritten | Byte::Number) || new == old
            });
            bytes && compare(&new.saved, &old.saved)
        })
    }

    /// Whether both hold the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.slots, &other.slots)
            || (0..self.slots.len().max(other.slots.len()))
                .all(|index| self.slot(index) == other.slot(index))
    }
}

/// Any number of so many bytes.
pub(super) fn number_of(bytes: usize, at: u32) -> Value {
    let mut number = Scalar::unknown(at);
    number.truncate(bytes as u8);
    Value::Number(number)
}
