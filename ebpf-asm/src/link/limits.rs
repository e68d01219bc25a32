//! What the kernel limits in a program of several functions: how deeply they call each other,
//! the stack that they need together, tail calls among them.
//!
//! Errors are certain: every kernel that the object is for refuses the program. Of the stack
//! only what is accessed on every way through a function counts, since the kernel does not
//! count what it never reaches; and the rounding is the least that kernels have.

use super::ObjectFunction;
use super::function::Assembled;
use crate::diag::{Diagnostic, Rule, Span};
use crate::isa::{
    Decoded, Form, ImmediateSource, Insn, Instruction, Register, Size, Source, decode_all,
};
use crate::object::ConstantField;
use crate::{KernelVersion, ProgramType};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Functions that can be active at once, the program among them: on Linux 7.3. On 6.18 and
/// before they are eight, which is no error here.
const MOST_FRAMES: usize = 16;
/// Bytes of stack of all active functions.
const STACK: u32 = 512;
/// What callers of a function with tail calls can need.
const STACK_BEFORE_TAIL_CALL: u32 = 256;
/// Kernels round each function's stack up to this or to more.
const GRANULARITY: u32 = 16;
/// The first kernel (on x86-64) that takes tail calls and functions in one program.
const TAIL_CALLS_AND_FUNCTIONS: KernelVersion = KernelVersion::new(5, 10);
/// `bpf_tail_call`
const TAIL_CALL: u32 = 12;

/// The opcode of calls, and their source field if a function of the kernel is called.
const CALL: u8 = 0x85;
const KERNEL_FUNCTION: u8 = 2;

/// A function and what it calls.
struct Node {
    calls: Vec<(usize, Span)>,
    /// Bytes of stack that it needs at least.
    stack: u32,
    /// The functions that are called on every way through it.
    surely: BTreeSet<usize>,
    tail_call: Option<Span>,
}

/// Checks the functions of a program, which are without recursion.
pub(super) fn check(
    functions: &[ObjectFunction<'_>],
    assembled: &BTreeMap<usize, Assembled>,
    program: usize,
    min_kernel: Option<KernelVersion>,
) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    if assembled.len() < 2 {
        return diagnostics;
    }
    let is_kfunc = |insn: &Insn| insn.opcode() == CALL && insn.src() == KERNEL_FUNCTION;
    let may_throw = assembled
        .values()
        .any(|function| function.linked.insns.iter().any(is_kfunc));
    let nodes: Option<BTreeMap<usize, Node>> = assembled
        .iter()
        .map(|(&index, function)| Some((index, Node::new(function, may_throw)?)))
        .collect();
    let Some(mut nodes) = nodes else {
        return diagnostics;
    };
    let order = callees_first(&nodes, program);
    forget_unsure(&mut nodes, &order);
    let tail_call = nodes.values().find_map(|node| node.tail_call);
    if let (Some(span), Some(oldest)) = (tail_call, min_kernel)
        && oldest < TAIL_CALLS_AND_FUNCTIONS
    {
        diagnostics.push(
            Diagnostic::error(
                Rule::NeedsNewerKernel,
                span,
                format!(
                    "tail calls in a program that has functions need Linux {TAIL_CALLS_AND_FUNCTIONS}, and the object is for Linux {oldest} and later"
                ),
            )
            .with_help(format!(
                "raise it: `#[min_kernel = \"{TAIL_CALLS_AND_FUNCTIONS}\"]`, or paste the functions: `#[inline]`"
            )),
        );
    }
    let chains = Chains {
        functions,
        nodes: &nodes,
        order: &order,
    };
    diagnostics.extend(chains.too_deep(program));
    let program_type = functions[program].program_type;
    if tail_call.is_some() || program_type.is_some_and(|ty| !may_have_private_stack(ty)) {
        diagnostics.extend(chains.too_large(program));
        diagnostics.extend(chains.tail_call_too_deep());
    }
    diagnostics
}

/// Whether newer kernels give each function of such programs a stack of its own.
const fn may_have_private_stack(program_type: ProgramType) -> bool {
    matches!(
        program_type,
        ProgramType::Kprobe
            | ProgramType::Tracepoint
            | ProgramType::PerfEvent
            | ProgramType::RawTracepoint
            | ProgramType::Tracing
            | ProgramType::Lsm
            | ProgramType::StructOps
            // Has the rules of the program that it replaces a function of.
            | ProgramType::Ext
    )
}

/// The functions, each behind those it calls.
fn callees_first(nodes: &BTreeMap<usize, Node>, program: usize) -> Vec<usize> {
    let mut order = Vec::with_capacity(nodes.len());
    let mut seen = BTreeSet::from([program]);
    let mut path = vec![(program, 0)];
    while let Some((function, next)) = path.last_mut() {
        match nodes[function].calls.get(*next) {
            Some(&(callee, _)) => {
                *next += 1;
                if seen.insert(callee) {
                    path.push((callee, 0));
                }
            }
            None => {
                order.push(*function);
                path.pop();
            }
        }
    }
    order
}

/// A function that may never be reached counts as one without stack.
fn forget_unsure(nodes: &mut BTreeMap<usize, Node>, order: &[usize]) {
    let Some(program) = order.last() else {
        return;
    };
    let mut reached = BTreeSet::from([*program]);
    for function in order.iter().rev() {
        if reached.contains(function) {
            reached.extend(nodes[function].surely.iter().copied());
        }
    }
    for (function, node) in nodes {
        if !reached.contains(function) {
            node.stack = 0;
        }
    }
}

/// For each function what a chain weighs that ends or begins there, and the call that makes it so:
/// the function at its other end, and where it stands.
type Weights = BTreeMap<usize, (u32, Option<(usize, Span)>)>;

/// The chains of calls in a program.
struct Chains<'a> {
    functions: &'a [ObjectFunction<'a>],
    nodes: &'a BTreeMap<usize, Node>,
    order: &'a [usize],
}

impl Chains<'_> {
    /// For each function the heaviest chain that begins with it: its weight and its next call.
    fn heaviest(&self, weight: impl Fn(&Node) -> u32) -> Weights {
        let mut best = Weights::new();
        for function in self.order {
            let node = &self.nodes[function];
            let mut below = (0, None);
            for call in &node.calls {
                let (total, _) = best[&call.0];
                if total > below.0 {
                    below = (total, Some(*call));
                }
            }
            best.insert(*function, (below.0 + weight(node), below.1));
        }
        best
    }

    /// The chain from the program on, with the call that leads to each function.
    fn chain(program: usize, best: &Weights) -> Vec<(usize, Span)> {
        let mut chain = vec![(program, Span::default())];
        let mut at = program;
        while let Some(&(_, Some(call))) = best.get(&at) {
            chain.push(call);
            at = call.0;
        }
        chain
    }

    fn too_deep(&self, program: usize) -> Option<Diagnostic> {
        let best = self.heaviest(|_| 1);
        let chain = Self::chain(program, &best);
        let &(_, call) = chain.get(MOST_FRAMES)?;
        let names: Vec<&str> = chain.iter().map(|&(f, _)| self.functions[f].name).collect();
        Some(
            Diagnostic::error(
                Rule::CallDepth,
                call,
                format!(
                    "this is the call of a {}th function while {MOST_FRAMES} are active, and no kernel allows that: `{}`",
                    MOST_FRAMES + 1,
                    names.join("` calls `")
                ),
            )
            .with_note("the kernel says: the call stack of 16 frames is too deep; older ones allow 8")
            .with_help("paste one of them: `#[inline] fn`"),
        )
    }

    fn too_large(&self, program: usize) -> Option<Diagnostic> {
        let best = self.heaviest(|node| rounded(node.stack));
        if best[&program].0 <= STACK {
            return None;
        }
        let chain = Self::chain(program, &best);
        let mut sum = 0;
        let last = chain.iter().position(|(function, _)| {
            sum += rounded(self.nodes[function].stack);
            sum > STACK
        })?;
        // One function that is too large by itself has an access out of bounds.
        let (_, call) = *chain.get(last).filter(|_| last > 0)?;
        let chain = &chain[..=last];
        let diagnostic = Diagnostic::error(
            Rule::StackSize,
            call,
            format!(
                "with this call the active functions need {sum} bytes of stack, and they have {STACK} together: {}",
                self.with_sizes(chain)
            ),
        );
        Some(
            diagnostic
                .with_note(format!(
                    "the kernel says: combined stack size of {} calls is {sum}. Too large",
                    chain.len()
                ))
                .with_help(
                    "keep what is large in a map, or use the caller's memory through a pointer",
                ),
        )
    }

    /// A function with a tail call whose callers need too much.
    fn tail_call_too_deep(&self) -> Option<Diagnostic> {
        // The most that the callers of each function need, and the call that it comes with.
        let mut above = Weights::new();
        for function in self.order.iter().rev() {
            let node = &self.nodes[function];
            let here = above.get(function).map_or(0, |(sum, _)| *sum) + rounded(node.stack);
            for &(callee, span) in &node.calls {
                let entry = above.entry(callee).or_default();
                if here > entry.0 {
                    *entry = (here, Some((*function, span)));
                }
            }
        }
        let (&function, &(sum, call)) = above.iter().find(|(function, (sum, _))| {
            self.nodes[function].tail_call.is_some() && *sum >= STACK_BEFORE_TAIL_CALL
        })?;
        let mut chain = vec![(function, Span::default())];
        let mut at = call;
        while let Some((caller, span)) = at {
            chain.push((caller, span));
            at = above.get(&caller).and_then(|(_, call)| *call);
        }
        chain.reverse();
        Some(
            Diagnostic::error(
                Rule::StackSize,
                call?.1,
                format!(
                    "`{}` makes a tail call, and its callers need {sum} bytes of stack where less than {STACK_BEFORE_TAIL_CALL} are allowed: {}",
                    self.functions[function].name,
                    self.with_sizes(&chain)
                ),
            )
            .with_note("the kernel says: tail_calls are not allowed when call stack of previous frames is too large")
            .with_help("make the tail call in the program itself"),
        )
    }

    /// `` `count` (400) calls `bump` (400) ``
    fn with_sizes(&self, chain: &[(usize, Span)]) -> String {
        let parts: Vec<String> = chain
            .iter()
            .map(|(function, _)| {
                let name = self.functions[*function].name;
                format!("`{name}` ({})", rounded(self.nodes[function].stack))
            })
            .collect();
        parts.join(" calls ")
    }
}

const fn rounded(bytes: u32) -> u32 {
    bytes.div_ceil(GRANULARITY) * GRANULARITY
}

/// What has happened on every way to a slot.
#[derive(Clone, Copy, PartialEq)]
struct State {
    /// The deepest access to the stack, at least.
    stack: u32,
    /// The functions called, by their place among the callees; only as many as there are bits.
    called: u128,
}

impl State {
    const fn meet(self, other: Self) -> Self {
        Self {
            stack: if self.stack < other.stack {
                self.stack
            } else {
                other.stack
            },
            called: self.called & other.called,
        }
    }
}

impl Node {
    /// `None` if the function has something that is not understood here: calls by distance,
    /// jumps through tables, raw slots.
    fn new(function: &Assembled, may_throw: bool) -> Option<Self> {
        let insns = &function.linked.insns;
        let decoded: Vec<(usize, Instruction)> = decode_all(insns)
            .map(|(slot, decoded)| match decoded {
                Decoded::Known(instruction) => Some((slot, instruction)),
                Decoded::Unknown(_) => None,
            })
            .collect::<Option<_>>()?;
        let uses: BTreeMap<usize, _> = function
            .uses
            .iter()
            .map(|a_use| (a_use.slot as usize, a_use))
            .collect();
        let mut callees: Vec<usize> = Vec::new();
        let mut tail_call = None;
        for (slot, instruction) in &decoded {
            match instruction.form() {
                Form::CallLocal => callees.push(uses.get(slot)?.function),
                Form::LoadImm64(ImmediateSource::Function) => {
                    uses.get(slot)?;
                }
                Form::CallHelper if instruction.imm().cast_unsigned() == TAIL_CALL => {
                    tail_call = function.linked.spans.get(*slot).copied();
                }
                Form::GotoIndirect => return None,
                _ => {}
            }
        }
        callees.sort_unstable();
        callees.dedup();
        let at_exit = at_exit(function, &decoded, may_throw, |slot| {
            let place = callees.binary_search(&uses.get(&slot)?.function).ok()?;
            1_u128.checked_shl(place as u32)
        });
        let calls = function.uses.iter().filter(|a_use| !a_use.pointer);
        let called =
            |place: &usize| at_exit.called.checked_shr(*place as u32).unwrap_or(0) & 1 == 1;
        Some(Self {
            calls: calls.map(|a_use| (a_use.function, a_use.span)).collect(),
            stack: at_exit.stack,
            surely: (0..callees.len().min(128))
                .filter(called)
                .map(|place| callees[place])
                .collect(),
            tail_call,
        })
    }
}

/// How often the instructions of a function are walked through at most.
const MOST_WALKS: usize = 32;

/// What happens on every way from the start of a function to its end. `call` gives the bit of
/// the function that the instruction at a slot calls. A function of the kernel may be `bpf_throw`,
/// which ends the program: so may everything that is called, if there is one.
fn at_exit(
    function: &Assembled,
    decoded: &[(usize, Instruction)],
    may_throw: bool,
    call: impl Fn(usize) -> Option<u128>,
) -> State {
    const NOTHING: State = State {
        stack: 0,
        called: 0,
    };
    let accesses = stack_accesses(function, decoded);
    let mut before: Vec<Option<State>> = vec![None; function.linked.insns.len() + 1];
    before[0] = Some(NOTHING);
    for _ in 0..MOST_WALKS {
        let mut changed = false;
        let mut at_exit: Option<State> = None;
        let mut flow = |to: i64, state: State, before: &mut Vec<Option<State>>| {
            let Some(slot) = usize::try_from(to).ok().and_then(|to| before.get_mut(to)) else {
                return;
            };
            let met = slot.map_or(state, |old| old.meet(state));
            changed |= *slot != Some(met);
            *slot = Some(met);
        };
        for ((slot, instruction), access) in decoded.iter().zip(&accesses) {
            let Some(mut state) = before[*slot] else {
                continue;
            };
            state.stack = state.stack.max(*access);
            let next = *slot as i64 + instruction.slots() as i64;
            let target = next + i64::from(instruction.jump_distance().unwrap_or(0));
            match instruction.form() {
                Form::Exit => {
                    at_exit = Some(at_exit.map_or(state, |old: State| old.meet(state)));
                    continue;
                }
                Form::Goto | Form::GotoLong => {
                    flow(target, state, &mut before);
                    continue;
                }
                Form::Branch(..) | Form::MayGoto => flow(target, state, &mut before),
                Form::CallLocal => state.called |= call(*slot).unwrap_or(0),
                _ => {}
            }
            if may_throw && matches!(instruction.form(), Form::CallLocal | Form::CallKfunc) {
                at_exit = Some(at_exit.map_or(state, |old: State| old.meet(state)));
            }
            flow(next, state, &mut before);
        }
        if !changed {
            return at_exit.unwrap_or(NOTHING);
        }
    }
    NOTHING
}

/// How deep into the stack each instruction reaches, as far as it says so itself.
fn stack_accesses(function: &Assembled, decoded: &[(usize, Instruction)]) -> Vec<u32> {
    let linked = &function.linked;
    let patched = linked
        .patches
        .iter()
        .filter(|patch| patch.field == ConstantField::Offset)
        .map(|patch| patch.insn as usize);
    let relocated = linked.relocations.iter().map(|r| r.insn as usize);
    let open: BTreeSet<usize> = patched.chain(relocated).collect();
    let mut accesses: Vec<u32> = decoded
        .iter()
        .map(|(slot, instruction)| {
            let base = match instruction.form() {
                Form::Load(_) | Form::LoadSigned(_) | Form::LoadAcquire(_) => instruction.src(),
                Form::Store(..) | Form::StoreRelease(_) | Form::Atomic(..) => instruction.dst(),
                _ => None,
            };
            match base {
                Some(Register::R10) if !open.contains(slot) => {
                    u32::try_from(-i32::from(instruction.offset())).unwrap_or(0)
                }
                _ => 0,
            }
        })
        .collect();
    // Newer kernels take the saving of registers around some calls out.
    for (at, (_, instruction)) in decoded.iter().enumerate() {
        if !matches!(instruction.form(), Form::CallHelper | Form::CallKfunc) {
            continue;
        }
        for distance in 1..=at.min(decoded.len() - at - 1) {
            let (_, save) = &decoded[at - distance];
            let (_, restore) = &decoded[at + distance];
            let pair = save.form() == Form::Store(Size::Double, Source::Reg)
                && restore.form() == Form::Load(Size::Double)
                && save.dst() == Some(Register::R10)
                && restore.src() == Some(Register::R10)
                && save.src() == restore.dst()
                && save.offset() == restore.offset();
            if !pair {
                break;
            }
            accesses[at - distance] = 0;
            accesses[at + distance] = 0;
        }
    }
    accesses
}
