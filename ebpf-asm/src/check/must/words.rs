//! Notes and helps of what was found: where the cause lies, and what to write.

use super::{Analysis, Holds, written};
use crate::ProgramType;
use crate::check::Finding;
use crate::check::facts::{Program, ReferenceKind};
use crate::check::finding::Place;
use crate::check::tables::{self, kfuncs::Gives};
use crate::diag::Rule;
use crate::helpers;
use crate::isa::{Decoded, Form, Register, Size, decode, decode_all};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Adds notes and helps.
pub(in crate::check) fn explain(program: &Program<'_>, findings: &mut [Finding]) {
    let mut analyses: Vec<Analysis<'_>> = Vec::new();
    for finding in findings {
        let slot = finding.insn as usize;
        let inside = |analysis: &Analysis<'_>| (analysis.first..analysis.end).contains(&slot);
        let known = analyses.iter().position(inside);
        let index = known.unwrap_or_else(|| {
            analyses.push(Analysis::around(program, slot));
            analyses.len() - 1
        });
        Words {
            program,
            analysis: &analyses[index],
            slot,
        }
        .explain(finding);
        finding.trail = None;
    }
}

struct Words<'a> {
    program: &'a Program<'a>,
    analysis: &'a Analysis<'a>,
    slot: usize,
}

impl Words<'_> {
    fn explain(&self, finding: &mut Finding) {
        match finding.rule {
            Rule::UnwrittenRegister => self.unwritten(finding),
            Rule::NotAPointer => self.not_a_pointer(finding),
            Rule::PossiblyNull => self.possibly_null(finding),
            Rule::StackBounds | Rule::MapValueBounds | Rule::MemoryBounds => {
                self.came_from(finding, "the address");
            }
            Rule::MisalignedAccess | Rule::AtomicTarget | Rule::ForbiddenAccess => {
                self.came_from(finding, "the address");
            }
            Rule::PacketBounds => self.packet(finding),
            Rule::ContextAccess => self.context(finding),
            Rule::ModifiedContext => self.came_from(finding, "the changed pointer"),
            Rule::PointerArithmetic | Rule::PointerOffset => self.arithmetic(finding),
            Rule::PartialPointer => self.partial(finding),
            Rule::MixedPointers => self.came_from(finding, "the pointer"),
            Rule::ArgumentKind | Rule::ArgumentSize => self.argument(finding),
            Rule::MapKind => self.map(finding),
            Rule::HelperUnavailable => self.helper(finding),
            Rule::ReferenceLeak => self.leak(finding),
            Rule::ReturnRange => self.returned(finding),
            Rule::PacketLoad => self.came_from(finding, "the value"),
            Rule::EndlessLoop => self.endless(finding),
            Rule::UnreachableInstruction => self.unreachable(finding),
            _ => {}
        }
    }

    fn instruction(&self, slot: usize) -> Option<Decoded> {
        decode(self.program.insns.get(slot..)?)
    }

    /// What an instruction is, in a word.
    fn deed(&self, slot: u32) -> &'static str {
        let Some(Decoded::Known(instruction)) = self.instruction(slot as usize) else {
            return "instruction";
        };
        match instruction.form() {
            Form::CallHelper | Form::CallLocal | Form::CallKfunc => "call",
            Form::Load(_) | Form::LoadSigned(_) | Form::LoadAcquire(_) => "load",
            Form::PacketAbsolute(_) | Form::PacketIndirect(_) => "packet load",
            Form::Alu(crate::isa::AluOp::Mov, ..) | Form::LoadImm64(_) => "move",
            Form::Alu(..) | Form::Neg(_) | Form::SignExtend(_) | Form::Endian(..) => "arithmetic",
            Form::Branch(..) | Form::MayGoto => "jump",
            Form::Atomic(..) => "atomic operation",
            _ => "instruction",
        }
    }

    /// The register at fault: the kernel names it, or the instruction does.
    fn register(&self, finding: &Finding) -> Option<u8> {
        let named = finding.kernel.match_indices('R').find_map(|(at, _)| {
            let digits: String = finding.kernel[at + 1..]
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            digits.parse().ok()
        });
        if named.is_some() {
            return named;
        }
        let Some(Decoded::Known(instruction)) = self.instruction(self.slot) else {
            return None;
        };
        let register = match instruction.form() {
            Form::Load(_) | Form::LoadSigned(_) | Form::LoadAcquire(_) => instruction.src(),
            Form::Exit => return Some(0),
            _ => instruction.dst(),
        };
        register.map(Register::index)
    }

    /// Where the register at fault was written, unless that is said already.
    fn writer(&self, finding: &Finding, register: u8) -> Option<u32> {
        let trail = finding.trail.as_ref()?;
        let slot = trail
            .writers
            .get(usize::from(register))
            .copied()
            .flatten()?;
        let said = finding.causes.iter().any(|cause| cause.insn == Some(slot));
        (register != 10 && !said && slot != finding.insn).then_some(slot)
    }

    fn note(finding: &mut Finding, message: impl Into<String>, slot: u32) {
        *finding = finding.clone().because(message, Some(slot));
    }

    fn came_from(&self, finding: &mut Finding, what: &str) {
        let Some(register) = self.register(finding) else {
            return;
        };
        if let Some(slot) = self.writer(finding, register) {
            let deed = self.deed(slot);
            Self::note(
                finding,
                format!("{what} in `r{register}` is from the {deed}"),
                slot,
            );
        }
    }

    fn unwritten(&self, finding: &mut Finding) {
        let Some(register) = self.register(finding) else {
            return;
        };
        let lost = finding.causes.first().and_then(|cause| cause.insn);
        match lost {
            Some(call) if register != 0 => self.lost(finding, register, call as usize),
            Some(_) => {}
            None => self.never_written(finding, register),
        }
    }

    /// A register that a call has clobbered: who else has the value, or where to keep it.
    fn lost(&self, finding: &mut Finding, register: u8, call: usize) {
        let value = match self.analysis.before(call) {
            Some(before) => before.register(register),
            None => return,
        };
        if value == Holds::Nothing {
            finding.help = Some(format!(
                "write to `r{register}` after the call: nothing was in it before, either"
            ));
            return;
        }
        let here = self.analysis.before(self.slot);
        if let Some(other) = here.and_then(|here| here.holders(value).next()) {
            finding.help = Some(format!(
                "calls keep only `r6` to `r9`: `r{other}` still has it, write `r{other}` here"
            ));
            return;
        }
        if let Some(at) = here.and_then(|here| here.saved(value)) {
            finding.help = Some(format!(
                "it is still on the stack: `r{register} = *(u64 *)(r10 - {});` before this",
                -i32::from(at)
            ));
            return;
        }
        let line = self.place(call);
        finding.help = Some(match self.free_register() {
            Some(free) => format!(
                "calls keep only `r6` to `r9`: save it{line} with `r{free} = r{register};`, and use `r{free}` here"
            ),
            None => {
                let at = self.free_slot();
                format!(
                    "`r6` to `r9` are all in use: save it{line} with `*(u64 *)(r10 - {at}) = r{register};`, and load it here with `r{register} = *(u64 *)(r10 - {at});`"
                )
            }
        });
    }

    /// ` before the call of …`.
    fn place(&self, call: usize) -> String {
        let Some(Decoded::Known(instruction)) = self.instruction(call) else {
            return String::new();
        };
        let helper = match instruction.form() {
            Form::CallHelper => helpers::by_id(instruction.imm().cast_unsigned()),
            _ => None,
        };
        match helper {
            Some(helper) => format!(" before `call {};`", helper.name),
            None => " before the call".into(),
        }
    }

    /// A register that calls keep, and that the function does not use.
    fn free_register(&self) -> Option<u8> {
        let mut used = [false; 16];
        for (slot, _) in self.instructions() {
            let insn = self.program.insns[slot];
            used[usize::from(insn.dst())] = true;
            used[usize::from(insn.src())] = true;
        }
        (6..=9).find(|&register| !used[usize::from(register)])
    }

    /// A place on the stack below all that the function names.
    fn free_slot(&self) -> i32 {
        let lowest = self
            .instructions()
            .filter_map(|(_, decoded)| {
                let instruction = decoded.known()?;
                let offset = match instruction.form() {
                    Form::Alu(crate::isa::AluOp::Add, ..) => instruction.imm(),
                    Form::Load(_) | Form::Store(..) => i32::from(instruction.offset()),
                    _ => 0,
                };
                (-504..0).contains(&offset).then_some(offset)
            })
            .min();
        -(lowest.unwrap_or(0).div_euclid(8) * 8 - 8)
    }

    fn instructions(&self) -> impl Iterator<Item = (usize, Decoded)> + '_ {
        decode_all(self.program.insns)
            .filter(|(slot, _)| (self.analysis.first..self.analysis.end).contains(slot))
    }

    fn never_written(&self, finding: &mut Finding, register: u8) {
        let writers: Vec<u32> = self
            .instructions()
            .filter(|(_, decoded)| {
                let instruction = decoded.known();
                instruction.is_some_and(|one| written(one).any(|written| written == register))
            })
            .map(|(slot, _)| slot as u32)
            .collect();
        let Some(&writer) = writers.iter().rev().find(|&&slot| slot < finding.insn) else {
            if let Some(&writer) = writers.first() {
                Self::note(
                    finding,
                    format!("`r{register}` is written only later"),
                    writer,
                );
            }
            return;
        };
        Self::note(
            finding,
            format!("the path here does not pass where `r{register}` is written"),
            writer,
        );
        // The jump that goes around it.
        let branches = finding.trail.as_ref().map(|trail| &trail.branches);
        let around = branches.and_then(|branches| {
            let mut jumps = branches.iter().copied();
            jumps.find(|&slot| slot < writer && self.target(slot).is_some_and(|to| to > writer))
        });
        if let Some(jump) = around {
            Self::note(finding, "it goes around it by the jump", jump);
        }
        let value = if register == 0 { "0" } else { "…" };
        finding.help = Some(
            match around.and_then(|jump| self.label(self.target(jump)?)) {
                Some(label) => format!(
                    "write to `r{register}` on that path, too: `r{register} = {value};` before the jump to `{label}`"
                ),
                None => format!(
                    "write to `r{register}` on every path that leads here: `r{register} = {value};`"
                ),
            },
        );
    }

    fn target(&self, slot: u32) -> Option<u32> {
        let distance = self.instruction(slot as usize)?.known()?.jump_distance()?;
        u32::try_from(i64::from(slot) + 1 + i64::from(distance)).ok()
    }

    fn label(&self, slot: u32) -> Option<&str> {
        let mut labels = self.program.labels.iter();
        labels
            .find(|(at, _)| *at == slot)
            .map(|(_, name)| name.as_str())
    }

    /// A label behind this instruction from which the function ends soon, and what that is.
    fn way_out(&self) -> String {
        let mut labels = self.program.labels.iter();
        let ends = |slot: u32| {
            for at in slot as usize..slot as usize + 4 {
                let Some(Decoded::Known(instruction)) = self.instruction(at) else {
                    return false;
                };
                match instruction.form() {
                    Form::Exit => return true,
                    Form::Alu(crate::isa::AluOp::Mov, _, crate::isa::Source::Imm) => {}
                    _ => return false,
                }
            }
            false
        };
        let name = labels.find(|&&(slot, _)| {
            slot as usize > self.slot && (slot as usize) < self.analysis.end && ends(slot)
        });
        name.map_or_else(|| "out".into(), |(_, name)| name.clone())
    }

    fn not_a_pointer(&self, finding: &mut Finding) {
        let Some(register) = self.register(finding) else {
            return;
        };
        let trail = finding.trail.as_deref();
        let null = trail.and_then(|trail| trail.null_since[usize::from(register)]);
        if let Some(jump) = null {
            Self::note(
                finding,
                format!("`r{register}` is null on this side of the comparison"),
                jump,
            );
            return;
        }
        if let Some(slot) = self.writer(finding, register) {
            let deed = self.deed(slot);
            Self::note(
                finding,
                format!("`r{register}` is a number since the {deed}"),
                slot,
            );
        }
        let Some(Decoded::Known(instruction)) = self.instruction(self.slot) else {
            return;
        };
        let tracing = matches!(
            self.program.program_type,
            Some(
                ProgramType::Kprobe
                    | ProgramType::Tracepoint
                    | ProgramType::RawTracepoint
                    | ProgramType::PerfEvent
            )
        );
        if tracing && let Form::Load(size) | Form::LoadAcquire(size) = instruction.form() {
            let bytes = size.bytes();
            let at = instruction.offset();
            let add = match at {
                0 => String::new(),
                at => format!(" r3 += {at};"),
            };
            let from = match register {
                3 => String::new(),
                _ => format!("r3 = r{register};"),
            };
            let room = -self.free_slot();
            finding.help = Some(format!(
                "memory at an address that is a number is read with `{from}{add} r1 = r10; r1 += {room}; r2 = {bytes}; call bpf_probe_read_kernel;`, or with `bpf_probe_read_user`"
            ));
        }
    }

    fn possibly_null(&self, finding: &mut Finding) {
        let Some(register) = self.register(finding) else {
            return;
        };
        let out = self.way_out();
        let end = match out.as_str() {
            "out" if self.program.labels.iter().all(|(_, name)| name != "out") => {
                ", with `out: r0 = 0; exit;` at the end"
            }
            _ => "",
        };
        let call = finding.causes.first().and_then(|cause| cause.insn);
        let after = match call.map(|slot| self.deed(slot)) {
            Some(deed) if call.is_some_and(|slot| slot + 1 == finding.insn) => {
                format!("after the {deed}")
            }
            _ => "before this".into(),
        };
        finding.help = Some(format!(
            "compare it {after}: `if r{register} == 0 goto {out};`{end}"
        ));
    }

    fn packet(&self, finding: &mut Finding) {
        self.came_from(finding, "the address");
        let Some(trail) = finding.trail.clone() else {
            return;
        };
        match trail.compared {
            Some(slot) => Self::note(
                finding,
                "the packet's end was last looked at by the jump",
                slot,
            ),
            None => {
                *finding = finding.clone().because(
                    "nothing on this path has compared the packet's length with its end",
                    None,
                );
            }
        }
        let Some(Decoded::Known(instruction)) = self.instruction(self.slot) else {
            return;
        };
        let (base, size) = match instruction.form() {
            Form::Load(size) => (instruction.src(), size.bytes()),
            Form::Store(size, _) => (instruction.dst(), size.bytes()),
            _ => return,
        };
        let Some(base) = base.map(Register::index) else {
            return;
        };
        let needed = i32::from(instruction.offset()) + i32::from(size);
        let free = |taken: &[u8]| (2..=5).find(|register| !taken.contains(register));
        let (load, end) = match (trail.packet_end, self.packet_end_field()) {
            (Some(end), _) => (String::new(), end),
            (None, Some(offset)) => {
                let context = trail
                    .kinds
                    .iter()
                    .position(|kind| *kind == Some("the context"));
                match (context, free(&[base])) {
                    (Some(context), Some(end)) => {
                        (format!("r{end} = *(u32 *)(r{context} + {offset}); "), end)
                    }
                    _ => return,
                }
            }
            _ => return,
        };
        let Some(scratch) = free(&[base, end]) else {
            return;
        };
        let out = self.way_out();
        finding.help = Some(format!(
            "compare before the access: `{load}r{scratch} = r{base}; r{scratch} += {needed}; if r{scratch} > r{end} goto {out};`"
        ));
    }

    /// Where the context has the packet's end.
    fn packet_end_field(&self) -> Option<i32> {
        match self.program.program_type? {
            ProgramType::Xdp => Some(4),
            ProgramType::SchedCls
            | ProgramType::SchedAct
            | ProgramType::CgroupSkb
            | ProgramType::SkSkb
            | ProgramType::LwtIn
            | ProgramType::LwtOut
            | ProgramType::LwtXmit => Some(80),
            _ => None,
        }
    }

    fn context(&self, finding: &mut Finding) {
        let (Some(program_type), Some(Decoded::Known(instruction))) =
            (self.program.program_type, self.instruction(self.slot))
        else {
            return;
        };
        let write = matches!(instruction.form(), Form::Store(..));
        let at = i64::from(instruction.offset());
        let of = (program_type, self.program.attach_type);
        let sizes_of = |write| tables::context_sizes(of, self.program.min_kernel, at, write);
        let sizes = sizes_of(write);
        let (Some(dst), Some(src)) = (instruction.dst(), instruction.src()) else {
            return;
        };
        finding.help = match (sizes.first(), write) {
            (Some(size), false) => Some(format!(
                "there are {size} bytes at {at}: `{dst} = *(u{} *)({src} + {at});`",
                u32::from(*size) * 8
            )),
            (Some(size), true) => Some(format!(
                "there are {size} bytes at {at}: `*(u{} *)({dst} + {at}) = {src};`",
                u32::from(*size) * 8
            )),
            (None, true) if !sizes_of(false).is_empty() => Some(format!(
                "`{}` programs can read what is at {at}, but not write it",
                program_type.name()
            )),
            _ => return,
        };
    }

    fn arithmetic(&self, finding: &mut Finding) {
        let Some(trail) = finding.trail.clone() else {
            return;
        };
        let insn = self.program.insns[self.slot];
        for register in [insn.dst(), insn.src()] {
            let kind = trail.kinds.get(usize::from(register)).copied().flatten();
            if let (Some(kind), Some(slot)) = (kind, self.writer(finding, register)) {
                let deed = self.deed(slot);
                Self::note(
                    finding,
                    format!("`r{register}` is a pointer to {kind} since the {deed}"),
                    slot,
                );
            }
        }
        if finding.rule == Rule::PointerOffset {
            let by = insn.src();
            if let (true, Some(slot)) = (insn.opcode() & 8 != 0, self.writer(finding, by)) {
                let deed = self.deed(slot);
                Self::note(
                    finding,
                    format!("the number in `r{by}` is from the {deed}"),
                    slot,
                );
                finding.help = Some(format!(
                    "limit the number before it is added: `if r{by} > 4096 goto {};`, or `r{by} &= 4095;`",
                    self.way_out()
                ));
            }
        }
    }

    /// Where the pointer was saved of which a part is read.
    fn partial(&self, finding: &mut Finding) {
        let Some(Decoded::Known(instruction)) = self.instruction(self.slot) else {
            return;
        };
        let Form::Load(_) = instruction.form() else {
            return self.came_from(finding, "the address");
        };
        let offset = instruction.offset().div_euclid(8) * 8;
        let state = self.analysis.before(self.slot);
        if !state.is_some_and(|state| state.is_saved_at(offset)) {
            return;
        }
        let store = self
            .instructions()
            .filter(|&(slot, _)| slot < self.slot)
            .filter(|(_, decoded)| {
                decoded.known().is_some_and(|instruction| {
                    matches!(instruction.form(), Form::Store(Size::Double, _))
                        && instruction.dst().is_some_and(|dst| dst.index() == 10)
                        && instruction.offset() == offset
                })
            })
            .last();
        if let Some((slot, _)) = store {
            Self::note(finding, "the pointer was saved by the store", slot as u32);
        }
        if let Some(dst) = instruction.dst() {
            finding.help = Some(format!(
                "load all eight bytes: `{dst} = *(u64 *)(r10 - {});`",
                -i32::from(offset)
            ));
        }
    }

    fn argument(&self, finding: &mut Finding) {
        let Some(register) = self.register(finding) else {
            return;
        };
        if let Some(slot) = self.writer(finding, register) {
            let deed = self.deed(slot);
            Self::note(finding, format!("`r{register}` is from the {deed}"), slot);
        }
        let Some(trail) = finding.trail.clone() else {
            return;
        };
        if finding.rule != Rule::ArgumentKind || finding.help.is_some() {
            return;
        }
        let wants = |what: &str| finding.message.contains(&format!("takes {what} in"));
        let kind_in = |what: &str| {
            let mut kinds = trail.kinds.iter();
            kinds.position(|kind| *kind == Some(what))
        };
        finding.help = if wants("the context") {
            Some(match kind_in("the context") {
                Some(context) => {
                    format!("the context is in `r{context}`: `r{register} = r{context};`")
                }
                None => format!(
                    "keep the context from the start: `r6 = r1;` there, and `r{register} = r6;` before the call"
                ),
            })
        } else if wants("a map") {
            Some(format!("load the map: `r{register} = MAP ll;`"))
        } else if wants("a pointer to memory") || wants("a pointer to the stack") {
            let at = self.free_slot();
            Some(format!(
                "put the bytes on the stack and pass their address: `r{register} = r10; r{register} += -{at};`"
            ))
        } else {
            None
        };
    }

    fn map(&self, finding: &mut Finding) {
        if let Some(slot) = self.writer(finding, 1) {
            Self::note(finding, "the map is loaded by the instruction", slot);
        }
    }

    fn helper(&self, finding: &mut Finding) {
        let Some(Decoded::Known(instruction)) = self.instruction(self.slot) else {
            return;
        };
        let Some(helper) = helpers::by_id(instruction.imm().cast_unsigned()) else {
            return;
        };
        let names: Vec<&str> = ProgramType::ALL
            .iter()
            .filter(|&&program_type| {
                program_type != ProgramType::Ext && helper.callable_from(program_type)
            })
            .map(|program_type| program_type.name())
            .collect();
        if !names.is_empty() {
            finding.help = Some(format!("programs of these types can: {}", names.join(", ")));
        }
    }

    fn leak(&self, finding: &mut Finding) {
        let Some(trail) = finding.trail.clone() else {
            return;
        };
        let Some(call) = finding.causes.first().and_then(|cause| cause.insn) else {
            return;
        };
        let Some(Decoded::Known(instruction)) = self.instruction(call as usize) else {
            return;
        };
        let helper = match instruction.form() {
            Form::CallHelper => helpers::by_id(instruction.imm().cast_unsigned()),
            _ => None,
        };
        let (release, size) = match (helper.map(|helper| helper.name), self.given_back_by(call)) {
            (Some("bpf_ringbuf_reserve"), _) => ("bpf_ringbuf_discard", "r2 = 0; "),
            (Some(_), _) => ("bpf_sk_release", ""),
            (None, Some(release)) => (release, ""),
            (None, None) => return,
        };
        let out = self.way_out();
        let check = match trail.held_unchecked {
            true => format!("if r1 == 0 goto {out}; "),
            false => String::new(),
        };
        finding.help = Some(match trail.held_in {
            Some(Place::Register(1)) => {
                format!("give it back before this: `{check}{size}call {release};`")
            }
            Some(Place::Register(register)) => format!(
                "`r{register}` still has it: `r1 = r{register}; {check}{size}call {release};` before this"
            ),
            Some(Place::Stack(at)) => format!(
                "it is still on the stack: `r1 = *(u64 *)(r10 - {}); {check}{size}call {release};` before this",
                -i32::from(at)
            ),
            None => match self.free_register() {
                Some(free) => format!(
                    "nothing has it any more: keep it with `r{free} = r0;` after the call, and end with `if r{free} == 0 goto {out}; r1 = r{free}; {size}call {release};`"
                ),
                None => format!(
                    "nothing has it any more: keep it, and end with `{size}call {release};` where it is not null"
                ),
            },
        });
    }

    /// The kernel's function that takes back what the one that is called here gives.
    fn given_back_by(&self, call: u32) -> Option<&'static str> {
        let ReferenceKind::KernelFunction(symbol) = self.program.reference(call as usize)?.kind
        else {
            return None;
        };
        let name = self.program.kernel_symbols.get(usize::from(symbol))?;
        match tables::kfuncs::contract(name)?.gives {
            Gives::Reference(release) => Some(release),
            _ => None,
        }
    }

    fn returned(&self, finding: &mut Finding) {
        if let Some(slot) = self.writer(finding, 0) {
            let deed = self.deed(slot);
            Self::note(finding, format!("`r0` is from the {deed}"), slot);
        }
    }

    fn endless(&self, finding: &mut Finding) {
        if let Some(to) = self.target(finding.insn)
            && to <= finding.insn
        {
            Self::note(finding, "the loop begins", to);
        }
    }

    fn unreachable(&self, finding: &mut Finding) {
        let before = self
            .instructions()
            .take_while(|&(slot, _)| slot < self.slot)
            .last();
        if let Some((slot, _)) = before {
            Self::note(finding, "what stands before it never goes on", slot as u32);
        }
    }
}
