//! Helpers: the kernel's in a form for tests, and the user's own.

mod maps;
mod memory;
mod network;
mod process;
mod text;

pub(super) use maps::{handle, program_at};

use super::fault::{FaultKind, Trap};
use super::maps::Map;
use super::memory::{Memory, RegionId};
use super::world::World;
use crate::helpers;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A call of a helper, seen from the helper: its arguments, and the machine's memory.
///
/// ```
/// # #[cfg(feature = "text")] {
/// use ebpf_asm::vm::Vm;
///
/// let mut vm = Vm::new();
/// // Adds the bytes of a piece of memory.
/// vm.helper_with_memory(1, |call| {
///     let [address, length, ..] = call.arguments();
///     let bytes = call.read(address, length)?;
///     Ok(bytes.iter().map(|&byte| u64::from(byte)).sum())
/// });
/// let program = vm.load_code("sum", &ebpf_asm::assemble("r2 = 4; call 1; exit")?);
/// assert_eq!(vm.run(program, &mut [1, 2, 3, 4])?, 10);
/// // Memory that the program does not have is a fault, and not the helper's problem.
/// assert!(vm.run(program, &mut [1, 2, 3]).is_err());
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HelperCall<'a> {
    pub(super) id: u32,
    pub(super) arguments: [u64; 5],
    pub(super) memory: &'a mut Memory,
    pub(super) maps: &'a mut Vec<Map>,
    pub(super) world: &'a mut World,
    pub(super) packet: RegionId,
    pub(super) context: RegionId,
    /// Room for a key and a value on their way; kept, so that a call allocates nothing.
    pub(super) scratch: &'a mut Scratch,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    key: Vec<u8>,
    value: Vec<u8>,
}

/// Why a helper ends the run.
///
/// ```
/// use ebpf_asm::vm::{HelperError, Vm};
///
/// let mut vm = Vm::new();
/// vm.helper_with_memory(1, |call| match call.arguments()[0] {
///     0 => Err(HelperError::new("the first argument is 0")),
///     length => {
///         let address = call.arguments()[1];
///         call.write(address, length)?.fill(7);   // what the program gets
///         Ok(0)
///     }
/// });
/// let program = vm.load_code("asks", &ebpf_asm::assemble("r1 = 0; call 1; exit")?);
/// let fault = vm.run(program, &mut []).unwrap_err();
/// assert!(fault.message().contains("the first argument is 0"));
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Debug)]
pub struct HelperError(pub(super) Box<Trap>);

impl HelperError {
    /// An error of the helper's own, in words.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Trap::new(FaultKind::Helper, message)))
    }
}

impl fmt::Display for HelperError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl core::error::Error for HelperError {}

type Result<T> = core::result::Result<T, HelperError>;

/// What a call of a built-in helper does.
pub(super) enum Effect {
    /// Returns this.
    Return(u64),
    /// Goes on in another program, or behind the call if that is not there.
    TailCall { map: u32, index: u32 },
    /// Calls a function of the program, this often.
    Loop {
        count: u32,
        callback: u64,
        context: u64,
    },
    /// Calls a function of the program for each entry of a map.
    ForEach {
        map: u32,
        callback: u64,
        context: u64,
    },
}

type Builtin = fn(&mut HelperCall<'_>) -> Result<Effect>;
type Custom = Box<dyn FnMut(&mut HelperCall<'_>) -> Result<u64> + Send>;

/// A helper of the machine.
pub(super) enum Helper {
    Builtin(Builtin),
    Custom(Custom),
}

/// Numbers below this are looked up by position.
const SMALL: usize = 1024;

/// The machine's helpers by number.
pub(super) struct Helpers {
    small: Vec<Option<Helper>>,
    large: BTreeMap<u32, Helper>,
}

impl fmt::Debug for Helpers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let small = self.small.iter().filter(|helper| helper.is_some()).count();
        write!(f, "{} helpers", small + self.large.len())
    }
}

impl Helpers {
    pub(super) const fn none() -> Self {
        Self {
            small: Vec::new(),
            large: BTreeMap::new(),
        }
    }

    /// What the machine has of the kernel's.
    pub(super) fn of_the_kernel() -> Self {
        let mut all = Self::none();
        for builtins in [
            maps::BUILTINS,
            memory::BUILTINS,
            network::BUILTINS,
            process::BUILTINS,
            text::BUILTINS,
        ] {
            for &(name, builtin) in builtins {
                // A test compares the names with the table.
                if let Some(helper) = helpers::by_name(name) {
                    all.set(helper.id, Helper::Builtin(builtin));
                }
            }
        }
        all
    }

    pub(super) fn set(&mut self, id: u32, helper: Helper) {
        let index = id as usize;
        if index >= SMALL {
            self.large.insert(id, helper);
            return;
        }
        if index >= self.small.len() {
            self.small.resize_with(index + 1, || None);
        }
        self.small[index] = Some(helper);
    }

    pub(super) fn get(&mut self, id: u32) -> Option<&mut Helper> {
        match self.small.get_mut(id as usize) {
            Some(helper) => helper.as_mut(),
            None => self.large.get_mut(&id),
        }
    }
}

/// What the kernel calls a helper, and its number.
pub(super) fn describe(id: u32) -> String {
    match helpers::by_id(id) {
        Some(helper) => format!("`{}` (helper {id})", helper.name),
        None => format!("helper {id}"),
    }
}

impl HelperCall<'_> {
    /// What `r1` to `r5` hold.
    #[must_use]
    pub const fn arguments(&self) -> [u64; 5] {
        self.arguments
    }

    /// Memory of the program's, to be read.
    ///
    /// # Errors
    /// If it is not in one region from the first byte to the last: the fault that a load by the
    /// program would be.
    pub fn read(&self, address: u64, length: u64) -> Result<&[u8]> {
        usize::try_from(length)
            .ok()
            .and_then(|length| self.memory.read(address, length))
            .ok_or_else(|| self.refused(address, length, false))
    }

    /// Memory of the program's, to be written.
    ///
    /// ```
    /// use ebpf_asm::vm::Vm;
    ///
    /// let mut vm = Vm::new();
    /// // Fills the memory that the program hands over.
    /// vm.helper_with_memory(1, |call| {
    ///     let [address, length, ..] = call.arguments();
    ///     call.write(address, length)?.fill(7);
    ///     Ok(0)
    /// });
    /// let program = vm.load_code("fill", &ebpf_asm::assemble("r2 = 4; call 1; exit")?);
    /// let mut memory = [0; 4];
    /// vm.run(program, &mut memory)?;
    /// assert_eq!(memory, [7; 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`read`](Self::read), and if it is read-only.
    pub fn write(&mut self, address: u64, length: u64) -> Result<&mut [u8]> {
        // Asked twice: a refusal looks at the memory, which the answer borrows.
        let length_here = usize::try_from(length).unwrap_or(usize::MAX);
        if self.memory.write(address, length_here).is_none() {
            return Err(self.refused(address, length, true));
        }
        self.memory
            .write(address, length_here)
            .ok_or_else(|| HelperError::new("no such memory"))
    }

    #[cold]
    fn refused(&self, address: u64, length: u64, write: bool) -> HelperError {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let mut trap = Trap::access(self.memory, address, length, write);
        trap.message = format!("{} {}", describe(self.id), trap.message);
        HelperError(Box::new(trap))
    }

    fn argument(&self, number: usize) -> u64 {
        self.arguments[number - 1]
    }

    /// An error that names the helper.
    #[cold]
    fn error(&self, message: impl fmt::Display) -> HelperError {
        HelperError::new(format!("{} {message}", describe(self.id)))
    }

    /// The map in an argument.
    fn map_index(&self, number: usize) -> Result<usize> {
        Memory::map_of(self.argument(number))
            .map(|map| map as usize)
            .filter(|&map| map < self.maps.len())
            .ok_or_else(|| {
                self.error(format_args!(
                    "wants a map in r{number}, which is {:#x}",
                    self.argument(number)
                ))
            })
    }
}

/// A result that is an errno.
const fn errno(errno: i32) -> Effect {
    Effect::Return((-(errno as i64)).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_builtins_are_helpers_of_the_kernel() {
        let mut seen = Vec::new();
        for builtins in [
            maps::BUILTINS,
            memory::BUILTINS,
            network::BUILTINS,
            process::BUILTINS,
            text::BUILTINS,
        ] {
            for (name, _) in builtins {
                let helper = helpers::by_name(name);
                assert!(helper.is_some(), "{name} is not in the table");
                assert!(!seen.contains(name), "{name} is there twice");
                seen.push(name);
            }
        }
    }
}
