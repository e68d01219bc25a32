//! Instructions put into a program: everything that counts slots is counted anew.

use super::{Draft, map_of};
use crate::check::facts::{FunctionFacts, Program, Reference, ReferenceKind};
use crate::isa::{Decoded, Form, ImmediateSource, Insn, Instruction, decode_all};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// An instruction to put in, as the user writes it and as the kernel reads it.
pub(super) struct Step {
    pub(super) text: String,
    pub(super) insn: Instruction,
    /// The slot of the old program that it jumps to.
    pub(super) target: Option<usize>,
    /// Whether it loads the map that is not there yet.
    pub(super) loads_new_map: bool,
}

impl Step {
    pub(super) fn new(text: impl Into<String>, insn: Instruction) -> Self {
        Self {
            text: text.into(),
            insn,
            target: None,
            loads_new_map: false,
        }
    }
}

/// The program with the instructions in it.
pub(super) struct Spliced {
    pub(super) insns: Vec<Insn>,
    pub(super) functions: Vec<FunctionFacts>,
    pub(super) references: Vec<Reference>,
    /// Where each slot of the old program is now.
    pub(super) positions: Vec<u32>,
    /// How many maps references count.
    pub(super) maps: usize,
}

/// Stands for the map that is not there yet.
const NEW_MAP: u16 = u16::MAX;

/// Gives the new map its number.
pub(super) fn put_new_map(kind: &mut ReferenceKind, map: u16) {
    if *kind == ReferenceKind::Map(NEW_MAP) {
        *kind = ReferenceKind::Map(map);
    }
}

/// `None` if it cannot be done: a jump by distance would lead elsewhere then.
pub(super) fn splice(program: &Program<'_>, drafts: &[Draft]) -> Option<Spliced> {
    let old = program.insns;
    let is_changed = |slot: usize| drafts.iter().find(|draft| draft.insn == slot);
    let mut insns: Vec<Insn> = Vec::with_capacity(old.len() + 16);
    // Where jumps to a slot lead, and where its instruction is: what is put in comes between.
    let mut starts = vec![0; old.len() + 1];
    let mut positions = vec![0; old.len()];
    let mut references = Vec::new();
    let mut jumps = Vec::new();
    for (slot, decoded) in decode_all(old) {
        starts[slot] = insns.len();
        let draft = is_changed(slot);
        for step in draft.iter().flat_map(|draft| &draft.steps) {
            if let Some(target) = step.target {
                jumps.push((insns.len(), target));
            }
            if step.loads_new_map {
                references.push(Reference {
                    insn: insns.len() as u32,
                    kind: ReferenceKind::Map(NEW_MAP),
                });
            }
            insns.extend_from_slice(&step.insn.encode());
        }
        positions[slot] = insns.len() as u32;
        if draft.is_some_and(|draft| draft.replaces) {
            // What is put in later cannot be replaced.
            if program.reference(slot).is_some() || program.is_guessed(slot) {
                return None;
            }
            continue;
        }
        if let Some(reference) = program.reference(slot) {
            references.push(Reference {
                insn: insns.len() as u32,
                kind: reference.kind,
            });
        }
        if let Some(target) = target(slot, &decoded) {
            let target = usize::try_from(target).ok().filter(|&t| t <= old.len())?;
            jumps.push((insns.len(), target));
        }
        insns.extend_from_slice(&old[slot..slot + decoded.slots()]);
    }
    starts[old.len()] = insns.len();
    for (from, to) in jumps {
        let distance = starts[to] as i64 - from as i64 - 1;
        let insn = insns[from];
        insns[from] = match has_long_distance(insn) {
            true => insn.with_imm(i32::try_from(distance).ok()?),
            false => insn.with_offset(i16::try_from(distance).ok()?),
        };
    }
    // A distance is what the user wrote, and stays.
    for &slot in program.distances.iter() {
        let slot = slot as usize;
        let from = *positions.get(slot)? as usize;
        let (before, after) = (old.get(slot)?, insns.get(from)?);
        if before.offset() != after.offset() || before.imm() != after.imm() {
            return None;
        }
    }
    let functions: Option<Vec<_>> = program
        .functions
        .iter()
        .map(|function| {
            Some(FunctionFacts {
                insn: *starts.get(function.insn as usize)? as u32,
                linkage: function.linkage,
                parameters: function.parameters.clone(),
            })
        })
        .collect();
    let maps = program.references.iter().filter_map(map_of).max();
    Some(Spliced {
        functions: functions?,
        references,
        positions,
        maps: maps.map_or(0, |map| usize::from(map) + 1),
        insns,
    })
}

/// The slot that an instruction jumps to, calls or takes the address of.
fn target(slot: usize, decoded: &Decoded) -> Option<i64> {
    let Decoded::Known(instruction) = decoded else {
        return None;
    };
    let distance = match instruction.form() {
        Form::CallLocal | Form::LoadImm64(ImmediateSource::Function) => instruction.imm(),
        _ => instruction.jump_distance()?,
    };
    Some(slot as i64 + 1 + i64::from(distance))
}

/// Whether the distance stands in the immediate: `gotol`, a call, the address of a function.
const fn has_long_distance(insn: Insn) -> bool {
    matches!(insn.opcode(), 0x06 | 0x85 | 0x18)
}
