//! The kernel's walk over a program, with what it knows of numbers: bits and bounds.
//!
//! Errors come from runs that do what no kernel allows. What is here is refused for another
//! reason: that kernels do not know better. They follow every path, know of each number some bits
//! and bounds, and refuse what these do not rule out. So does this, path by path and in their
//! order, for several kernels, which differ in what they know. What it finds is a prediction and
//! never an error: a kernel may have learned something since. What is not modelled ends a path in
//! silence.
//!
//! The instructions are those of [`semantics`](crate::semantics), on values that are sets of
//! numbers. A jump of which both sides are possible is a fork: the machine goes on behind it, and
//! a copy of its state, with what is true on the other side, waits.

mod arithmetic;
mod branch;
mod calls;
mod kernel;
mod memory;
mod pointer;
mod scalar;
mod stack;
mod tnum;
mod value;
mod visited;
mod walk;
mod words;

use super::facts::Program;
use super::finding::{Finding, Kernels};
use crate::KernelVersion;
use crate::object::Linkage;
use crate::semantics::Operation;
use alloc::vec::Vec;
use kernel::{FOLLOWED, Kernel};
use visited::Needed;
use walk::{Prepared, Walk};

/// Steps over all paths for one kernel. A kernel looks at a million instructions; here it is fewer,
/// and what they do not reach is not predicted.
const MOST_STEPS: u64 = 50_000;
/// The same in macros, where rustc is waited for; long programs are walked once at least.
const MOST_STEPS_IN_MACROS: u64 = 20_000;

/// The kernels from `oldest` on that are followed.
pub(super) fn kernels(oldest: KernelVersion) -> Vec<KernelVersion> {
    let mut kernels = alloc::vec![oldest];
    kernels.extend(FOLLOWED.into_iter().filter(|&version| version > oldest));
    kernels
}

/// What kernels refuse, each finding with those that do.
pub(super) fn predict(facts: &Program<'_>, kernels: &[KernelVersion]) -> Vec<Finding> {
    predict_within(facts, kernels, MOST_STEPS)
}

fn predict_within(facts: &Program<'_>, kernels: &[KernelVersion], most: u64) -> Vec<Finding> {
    let most = most.max(2 * facts.insns.len() as u64);
    let operations = Operation::decode_all(facts.insns);
    let needed = Needed::of(facts);
    let prepared = Prepared {
        facts,
        operations: &operations,
        needed: &needed,
    };
    let mut all: Vec<Finding> = Vec::new();
    // The newest know most: what they refuse, the others nearly always refuse, too.
    for &version in kernels.iter().rev() {
        let Some(finding) = first(&prepared, Kernel { version }, most) else {
            continue;
        };
        let same = |other: &&mut Finding| other.insn == finding.insn && other.rule == finding.rule;
        match all.iter_mut().find(same) {
            Some(other) => {
                if let Some(refusing) = &mut other.predicted {
                    refusing.refusing.insert(0, version);
                }
            }
            None => all.push(Finding {
                predicted: Some(Kernels {
                    refusing: alloc::vec![version],
                    asked: kernels.to_vec(),
                }),
                ..finding
            }),
        }
    }
    all
}

/// What this kernel refuses first.
fn first(prepared: &Prepared<'_>, kernel: Kernel, most: u64) -> Option<Finding> {
    let functions = &prepared.facts.functions;
    let global = functions
        .iter()
        .filter(|function| function.linkage == Linkage::Global && function.insn != 0);
    let entries = core::iter::once(0).chain(global.map(|function| function.insn as usize));
    for entry in entries {
        let finding = Walk::new(prepared, kernel, entry).go(most);
        if finding.is_some() {
            return finding;
        }
    }
    None
}

/// What every kernel from the oldest of the program on refuses, at one place and for one reason.
pub(super) fn predict_for_all(facts: &Program<'_>) -> Option<Finding> {
    let kernels = kernels(facts.min_kernel);
    // The newest first: where it has nothing to say, the others need not be asked.
    let newest = kernels.last().copied()?;
    let quick = predict_within(facts, &[newest], MOST_STEPS_IN_MACROS);
    if quick.is_empty() {
        return None;
    }
    // The newest's own words, if the others stop there, too, for whatever reason.
    let mut findings = predict_within(facts, &kernels, MOST_STEPS_IN_MACROS).into_iter();
    let mut first = findings.next()?;
    let refusing = first.predicted.as_mut()?;
    for other in findings.filter(|other| other.insn == first.insn) {
        refusing
            .refusing
            .extend(other.predicted.into_iter().flat_map(|other| other.refusing));
    }
    refusing.refusing.sort_unstable();
    refusing.are_all().then_some(first)
}
