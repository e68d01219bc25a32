//! The listing: what [`Code`] and [`Object`] look like as text.
//!
//! The format is stable: it can be compared with a stored copy (a snapshot). An instruction is
//! a line, so that a change of one instruction is a change of one line.
//!
//! # Instructions
//! ```text
//!        0: 18 01 00 00 88 77 66 55 00 00 00 00 44 33 22 11  r1 = 0x1122334455667788 ll
//!        2: 15 00 01 00 00 00 00 00  if r0 == 0 goto done
//!        3: 85 00 00 00 01 00 00 00  call bpf_map_lookup_elem
//! done:
//!        4: 95 00 00 00 00 00 00 00  exit
//!        5: 67 01 00 00 40 00 00 00  .8byte 0x0000004000000167  # r1 <<= 64
//! ```
//! - The slot's number, from 0, in eight columns, and a colon. A 64-bit constant takes two
//!   slots and stands in one line with its sixteen bytes, as in llvm-objdump.
//! - The bytes in canonical order, which is that of little-endian machines whatever the host.
//! - Two spaces and the instruction in its canonical spelling.
//! - A label is a line of its own that begins in the first column; jumps and calls to it show
//!   its name. Where the code has no name for a place, a jump shows its distance: `goto +3`.
//! - Helpers are shown by name.
//! - What the language cannot or will not say (see
//!   [`is_in_dialect`](crate::isa::Instruction::is_in_dialect)), and jumps to where no
//!   instruction begins, are `.8byte` with the readable text as a comment behind `#`.
//!
//! The third column is source text: assembled alone, it gives the same bytes, labels included.
//! The whole listing is read back by `ebpf_asm::import::listing`.
//!
//! # Objects
//! ```text
//! object opens
//! license "GPL"
//! kernel 5.10
//! map COUNTS: hash, key 4, value 8, entries 1024
//! map CONFIG: array, key 4, value 16, entries 1, flags 0x80, initial 16 bytes, frozen
//! map TABLES: array_of_maps, key 4, value 4, entries 8, of (hash, key 4, value 8, entries 16)
//! map SEEN: bloom_filter, key 0, value 4, entries 100, extra 0x3
//! const PORT: u16
//! extern "kernel" fn bpf_strcmp(a: *const c_char, b: *const c_char) -> i32
//! extern "kernel" static jiffies: u64, weak
//!
//! program count: tracepoint("syscalls", "sys_enter_openat")
//!        0: 18 11 00 00 00 00 00 00 00 00 00 00 00 00 00 00  r1 = COUNTS ll
//!        2: 55 02 01 00 00 00 00 00  if r2 != PORT goto done
//!        3: 85 10 00 00 01 00 00 00  call bump
//! done:
//!        4: 95 00 00 00 00 00 00 00  exit
//! fn bump:
//!        5: …
//! ```
//! - Licence, oldest kernel, maps, load-time constants and the kernel's symbols come first, in the order of their
//!   definition; of a map only what is set: flags, what its kind has besides (`extra`), the
//!   maps that it holds (`of (…)`), contents, `frozen`.
//! - An empty line precedes each program. Its first function is the program itself; the
//!   others follow, each with a line `fn name:` (checked with its callers) or `pub fn name:`
//!   (checked on its own).
//! - Labels belong to their function: `done:` can be there once in each.
//! - What is filled in when the program is loaded is shown by name; its bytes are those before
//!   that.
//!
//! # `{:#}`
//! The alternate form adds a comment to each instruction whose source line is known or that
//! has a relocation: `# src/main.rs:12:9, map_fd`. The kinds of relocations are `map_fd`,
//! `map_value`, `constant`, `kernel_function`, `kernel_address` and `kernel_constant`.

use super::{Code, ConstantField, Linkage, MapDef, Object, ProgramDef, RelocationKind};
use crate::helpers;
use crate::isa::{Decoded, Form, Insn, Instruction, Names, Printed, decode_all};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::{self, Write};

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut listing = Listing::new(self.insns(), None);
        let mut seen = BTreeMap::new();
        for (slot, name) in self.labels() {
            let at_instruction = slot as usize == self.len() || listing.begins(slot as usize);
            if at_instruction && can_be_label(name) && seen.insert(name, ()).is_none() {
                listing.labels.entry(slot).or_default().push(name);
            }
        }
        listing.label_names = seen;
        let mut first = true;
        listing.write(f, &mut first)
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
            let mut listing = Listing::new(program.insns, Some((self, program)));
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
            listing.write(f, &mut false)?;
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

/// A sequence of slots with all that is known about it.
struct Listing<'a> {
    insns: &'a [Insn],
    /// For each slot, whether an instruction begins there.
    starts: Vec<bool>,
    labels: BTreeMap<u32, Vec<&'a str>>,
    label_names: BTreeMap<&'a str, ()>,
    /// The functions of a program: name and the words before it in the heading.
    functions: BTreeMap<u32, (&'a str, Option<&'static str>)>,
    program: Option<(&'a Object, &'a ProgramDef)>,
}

/// What stands in the third column.
struct Text {
    instruction: String,
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

    fn begins(&self, slot: usize) -> bool {
        self.starts.get(slot).copied().unwrap_or(false)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, first: &mut bool) -> fmt::Result {
        let mut line_break = |f: &mut fmt::Formatter<'_>| {
            if core::mem::take(first) {
                return Ok(());
            }
            f.write_char('\n')
        };
        let mut relocations = self
            .program
            .map_or(&[][..], |(_, program)| program.relocations);
        for (slot, decoded) in decode_all(self.insns) {
            if let Some((name, Some(heading))) = self.functions.get(&(slot as u32)) {
                line_break(f)?;
                write!(f, "{heading} {name}:")?;
            }
            for label in self.labels.get(&(slot as u32)).into_iter().flatten() {
                line_break(f)?;
                write!(f, "{label}:")?;
            }
            line_break(f)?;
            write!(f, "{slot:>8}: ")?;
            for insn in decoded.encode().iter() {
                for byte in insn.to_le_bytes() {
                    write!(f, "{byte:02x} ")?;
                }
            }
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
            let text = self.text(slot, &decoded, here, f.alternate());
            write!(f, " {}", text.instruction)?;
            if !text.comments.is_empty() {
                write!(f, "  # {}", text.comments.join(", "))?;
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
        let target = slot as i64 + 1 + i64::from(instruction.imm());
        let target = u32::try_from(target).ok()?;
        (instruction.imm_high() == 0)
            .then(|| self.functions.get(&target))
            .flatten()
    }
}

/// The slot that a jump or local call at `slot` goes to.
fn target(slot: usize, instruction: &Instruction) -> Option<i64> {
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
