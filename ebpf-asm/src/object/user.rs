//! Objects for other hosts than the kernel.

use super::{FunctionRecord, LabelTable, LineTable};
use crate::isa::Insn;

/// Functions for a host of the user's own: what `ebpf! { #[target = "user"] mod … }` defines.
///
/// The kernel's rules do not apply to it: loops have no bound, helpers are the host's own, all
/// functions are there in the order in which they are written, and each can be the entry.
/// `Vm::load_user` takes it; the slots are plain eBPF, and other interpreters take them, too.
///
/// ```
/// use ebpf_asm::isa::Insn;
/// use ebpf_asm::object::{FunctionRecord, LabelTable, LineTable, Linkage, UserObject};
///
/// static INSNS: [Insn; 2] = Insn::array_from_le_bytes(b"\xbf\x10\0\0\0\0\0\0\x95\0\0\0\0\0\0\0");
/// static FUNCTIONS: [FunctionRecord; 1] = [FunctionRecord::new("same", 0, Linkage::Static)];
/// static RULES: UserObject =
///     UserObject::new("rules", &INSNS, &FUNCTIONS, &[], LineTable::EMPTY, LabelTable::EMPTY);
/// assert_eq!(RULES.entry("same"), Some(0));
///
/// let mut vm = ebpf_asm::vm::Vm::for_user(8);
/// let rules = vm.load_user(&RULES);
/// assert_eq!(vm.call(rules, "same", &[7]), Ok(7));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct UserObject {
    /// The module's name.
    pub name: &'static str,
    /// The slots of all functions.
    pub insns: &'static [Insn],
    /// Where the functions begin.
    pub functions: &'static [FunctionRecord],
    /// The helpers that the object declares.
    pub helpers: &'static [UserHelper],
    /// Where the slots come from.
    pub lines: LineTable,
    /// The names of slots that jumps go to.
    pub labels: LabelTable,
}

impl UserObject {
    /// An object of the given parts.
    #[must_use]
    pub const fn new(
        name: &'static str,
        insns: &'static [Insn],
        functions: &'static [FunctionRecord],
        helpers: &'static [UserHelper],
        lines: LineTable,
        labels: LabelTable,
    ) -> Self {
        Self {
            name,
            insns,
            functions,
            helpers,
            lines,
            labels,
        }
    }

    /// The first slot of a function: where a host begins.
    #[must_use]
    pub fn entry(&self, function: &str) -> Option<u32> {
        let found = self.functions.iter().find(|known| known.name == function);
        Some(found?.insn)
    }
}

/// A helper that a host has: `#[helper = 1] fn max(a: u64, b: u64) -> u64;`.
///
/// ```
/// use ebpf_asm::object::UserHelper;
///
/// static MAX: UserHelper = UserHelper::new("max", 1, 2);
/// assert_eq!((MAX.id, MAX.parameters), (1, 2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserHelper {
    /// The name, by which programs call it.
    pub name: &'static str,
    /// The number that the call instruction carries.
    pub id: u32,
    /// How many arguments it takes, at most five.
    pub parameters: u8,
}

impl UserHelper {
    /// A helper of this name and number, with so many parameters.
    #[must_use]
    pub const fn new(name: &'static str, id: u32, parameters: u8) -> Self {
        Self {
            name,
            id,
            parameters,
        }
    }
}
