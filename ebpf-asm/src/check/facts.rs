//! What the checker is told: a program as the linker left it, and facts about what it uses.

use crate::isa::Insn;
use crate::link::{Linked, RelocationTarget};
use crate::object::{
    ConstantField, Linkage, MapDef, Object, ParameterDef, ProgramDef, RelocationKind, TypeDef,
};
use crate::{AttachType, KernelVersion, MapType, ProgramType};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// A program to check.
///
/// What is not known stays `None`: the checker then says nothing about what depends on it.
///
/// ```
/// use ebpf_asm::check::{Program, check};
/// use ebpf_asm::{KernelVersion, ProgramType};
///
/// let code = ebpf_asm::assemble("r0 = 0; exit")?;
/// let mut program = Program::new(code.insns());
/// program.program_type = Some(ProgramType::Xdp);
/// program.gpl_compatible = Some(true);
/// program.min_kernel = KernelVersion::new(5, 10);
/// assert!(check(&program).is_empty());
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Program<'a> {
    /// The slots.
    pub insns: &'a [Insn],
    /// Where the functions begin, the program itself first; empty for a bare sequence.
    pub functions: Vec<FunctionFacts>,
    /// What stands for something that is put in later, in order of slots.
    pub references: Vec<Reference>,
    /// The slots of offsets that only rustc knows and of which `insns` has a guess, in order: what
    /// is found behind them [assumes](super::Assumption::OffsetIsGuessed) that it is right.
    pub guessed_offsets: Vec<u32>,
    /// The maps that references count in; `None` for one of which nothing is known.
    pub maps: Vec<Option<MapFacts>>,
    /// Names of maps of which nothing else is known, for messages; may be empty.
    pub map_names: Vec<Cow<'a, str>>,
    /// Names of the kernel's symbols that references count in; may be empty.
    pub kernel_symbols: Vec<Cow<'a, str>>,
    /// The names of slots, in order of slots, for messages; may be empty.
    pub labels: Cow<'a, [(u32, String)]>,
    /// The program type.
    pub program_type: Option<ProgramType>,
    /// Where it attaches, for types where that changes what the context has.
    pub attach_type: Option<AttachType>,
    /// Whether the licence is compatible with the GPL, in the kernel's eyes.
    pub gpl_compatible: Option<bool>,
    /// Whether it is a part of a program, whose registers hold anything at its start.
    pub fragment: bool,
    /// The slots of jumps that are written as distances, which a line between would change.
    pub distances: Cow<'a, [u32]>,
    /// Whether functions are pasted into it, so that a line may stand for several places.
    pub pasted: bool,
    /// Whether to say also what only the oldest kernel lacks (fields of its context): later kernels
    /// accept it.
    pub names_lacks: bool,
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
            guessed_offsets: Vec::new(),
            maps: Vec::new(),
            map_names: Vec::new(),
            kernel_symbols: Vec::new(),
            labels: Cow::Borrowed(&[]),
            program_type: None,
            attach_type: None,
            gpl_compatible: None,
            fragment: false,
            distances: Cow::Borrowed(&[]),
            pasted: false,
            names_lacks: false,
            min_kernel: KernelVersion::DEFAULT_MINIMUM,
        }
    }

    /// A linked program of which nothing more is known: neither its type nor its maps.
    /// `patched` says whether values that only rustc knows are in place already.
    ///
    /// ```
    /// use ebpf_asm::check::Program;
    /// use ebpf_asm::link::link_sequence;
    /// use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
    ///
    /// let mut diagnostics = Vec::new();
    /// let tokens = lex("r0 = 0; exit", &mut diagnostics);
    /// let parsed = parse_sequence(&tokens, ParseOptions::default());
    /// let linked = link_sequence(&parsed.tree, false);
    /// let program = Program::from_linked(&linked, false);
    /// assert!(program.references.is_empty());         // nothing is put in later
    /// ```
    #[must_use]
    pub fn from_linked(linked: &'a Linked, patched: bool) -> Self {
        let mut program = Self::new(&linked.insns);
        program.functions = linked
            .functions
            .iter()
            .map(|function| FunctionFacts {
                insn: function.insn,
                linkage: function.linkage,
                parameters: None,
            })
            .collect();
        program.labels = Cow::Borrowed(&linked.labels);
        program.distances = Cow::Borrowed(&linked.distances);
        program.pasted = linked.reached.len() > linked.functions.len();
        let mut references: Vec<Reference> = Vec::new();
        for relocation in &linked.relocations {
            references.push(Reference {
                insn: relocation.insn,
                kind: match relocation.target {
                    RelocationTarget::Map { map, .. } => ReferenceKind::MapOrValue(map),
                    RelocationTarget::Constant { field, .. }
                    | RelocationTarget::KernelConstant { field, .. } => number(field),
                    RelocationTarget::KernelFunction { symbol } => {
                        ReferenceKind::KernelFunction(symbol)
                    }
                    RelocationTarget::KernelAddress { .. } => ReferenceKind::Unknown,
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
    ///
    /// ```
    /// use ebpf_asm::check::Program;
    /// use ebpf_asm::isa::Insn;
    /// use ebpf_asm::object::{FunctionRecord, LineTable, Linkage, Object, ProgramDef, ProgramKind};
    /// use ebpf_asm::{KernelVersion, ProgramType};
    ///
    /// static EXIT: [Insn; 1] = Insn::array_from_le_bytes(b"\x95\0\0\0\0\0\0\0");
    /// static PROGRAMS: [ProgramDef; 1] = [ProgramDef::new(
    ///     "count",
    ///     ProgramKind::SocketFilter,
    ///     &EXIT,
    ///     &[],
    ///     &[FunctionRecord::new("count", 0, Linkage::Static)],
    ///     LineTable::EMPTY,
    /// )];
    /// static OBJECT: Object = Object::new("o", "GPL", KernelVersion::new(5, 10), &[], &[], &PROGRAMS);
    /// let program = Program::from_object(&OBJECT, &PROGRAMS[0]);
    /// assert_eq!(program.program_type, Some(ProgramType::SocketFilter));
    /// ```
    #[must_use]
    pub fn from_object(object: &Object, program: &'a ProgramDef) -> Self {
        let mut facts = Self::new(program.insns);
        facts.functions = program
            .functions
            .iter()
            .map(|function| FunctionFacts {
                insn: function.insn,
                linkage: function.linkage,
                parameters: function
                    .signature
                    .map(|signature| signature.parameters.iter().map(Into::into).collect()),
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
                    RelocationKind::KernelFunction { symbol } => {
                        ReferenceKind::KernelFunction(symbol)
                    }
                    RelocationKind::KernelAddress { .. } => ReferenceKind::Unknown,
                },
            })
            .collect();
        facts.maps = object.maps.iter().map(|map| Some(map.into())).collect();
        let symbols = object.kernel_symbols.iter();
        facts.kernel_symbols = symbols.map(|symbol| symbol.name.into()).collect();
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

    /// The same program, with its guesses unknown.
    pub(super) fn without_guesses(&self) -> Program<'a> {
        let mut plain = self.clone();
        for insn in core::mem::take(&mut plain.guessed_offsets) {
            let found = plain.references.binary_search_by_key(&insn, |r| r.insn);
            let kind = ReferenceKind::Offset;
            match found {
                Ok(at) => plain.references[at].kind = ReferenceKind::Unknown,
                Err(at) => plain.references.insert(at, Reference { insn, kind }),
            }
        }
        plain
    }

    /// Whether the offset in this slot is a guess.
    pub(super) fn is_guessed(&self, slot: usize) -> bool {
        let slots = &self.guessed_offsets;
        !slots.is_empty() && slots.binary_search_by_key(&slot, |&at| at as usize).is_ok()
    }

    pub(super) fn map(&self, map: u16) -> Option<&MapFacts> {
        self.maps.get(usize::from(map))?.as_ref()
    }

    /// What a map is called in messages.
    pub(super) fn map_name(&self, map: u16) -> &str {
        let known = self.map(map).map(|map| &map.name);
        let name = known.or_else(|| self.map_names.get(usize::from(map)));
        name.map_or("the map", |name| name)
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
///
/// ```
/// use ebpf_asm::check::{FunctionFacts, Program};
/// use ebpf_asm::object::Linkage;
///
/// let code = ebpf_asm::assemble("call two; exit; two: r0 = 2; exit")?;
/// let mut program = Program::new(code.insns());
/// program.functions = vec![
///     FunctionFacts { insn: 0, linkage: Linkage::Static, parameters: None },
///     FunctionFacts { insn: 2, linkage: Linkage::Static, parameters: None },
/// ];
/// assert!(ebpf_asm::check::check(&program).is_empty());
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionFacts {
    /// Its first slot.
    pub insn: u32,
    /// How the kernel checks it.
    pub linkage: Linkage,
    /// What it takes, if that is known: of global functions kernels know it by their types.
    pub parameters: Option<Vec<Parameter>>,
}

/// What a function takes in a register.
///
/// ```
/// use ebpf_asm::ProgramType;
/// use ebpf_asm::check::{FunctionFacts, Parameter, Program, check};
/// use ebpf_asm::object::Linkage;
///
/// // Gives a function that takes a number the context.
/// let code = ebpf_asm::assemble("call twice; exit; twice: r0 = r1; r0 += r0; exit")?;
/// let mut program = Program::new(code.insns());
/// program.program_type = Some(ProgramType::SocketFilter);
/// let takes = vec![Parameter::Number];
/// program.functions = vec![
///     FunctionFacts { insn: 0, linkage: Linkage::Static, parameters: None },
///     FunctionFacts { insn: 2, linkage: Linkage::Global, parameters: Some(takes) },
/// ];
/// assert_eq!(check(&program)[0].kernel, "R1 is not a scalar");
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parameter {
    /// A number.
    Number,
    /// The program's context.
    Context,
    /// Memory of so many bytes.
    Memory {
        /// The bytes.
        size: u32,
        /// Whether it may be null.
        nullable: bool,
    },
    /// Something of which nothing is known here.
    Unknown,
}

impl From<&ParameterDef> for Parameter {
    fn from(parameter: &ParameterDef) -> Self {
        match parameter.ty {
            TypeDef::Int { .. } | TypeDef::Enum { .. } if parameter.tags.is_empty() => Self::Number,
            TypeDef::Pointer(_) if parameter.tags == ["arg:ctx"] => Self::Context,
            TypeDef::Pointer(to) => match (to(), parameter.tags) {
                // Without a name of the kernel's: that of a context means one.
                (TypeDef::Int { size, .. }, []) => Self::Memory {
                    size: *size,
                    nullable: true,
                },
                (TypeDef::Int { size, .. }, ["arg:nonnull"]) => Self::Memory {
                    size: *size,
                    nullable: false,
                },
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }
}

/// An instruction part of which is put in later.
///
/// ```
/// use ebpf_asm::check::{Program, Reference, ReferenceKind};
///
/// let code = ebpf_asm::assemble("r0 = 0; exit")?;
/// let mut program = Program::new(code.insns());
/// // The first instruction's number is said when the program is loaded.
/// program.references.push(Reference { insn: 0, kind: ReferenceKind::Immediate });
/// assert!(ebpf_asm::check::check(&program).is_empty());
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The instruction's slot.
    pub insn: u32,
    /// What is put in.
    pub kind: ReferenceKind,
}

/// What is put into an instruction later.
///
/// ```
/// use ebpf_asm::check::ReferenceKind;
///
/// /// The map that is put in, if it is one.
/// fn map(kind: &ReferenceKind) -> Option<u16> {
///     match kind {
///         ReferenceKind::Map(map) | ReferenceKind::MapValue(map, _) => Some(*map),
///         _ => None,
///     }
/// }
///
/// assert_eq!(map(&ReferenceKind::MapValue(2, 8)), Some(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReferenceKind {
    /// A map.
    Map(u16),
    /// The address of a map's only value, plus an offset.
    MapValue(u16, u32),
    /// A map or the address of its value, whichever the definition says.
    MapOrValue(u16),
    /// A function of the kernel, by its position among the kernel's symbols.
    KernelFunction(u16),
    /// A number that is not known here, as the immediate.
    Immediate,
    /// A number that is not known here, as the offset of a memory access.
    Offset,
    /// Something else.
    Unknown,
}

/// What is known of a map.
///
/// ```
/// use ebpf_asm::check::{MapFacts, Program};
/// use ebpf_asm::MapType;
///
/// let code = ebpf_asm::assemble("r0 = 0; exit")?;
/// let mut program = Program::new(code.insns());
/// program.maps.push(Some(MapFacts {
///     map_type: MapType::Hash,
///     key_size: 4,
///     value_size: 8,
///     max_entries: 1024,
///     flags: 0,
///     frozen: false,
///     name: "COUNTS".into(),
/// }));
/// program.maps.push(None);                        // of the other nothing is known
/// assert!(ebpf_asm::check::check(&program).is_empty());
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
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

/// Programs may only read the values (`BPF_F_RDONLY_PROG`).
pub(super) const RDONLY_PROG: u32 = 1 << 7;
/// Programs may only write the values (`BPF_F_WRONLY_PROG`).
pub(super) const WRONLY_PROG: u32 = 1 << 8;

impl MapFacts {
    pub(super) const fn programs_may_read(&self) -> bool {
        self.flags & WRONLY_PROG == 0
    }

    pub(super) const fn programs_may_write(&self) -> bool {
        self.flags & RDONLY_PROG == 0
    }
}
