//! The listing: what [`Code`] and [`Object`] look like as text.
//!
//! The format is stable: it can be compared with a stored copy (a snapshot). Each instruction is
//! a line with its slot, by which the kernel's log calls it, its bytes, from which
//! `ebpf_asm::import::listing` reads it back, and its text. What a line looks like is specified in
//! the book, `book/text/reference/listing.md`.
//!
//! ```text
//!        0: 18 01 00 00 88 77 66 55 00 00 00 00 44 33 22 11  r1 = 0x1122334455667788 ll
//!        2: 15 00 01 00 00 00 00 00  if r0 == 0 goto done
//! done:
//!        3: 95 00 00 00 00 00 00 00  exit
//! ```
//!
//! [`Object::plain`] and [`Code::plain`] show the same lines without numbers and bytes: no line says
//! where it is, so that one instruction that is added or taken out is a difference of one line.
//!
//! ```text
//!     r1 = 0x1122334455667788 ll
//!     if r0 == 0 goto done
//! done:
//!     exit
//! ```
//!
//! That of a [`Code`] is source text: assembled, it gives the same bytes, labels included; what the
//! language cannot or will not say (see
//! [`is_in_dialect`](crate::isa::Instruction::is_in_dialect)) is `.8byte` there.

use super::{Code, ConstantField, Linkage, MapDef, Object, ProgramDef, RelocationKind};
use crate::helpers;
use crate::isa::{Decoded, Form, Insn, Instruction, Names, Printed, decode_all};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::{self, Write};

/// A listing without the numbers of slots and the bytes: what [`Object::plain`] and
/// [`Code::plain`] return, to be printed.
///
/// `{:#}` adds source lines and relocations.
///
/// ```
/// use ebpf_asm::object::{Code, Plain};
///
/// let code = ebpf_asm::assemble("r0 = 4; exit")?;
/// let plain: Plain<'_, Code> = code.plain();
/// // Text that assembles to the same:
/// assert_eq!(ebpf_asm::assemble(&plain.to_string())?.insns(), code.insns());
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a, T>(&'a T);

impl Code {
    /// The listing without the numbers of slots and the bytes: text that assembles to the same.
    ///
    /// ```
    /// let code = ebpf_asm::assemble("r0 = 4; exit")?;
    /// assert_eq!(code.plain().to_string(), "    r0 = 4\n    exit");
    /// assert_eq!(
    ///     code.to_string(),
    ///     "       0: b7 00 00 00 04 00 00 00  r0 = 4\n       1: 95 00 00 00 00 00 00 00  exit",
    /// );
    /// # Ok::<(), ebpf_asm::Diagnostics>(())
    /// ```
    #[must_use]
    pub const fn plain(&self) -> Plain<'_, Self> {
        Plain(self)
    }

    fn write_listing(&self, f: &mut fmt::Formatter<'_>, columns: Columns) -> fmt::Result {
        Listing::of_code(self).write(f, &mut true, columns)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_listing(f, Columns::of(f, true))
    }
}

impl fmt::Display for Plain<'_, Code> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_listing(f, Columns::of(f, false))
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_listing(f, Columns::of(f, true))
    }
}

impl fmt::Display for Plain<'_, Object> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_listing(f, Columns::of(f, false))
    }
}

impl Object {
    /// The listing without the numbers of slots and the bytes.
    ///
    /// Numbers and distances change with every instruction that is added. Here one instruction more
    /// or less is one line: a snapshot whose differences are easy to read, which does not say that
    /// the bytes are the same.
    ///
    /// ```
    /// use ebpf_asm::isa::Insn;
    /// use ebpf_asm::object::{FunctionRecord, LineTable, Linkage, ProgramDef, ProgramKind};
    /// use ebpf_asm::{KernelVersion, Object};
    ///
    /// // exit
    /// const INSNS: &[Insn] = &Insn::array_from_le_bytes::<8, 1>(b"\x95\0\0\0\0\0\0\0");
    /// const KIND: ProgramKind = ProgramKind::SocketFilter;
    /// const FUNCTIONS: &[FunctionRecord] = &[FunctionRecord::new("f", 0, Linkage::Static)];
    /// static PROGRAMS: [ProgramDef; 1] =
    ///     [ProgramDef::new("f", KIND, INSNS, &[], FUNCTIONS, LineTable::EMPTY)];
    /// let object = Object::new("example", "GPL", KernelVersion::new(5, 10), &[], &[], &PROGRAMS);
    /// assert!(object.to_string().ends_with("\n       0: 95 00 00 00 00 00 00 00  exit"));
    /// assert!(object.plain().to_string().ends_with("\n    exit"));
    /// ```
    #[must_use]
    pub const fn plain(&self) -> Plain<'_, Self> {
        Plain(self)
    }

    fn write_listing(&self, f: &mut fmt::Formatter<'_>, columns: Columns) -> fmt::Result {
        writeln!(f, "object {}", self.name)?;
        writeln!(f, "license {:?}", self.license)?;
        write!(f, "kernel {}", self.min_kernel)?;
        for map in self.maps {
            f.write_char('\n')?;
            write_map(f, map)?;
        }
        for constant in self.constants {
            write!(f, "\nconst {}: {}", constant.name, constant.ty.name())?;
        }
        for symbol in self.kernel_symbols {
            write!(f, "\nextern \"kernel\" {}", symbol.declaration)?;
            if symbol.weak {
                f.write_str(", weak")?;
            }
        }
        for program in self.programs {
            write!(f, "\n\nprogram {}: {}", program.name, program.kind)?;
            Listing::of_program(self, program).write(f, &mut false, columns)?;
        }
        Ok(())
    }
}

fn write_map(f: &mut fmt::Formatter<'_>, map: &MapDef) -> fmt::Result {
    write!(
        f,
        "map {}: {}, key {}, value {}, entries {}",
        map.name,
        map.map_type.name(),
        map.key_size,
        map.value_size,
        map.max_entries
    )?;
    if map.flags != 0 {
        write!(f, ", flags {:#x}", map.flags)?;
    }
    if map.extra != 0 {
        write!(f, ", extra {:#x}", map.extra)?;
    }
    if let Some(inner) = map.inner {
        write!(
            f,
            ", of ({}, key {}, value {}, entries {}",
            inner.map_type.name(),
            inner.key_size,
            inner.value_size,
            inner.max_entries
        )?;
        if inner.flags != 0 {
            write!(f, ", flags {:#x}", inner.flags)?;
        }
        f.write_char(')')?;
    }
    if let Some(table) = map.struct_ops {
        write!(f, ", of {} (", table.ops)?;
        for (index, member) in table.members.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{member}")?;
        }
        f.write_char(')')?;
    }
    if let Some(initial) = map.initial {
        write!(f, ", initial {} bytes", initial.len())?;
    }
    if map.frozen {
        f.write_str(", frozen")?;
    }
    Ok(())
}

/// Whether the language takes the name as a label: an identifier that is no register,
/// perhaps with the ending of inline assembly.
fn can_be_label(name: &str) -> bool {
    let plain = match name.strip_suffix("%=") {
        Some(plain) if plain.ends_with('_') => plain,
        _ => name,
    };
    let mut characters = plain.chars();
    let starts = characters
        .next()
        .is_some_and(|c| c == '_' || c.is_alphabetic());
    let digits = &plain.as_bytes()[plain.len().min(1)..];
    let register = plain.starts_with(['r', 'R', 'w', 'W'])
        && matches!(digits.len(), 1..=3)
        && digits.iter().all(u8::is_ascii_digit);
    starts && characters.all(|c| c == '_' || c.is_alphanumeric()) && !register
}

/// What stands beside the instructions.
#[derive(Clone, Copy)]
struct Columns {
    numbers_and_bytes: bool,
    comments: bool,
}

impl Columns {
    fn of(f: &fmt::Formatter<'_>, numbered: bool) -> Self {
        Self {
            numbers_and_bytes: numbered,
            comments: f.alternate(),
        }
    }
}

/// A sequence of slots with all that is known about it.
pub(super) struct Listing<'a> {
    insns: &'a [Insn],
    /// For each slot, whether an instruction begins there.
    starts: Vec<bool>,
    pub(super) labels: BTreeMap<u32, Vec<&'a str>>,
    label_names: BTreeMap<&'a str, ()>,
    /// The functions of a program: name and the words before it in the heading.
    pub(super) functions: BTreeMap<u32, (&'a str, Option<&'static str>)>,
    program: Option<(&'a Object, &'a ProgramDef)>,
}

/// An instruction of a listing.
pub(super) struct Line {
    pub(super) slot: usize,
    pub(super) decoded: Decoded,
    pub(super) text: Text,
}

/// What stands in the third column.
pub(super) struct Text {
    pub(super) instruction: String,
    comments: Vec<String>,
}

impl<'a> Listing<'a> {
    fn new(insns: &'a [Insn], program: Option<(&'a Object, &'a ProgramDef)>) -> Self {
        let mut starts = vec![false; insns.len()];
        for (slot, _) in decode_all(insns) {
            starts[slot] = true;
        }
        Self {
            insns,
            starts,
            labels: BTreeMap::new(),
            label_names: BTreeMap::new(),
            functions: BTreeMap::new(),
            program,
        }
    }

    pub(super) fn of_code(code: &'a Code) -> Self {
        let mut listing = Self::new(code.insns(), None);
        let mut seen = BTreeMap::new();
        for (slot, name) in code.labels() {
            let at_instruction = slot as usize == code.len() || listing.begins(slot as usize);
            if at_instruction && can_be_label(name) && seen.insert(name, ()).is_none() {
                listing.labels.entry(slot).or_default().push(name);
            }
        }
        listing.label_names = seen;
        listing
    }

    pub(super) fn of_program(object: &'a Object, program: &'a ProgramDef) -> Self {
        let mut listing = Self::new(program.insns, Some((object, program)));
        for (i, function) in program.functions.iter().enumerate() {
            // Two functions never share a slot; if they do, the first names it.
            if listing.functions.contains_key(&function.insn) {
                continue;
            }
            let heading = match function.linkage {
                _ if i == 0 => None,
                Linkage::Static => Some("fn"),
                Linkage::Global => Some("pub fn"),
            };
            listing
                .functions
                .insert(function.insn, (function.name, heading));
        }
        // Labels belong to their functions: two may have the same name.
        for (slot, name) in program.labels.iter() {
            if listing.begins(slot as usize) && can_be_label(name) {
                listing.labels.entry(slot).or_default().push(name);
            }
        }
        listing
    }

    /// The number of slots.
    pub(super) fn len(&self) -> usize {
        self.insns.len()
    }

    /// Whether an instruction begins at the slot.
    pub(super) fn begins(&self, slot: usize) -> bool {
        self.starts.get(slot).copied().unwrap_or(false)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, first: &mut bool, columns: Columns) -> fmt::Result {
        let mut line_break = |f: &mut fmt::Formatter<'_>| {
            if core::mem::take(first) {
                return Ok(());
            }
            f.write_char('\n')
        };
        for line in self.lines(columns.comments) {
            let slot = line.slot as u32;
            if let Some((name, Some(heading))) = self.functions.get(&slot) {
                line_break(f)?;
                write!(f, "{heading} {name}:")?;
            }
            for label in self.labels.get(&slot).into_iter().flatten() {
                line_break(f)?;
                write!(f, "{label}:")?;
            }
            line_break(f)?;
            if columns.numbers_and_bytes {
                write!(f, "{slot:>8}: ")?;
                for insn in line.decoded.encode().iter() {
                    for byte in insn.to_le_bytes() {
                        write!(f, "{byte:02x} ")?;
                    }
                }
                f.write_char(' ')?;
            } else {
                f.write_str("    ")?;
            }
            f.write_str(&line.text.instruction)?;
            if !line.text.comments.is_empty() {
                write!(f, "  # {}", line.text.comments.join(", "))?;
            }
        }
        for label in self
            .labels
            .get(&(self.insns.len() as u32))
            .into_iter()
            .flatten()
        {
            line_break(f)?;
            write!(f, "{label}:")?;
        }
        Ok(())
    }

    /// The instructions in order; with all that is known of them if `alternate`.
    pub(super) fn lines(&self, alternate: bool) -> impl Iterator<Item = Line> {
        let mut relocations = self
            .program
            .map_or(&[][..], |(_, program)| program.relocations);
        decode_all(self.insns).map(move |(slot, decoded)| {
            // Those before this slot belong to no instruction.
            while relocations
                .first()
                .is_some_and(|r| (r.insn as usize) < slot)
            {
                relocations = &relocations[1..];
            }
            let here = relocations
                .iter()
                .take_while(|relocation| relocation.insn as usize == slot)
                .map(|relocation| relocation.kind);
            let text = self.text(slot, &decoded, here, alternate);
            Line {
                slot,
                decoded,
                text,
            }
        })
    }

    fn text(
        &self,
        slot: usize,
        decoded: &Decoded,
        relocations: impl Iterator<Item = RelocationKind>,
        alternate: bool,
    ) -> Text {
        let mut comments = Vec::new();
        let mut symbol = None;
        let mut names = Names::default();
        let mut kinds = Vec::new();
        let mut facts: [Option<String>; 2] = [None, None];
        let kernel_symbol = |object: &Object, symbol: u16| {
            let symbol = object.kernel_symbols.get(usize::from(symbol));
            symbol.map(|symbol| symbol.name)
        };
        for kind in relocations {
            let (Some((object, _)), Some(instruction)) = (self.program, decoded.known()) else {
                continue;
            };
            match kind {
                RelocationKind::MapFd { map } => {
                    symbol = object
                        .maps
                        .get(usize::from(map))
                        .map(|map| map.name.to_string());
                    kinds.push("map_fd");
                }
                RelocationKind::MapValue { map } => {
                    let map = object.maps.get(usize::from(map));
                    symbol = map.map(|map| with_addend(map.name, instruction.imm_high()));
                    kinds.push("map_value");
                }
                RelocationKind::KernelFunction { symbol } => {
                    names.callee = kernel_symbol(object, symbol);
                    kinds.push("kernel_function");
                }
                RelocationKind::KernelAddress { symbol: name } => {
                    symbol = kernel_symbol(object, name).map(String::from);
                    kinds.push("kernel_address");
                }
                RelocationKind::KernelConstant { constant, field } => {
                    let constant = object.kernel_constants.get(usize::from(constant));
                    let text = constant.map(ToString::to_string);
                    match field {
                        ConstantField::Offset => facts[1] = text,
                        _ => facts[0] = text,
                    }
                    kinds.push("kernel_constant");
                }
                RelocationKind::Constant { constant, field } => {
                    let constant = object.constants.get(usize::from(constant));
                    let name = constant.map(|constant| constant.name);
                    match field {
                        ConstantField::Offset => names.offset = name,
                        _ => names.immediate = name,
                    }
                    kinds.push("constant");
                }
            }
        }
        names.symbol = symbol.as_deref();
        let [immediate, offset] = &facts;
        names.immediate = names.immediate.or(immediate.as_deref());
        names.offset = names.offset.or(offset.as_deref());
        let relocated = names.symbol.is_some()
            || names.callee.is_some()
            || names.immediate.is_some()
            || names.offset.is_some();
        let mut can_be_said = true;
        if let Decoded::Known(instruction) = decoded {
            // What is filled in later is zero in the bytes, which the text does not say.
            can_be_said = relocated || instruction.is_in_dialect();
            if let Some(target) = target(slot, instruction) {
                match usize::try_from(target) {
                    Ok(target) if self.begins(target) => {
                        let label = self.labels.get(&(target as u32));
                        let label = label.and_then(|names| names.first()).copied();
                        if instruction.form() == Form::CallLocal {
                            let function = self.functions.get(&(target as u32));
                            names.callee = function
                                .map(|(name, _)| *name)
                                .or(label)
                                .filter(|name| helpers::by_name(name).is_none());
                        } else {
                            names.jump = label;
                        }
                    }
                    _ => can_be_said = false,
                }
            }
            if instruction.form() == Form::CallHelper && names.immediate.is_none() {
                names.callee = helpers::by_id(instruction.imm().cast_unsigned())
                    .map(|helper| helper.name)
                    .filter(|name| !self.label_names.contains_key(name));
            }
            if instruction.form() == Form::LoadImm64(crate::isa::ImmediateSource::Function)
                && let Some((name, _)) = self.function_at(slot, instruction)
            {
                names.symbol = Some(name);
            }
        }
        let printed = Printed {
            instruction: *decoded,
            names,
        };
        let instruction = if can_be_said {
            printed.to_string()
        } else {
            let numbers = Printed {
                instruction: *decoded,
                names: Names::default(),
            };
            comments.push(numbers.to_string());
            let slots = decoded.encode();
            let slots = slots.iter().map(|&insn| Decoded::Unknown(insn).to_string());
            slots.collect::<Vec<_>>().join("; ")
        };
        if alternate && let Some((_, program)) = self.program {
            if let Some((line, column)) = program.lines.get(slot) {
                comments.push(format!("{}:{line}:{column}", program.lines.file));
            }
            comments.extend(kinds.into_iter().map(String::from));
        }
        Text {
            instruction,
            comments,
        }
    }

    /// The function whose address is loaded.
    fn function_at(
        &self,
        slot: usize,
        instruction: &Instruction,
    ) -> Option<&(&'a str, Option<&'static str>)> {
        let target = u32::try_from(pointed_to(slot, instruction)).ok()?;
        (instruction.imm_high() == 0)
            .then(|| self.functions.get(&target))
            .flatten()
    }
}

/// The slot of the function whose address is loaded at `slot`.
pub(super) fn pointed_to(slot: usize, instruction: &Instruction) -> i64 {
    slot as i64 + 1 + i64::from(instruction.imm())
}

/// The slot that a jump or local call at `slot` goes to.
pub(super) fn target(slot: usize, instruction: &Instruction) -> Option<i64> {
    let distance = instruction.jump_distance()?;
    Some(slot as i64 + 1 + i64::from(distance))
}

fn with_addend(name: &str, addend: i32) -> String {
    match addend {
        0 => name.into(),
        1.. => format!("{name} + {addend}"),
        _ => format!("{name} - {}", addend.unsigned_abs()),
    }
}

#[cfg(test)]
#[path = "listing_tests.rs"]
mod tests;
