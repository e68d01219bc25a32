//! What the kernel decides without following paths: where jumps go, what can be reached, how
//! functions call each other.

use super::Finding;
use super::facts::Program;
use crate::diag::Rule;
use crate::isa::{Decoded, Form, ImmediateSource, Insn, decode_all, rows_of_opcode};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

/// How many functions may be active at a time: on Linux 7.3; before, it was eight.
const MAX_CALL_FRAMES: usize = 16;

/// What is wrong with the shape of a program. `closed` says whether it is whole: that of a
/// fragment may end anywhere.
pub(super) fn check(program: &Program<'_>, closed: bool) -> Vec<Finding> {
    let mut graph = Graph::new(program);
    if !closed {
        // What it calls may stand elsewhere.
        graph
            .findings
            .retain(|finding| finding.rule != Rule::JumpTarget);
    }
    graph.check_jumps(closed);
    if graph.findings.is_empty() && closed {
        graph.check_reach();
        graph.check_depth();
    }
    graph.findings
}

/// What follows an instruction.
struct Graph {
    /// For each slot whether an instruction begins there.
    begins: Vec<bool>,
    /// For each slot where it may go on.
    next: Vec<Next>,
    /// The first slots of functions, in order.
    functions: Vec<usize>,
    /// From slot to the function that is called there.
    calls: BTreeMap<usize, usize>,
    /// Whether something was met whose targets are not known.
    open: bool,
    findings: Vec<Finding>,
}

#[derive(Clone, Copy)]
struct Next {
    /// The slot behind it, if it runs on.
    falls: Option<usize>,
    /// Where it jumps.
    jumps: Option<i64>,
}

impl Graph {
    fn new(program: &Program<'_>) -> Self {
        let length = program.insns.len();
        let mut graph = Self {
            begins: vec![false; length],
            next: vec![
                Next {
                    falls: None,
                    jumps: None
                };
                length
            ],
            functions: program
                .functions
                .iter()
                .map(|function| function.insn as usize)
                .collect(),
            calls: BTreeMap::new(),
            open: false,
            findings: Vec::new(),
        };
        for (at, decoded) in decode_all(program.insns) {
            graph.begins[at] = true;
            let end = at + decoded.slots();
            let next = &mut graph.next[at];
            next.falls = Some(end);
            let Decoded::Known(instruction) = decoded else {
                graph.unknown(at, program.insns[at]);
                continue;
            };
            let distance = instruction.jump_distance().map(i64::from);
            let target = distance.map(|distance| at as i64 + 1 + distance);
            match instruction.form() {
                Form::Exit => next.falls = None,
                Form::Goto | Form::GotoLong => {
                    next.falls = None;
                    next.jumps = target;
                }
                Form::Branch(..) | Form::MayGoto => next.jumps = target,
                Form::GotoIndirect | Form::CallIndirect => {
                    next.falls = None;
                    graph.open = true;
                }
                Form::CallKfunc => graph.open = true,
                Form::CallLocal => graph.function(at, target, true),
                Form::LoadImm64(ImmediateSource::Function) => {
                    let target = at as i64 + 1 + i64::from(instruction.imm());
                    graph.function(at, Some(target), false);
                }
                _ => {}
            }
        }
        if graph.functions.first() != Some(&0) {
            graph.functions.push(0);
        }
        graph.functions.sort_unstable();
        graph.functions.dedup();
        graph
    }

    /// A slot that does not decode: dead ones may have fields that are not zero, and the kernel
    /// follows jumps by their opcode.
    fn unknown(&mut self, at: usize, insn: Insn) {
        let opcode = insn.opcode();
        if rows_of_opcode(opcode).next().is_none() {
            self.findings.push(Finding::new(
                Rule::InvalidInstruction,
                at,
                format!("no instruction has the opcode {opcode:#04x}"),
                format!("unknown opcode {opcode:02x}"),
            ));
            return;
        }
        let next = &mut self.next[at];
        let short = at as i64 + 1 + i64::from(insn.offset());
        let long = at as i64 + 1 + i64::from(insn.imm());
        match opcode {
            0x95 => next.falls = None,
            0x05 => {
                next.falls = None;
                next.jumps = Some(short);
            }
            0x06 => {
                next.falls = None;
                next.jumps = Some(long);
            }
            // Calls of a kind that is not known.
            0x85 | 0x8d | 0x0d | 0x18 => self.open = true,
            _ if matches!(opcode & 7, 5 | 6) => next.jumps = Some(short),
            _ => {}
        }
    }

    fn function(&mut self, at: usize, target: Option<i64>, called: bool) {
        match target.and_then(|target| usize::try_from(target).ok()) {
            Some(target) if target < self.begins.len() => {
                self.functions.push(target);
                // Callbacks are reached, and counted on their own.
                self.calls
                    .insert(at, if called { target } else { usize::MAX - target });
            }
            _ => self.findings.push(Finding::new(
                Rule::JumpTarget,
                at,
                "the call goes to where the program has no instruction",
                "call to invalid destination",
            )),
        }
    }

    /// The first slot of the function around `at`, and the slot behind its last.
    fn around(&self, at: usize) -> (usize, usize) {
        let after = self.functions.partition_point(|&first| first <= at);
        let first = after
            .checked_sub(1)
            .map_or(0, |index| self.functions[index]);
        let end = self.functions.get(after).copied();
        (first, end.unwrap_or(self.begins.len()))
    }

    fn check_jumps(&mut self, closed: bool) {
        for at in 0..self.begins.len() {
            if !self.begins[at] {
                continue;
            }
            let (first, end) = self.around(at);
            let next = self.next[at];
            if let Some(target) = next.jumps {
                let inside = (first as i64..end as i64).contains(&target);
                let kernel = format!("jump out of range from insn {at} to {target}");
                if !inside {
                    self.findings.push(Finding::new(
                        Rule::JumpTarget,
                        at,
                        "the jump leaves the function",
                        kernel,
                    ));
                } else if !self.begins[target as usize] {
                    self.findings.push(Finding::new(
                        Rule::JumpTarget,
                        at,
                        "the jump goes into the middle of a 64-bit immediate",
                        "jump into the middle of ldimm64 insn",
                    ));
                }
            }
            if closed && next.falls.is_some_and(|next| next >= end) && !self.throws(at) {
                self.findings.push(
                    Finding::new(
                        Rule::FallsOffTheEnd,
                        at,
                        "the function's last instruction runs on",
                        "last insn is not an exit or jmp",
                    )
                    .with_help("end the function with `exit` or a jump"),
                );
            }
        }
        for (&at, &target) in &self.calls {
            let target = if target > usize::MAX / 2 {
                usize::MAX - target
            } else {
                target
            };
            if !self.begins[target] {
                self.findings.push(Finding::new(
                    Rule::JumpTarget,
                    at,
                    "the call goes into the middle of a 64-bit immediate",
                    "jump into the middle of ldimm64 insn",
                ));
            }
        }
    }

    /// A kernel function may not come back: `bpf_throw` may end a function.
    const fn throws(&self, _at: usize) -> bool {
        self.open
    }

    fn check_reach(&mut self) {
        if self.open {
            return;
        }
        let mut reached = vec![false; self.begins.len()];
        let mut pending = vec![0];
        while let Some(at) = pending.pop() {
            if at >= reached.len() || core::mem::replace(&mut reached[at], true) {
                continue;
            }
            pending.extend(self.next[at].falls);
            pending.extend(self.next[at].jumps.and_then(|to| usize::try_from(to).ok()));
            if let Some(&target) = self.calls.get(&at) {
                pending.push(target.min(usize::MAX - target));
            }
        }
        let mut before = true;
        for (at, &reached) in reached.iter().enumerate() {
            // One finding for each stretch.
            if self.begins[at] && !reached && before {
                self.findings.push(
                    Finding::new(
                        Rule::UnreachableInstruction,
                        at,
                        "no path reaches this instruction",
                        format!("unreachable insn {at}"),
                    )
                    .with_help("delete it, or put a label before it and jump there"),
                );
            }
            before = !self.begins[at] && before || reached;
        }
    }

    /// Recursion, and chains of calls that are too long.
    fn check_depth(&mut self) {
        let mut callees: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for (&at, &target) in &self.calls {
            if target <= usize::MAX / 2 {
                let (caller, _) = self.around(at);
                callees.entry(caller).or_default().push((at, target));
            }
        }
        // Depth of the chain below each function, once it is known.
        let mut depths: BTreeMap<usize, usize> = BTreeMap::new();
        let mut path: Vec<(usize, usize)> = vec![(0, 0)];
        let none = Vec::new();
        while let Some(&(function, next)) = path.last() {
            let list = callees.get(&function).unwrap_or(&none);
            let Some(&(at, callee)) = list.get(next) else {
                let below = list
                    .iter()
                    .filter_map(|(_, callee)| depths.get(callee))
                    .max();
                depths.insert(function, 1 + below.copied().unwrap_or(0));
                path.pop();
                continue;
            };
            let last = path.len() - 1;
            path[last].1 += 1;
            if path.iter().any(|&(active, _)| active == callee) {
                self.findings.push(Finding::new(
                    Rule::Recursion,
                    at,
                    "recursion is not possible",
                    "recursive call from the function, or back-edge",
                ));
                return;
            }
            let below = depths.get(&callee).copied();
            if path.len() + below.unwrap_or(1) > MAX_CALL_FRAMES {
                self.findings.push(
                    Finding::new(
                        Rule::CallDepth,
                        at,
                        format!("more than {MAX_CALL_FRAMES} functions are active here"),
                        "the call stack of 17 frames is too deep !",
                    )
                    .with_help(
                        "call from fewer levels, or write the function out where it is called",
                    ),
                );
                return;
            }
            if below.is_none() {
                path.push((callee, 0));
            }
        }
    }
}
