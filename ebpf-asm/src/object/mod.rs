//! What the macros produce and the runtime loads: plain constant data.
//!
//! An [`Object`] is maps, load-time constants and programs; a [`Code`] is one sequence of
//! instructions. Neither knows how it was written or how it will be loaded.
//!
//! The structs are `#[non_exhaustive]` with `const` constructors, so that fields can be added
//! without breaking code that was generated before.
//!
//! ```
//! use ebpf_asm::isa::Insn;
//! use ebpf_asm::object::{FunctionRecord, LineTable, Linkage, Object, ProgramDef, ProgramKind};
//! use ebpf_asm::KernelVersion;
//!
//! // What the macros write, by hand: constant data, and nothing that runs.
//! static INSNS: [Insn; 2] = Insn::array_from_le_bytes(b"\xb7\0\0\0\0\0\0\0\x95\0\0\0\0\0\0\0");
//! static PROGRAMS: [ProgramDef; 1] = [ProgramDef::new(
//!     "drop",
//!     ProgramKind::SocketFilter,
//!     &INSNS,
//!     &[],
//!     &[FunctionRecord::new("drop", 0, Linkage::Static)],
//!     LineTable::EMPTY,
//! )];
//! static OBJECT: Object =
//!     Object::new("filters", "MIT", KernelVersion::new(5, 10), &[], &[], &PROGRAMS);
//! assert_eq!(OBJECT.program("drop").map(|program| program.insns.len()), Some(2));
//! ```

mod code;
#[cfg(feature = "listing")]
mod graph;
mod kernel;
mod kind;
#[cfg(feature = "listing")]
mod listing;
#[cfg(feature = "listing")]
pub use listing::Plain;
mod needs;
mod patch;
mod struct_ops;
mod types;
mod user;

pub use code::Code;
pub use kernel::{
    KernelConstantDef, KernelConstantKind, KernelSymbolDef, KernelSymbolKind, KernelType,
};
pub use kind::ProgramKind;
pub use patch::{FieldRange, ValueDoesNotFit};
pub use struct_ops::{StructOpsDef, StructOpsMember, StructOpsValue};
pub use types::{
    BtfType, CompositeDef, ContainsDef, EnumValueDef, IntEncoding, MemberDef, ParameterDef,
    SPECIAL_FIELDS, SignatureDef, TypeDef,
};
pub use user::{UserHelper, UserObject};

use crate::isa::{Insn, Size};
use crate::{KernelVersion, MapType};

/// Everything that one `ebpf! { mod … }` block defines.
///
/// `'static` data without pointers to anything that runs: it can be inspected, printed and
/// loaded, any number of times.
///
/// ```
/// use ebpf_asm::object::{MapDef, Object, SourceLines};
/// use ebpf_asm::{KernelVersion, MapType};
///
/// static MAPS: [MapDef; 1] = [MapDef::new("COUNTS", MapType::Hash, 4, 8, 1024)];
/// static OBJECT: Object =
///     Object::new("opens", "GPL", KernelVersion::new(5, 10), &MAPS, &[], &[])
///         .with_source(SourceLines::new(7, "static COUNTS: …;"))
///         .with_kernel(&[], &[]);
/// assert_eq!(OBJECT.map("COUNTS").map(|map| map.max_entries), Some(1024));
/// assert!(OBJECT.program("count").is_none());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Object {
    /// The module's name.
    pub name: &'static str,
    /// The licence that the kernel is told: decides about GPL-only helpers.
    pub license: &'static str,
    /// The oldest kernel it is meant for.
    pub min_kernel: KernelVersion,
    /// The maps, in the order of their definition. Relocations count in this order.
    pub maps: &'static [MapDef],
    /// The constants that get their value at load time, in the order of their definition.
    pub constants: &'static [ConstantDef],
    /// The programs, in the order of their definition.
    pub programs: &'static [ProgramDef],
    /// The lines that instructions stand on, for the kernel's listings.
    pub source: SourceLines,
    /// The kernel's functions and variables that programs name. Relocations count in this order.
    pub kernel_symbols: &'static [KernelSymbolDef],
    /// The facts about the kernel's types that programs use. Relocations count in this order.
    pub kernel_constants: &'static [KernelConstantDef],
}

impl Object {
    /// An object of the given parts.
    #[must_use]
    pub const fn new(
        name: &'static str,
        license: &'static str,
        min_kernel: KernelVersion,
        maps: &'static [MapDef],
        constants: &'static [ConstantDef],
        programs: &'static [ProgramDef],
    ) -> Self {
        Self {
            name,
            license,
            min_kernel,
            maps,
            constants,
            programs,
            source: SourceLines::EMPTY,
            kernel_symbols: &[],
            kernel_constants: &[],
        }
    }

    /// The same object with what it asks of the kernel that it is loaded into.
    #[must_use]
    pub const fn with_kernel(
        self,
        kernel_symbols: &'static [KernelSymbolDef],
        kernel_constants: &'static [KernelConstantDef],
    ) -> Self {
        Self {
            kernel_symbols,
            kernel_constants,
            ..self
        }
    }

    /// The same object with the lines that its instructions stand on.
    #[must_use]
    pub const fn with_source(self, source: SourceLines) -> Self {
        Self { source, ..self }
    }

    /// The program with this name.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<&'static ProgramDef> {
        self.programs.iter().find(|program| program.name == name)
    }

    /// The map with this name.
    #[must_use]
    pub fn map(&self, name: &str) -> Option<&'static MapDef> {
        self.maps.iter().find(|map| map.name == name)
    }
}

/// A map as it is to be created.
///
/// ```
/// use ebpf_asm::MapType;
/// use ebpf_asm::object::{BtfType, MapDef};
///
/// let counts = MapDef::new("COUNTS", MapType::Hash, 4, 8, 1024)
///     .with_flags(1)                              // BPF_F_NO_PREALLOC
///     .with_types(u32::TYPE, u64::TYPE);
/// assert!(!counts.needs_types());                 // no lock, no timer
/// assert!(counts.takes_key(u32::TYPE));
///
/// let limits = MapDef::new("LIMITS", MapType::Array, 4, 8, 1).with_initial(&[10, 0, 0, 0, 0, 0, 0, 0]).frozen();
/// assert!(limits.frozen && limits.global().is_global);
/// assert_eq!(limits.with_name("OTHER").name, "OTHER");
///
/// let filter = MapDef::new("SEEN", MapType::BloomFilter, 0, 4, 100).with_extra(3);
/// assert_eq!(filter.extra, 3);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct MapDef {
    /// The name as the user wrote it. The kernel gets its first 15 bytes.
    pub name: &'static str,
    /// The kind of map.
    pub map_type: MapType,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value; of a per-CPU map, of one CPU's value.
    pub value_size: u32,
    /// How many entries it can hold.
    pub max_entries: u32,
    /// `BPF_F_*` flags of map creation.
    #[doc(alias = "map_flags")]
    pub flags: u32,
    /// What the map holds before the first program is loaded: the values of keys 0, 1, … one
    /// after the other. Only array maps have this.
    pub initial: Option<&'static [u8]>,
    /// Whether it is frozen after it was filled: nothing can change it any more.
    #[doc(alias = "BPF_MAP_FREEZE")]
    pub frozen: bool,
    /// Whether it is the data of a global: instructions then name its value, not the map.
    pub is_global: bool,
    /// What the maps are like that it holds: of maps whose values are maps.
    #[doc(alias = "inner_map_fd")]
    pub inner: Option<InnerMapDef>,
    /// What only some kinds have: of Bloom filters the number of hash functions.
    #[doc(alias = "map_extra")]
    pub extra: u64,
    /// What is in it: of tables of functions.
    pub struct_ops: Option<StructOpsDef>,
    /// The type of a key, if it is known.
    #[doc(alias = "btf_key_type_id")]
    pub key: Option<&'static TypeDef>,
    /// The type of a value, if it is known.
    #[doc(alias = "btf_value_type_id")]
    pub value: Option<&'static TypeDef>,
}

/// What the maps are like that a map of maps holds: a [`MapDef`] without name and contents.
///
/// ```
/// use ebpf_asm::MapType;
/// use ebpf_asm::object::MapDef;
///
/// let table = MapDef::new("", MapType::Hash, 4, 8, 64);
/// let tables = MapDef::new("TABLES", MapType::ArrayOfMaps, 4, 4, 8).with_inner(&table);
/// let inner = tables.inner.unwrap();
/// assert_eq!((inner.map_type, inner.max_entries), (MapType::Hash, 64));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InnerMapDef {
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
}

impl MapDef {
    /// A map without flags and contents.
    #[must_use]
    pub const fn new(
        name: &'static str,
        map_type: MapType,
        key_size: u32,
        value_size: u32,
        max_entries: u32,
    ) -> Self {
        Self {
            name,
            map_type,
            key_size,
            value_size,
            max_entries,
            flags: 0,
            initial: None,
            frozen: false,
            is_global: false,
            inner: None,
            extra: 0,
            struct_ops: None,
            key: None,
            value: None,
        }
    }

    /// The same map with the types of its keys and values, which the kernel is told where it has
    /// to know them.
    #[must_use]
    pub const fn with_types(self, key: &'static TypeDef, value: &'static TypeDef) -> Self {
        Self {
            key: Some(key),
            value: Some(value),
            ..self
        }
    }

    /// The same map for maps like this one.
    ///
    /// ```
    /// use ebpf_asm::MapType;
    /// use ebpf_asm::object::MapDef;
    ///
    /// let table = MapDef::new("", MapType::Hash, 4, 8, 64);
    /// let tables = MapDef::new("TABLES", MapType::ArrayOfMaps, 4, 4, 8).with_inner(&table);
    /// assert_eq!(tables.inner.map(|inner| inner.max_entries), Some(64));
    /// ```
    #[must_use]
    pub const fn with_inner(self, inner: &Self) -> Self {
        Self {
            inner: Some(InnerMapDef {
                map_type: inner.map_type,
                key_size: inner.key_size,
                value_size: inner.value_size,
                max_entries: inner.max_entries,
                flags: inner.flags,
            }),
            ..self
        }
    }

    /// The same map with what only its kind has.
    #[must_use]
    pub const fn with_extra(self, extra: u64) -> Self {
        Self { extra, ..self }
    }

    /// The same map as a table of functions.
    ///
    /// ```
    /// use ebpf_asm::MapType;
    /// use ebpf_asm::object::{MapDef, StructOpsDef};
    ///
    /// let steady = MapDef::new("STEADY", MapType::StructOps, 4, 0, 1)
    ///     .with_struct_ops(StructOpsDef::new("tcp_congestion_ops", &[]));
    /// assert!(steady.struct_ops.is_some());
    /// ```
    #[must_use]
    pub const fn with_struct_ops(self, struct_ops: StructOpsDef) -> Self {
        Self {
            struct_ops: Some(struct_ops),
            ..self
        }
    }

    /// The same map as the data of a global.
    #[must_use]
    pub const fn global(self) -> Self {
        Self {
            is_global: true,
            ..self
        }
    }

    /// The same map under another name.
    #[must_use]
    pub const fn with_name(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The same map with these creation flags.
    #[must_use]
    pub const fn with_flags(self, flags: u32) -> Self {
        Self { flags, ..self }
    }

    /// The same map with these contents.
    #[must_use]
    pub const fn with_initial(self, initial: &'static [u8]) -> Self {
        Self {
            initial: Some(initial),
            ..self
        }
    }

    /// The same map, frozen after it was filled.
    #[must_use]
    pub const fn frozen(self) -> Self {
        Self {
            frozen: true,
            ..self
        }
    }
}

/// A constant that gets its value at load time: `const PORT: u16;`.
///
/// ```
/// use ebpf_asm::object::{ConstantDef, ConstantType};
///
/// static PORT: ConstantDef = ConstantDef::new("PORT", ConstantType::U16);
/// assert_eq!((PORT.name, PORT.ty.name()), ("PORT", "u16"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConstantDef {
    /// The name as the user wrote it.
    pub name: &'static str,
    /// Its type.
    pub ty: ConstantType,
}

impl ConstantDef {
    /// A constant of this name and type.
    #[must_use]
    pub const fn new(name: &'static str, ty: ConstantType) -> Self {
        Self { name, ty }
    }
}

/// The types that load-time constants can have.
///
/// ```
/// use ebpf_asm::object::ConstantType;
///
/// let names: Vec<&str> = ConstantType::ALL.iter().map(|ty| ty.name()).collect();
/// assert_eq!(names.len(), 8);
/// assert_eq!(ConstantType::I32.name(), "i32");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the Rust type of the same name")]
pub enum ConstantType {
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
}

impl ConstantType {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
    ];

    /// The Rust name: `u16`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
        }
    }
}

/// A program of an object, with the functions it reaches.
///
/// ```
/// use ebpf_asm::isa::Insn;
/// use ebpf_asm::object::{FunctionRecord, LabelTable, LineTable, Linkage, ProgramDef, ProgramKind};
///
/// static EXIT: [Insn; 1] = Insn::array_from_le_bytes(b"\x95\0\0\0\0\0\0\0");
/// static FUNCTIONS: [FunctionRecord; 1] = [FunctionRecord::new("count", 0, Linkage::Static)];
/// let kind = ProgramKind::from_name("socket_filter").unwrap();
/// let program = ProgramDef::new("count", kind, &EXIT, &[], &FUNCTIONS, LineTable::EMPTY)
///     .with_labels(LabelTable::new("0 done\n"))
///     .with_record(&[]);
/// assert!(!program.needs_types() && !program.has_callbacks());
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ProgramDef {
    /// The name as the user wrote it.
    pub name: &'static str,
    /// What it can be attached to, from its attribute.
    pub kind: ProgramKind,
    /// The slots: the program itself, then every function that it reaches.
    pub insns: &'static [Insn],
    /// What has to be filled in at load time, in order of slots.
    pub relocations: &'static [Relocation],
    /// Where the functions begin, the program itself first.
    pub functions: &'static [FunctionRecord],
    /// Where the slots come from.
    pub lines: LineTable,
    /// The names of slots that jumps go to.
    pub labels: LabelTable,
    /// The fields of the context as the program was compiled with them: of programs at trace
    /// points, whose records the running kernel can describe. Empty if it is not known.
    pub record: &'static [RecordField],
}

/// A field of a trace point's record: where a program takes it to be.
///
/// ```
/// use ebpf_asm::object::RecordField;
///
/// static PID: RecordField = RecordField::new("pid", 24, 4);
/// assert_eq!(PID.offset + PID.size, 28);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordField {
    /// Its name: `filename`.
    pub name: &'static str,
    /// Where it begins in the record, in bytes.
    pub offset: u32,
    /// Its bytes.
    pub size: u32,
}

impl RecordField {
    /// A field of this name at this place.
    #[must_use]
    pub const fn new(name: &'static str, offset: u32, size: u32) -> Self {
        Self { name, offset, size }
    }
}

impl ProgramDef {
    /// A program of the given parts.
    #[must_use]
    pub const fn new(
        name: &'static str,
        kind: ProgramKind,
        insns: &'static [Insn],
        relocations: &'static [Relocation],
        functions: &'static [FunctionRecord],
        lines: LineTable,
    ) -> Self {
        Self {
            name,
            kind,
            insns,
            relocations,
            functions,
            lines,
            labels: LabelTable::EMPTY,
            record: &[],
        }
    }

    /// The same program with what it takes its context's fields to be.
    #[must_use]
    pub const fn with_record(self, record: &'static [RecordField]) -> Self {
        Self { record, ..self }
    }

    /// The same program with names for its slots, which the listing shows.
    #[must_use]
    pub const fn with_labels(self, labels: LabelTable) -> Self {
        Self { labels, ..self }
    }
}

/// A place in a program that is filled in when it is loaded.
///
/// ```
/// use ebpf_asm::object::{Relocation, RelocationKind};
///
/// // The first instruction of the program loads map 0.
/// static RELOCATIONS: [Relocation; 1] = [Relocation::new(0, RelocationKind::MapFd { map: 0 })];
/// assert_eq!(RELOCATIONS[0].insn, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Relocation {
    /// The slot, counted from the start of the program.
    pub insn: u32,
    /// What goes there.
    pub kind: RelocationKind,
}

impl Relocation {
    /// A relocation of this slot.
    #[must_use]
    pub const fn new(insn: u32, kind: RelocationKind) -> Self {
        Self { insn, kind }
    }
}

/// What a relocation fills in.
///
/// ```
/// use ebpf_asm::object::{Relocation, RelocationKind};
///
/// /// The maps that a program uses, by their positions in the object.
/// fn maps(relocations: &[Relocation]) -> Vec<u16> {
///     let of = |relocation: &Relocation| match relocation.kind {
///         RelocationKind::MapFd { map } | RelocationKind::MapValue { map } => Some(map),
///         _ => None,
///     };
///     relocations.iter().filter_map(of).collect()
/// }
///
/// assert_eq!(maps(&[Relocation::new(4, RelocationKind::MapFd { map: 1 })]), [1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelocationKind {
    /// The file descriptor of a map, into a `lddw` of source 1.
    MapFd {
        /// Its position in [`Object::maps`].
        map: u16,
    },
    /// The file descriptor of a map whose value's address is loaded, into a `lddw` of source
    /// 2. The offset into the value is in the second slot already.
    MapValue {
        /// Its position in [`Object::maps`].
        map: u16,
    },
    /// The value of a load-time constant.
    Constant {
        /// Its position in [`Object::constants`].
        constant: u16,
        /// The part of the instruction that it becomes.
        field: ConstantField,
    },
    /// A function of the kernel, into a `call` of source 2.
    #[doc(alias = "BPF_PSEUDO_KFUNC_CALL")]
    KernelFunction {
        /// Its position in [`Object::kernel_symbols`].
        symbol: u16,
    },
    /// The address of a function or variable of the kernel, into a `lddw`: by BTF id (source 3)
    /// or as a number.
    #[doc(alias = "BPF_PSEUDO_BTF_ID")]
    KernelAddress {
        /// Its position in [`Object::kernel_symbols`].
        symbol: u16,
    },
    /// A fact about the kernel's types.
    #[doc(alias = "CO-RE")]
    KernelConstant {
        /// Its position in [`Object::kernel_constants`].
        constant: u16,
        /// The part of the instruction that it becomes.
        field: ConstantField,
    },
}

/// The part of an instruction that a constant is put into.
///
/// ```
/// use ebpf_asm::isa::{Instruction, Register::*};
/// use ebpf_asm::object::ConstantField;
///
/// // A port, said when the program is loaded:
/// let mut insns = Instruction::mov_imm(R0, 0).encode().to_vec();
/// ConstantField::SignedImm.put(&mut insns, 0, 443)?;
/// assert_eq!(insns[0].imm(), 443);
///
/// // What does not fit is refused, and nothing is changed.
/// let error = ConstantField::Offset.put(&mut insns, 0, 40_000).unwrap_err();
/// println!("{error}: {}", ConstantField::Offset.description());
/// assert!(!ConstantField::Offset.range().contains(40_000));
/// # Ok::<(), ebpf_asm::object::ValueDoesNotFit>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConstantField {
    /// A 32-bit immediate that the instruction extends by its sign to 64 bits: values that 32
    /// bits with sign cannot hold do not fit.
    SignedImm,
    /// A 32-bit immediate of which only the bits count: any value of 32 bits fits.
    Imm32,
    /// The two halves of a 64-bit immediate.
    Imm64,
    /// The constant shift count of an instruction of this many bits: below it.
    Shift {
        /// 32 or 64.
        bits: u8,
    },
    /// A constant divisor: like the immediate of its width, and not zero.
    Divisor {
        /// 32 or 64.
        bits: u8,
    },
    /// The 16-bit offset of a memory access.
    Offset,
    /// A constant that is stored with this size.
    Stored(Size),
}

/// Where a function begins in a program.
///
/// ```
/// use ebpf_asm::object::{BtfType, FunctionRecord, Linkage, SignatureDef};
///
/// static SIGNATURE: SignatureDef = SignatureDef::new(&[], u32::TYPE);
/// static RULE: FunctionRecord =
///     FunctionRecord::new("rule", 12, Linkage::Global).with_signature(&SIGNATURE);
/// assert_eq!((RULE.insn, RULE.linkage), (12, Linkage::Global));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FunctionRecord {
    /// The function's name.
    pub name: &'static str,
    /// Its first slot.
    pub insn: u32,
    /// How the kernel checks it.
    pub linkage: Linkage,
    /// Its parameters and result, if they are known.
    pub signature: Option<&'static SignatureDef>,
}

impl FunctionRecord {
    /// A function that begins at this slot.
    #[must_use]
    pub const fn new(name: &'static str, insn: u32, linkage: Linkage) -> Self {
        Self {
            name,
            insn,
            linkage,
            signature: None,
        }
    }

    /// The same function with its parameters and result.
    #[must_use]
    pub const fn with_signature(self, signature: &'static SignatureDef) -> Self {
        Self {
            signature: Some(signature),
            ..self
        }
    }
}

/// Whether the kernel checks a function with its callers or on its own.
///
/// ```
/// use ebpf_asm::object::{FunctionRecord, Linkage};
///
/// // The kernel has to be told the types of what it checks on its own.
/// let functions = [
///     FunctionRecord::new("count", 0, Linkage::Static),
///     FunctionRecord::new("rule", 9, Linkage::Global),
/// ];
/// assert!(functions.iter().any(|function| function.linkage == Linkage::Global));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linkage {
    /// With what each caller passes: `fn`.
    #[doc(alias = "BTF_FUNC_STATIC")]
    Static,
    /// Once, for all arguments that its types allow: `pub fn`.
    #[doc(alias = "BTF_FUNC_GLOBAL")]
    Global,
}

/// Where each slot of a program comes from: the file, and six bytes a slot.
///
/// ```
/// use ebpf_asm::object::LineTable;
///
/// // Slot 0 is line 300, column 9.
/// let table = LineTable::new("src/main.rs", &[0x2c, 1, 0, 0, 9, 0]);
/// assert_eq!((table.file, table.get(0)), ("src/main.rs", Some((300, 9))));
/// assert_eq!(LineTable::EMPTY.get(0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineTable {
    /// The source file, as the compiler was given it.
    pub file: &'static str,
    /// For each slot the line (four bytes, little-endian) and the column (two bytes), both
    /// counted from 1; zeros where there is no source.
    pub bytes: &'static [u8],
}

impl LineTable {
    /// No information.
    pub const EMPTY: Self = Self::new("", &[]);

    /// The bytes that a slot takes in the table.
    pub const BYTES_PER_SLOT: usize = 6;

    /// A table over this file.
    #[must_use]
    pub const fn new(file: &'static str, bytes: &'static [u8]) -> Self {
        Self { file, bytes }
    }

    /// Line and column of a slot, counted from 1.
    ///
    /// ```
    /// use ebpf_asm::object::LineTable;
    ///
    /// let table = LineTable::new("src/main.rs", &[12, 0, 0, 0, 9, 0]);
    /// assert_eq!(table.get(0), Some((12, 9)));
    /// assert_eq!(table.get(1), None);
    /// ```
    #[must_use]
    pub fn get(&self, slot: usize) -> Option<(u32, u16)> {
        let start = slot.checked_mul(Self::BYTES_PER_SLOT)?;
        let record = self.bytes.get(start..start + Self::BYTES_PER_SLOT)?;
        let line = u32::from_le_bytes(record[..4].try_into().ok()?);
        let column = u16::from_le_bytes(record[4..].try_into().ok()?);
        (line != 0).then_some((line, column))
    }
}

/// The labels of a program: one text, since that is what compiles fastest.
///
/// ```
/// use ebpf_asm::object::LabelTable;
///
/// let table = LabelTable::new("4 again\n9 done\n");
/// assert_eq!(table.iter().collect::<Vec<_>>(), [(4, "again"), (9, "done")]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelTable {
    text: &'static str,
}

impl LabelTable {
    /// No labels.
    pub const EMPTY: Self = Self::new("");

    /// A table in a text with a line for each label: its slot, a space, its name; in order of
    /// slots.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self { text }
    }

    /// The labels. Lines of another form are left out.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &'static str)> + use<> {
        self.text.lines().filter_map(|line| {
            let (slot, name) = line.split_once(' ')?;
            Some((slot.parse().ok()?, name))
        })
    }
}

/// The source lines of an object: one text, since that is what compiles fastest. Lines without
/// instructions are empty.
///
/// ```
/// use ebpf_asm::object::SourceLines;
///
/// let source = SourceLines::new(11, "r0 = 0;\n\nexit;");
/// assert_eq!(source.iter().collect::<Vec<_>>(), [(11, "r0 = 0;"), (13, "exit;")]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceLines {
    first: u32,
    text: &'static str,
}

impl SourceLines {
    /// No lines.
    pub const EMPTY: Self = Self::new(1, "");

    /// Lines, of which the first has this number.
    #[must_use]
    pub const fn new(first: u32, text: &'static str) -> Self {
        Self { first, text }
    }

    /// The lines that are not empty, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &'static str)> + use<> {
        let lines = (self.first..).zip(self.text.lines());
        lines.filter(|(_, line)| !line.is_empty())
    }
}
