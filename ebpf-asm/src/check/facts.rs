//! What the checker is told: a program as the linker left it, and facts about what it uses.

use crate::isa::Insn;
use crate::link::{Linked, RelocationTarget};
use crate::object::{ConstantField, Linkage, MapDef, Object, ProgramDef, RelocationKind};
use crate::{AttachType, KernelVersion, MapType, ProgramType};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// A program to check.
///
/// What is not known stays `None`: the checker then says nothing about what depends on it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Program<'a> {
    /// The slots.
    pub insns: &'a [Insn],
    /// Where the functions begin, the program itself first; empty for a bare sequence.
    pub functions: Vec<FunctionFacts>,
    /// What stands for something that is put in later, in order of slots.
    pub references: Vec<Reference>,
    /// The maps that references count in; `None` for one of which nothing is known.
    pub maps: Vec<Option<MapFacts>>,
    /// The program type.
    pub program_type: Option<ProgramType>,
    /// Where it attaches, for types where that changes what the context has.
    pub attach_type: Option<AttachType>,
    /// Whether the licence is compatible with the GPL, in the kernel's eyes.
    pub gpl_compatible: Option<bool>,
    /// Whether it is a part of a program, whose registers hold anything at its start.
    pub fragment: bool,
    /// The oldest kernel that it is for. What any kernel from this one on accepts is accepted.
    pub min_kernel: KernelVersion,
}

impl<'a> Program<'a> {
    /// A program of which only the slots are known.
    #[must_use]
    pub const fn new(insns: &'a [Insn]) -> Self {
        Self {
            insns,
            functions: Vec::new(),
            references: Vec::new(),
            maps: Vec::new(),
            program_type: None,
            attach_type: None,
            gpl_compatible: None,
            fragment: false,
            min_kernel: KernelVersion::DEFAULT_MINIMUM,
        }
    }

    /// A linked program of which nothing more is known: neither its type nor its maps.
    /// `patched` says whether values that only rustc knows are in place already.
    #[must_use]
    pub fn from_linked(linked: &'a Linked, patched: bool) -> Self {
        let mut program = Self::new(&linked.insns);
        program.functions = linked
            .functions
            .iter()
            .map(|function| FunctionFacts {
                insn: function.insn,
                linkage: function.linkage,
            })
            .collect();
        let mut references: Vec<Reference> = Vec::new();
        for relocation in &linked.relocations {
            references.push(Reference {
                insn: relocation.insn,
                kind: match relocation.target {
                    RelocationTarget::Map { map, .. } => ReferenceKind::MapOrValue(map),
                    RelocationTarget::Constant { field, .. }
                    | RelocationTarget::KernelConstant { field, .. } => number(field),
                    RelocationTarget::KernelFunction { .. }
                    | RelocationTarget::KernelAddress { .. } => ReferenceKind::Unknown,
                },
            });
        }
        if !patched {
            references.extend(linked.patches.iter().map(|patch| Reference {
                insn: patch.insn,
                kind: number(patch.field),
            }));
        }
        references.sort_by_key(|reference| reference.insn);
        // An instruction may have two unknown parts.
        references.dedup_by(|next, kept| {
            let same = next.insn == kept.insn;
            if same {
                kept.kind = ReferenceKind::Unknown;
            }
            same
        });
        program.references = references;
        program
    }

    /// A program of an object, with all that the object says about it.
    #[must_use]
    pub fn from_object(object: &Object, program: &'a ProgramDef) -> Self {
        let mut facts = Self::new(program.insns);
        facts.functions = program
            .functions
            .iter()
            .map(|function| FunctionFacts {
                insn: function.insn,
                linkage: function.linkage,
            })
            .collect();
        facts.references = program
            .relocations
            .iter()
            .map(|relocation| Reference {
                insn: relocation.insn,
                kind: match relocation.kind {
                    RelocationKind::MapFd { map } => ReferenceKind::Map(map),
                    RelocationKind::MapValue { map } => {
                        let second = program.insns.get(relocation.insn as usize + 1);
                        let offset = second.map_or(0, |slot| slot.imm().cast_unsigned());
                        ReferenceKind::MapValue(map, offset)
                    }
                    RelocationKind::Constant { field, .. }
                    | RelocationKind::KernelConstant { field, .. } => number(field),
                    RelocationKind::KernelFunction { .. }
                    | RelocationKind::KernelAddress { .. } => ReferenceKind::Unknown,
                },
            })
            .collect();
        facts.maps = object.maps.iter().map(|map| Some(map.into())).collect();
        facts.program_type = Some(program.kind.program_type());
        facts.attach_type = program.kind.expected_attach_type();
        facts.gpl_compatible = Some(is_gpl_compatible(object.license));
        facts.min_kernel = object.min_kernel;
        facts
    }

    /// What stands in this slot, if it is put in later.
    pub(super) fn reference(&self, slot: usize) -> Option<&Reference> {
        let at = self
            .references
            .binary_search_by_key(&slot, |reference| reference.insn as usize)
            .ok()?;
        Some(&self.references[at])
    }

    pub(super) fn map(&self, map: u16) -> Option<&MapFacts> {
        self.maps.get(usize::from(map))?.as_ref()
    }
}

const fn number(field: ConstantField) -> ReferenceKind {
    match field {
        ConstantField::Offset => ReferenceKind::Offset,
        _ => ReferenceKind::Immediate,
    }
}

/// Whether the kernel takes a licence for compatible with the GPL.
///
/// ```
/// assert!(ebpf_asm::check::is_gpl_compatible("Dual BSD/GPL"));
/// assert!(!ebpf_asm::check::is_gpl_compatible("MIT"));
/// ```
#[must_use]
pub fn is_gpl_compatible(license: &str) -> bool {
    matches!(
        license,
        "GPL"
            | "GPL v2"
            | "GPL and additional rights"
            | "Dual BSD/GPL"
            | "Dual MIT/GPL"
            | "Dual MPL/GPL"
    )
}

/// A function of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionFacts {
    /// Its first slot.
    pub insn: u32,
    /// How the kernel checks it.
    pub linkage: Linkage,
}

/// An instruction part of which is put in later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The instruction's slot.
    pub insn: u32,
    /// What is put in.
    pub kind: ReferenceKind,
}

/// What is put into an instruction later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReferenceKind {
    /// A map.
    Map(u16),
    /// The address of a map's only value, plus an offset.
    MapValue(u16, u32),
    /// A map or the address of its value, whichever the definition says.
    MapOrValue(u16),
    /// A number that is not known here, as the immediate.
    Immediate,
    /// A number that is not known here, as the offset of a memory access.
    Offset,
    /// Something else.
    Unknown,
}

/// What is known of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapFacts {
    /// The kind of map.
    pub map_type: MapType,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// How many entries it can hold.
    pub max_entries: u32,
    /// `BPF_F_*` flags of map creation.
    pub flags: u32,
    /// Whether it is frozen, so that the kernel reads its contents while checking.
    pub frozen: bool,
    /// Its name, for messages.
    pub name: Cow<'static, str>,
}

impl From<&MapDef> for MapFacts {
    fn from(def: &MapDef) -> Self {
        Self {
            map_type: def.map_type,
            key_size: def.key_size,
            value_size: def.value_size,
            max_entries: def.max_entries,
            flags: def.flags,
            frozen: def.frozen,
            name: Cow::Borrowed(def.name),
        }
    }
}

/// Programs may only read the values.
const RDONLY_PROG: u32 = 1 << 7;
/// Programs may only write the values.
const WRONLY_PROG: u32 = 1 << 8;

impl MapFacts {
    pub(super) const fn programs_may_read(&self) -> bool {
        self.flags & WRONLY_PROG == 0
    }

    pub(super) const fn programs_may_write(&self) -> bool {
        self.flags & RDONLY_PROG == 0
    }
}
