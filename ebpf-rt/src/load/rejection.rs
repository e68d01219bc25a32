//! What the kernel refused, at the user's source.
//!
//! The verifier names a slot; our own table says where it was written. That costs no system
//! call and works without type information. Source is read only when somebody wants to see it,
//! which is when a rejection is printed with `{:#}`.

use super::drawing::Drawing;
use super::kernel;
use super::program::text;
#[cfg(feature = "btf")]
use super::target;
#[cfg(feature = "btf")]
use crate::verifier_log::BtfLog;
use crate::verifier_log::{Reason, VerifierLog};
use crate::{Errno, Error};
use ebpf_asm::Object;
use ebpf_asm::isa::{Decoded, Form, Instruction, decode_all};
use ebpf_asm::object::ProgramDef;

/// The refusal of a program, if the log says why.
pub(super) fn of_program(
    object: &Object,
    def: &ProgramDef,
    errno: Errno,
    log: &str,
) -> Option<Error> {
    let parsed = VerifierLog::parse(log);
    let reason = parsed.reason()?;
    let slot = slot(def, &parsed, &reason);
    let place = slot.map(|slot| {
        let ours = place(def, slot);
        ours.or_else(|| printed_place(&parsed, slot))
            .unwrap_or_else(|| format!("instruction {slot}"))
    });
    let drawing = Drawing {
        def: *def,
        slot,
        log: log.to_owned(),
    };
    let error = Error::rejected(errno, move |f| drawing.draw(f))
        .because(reason.to_string())
        .at(place)
        .with_log(log.to_owned());
    // What stands for a thing that this kernel does not have is a call of no helper.
    let missing = slot.filter(|_| reason.fact.starts_with("invalid func"));
    let missing = missing.and_then(|slot| kernel::poisoned(object, def, slot));
    #[cfg(feature = "btf")]
    let missing = missing.or_else(|| target::remedy(reason.fact).map(str::to_owned));
    Some(match missing {
        Some(missing) => error.remedy(missing),
        None => error,
    })
}

/// The refusal of type information: what `BPF_BTF_LOAD` said in its own log.
#[cfg(feature = "btf")]
pub(crate) fn of_btf(errno: Errno, log: &str) -> Error {
    match BtfLog::parse(log) {
        Some(reason) => Error::rejected(errno, |_| Ok(()))
            .because(reason.to_string())
            .with_log(log.to_owned()),
        None => Error::failed("BPF_BTF_LOAD", errno),
    }
    .of_btf()
}

/// The refusal of a map: what the kernel says in its log, or else the error as it is known.
pub(crate) fn of_map(known: Error, errno: Errno, log: &[u8]) -> Error {
    let log = text(log);
    let Some(reason) = log.lines().map(str::trim).rfind(|line| !line.is_empty()) else {
        return known;
    };
    Error::rejected(errno, |_| Ok(()))
        .because(reason)
        .with_log(log.clone())
}

/// The source of a slot: `src/main.rs:12:9`.
pub(super) fn place(def: &ProgramDef, slot: usize) -> Option<String> {
    let (line, column) = def.lines.get(slot)?;
    Some(format!("{}:{line}:{column}", def.lines.file))
}

/// The place that the kernel printed with an instruction, if it knows one.
fn printed_place(log: &VerifierLog<'_>, slot: usize) -> Option<String> {
    let path = log.path();
    let step = path.steps().last()?;
    let (file, line) = step.source?.place?;
    (step.instruction.slot == slot).then(|| format!("{file}:{line}"))
}

/// The slot that was refused. Of some mistakes that are found before any path is followed the
/// kernel does not say where they are; the program shows it.
fn slot(def: &ProgramDef, log: &VerifierLog<'_>, reason: &Reason<'_>) -> Option<usize> {
    let named = log.instruction();
    if named.is_some() {
        return named;
    }
    let insns = || decode_all(def.insns);
    let known = |wanted: fn(&Instruction) -> bool| {
        insns().find_map(|(slot, decoded)| decoded.known().is_some_and(wanted).then_some(slot))
    };
    let fact = reason.fact;
    if let Some(opcode) = fact.strip_prefix("unknown opcode ") {
        let opcode = u8::from_str_radix(opcode.get(..2)?, 16).ok()?;
        return insns().find_map(|(slot, _)| (def.insns[slot].opcode() == opcode).then_some(slot));
    }
    // Atomic operations of Linux 5.12 and signed loads of 6.6 on kernels before that.
    let mode = |slot: usize| def.insns[slot].opcode() & 0xe0;
    if fact.starts_with("BPF_STX uses reserved fields") {
        return insns().find_map(|(slot, _)| {
            let insn = def.insns[slot];
            let known = matches!(mode(slot), MEM | ATOMIC) && insn.imm() == 0;
            (insn.opcode() & 7 == STX && !known).then_some(slot)
        });
    }
    if fact.starts_with("BPF_LDX uses reserved fields") {
        return insns().find_map(|(slot, _)| {
            let insn = def.insns[slot];
            let known = mode(slot) == MEM && insn.imm() == 0;
            (insn.opcode() & 7 == LDX && !known).then_some(slot)
        });
    }
    if fact.starts_with("last insn is not an exit or jmp") {
        return unended_function(def);
    }
    if fact.starts_with("combined stack size of") || fact.starts_with("the call stack of") {
        return known(|insn| insn.form() == Form::CallLocal);
    }
    if fact.contains("valid bpf_map") || fact.contains("BPF_LD_IMM") || fact.contains("ld_imm64") {
        return known(|insn| matches!(insn.form(), Form::LoadImm64(_)));
    }
    None
}

const LDX: u8 = 1;
const STX: u8 = 3;
const MEM: u8 = 0x60;
const ATOMIC: u8 = 0xc0;

/// The last instruction of the first function that goes on behind its end.
fn unended_function(def: &ProgramDef) -> Option<usize> {
    let ends = |decoded: &Decoded| {
        decoded
            .known()
            .is_some_and(|insn| matches!(insn.form(), Form::Exit | Form::Goto | Form::GotoLong))
    };
    let starts: Vec<usize> = def.functions.iter().map(|f| f.insn as usize).collect();
    let mut last: Option<(usize, bool)> = None;
    for (slot, decoded) in decode_all(def.insns) {
        if starts.contains(&slot)
            && let Some((before, ended)) = last
            && !ended
        {
            return Some(before);
        }
        last = Some((slot, ends(&decoded)));
    }
    last.map(|(slot, _)| slot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn maps_have_a_log_on_new_kernels() {
        let known = || Error::failed("BPF_MAP_CREATE", Errno::EINVAL).because("no such map");
        let error = of_map(known(), Errno::EINVAL, b"Invalid max_entries\n\0\0");
        assert_eq!(
            error.in_object("opens").of_map("COUNTS").to_string(),
            "opens::COUNTS: rejected by the kernel: Invalid max_entries"
        );
        let error = of_map(known(), Errno::EINVAL, b"\0\0");
        assert_eq!(
            error.of_map("COUNTS").to_string(),
            "map `COUNTS`: BPF_MAP_CREATE failed with EINVAL: no such map"
        );
    }

    #[test]
    fn type_information_has_its_own_log() {
        let log = "magic: 0xeb9f\n[1] INT int size=4 bits_offset=0 nr_bits=32 encoding=SIGNED\n\
                   [2] STRUCT event size=4 vlen=1\n\tpid type_id=9 bits_offset=0 Invalid type_id\n";
        let error = of_btf(Errno::EINVAL, log).in_object("opens");
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(
            error.to_string(),
            "opens: type information rejected by the kernel: STRUCT event, member pid: Invalid \
             type_id"
        );
        assert_eq!(error.log(), Some(log));
        assert!(format!("{error:#}").ends_with("Invalid type_id"));
        assert_eq!(
            of_btf(Errno::EPERM, "").in_object("opens").to_string(),
            "object `opens`, type information: BPF_BTF_LOAD failed with EPERM: operation not \
             permitted"
        );
    }
}
