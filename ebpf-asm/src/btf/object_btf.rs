//! The BTF of an object, and the records of its programs that point into it.

use super::describe::Describer;
use super::{DescribeError, TypeId};
use crate::object::{IntEncoding, MapDef, ProgramDef, ProgramKind, TypeDef};
use crate::{KernelVersion, Object};
use alloc::vec::Vec;

/// All types of an object, and what of its maps and programs is of which type: one BTF, made when
/// something needs it.
///
/// Equal objects give equal bytes.
///
/// ```
/// use ebpf_asm::btf::{Btf, Kind, ObjectBtf};
/// use ebpf_asm::object::{BtfType, MapDef};
/// use ebpf_asm::{KernelVersion, MapType, Object};
///
/// static MAPS: [MapDef; 1] =
///     [MapDef::new("COUNTS", MapType::Hash, 4, 8, 16).with_types(u32::TYPE, u64::TYPE)];
/// static OBJECT: Object =
///     Object::new("opens", "GPL", KernelVersion::new(5, 10), &MAPS, &[], &[]);
///
/// let types = ObjectBtf::new(&OBJECT, None)?;
/// let btf = Btf::parse(&types.bytes)?;
/// let value = types.maps[0].ok_or("no types")?.value;
/// assert_eq!(value, btf.find("u64", Kind::Int)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObjectBtf {
    /// The encoded types, in the order of this machine.
    pub bytes: Vec<u8>,
    /// For each map the types of its keys and values, where the kernel takes them.
    pub maps: Vec<Option<MapTypes>>,
    /// For each program what its functions and instructions are.
    pub programs: Vec<ProgramRecords>,
}

/// The types of a map.
///
/// ```
/// use ebpf_asm::btf::{Btf, ObjectBtf};
/// use ebpf_asm::object::{BtfType, MapDef};
/// use ebpf_asm::MapType;
///
/// let map = MapDef::new("COUNTS", MapType::Hash, 4, 8, 16).with_types(u32::TYPE, u64::TYPE);
/// let described = ObjectBtf::of_map(&map, None)?;
/// let types = described.maps[0].unwrap();
/// let btf = Btf::parse(described.bytes)?;
/// assert_eq!((btf.size_of(types.key)?, btf.size_of(types.value)?), (4, 8));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MapTypes {
    /// The type of a key.
    pub key: TypeId,
    /// The type of a value.
    pub value: TypeId,
}

/// The records of a program, in order of slots.
///
/// ```
/// use ebpf_asm::btf::ObjectBtf;
/// use ebpf_asm::isa::Insn;
/// use ebpf_asm::object::{FunctionRecord, LineTable, Linkage, Object, ProgramDef, ProgramKind};
/// use ebpf_asm::KernelVersion;
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
/// let records = &ObjectBtf::new(&OBJECT, None)?.programs[0];
/// assert_eq!(records.functions.len(), 1);         // at slot 0
/// # Ok::<(), ebpf_asm::btf::DescribeError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ProgramRecords {
    /// For each function its first slot and the number of its type.
    #[doc(alias = "bpf_func_info")]
    pub functions: Vec<[u32; 2]>,
    /// For each instruction that came from a source, and for the first of each function: its slot,
    /// where in the strings the name of the file is, where the line is, and `line << 10 | column`.
    #[doc(alias = "bpf_line_info")]
    pub lines: Vec<[u32; 4]>,
}

/// What the kernel has bits for.
const LARGEST_COLUMN: u32 = (1 << 10) - 1;
const LARGEST_LINE: u32 = (1 << 22) - 1;

impl ObjectBtf {
    /// The BTF of a map that is in no object.
    ///
    /// ```
    /// use ebpf_asm::btf::ObjectBtf;
    /// use ebpf_asm::object::{BtfType, MapDef};
    /// use ebpf_asm::{KernelVersion, MapType};
    ///
    /// let map = MapDef::new("COUNTS", MapType::Hash, 4, 8, 16).with_types(u32::TYPE, u64::TYPE);
    /// let described = ObjectBtf::of_map(&map, Some(KernelVersion::new(5, 10)))?;
    /// assert!(described.maps[0].is_some());
    /// # Ok::<(), ebpf_asm::btf::DescribeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_map(map: &MapDef, kernel: Option<KernelVersion>) -> Result<Self, DescribeError> {
        let mut describer = Describer::new(kernel);
        let maps = alloc::vec![map_types(&mut describer, map)?];
        let bytes = describer.builder.finish_for_kernel()?;
        Ok(Self {
            bytes,
            maps,
            programs: Vec::new(),
        })
    }

    /// The BTF of an object: for a kernel of this version, or with everything.
    ///
    /// What older kernels do not know and nothing depends on is told in other words: a 64-bit enum
    /// as an integer, a float as bytes.
    ///
    /// # Errors
    /// [`DescribeError::Unsupported`] if something depends on it; names and sizes that the kernel
    /// does not take.
    pub fn new(object: &Object, kernel: Option<KernelVersion>) -> Result<Self, DescribeError> {
        let mut describer = Describer::new(kernel);
        let mut maps = Vec::with_capacity(object.maps.len());
        for map in object.maps {
            maps.push(map_types(&mut describer, map)?);
        }
        let lines: Vec<(u32, &str)> = object.source.iter().collect();
        let mut programs = Vec::with_capacity(object.programs.len());
        for program in object.programs {
            programs.push(records(&mut describer, program, &lines)?);
        }
        let bytes = describer.builder.finish_for_kernel()?;
        Ok(Self {
            bytes,
            maps,
            programs,
        })
    }
}

fn map_types(describer: &mut Describer, map: &MapDef) -> Result<Option<MapTypes>, DescribeError> {
    // What is stored somewhere has the number of that for a key.
    const STORAGE_KEY: TypeDef = TypeDef::Int {
        name: "i32",
        size: 4,
        encoding: IntEncoding::Signed,
    };
    let (key, value) = match (map.key, map.value) {
        (_, Some(value)) if map.map_type.is_storage() => (&STORAGE_KEY, value),
        (Some(key), Some(value)) => (key, value),
        _ => return Ok(None),
    };
    if !map.takes_key(key) {
        return Ok(None);
    }
    let acts_on_it = map.needs_types();
    Ok(Some(MapTypes {
        key: describer.describe(key, acts_on_it)?,
        value: describer.describe(value, acts_on_it)?,
    }))
}

fn records(
    describer: &mut Describer,
    program: &ProgramDef,
    lines: &[(u32, &str)],
) -> Result<ProgramRecords, DescribeError> {
    let mut records = ProgramRecords::default();
    for (index, function) in program.functions.iter().enumerate() {
        // What takes the place of a global function has to be one.
        let replaces = index == 0 && matches!(program.kind, ProgramKind::Extension { .. });
        let linkage = match replaces {
            true => crate::object::Linkage::Global,
            false => function.linkage,
        };
        let id = describer.function(function.name, function.signature, linkage)?;
        records.functions.push([function.insn, id.get()]);
    }
    if program.functions.is_empty() {
        // Made by hand, of one function.
        let id = describer.function(program.name, None, crate::object::Linkage::Global)?;
        records.functions.push([0, id.get()]);
    }
    let file = describer.builder.text(program.lines.file)?;
    let mut starts = records.functions.iter().map(|&[insn, _]| insn).peekable();
    let mut second = false;
    for (slot, insn) in (0_u32..).zip(program.insns) {
        if core::mem::take(&mut second) {
            continue;
        }
        second = insn.is_wide();
        let is_start = starts.next_if_eq(&slot).is_some();
        let (line, column) = match program.lines.get(slot as usize) {
            Some(place) => place,
            // The first of each function has to have one.
            None if is_start => (0, 0),
            None => continue,
        };
        let text = match lines.binary_search_by_key(&line, |&(number, _)| number) {
            Ok(index) => lines[index].1,
            Err(_) => "",
        };
        let column = u32::from(column).min(LARGEST_COLUMN);
        let text = describer.builder.text(text)?;
        let position = line.min(LARGEST_LINE) << 10 | column;
        records.lines.push([slot, file, text, position]);
    }
    Ok(records)
}
