//! Runs of a program with values that carry the kernel's types.
//!
//! A run is what the program may do: its numbers are concrete, its pointers are objects with
//! offsets, what it does not decide is chosen to hurt. If a run does what no kernel allows, every
//! kernel refuses the program, and the run shows why. What is not modelled ends a run in
//! silence.

mod arguments;
mod arithmetic;
mod bounds;
mod callbacks;
mod calls;
mod context;
mod exit;
mod input;
mod kfuncs;
mod locks;
mod machine;
mod memory;
mod run;
mod stack;
mod value;

use super::facts::Program;
use super::finding::Finding;
use crate::isa::{Decoded, Form, decode_all};
use crate::semantics::Operation;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use input::Plan;
use run::{Run, Shared};

/// How long is looked for.
///
/// ```
/// use ebpf_asm::check::Effort;
///
/// let quick = Effort::runs(4);
/// assert!(quick.total > 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Effort {
    /// As many runs of each function.
    pub runs: u32,
    /// As many steps in a run.
    pub steps: u32,
    /// As many steps in all.
    pub total: u32,
}

impl Effort {
    /// What the macros spend.
    pub const DEFAULT: Self = Self {
        runs: 30,
        steps: 20_000,
        total: 300_000,
    };

    /// So many runs.
    #[must_use]
    pub const fn runs(runs: u32) -> Self {
        Self {
            runs,
            ..Self::DEFAULT
        }
    }
}

impl Default for Effort {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A program, ready to run.
struct Prepared<'a> {
    /// For each slot whether the end of a function can be reached from it.
    leads_out: &'a [bool],
    facts: &'a Program<'a>,
    operations: &'a [Operation],
    interesting: &'a [u64],
    has_references: bool,
    start: Start,
}

/// Where runs begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// The program.
    Program,
    /// A global function on its own.
    Global(u32),
    /// A function that a timer calls later, with an element of a map.
    Async { target: u32, map: u16 },
}

impl Start {
    const fn slot(self) -> usize {
        match self {
            Self::Program => 0,
            Self::Global(slot) | Self::Async { target: slot, .. } => slot as usize,
        }
    }
}

/// After so many runs that saw nothing new, and with nothing to aim at, there is no other.
const IDLE_RUNS: u32 = 7;

/// What runs found, in the order in which a kernel comes upon it.
pub(super) fn check(facts: &Program<'_>, effort: Effort) -> Vec<Finding> {
    let operations = Operation::decode_all(facts.insns);
    let interesting = input::interesting(facts);
    let leads_out = leading_out(facts);
    // Kernels look at functions on their own once something reaches them.
    let mut starts = alloc::vec![Start::Program];
    let mut next = 0;
    let mut left = effort.total;
    // In the order in which they were found; what else is known of an instruction, by its slot.
    let mut order: Vec<u32> = Vec::new();
    let mut all: BTreeMap<u32, Vec<Finding>> = BTreeMap::new();
    while let Some(&start) = starts.get(next) {
        next += 1;
        let prepared = Prepared {
            leads_out: &leads_out,
            facts,
            operations: &operations,
            interesting: &interesting,
            has_references: !facts.references.is_empty(),
            start,
        };
        for finding in search(&prepared, effort, &mut left, &mut starts) {
            // What is certain comes before what depends on a map, and what assumes less before
            // what assumes more.
            let here = all.entry(finding.insn).or_default();
            if here.iter().any(|other| other.covers(&finding)) {
                continue;
            }
            if here.is_empty() {
                order.push(finding.insn);
            }
            here.retain(|other| !finding.covers(other));
            here.push(finding);
        }
    }
    order
        .into_iter()
        .flat_map(|insn| all.remove(&insn).unwrap_or_default())
        .collect()
}

impl Prepared<'_> {
    fn leads_out(&self, slot: usize) -> bool {
        self.leads_out.get(slot).is_none_or(|&leads| leads)
    }

    /// For each slot whether the instruction at `goal` can be reached from it.
    fn leading_to(&self, goal: usize) -> Vec<bool> {
        leading(self.facts, |at, _| at == goal)
    }
}

/// For each slot whether an `exit`, or something that is not followed, can be reached from it.
fn leading_out(facts: &Program<'_>) -> Vec<bool> {
    leading(facts, |_, decoded| match decoded {
        Decoded::Unknown(_) => true,
        Decoded::Known(instruction) => matches!(
            instruction.form(),
            // These may end the program, or the loop.
            Form::Exit
                | Form::MayGoto
                | Form::GotoIndirect
                | Form::CallKfunc
                | Form::CallIndirect
                | Form::PacketAbsolute(_)
                | Form::PacketIndirect(_)
        ),
    })
}

/// For each slot whether an instruction that `is_goal` can be reached from it.
fn leading(facts: &Program<'_>, is_goal: impl Fn(usize, &Decoded) -> bool) -> Vec<bool> {
    let mut leads = alloc::vec![false; facts.insns.len()];
    let instructions: Vec<(usize, Decoded)> = decode_all(facts.insns).collect();
    // Most jumps go forward: twice is nearly always enough. Who needs more is left in peace.
    let mut rounds = 0;
    let mut changed = true;
    while changed {
        rounds += 1;
        if rounds > 16 {
            leads.fill(true);
            break;
        }
        changed = false;
        for (at, decoded) in instructions.iter().rev() {
            let from = |slot: Option<usize>| {
                slot.and_then(|slot| leads.get(slot).copied())
                    .unwrap_or(true)
            };
            let next = Some(at + decoded.slots());
            let out = is_goal(*at, decoded)
                || match decoded {
                    Decoded::Unknown(_) => from(next),
                    Decoded::Known(instruction) => {
                        let target = instruction.jump_distance().and_then(|distance| {
                            usize::try_from(*at as i64 + 1 + i64::from(distance)).ok()
                        });
                        match instruction.form() {
                            Form::Exit => false,
                            Form::Goto | Form::GotoLong => from(target),
                            Form::Branch(..) | Form::MayGoto => from(next) || from(target),
                            Form::GotoIndirect | Form::CallIndirect => true,
                            _ => from(next),
                        }
                    }
                };
            if out && !leads[*at] {
                leads[*at] = true;
                changed = true;
            }
        }
    }
    leads
}

fn search(
    program: &Prepared<'_>,
    effort: Effort,
    left: &mut u32,
    starts: &mut Vec<Start>,
) -> Vec<Finding> {
    let mut shared = Shared {
        starts: core::mem::take(starts),
        ..Shared::default()
    };
    let mut found: BTreeMap<Vec<bool>, Finding> = BTreeMap::new();
    let mut flips: VecDeque<(u32, bool, Plan)> = VecDeque::new();
    let mut hurts: VecDeque<Plan> = VecDeque::new();
    let mut tried: BTreeSet<(u32, u32, u64, bool)> = BTreeSet::new();
    let mut attempts: BTreeMap<(u32, bool), u32> = BTreeMap::new();
    let mut seed = 0;
    let (mut idle, mut known_sides) = (0, 0);
    for round in 0..effort.runs {
        // Sides of branches that no run has seen come first, then what makes accesses go out;
        // every third run starts anew.
        let plan = loop {
            let fresh = round < 2 || round % 3 == 0;
            let next = if fresh { None } else { flips.pop_front() };
            match next {
                Some((slot, side, _))
                    if shared
                        .seen
                        .get(&slot)
                        .is_some_and(|sides: &[bool; 2]| sides[usize::from(side)]) => {}
                Some((.., plan)) => break plan,
                None => {
                    if !fresh && let Some(plan) = hurts.pop_front() {
                        break plan;
                    }
                    let plan = Plan {
                        choices: Vec::new(),
                        seed,
                    };
                    seed += 1;
                    break plan;
                }
            }
        };
        let mut run = Run::new(program, &plan, &mut shared);
        let finding = run.go(effort.steps.min(*left));
        *left = left.saturating_sub(run.steps);
        let (path, goals, inputs) = (run.path, run.goals, run.inputs);
        if let Some(finding) = finding {
            found.entry(path).or_insert(finding);
        }
        let has_inputs = !inputs.is_empty();
        for goal in goals {
            let site = inputs[usize::from(goal.input)].slot;
            if !tried.insert((goal.slot, site, goal.value, goal.taken.is_some())) {
                continue;
            }
            let mut choices: Vec<u64> = inputs.iter().map(|input| input.value).collect();
            choices[usize::from(goal.input)] = goal.value;
            let plan = Plan {
                choices,
                seed: plan.seed,
            };
            match goal.taken {
                Some(side) => {
                    if shared
                        .seen
                        .get(&goal.slot)
                        .is_some_and(|sides: &[bool; 2]| sides[usize::from(side)])
                    {
                        continue;
                    }
                    let attempts = attempts.entry((goal.slot, side)).or_default();
                    *attempts += 1;
                    if *attempts <= 6 {
                        flips.push_back((goal.slot, side, plan));
                    }
                }
                None => hurts.push_back(plan),
            }
        }
        let sides = shared.seen.values().flatten().filter(|&&side| side).count();
        idle = if sides > known_sides { 0 } else { idle + 1 };
        known_sides = sides;
        let nothing_left = flips.is_empty() && hurts.is_empty() && idle >= IDLE_RUNS;
        if !has_inputs || nothing_left || *left == 0 {
            break;
        }
    }
    *starts = shared.starts;
    found
        .into_values()
        .filter(|finding| match finding.unless_null {
            Some(register) => !shared.nulls.contains(&(finding.insn, register)),
            None => true,
        })
        .chain(shared.lacks.into_values())
        .chain(shared.obligations.findings)
        .collect()
}
