//! What may mend a finding, the best first.

use super::splice::Step;
use super::{Candidate, Draft, NewMap, SIZE_MARK};
use crate::check::facts::Program;
use crate::check::finding::{Finding, Limit};
use crate::check::tables;
use crate::diag::Rule;
use crate::helpers;
use crate::isa::{
    AluOp, Decoded, Form, ImmediateSource, Instruction, JmpOp, Register, Size, Source, Width,
    decode, decode_all,
};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// What may mend this finding.
pub(super) fn all(program: &Program<'_>, finding: &Finding) -> Vec<Candidate> {
    let at = finding.insn as usize;
    let Some(Decoded::Known(instruction)) = program.insns.get(at..).and_then(decode) else {
        return Vec::new();
    };
    let context = Context::new(program, at);
    match finding.rule {
        Rule::UnwrittenRegister if instruction.form() == Form::Exit => context.set_result(),
        Rule::UnwrittenRegister => context.save_over_call(finding),
        Rule::NotAPointer => context.read_through_helper(instruction),
        Rule::PossiblyNull => finding
            .subject
            .map_or_else(Vec::new, |register| context.leave_if_null(register)),
        Rule::MapValueBounds | Rule::MemoryBounds | Rule::PointerOffset => finding
            .limit
            .map_or_else(Vec::new, |limit| context.limit(limit)),
        Rule::StackBounds => context.move_to_map(finding.extent),
        _ => Vec::new(),
    }
}

/// The program around a finding.
struct Context<'a> {
    program: &'a Program<'a>,
    at: usize,
    /// The function that it is in.
    start: usize,
    end: usize,
}

fn name(register: Register) -> String {
    format!("r{}", register as u8)
}

fn mov(to: Register, from: Register) -> Step {
    Step::new(
        format!("{} = {};", name(to), name(from)),
        Instruction::mov_reg(to, from),
    )
}

fn set(to: Register, value: i32) -> Step {
    Step::new(
        format!("{} = {value};", name(to)),
        Instruction::mov_imm(to, value),
    )
}

fn add(to: Register, value: i32) -> Step {
    Step::new(
        format!("{} += {value};", name(to)),
        Instruction::alu_imm(Width::W64, AluOp::Add, to, value),
    )
}

fn call(helper: &str) -> Option<Step> {
    let id = helpers::by_name(helper)?.id;
    Some(Step::new(
        format!("call {helper};"),
        Instruction::call_helper(id),
    ))
}

fn exit() -> Step {
    Step::new("exit;", Instruction::exit())
}

/// The inside of the parentheses of an address.
fn address(base: Register, offset: i16) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    format!("{} {sign} {}", name(base), offset.unsigned_abs())
}

fn load(size: Size, to: Register, base: Register, offset: i16) -> Step {
    Step::new(
        format!(
            "{} = *(u{} *)({});",
            name(to),
            u32::from(size.bytes()) * 8,
            address(base, offset)
        ),
        Instruction::load(size, to, base, offset),
    )
}

fn store_imm(size: Size, base: Register, offset: i16, value: i32) -> Step {
    Step::new(
        format!(
            "*(u{} *)({}) = {value};",
            u32::from(size.bytes()) * 8,
            address(base, offset)
        ),
        Instruction::store_imm(size, base, offset, value),
    )
}

fn store_reg(size: Size, base: Register, offset: i16, from: Register) -> Step {
    let prefix = if size == Size::Double { 'r' } else { 'w' };
    Step::new(
        format!(
            "*(u{} *)({}) = {prefix}{};",
            u32::from(size.bytes()) * 8,
            address(base, offset),
            from as u8
        ),
        Instruction::store_reg(size, base, offset, from),
    )
}

use Register::{R0, R1, R2, R3, R6, R7, R8, R9, R10};

/// The frame of a function.
const FRAME: i64 = 512;

/// As far as an exit is looked for behind a mistake.
const MOST_LABELS: usize = 3;

impl<'a> Context<'a> {
    fn new(program: &'a Program<'a>, at: usize) -> Self {
        let starts = || program.functions.iter().map(|f| f.insn as usize);
        Self {
            program,
            at,
            start: starts().filter(|&s| s <= at).max().unwrap_or(0),
            end: starts()
                .filter(|&s| s > at)
                .min()
                .unwrap_or(program.insns.len())
                .min(program.insns.len()),
        }
    }

    /// The instructions of the function, with their slots.
    fn instructions(&self) -> impl DoubleEndedIterator<Item = (usize, Instruction)> {
        let all: Vec<_> = decode_all(&self.program.insns[self.start..self.end])
            .filter_map(|(slot, decoded)| match decoded {
                Decoded::Known(instruction) => Some((self.start + slot, instruction)),
                Decoded::Unknown(_) => None,
            })
            .collect();
        all.into_iter()
    }

    fn before(&self, steps: Vec<Step>) -> Vec<Draft> {
        vec![Draft {
            insn: self.at,
            replaces: false,
            steps,
        }]
    }

    /// A number that the program may return: 0 where the kernel takes that.
    fn harmless_result(&self) -> i32 {
        let Some(program_type) = self.program.program_type else {
            return 0;
        };
        match tables::return_range(program_type, self.program.attach_type) {
            Some((least, most)) if !(least..=most).contains(&0) => least as i32,
            _ => 0,
        }
    }

    fn set_result(&self) -> Vec<Candidate> {
        vec![Candidate {
            message: "say what the program returns".into(),
            changes: self.before(vec![set(R0, self.harmless_result())]),
            map: None,
        }]
    }

    /// What a call takes away is saved before it, and put back.
    fn save_over_call(&self, finding: &Finding) -> Vec<Candidate> {
        let call = finding.causes.iter().find_map(|cause| cause.insn);
        let (Some(call), Some(lost), Some(free)) = (call, finding.subject, self.free_register())
        else {
            return Vec::new();
        };
        let call = call as usize;
        let Some(lost) = Register::from_index(lost) else {
            return Vec::new();
        };
        if call >= self.at || call < self.start {
            return Vec::new();
        }
        let draft = |insn, step| Draft {
            insn,
            replaces: false,
            steps: vec![step],
        };
        vec![Candidate {
            message: format!("keep `{}` over the call", name(lost)),
            changes: vec![
                draft(call, mov(free, lost)),
                draft(self.at, mov(lost, free)),
            ],
            map: None,
        }]
    }

    /// A number is an address that only a helper may read from.
    fn read_through_helper(&self, instruction: Instruction) -> Vec<Candidate> {
        let Form::Load(size) = instruction.form() else {
            return Vec::new();
        };
        let (Some(to), Some(base)) = (instruction.dst(), instruction.src()) else {
            return Vec::new();
        };
        let Some(slot) = self.free_stack() else {
            return Vec::new();
        };
        let Some(call) = call("bpf_probe_read_kernel") else {
            return Vec::new();
        };
        if to != R0 && self.is_read_later(R0) {
            return Vec::new();
        }
        let mut steps = Vec::new();
        if base != R3 {
            steps.push(mov(R3, base));
        }
        if instruction.offset() != 0 {
            steps.push(add(R3, instruction.offset().into()));
        }
        steps.extend([
            mov(R1, R10),
            add(R1, slot.into()),
            set(R2, size.bytes().into()),
            call,
            load(size, to, R10, slot),
        ]);
        vec![Candidate {
            message:
                "read through a helper, `bpf_probe_read_user` if it is an address of user space"
                    .into(),
            changes: vec![Draft {
                insn: self.at,
                replaces: true,
                steps,
            }],
            map: None,
        }]
    }

    /// Leaves the function if the register compares so: to a label behind which it ends, or here.
    fn leave(
        &self,
        message: &str,
        insn: usize,
        register: Register,
        (leave, stay): (JmpOp, JmpOp),
        (written, value): (&str, i32),
    ) -> Vec<Candidate> {
        let name = name(register);
        let to_label = self.ends().map(|(slot, label)| {
            let branch = Instruction::branch_imm(Width::W64, leave, register, value, 0);
            let mut step = Step::new(
                format!("if {name} {} {written} goto {label};", leave.symbol()),
                branch,
            );
            step.target = Some(slot);
            vec![step]
        });
        let branch = Instruction::branch_imm(Width::W64, stay, register, value, 2);
        let here = vec![
            Step::new(
                format!("if {name} {} {written} goto +2;", stay.symbol()),
                branch,
            ),
            set(R0, self.harmless_result()),
            exit(),
        ];
        to_label
            .chain([here])
            .map(|steps| Candidate {
                message: message.into(),
                changes: vec![Draft {
                    insn,
                    replaces: false,
                    steps,
                }],
                map: None,
            })
            .collect()
    }

    fn leave_if_null(&self, register: u8) -> Vec<Candidate> {
        let Some(register) = Register::from_index(register) else {
            return Vec::new();
        };
        let message = format!("leave where `{}` is null", name(register));
        let ops = (JmpOp::Eq, JmpOp::Ne);
        self.leave(&message, self.at, register, ops, ("0", 0))
    }

    fn limit(&self, limit: Limit) -> Vec<Candidate> {
        let Some(register) = Register::from_index(limit.register) else {
            return Vec::new();
        };
        let message = format!("leave where `{}` is too large", name(register));
        let ops = (JmpOp::Gt, JmpOp::Le);
        let insn = limit.insn as usize;
        let most = match limit.length {
            Some(length) => i64::try_from(length).ok().map(|l| l - limit.rest),
            // Who knows the map puts it in.
            None => {
                let written = format!("{SIZE_MARK}");
                return self.leave(&message, insn, register, ops, (&written, 0));
            }
        };
        let Some(most) = most.and_then(|most| i32::try_from(most).ok()) else {
            return Vec::new();
        };
        if most < 0 {
            return Vec::new();
        }
        self.leave(&message, insn, register, ops, (&format!("{most}"), most))
    }

    /// Labels behind the place where the function sets `r0` and ends.
    fn ends(&self) -> impl Iterator<Item = (usize, &'a str)> {
        let program = self.program;
        let (at, end) = (self.at, self.end);
        let labels = program.labels.iter();
        labels
            .filter(move |(slot, _)| (at..end).contains(&(*slot as usize)) && *slot as usize > at)
            .filter(move |(slot, _)| {
                let insns = &program.insns[*slot as usize..end];
                let mut instructions = decode_all(insns).filter_map(|(_, decoded)| match decoded {
                    Decoded::Known(instruction) => Some(instruction),
                    Decoded::Unknown(_) => None,
                });
                let sets = instructions.next().is_some_and(|first| {
                    matches!(first.form(), Form::Alu(AluOp::Mov, _, Source::Imm))
                        && first.dst() == Some(R0)
                });
                sets && instructions.next().is_some_and(|i| i.form() == Form::Exit)
            })
            .map(|(slot, label)| (*slot as usize, label.as_str()))
            .take(MOST_LABELS)
    }

    /// A register that calls keep and that the function does not use.
    fn free_register(&self) -> Option<Register> {
        [R6, R7, R8, R9].into_iter().find(|&register| {
            self.instructions()
                .all(|(_, i)| i.dst() != Some(register) && i.src() != Some(register))
        })
    }

    /// Eight bytes of the stack that the function does not use.
    fn free_stack(&self) -> Option<i16> {
        let mut lowest = 0;
        for (_, instruction) in self.instructions() {
            let offset = match instruction.form() {
                Form::Alu(AluOp::Add, Width::W64, Source::Imm) => i64::from(instruction.imm()),
                _ if instruction.dst() == Some(R10) || instruction.src() == Some(R10) => {
                    i64::from(instruction.offset())
                }
                _ => 0,
            };
            lowest = lowest.min(offset);
        }
        let slot = lowest.div_euclid(8) * 8 - 8;
        (slot >= -FRAME).then_some(slot as i16)
    }

    /// Whether something behind this place may read the register before it is written.
    fn is_read_later(&self, register: Register) -> bool {
        let mut pending = vec![self.at + 1];
        let mut seen = vec![false; self.end - self.start];
        while let Some(slot) = pending.pop() {
            let Some(mark) = slot.checked_sub(self.start).and_then(|at| seen.get_mut(at)) else {
                continue;
            };
            if core::mem::replace(mark, true) {
                continue;
            }
            let Some(Decoded::Known(instruction)) = decode(&self.program.insns[slot..]) else {
                return true;
            };
            let form = instruction.form();
            let writes = match form {
                Form::Alu(AluOp::Mov, ..)
                | Form::Load(_)
                | Form::LoadSigned(_)
                | Form::LoadImm64(_)
                | Form::SignExtend(_) => {
                    instruction.dst() == Some(register) && instruction.src() != Some(register)
                }
                Form::CallHelper | Form::CallLocal | Form::CallKfunc => register == R0,
                _ => false,
            };
            if writes {
                continue;
            }
            let reads = instruction.dst() == Some(register)
                || instruction.src() == Some(register)
                || form == Form::Exit && register == R0
                || matches!(form, Form::Atomic(..));
            if reads {
                return true;
            }
            if let Some(distance) = instruction.jump_distance() {
                let target = slot as i64 + 1 + i64::from(distance);
                pending.extend(usize::try_from(target));
            }
            if !matches!(form, Form::Goto | Form::GotoLong | Form::Exit) {
                pending.push(slot + instruction.slots());
            }
        }
        false
    }

    /// What does not fit the frame goes into a map's value, looked up where the function begins.
    fn move_to_map(&self, extent: Option<(i64, i64)>) -> Vec<Candidate> {
        // What is meant alone is enough where nothing else is below the frame.
        let end = extent.map_or(0, |(_, end)| end);
        let ends = if end < 0 { vec![end, 0] } else { vec![0] };
        ends.into_iter()
            .filter_map(|end| self.move_below(end))
            .collect()
    }

    /// The same with a value that ends where the frame has this offset.
    fn move_below(&self, end: i64) -> Option<Candidate> {
        // What the function does with too large distances from `r10`.
        let mut copies: Vec<(Register, usize)> = Vec::new();
        let mut moved = Vec::new();
        let mut lowest = 0;
        for (slot, instruction) in self.instructions() {
            let (dst, src) = (instruction.dst(), instruction.src());
            match instruction.form() {
                Form::Alu(AluOp::Mov, Width::W64, Source::Reg) if src == Some(R10) => {
                    let Some(dst) = dst else { continue };
                    copies.retain(|(register, _)| *register != dst);
                    copies.push((dst, slot));
                    continue;
                }
                Form::Alu(AluOp::Add, Width::W64, Source::Imm)
                    if i64::from(instruction.imm()) < -FRAME =>
                {
                    let copy = copies.iter().find(|(register, _)| Some(*register) == dst);
                    let &(register, copied) = copy?;
                    lowest = lowest.min(i64::from(instruction.imm()));
                    moved.push(Moved::Pointer {
                        register,
                        copied,
                        added: slot,
                        offset: instruction.imm(),
                    });
                }
                Form::Load(_) | Form::Store(..)
                    if i64::from(instruction.offset()) < -FRAME
                        && (dst == Some(R10) || src == Some(R10)) =>
                {
                    lowest = lowest.min(i64::from(instruction.offset()));
                    moved.push(Moved::Access { slot, instruction });
                }
                _ => {}
            }
            copies.retain(|(register, _)| Some(*register) != dst);
        }
        let base = -lowest.div_euclid(8) * 8;
        let size = (base + end + 7).div_euclid(8) * 8;
        let free = self.free_register()?;
        let value_size = u32::try_from(size).ok().filter(|&size| size > 0)?;
        let taken = |name: &str| {
            let mut maps = self.program.maps.iter().flatten();
            maps.any(|map| map.name == name)
        };
        let names = ["BUFFER", "LARGE_BUFFER", "OTHER_BUFFER"];
        let map = names.into_iter().find(|name| !taken(name))?;
        let look_up = self.look_up(map, free)?;
        let mut changes = vec![Draft {
            insn: self.start,
            replaces: false,
            steps: look_up,
        }];
        for one in moved {
            changes.extend(one.drafts(free, base)?);
        }
        // The first instruction may be one that moves.
        for at in (1..changes.len()).rev() {
            if changes[at].insn == self.start {
                let draft = changes.swap_remove(at);
                changes[0].replaces = true;
                changes[0].steps.extend(draft.steps);
            }
        }
        changes.sort_by_key(|draft| draft.insn);
        Some(Candidate {
            message: "keep it in a map's value, looked up where the function begins".into(),
            changes,
            map: Some(NewMap {
                name: map.into(),
                value_size,
            }),
        })
    }

    /// Looks the only value of a map up, whose address then is in this register; `r1` stays.
    fn look_up(&self, map: &str, free: Register) -> Option<Vec<Step>> {
        let mut load = Step::new(
            format!("r1 = {map} ll;"),
            Instruction::load_pseudo(R1, ImmediateSource::MapFd, 0, 0),
        );
        load.loads_new_map = true;
        let stay = Instruction::branch_imm(Width::W64, JmpOp::Ne, R0, 0, 2);
        Some(vec![
            mov(free, R1),
            store_imm(Size::Word, R10, -4, 0),
            mov(R2, R10),
            add(R2, -4),
            load,
            call("bpf_map_lookup_elem")?,
            Step::new("if r0 != 0 goto +2;", stay),
            set(R0, self.harmless_result()),
            exit(),
            mov(R1, free),
            mov(free, R0),
        ])
    }
}

/// Something beyond the frame.
enum Moved {
    /// `r1 = r10`, and then `r1 += -4096`.
    Pointer {
        register: Register,
        copied: usize,
        added: usize,
        offset: i32,
    },
    /// `*(u64 *)(r10 - 4096) = 0`.
    Access {
        slot: usize,
        instruction: Instruction,
    },
}

impl Moved {
    /// The same in a value that `base` points to, and that begins so far before `r10` would be.
    fn drafts(self, base: Register, size: i64) -> Option<Vec<Draft>> {
        let replace = |insn, steps| Draft {
            insn,
            replaces: true,
            steps,
        };
        match self {
            Self::Pointer {
                register,
                copied,
                added,
                offset,
            } => {
                let offset = i32::try_from(size + i64::from(offset)).ok()?;
                let rest = match offset {
                    0 => Vec::new(),
                    offset => vec![add(register, offset)],
                };
                Some(vec![
                    replace(copied, vec![mov(register, base)]),
                    replace(added, rest),
                ])
            }
            Self::Access { slot, instruction } => {
                let offset = i16::try_from(size + i64::from(instruction.offset())).ok()?;
                let step = match instruction.form() {
                    Form::Load(size) => load(size, instruction.dst()?, base, offset),
                    Form::Store(size, Source::Imm) => {
                        store_imm(size, base, offset, instruction.imm())
                    }
                    Form::Store(size, Source::Reg) => {
                        store_reg(size, base, offset, instruction.src()?)
                    }
                    _ => return None,
                };
                Some(vec![replace(slot, vec![step])])
            }
        }
    }
}
