//! The kernel's helper functions: what each is called, takes, gives and needs.
//!
//! ```
//! use ebpf_asm::helpers::{self, ArgumentKind, ReturnFlags, ReturnKind};
//! use ebpf_asm::{KernelVersion, ProgramType};
//!
//! let lookup = helpers::by_name("bpf_map_lookup_elem").unwrap();
//! assert_eq!(lookup.id, 1);
//! assert_eq!(lookup.since, KernelVersion::new(3, 19));
//! assert_eq!(lookup.args[0].kind, ArgumentKind::ConstMapPtr);
//! assert_eq!(lookup.ret.kind, ReturnKind::PtrToMapValue);
//! assert!(lookup.ret.flags.contains(ReturnFlags::NULLABLE));
//!
//! let redirect = helpers::by_id(51).unwrap();
//! assert_eq!(redirect.name, "bpf_redirect_map");
//! assert!(redirect.callable_from(ProgramType::Xdp));
//! assert!(!redirect.callable_from(ProgramType::Kprobe));
//! ```
//!
//! The table is generated; the facts behind it are in `xtask/data/helpers.tsv` and the kernel's
//! UAPI header, and `cargo xtask helpers` joins them.

mod callbacks;
mod kinds;
mod table;

pub use callbacks::{Callback, CallbackParameter, callback};
pub use kinds::{ArgumentFlags, ArgumentKind, ProgramTypeSet, ReturnFlags, ReturnKind};

use crate::{KernelVersion, ProgramType};

/// Every helper, by ascending id.
///
/// ```
/// use ebpf_asm::{KernelVersion, helpers};
///
/// let target = KernelVersion::DEFAULT_MINIMUM;
/// let usable = helpers::ALL.iter().filter(|helper| helper.since <= target);
/// assert_eq!(usable.count(), 155);
/// ```
pub const ALL: &[Helper] = &table::HELPERS;

/// A function of the kernel that programs call by number.
///
/// Some helpers exist in several forms: `bpf_sk_assign` takes a packet in traffic control and a
/// look-up context in socket look-up programs. The fields here describe the commonest form and
/// [`variants`](Self::variants) the others; [`form`](Self::form) chooses by program type.
///
/// ```
/// use ebpf_asm::{ProgramType, helpers};
///
/// let helper = helpers::by_name("bpf_probe_read_kernel").unwrap();
/// assert!(helper.gpl_only && helper.callable_from(ProgramType::Kprobe));
/// assert!(!helper.callable_from(ProgramType::SocketFilter) || helper.since.major >= 5);
/// println!("{} (Linux {})", helper.signature, helper.since);
/// assert!(helpers::by_name("bpf_trace_printk").unwrap().is_variadic());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Helper {
    /// The number that the call instruction carries.
    pub id: u32,
    /// The name as C programs write it, with `bpf_` before it.
    pub name: &'static str,
    /// The C prototype, in one line.
    pub signature: &'static str,
    /// What it takes, in `r1` and following; at most five. A prototype that ends in `...` takes
    /// further values, up to `r5`, which the verifier does not look at.
    pub args: &'static [Argument],
    /// What it leaves in `r0`.
    pub ret: ReturnValue,
    /// Whether only programs with a GPL-compatible licence may call it.
    pub gpl_only: bool,
    /// Whether it may sleep, so that only sleepable programs may call it.
    pub might_sleep: bool,
    /// Whether memory arguments may point into a packet.
    pub packet_access: bool,
    /// The first kernel that has it, for some program type; others may have got it later.
    pub since: KernelVersion,
    /// What it does, in one line.
    pub doc: &'static str,
    /// The program types that may call it in Linux 6.18 or 7.3, given every capability and the
    /// usual configuration. Hooks of one type may still differ: what one of them has is listed.
    /// [`ProgramType::Ext`] never is; see [`callable_from`](Self::callable_from).
    pub program_types: ProgramTypeSet,
    /// The forms that differ from the one described by the other fields.
    pub variants: &'static [Variant],
}

/// A form of a helper that some program types get in place of the common one.
///
/// ```
/// use ebpf_asm::{ProgramType, helpers};
///
/// // One name, two meanings: a packet here, a look-up there.
/// let assign = helpers::by_name("bpf_sk_assign").unwrap();
/// let look_up = assign.form(ProgramType::SkLookup);
/// assert_ne!(look_up.args[0].c_type, assign.args[0].c_type);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variant {
    /// The program types that get this form.
    pub program_types: ProgramTypeSet,
    /// The C prototype, in one line: the helper's own where the header has no other.
    pub signature: &'static str,
    /// What it takes.
    pub args: &'static [Argument],
    /// What it leaves in `r0`.
    pub ret: ReturnValue,
    /// Whether only programs with a GPL-compatible licence may call it; `false` where only some
    /// hooks of the type demand it.
    pub gpl_only: bool,
}

/// An argument of a helper.
///
/// ```
/// use ebpf_asm::helpers::{self, ArgumentKind};
///
/// let look_up = helpers::by_name("bpf_map_lookup_elem").unwrap();
/// let kinds: Vec<ArgumentKind> = look_up.args.iter().map(|argument| argument.kind).collect();
/// assert_eq!(kinds, [ArgumentKind::ConstMapPtr, ArgumentKind::PtrToMapKey]);
/// assert_eq!(look_up.args[1].name, "key");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Argument {
    /// What the verifier demands.
    pub kind: ArgumentKind,
    /// What changes the meaning of the kind.
    pub flags: ArgumentFlags,
    /// How many bytes the memory must have, where that is fixed.
    pub size: Option<u8>,
    /// The struct that is pointed to, where the verifier checks it.
    pub btf_type: Option<&'static str>,
    /// The name in the C prototype.
    pub name: &'static str,
    /// The type in the C prototype.
    pub c_type: &'static str,
}

/// What a helper leaves in `r0`.
///
/// ```
/// use ebpf_asm::helpers::{self, ReturnFlags, ReturnKind};
///
/// let value = helpers::by_name("bpf_map_lookup_elem").unwrap().ret;
/// assert_eq!(value.kind, ReturnKind::PtrToMapValue);
/// assert!(value.flags.contains(ReturnFlags::NULLABLE));       // look at it before use
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReturnValue {
    /// What it is.
    pub kind: ReturnKind,
    /// What changes the meaning of the kind.
    pub flags: ReturnFlags,
    /// The struct that is pointed to, where it is always the same.
    pub btf_type: Option<&'static str>,
}

// What the generated table is written with.
impl Argument {
    const fn new(kind: ArgumentKind, name: &'static str, c_type: &'static str) -> Self {
        Self {
            kind,
            flags: ArgumentFlags::NONE,
            size: None,
            btf_type: None,
            name,
            c_type,
        }
    }

    const fn with(self, flags: ArgumentFlags) -> Self {
        Self { flags, ..self }
    }

    const fn sized(self, bytes: u8) -> Self {
        let size = Some(bytes);
        Self { size, ..self }
    }

    const fn of_type(self, name: &'static str) -> Self {
        let btf_type = Some(name);
        Self { btf_type, ..self }
    }
}

impl ReturnValue {
    const fn new(kind: ReturnKind) -> Self {
        Self {
            kind,
            flags: ReturnFlags::NONE,
            btf_type: None,
        }
    }

    const fn with(self, flags: ReturnFlags) -> Self {
        Self { flags, ..self }
    }

    const fn of_type(self, name: &'static str) -> Self {
        let btf_type = Some(name);
        Self { btf_type, ..self }
    }
}

impl Helper {
    /// Whether programs of a type may call it.
    ///
    /// Always `true` for [`ProgramType::Ext`] and [`ProgramType::StructOps`]: the replaced program
    /// and the kernel interface decide there.
    #[must_use]
    pub const fn callable_from(&self, program_type: ProgramType) -> bool {
        matches!(program_type, ProgramType::Ext | ProgramType::StructOps)
            || self.program_types.contains(program_type)
    }

    /// The form that programs of a type get, callable or not.
    ///
    /// ```
    /// use ebpf_asm::{ProgramType, helpers};
    ///
    /// let stack_id = helpers::by_name("bpf_get_stackid").unwrap();
    /// assert!(stack_id.form(ProgramType::Kprobe).gpl_only);
    /// assert!(!stack_id.form(ProgramType::PerfEvent).gpl_only);
    /// ```
    #[must_use]
    pub const fn form(&self, program_type: ProgramType) -> Variant {
        let mut at = 0;
        while at < self.variants.len() {
            if self.variants[at].program_types.contains(program_type) {
                return self.variants[at];
            }
            at += 1;
        }
        Variant {
            program_types: self.program_types,
            signature: self.signature,
            args: self.args,
            ret: self.ret,
            gpl_only: self.gpl_only,
        }
    }

    /// Whether the prototype ends in `...`.
    #[must_use]
    pub fn is_variadic(&self) -> bool {
        self.signature.ends_with(", ...)")
    }
}

/// The helper with the number `id`.
///
/// ```
/// assert_eq!(ebpf_asm::helpers::by_id(12).unwrap().name, "bpf_tail_call");
/// assert!(ebpf_asm::helpers::by_id(0).is_none());
/// ```
#[must_use]
pub const fn by_id(id: u32) -> Option<&'static Helper> {
    // Ids are dense from 1, which a test holds the table to.
    match id {
        1..=table::COUNT => Some(&table::HELPERS[id as usize - 1]),
        _ => None,
    }
}

/// The helper called `name`, which includes its `bpf_`.
///
/// ```
/// assert_eq!(ebpf_asm::helpers::by_name("bpf_loop").unwrap().id, 181);
/// assert!(ebpf_asm::helpers::by_name("loop").is_none());
/// ```
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Helper> {
    let at = table::BY_NAME
        .binary_search_by(|&at| table::HELPERS[usize::from(at)].name.cmp(name))
        .ok()?;
    Some(&table::HELPERS[usize::from(table::BY_NAME[at])])
}

#[cfg(test)]
mod tests;
