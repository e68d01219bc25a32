//! Control-flow graphs, as text for Graphviz.
//!
//! A node is a basic block: instructions that run one after the other, with the numbers and the
//! text that they have in the listing. Functions are boxes around their blocks.

use super::listing::{Line, Listing, pointed_to, target};
use super::{Code, Object, ProgramDef};
use crate::isa::{Form, ImmediateSource};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

/// What all graphs begin with. Colours are left to who draws them; edges have classes.
const STYLE: &str = r#"    graph [fontname="monospace", fontsize=11];
    node [shape=box, fontname="monospace", fontsize=11];
    edge [fontname="monospace", fontsize=10];
"#;

impl Object {
    /// The control-flow graphs of all programs, in the language of Graphviz's `dot`.
    ///
    /// A node is a basic block with its lines of the listing (number and text). Edges of
    /// conditional jumps say `true` (the jump is taken) and `false`; a dashed edge is a call of a
    /// function of the program, a dotted one leads to a function whose address is loaded, as for
    /// callbacks. Each function is a box around its blocks. A place that is no instruction is a
    /// node of its own. Nodes have the slot that they begin at in their name: `p0_12`.
    ///
    /// ```
    /// use ebpf_asm::isa::{Insn, Instruction, JmpOp, Register::R0, Width};
    /// use ebpf_asm::object::{LineTable, ProgramDef, ProgramKind};
    /// use ebpf_asm::{KernelVersion, Object};
    ///
    /// let program: Vec<Insn> = [
    ///     Instruction::mov_imm(R0, 1),
    ///     Instruction::branch_imm(Width::W64, JmpOp::Eq, R0, 0, 1),
    ///     Instruction::mov_imm(R0, 2),
    ///     Instruction::exit(),
    /// ]
    /// .iter()
    /// .flat_map(|instruction| instruction.encode().to_vec())
    /// .collect();
    /// let kind = ProgramKind::SocketFilter;
    /// let program = ProgramDef::new("keep", kind, program.leak(), &[], &[], LineTable::EMPTY);
    /// let object = Object::new(
    ///     "first",
    ///     "GPL",
    ///     KernelVersion::new(5, 10),
    ///     &[],
    ///     &[],
    ///     vec![program].leak(),
    /// );
    /// let graph = object.to_dot();
    /// assert!(graph.starts_with("digraph \"first\" {"));
    /// assert!(graph.contains("p0_0 -> p0_3 [label=\"true\""));
    /// ```
    ///
    /// `dot -Tsvg` draws it.
    #[must_use]
    pub fn to_dot(&self) -> String {
        graph(self.name, self.programs.iter().map(|p| (self, p)))
    }

    /// The control-flow graph of one program of this object, in the same form.
    ///
    /// ```
    /// # use ebpf_asm::isa::{Insn, Instruction};
    /// # use ebpf_asm::object::{LineTable, ProgramDef, ProgramKind};
    /// # use ebpf_asm::{KernelVersion, Object};
    /// # let exit = vec![Instruction::exit().encode()[0]].leak();
    /// # let kind = ProgramKind::SocketFilter;
    /// # let program = |name| ProgramDef::new(name, kind, exit, &[], &[], LineTable::EMPTY);
    /// # let programs = vec![program("keep"), program("drop")].leak();
    /// # let object = Object::new("first", "GPL", KernelVersion::new(5, 10), &[], &[], programs);
    /// let drop = object.program("drop").unwrap();
    /// assert!(object.program_to_dot(drop).starts_with("digraph \"drop\" {"));
    /// ```
    #[must_use]
    pub fn program_to_dot(&self, program: &ProgramDef) -> String {
        graph(program.name, core::iter::once((self, program)))
    }
}

impl Code {
    /// The control-flow graph, in the language of Graphviz's `dot`. It looks as that of an
    /// [`Object`](Object::to_dot); functions are what is called.
    ///
    /// ```
    /// # #[cfg(feature = "text")] {
    /// let code = ebpf_asm::assemble("
    ///     again: r1 -= 1
    ///     if r1 != 0 goto again
    ///     exit
    /// ")?;
    /// assert!(code.to_dot().contains("p0_0 -> p0_0 [label=\"true\""));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut text = opening("code");
        Graph::new(0, Listing::of_code(self), None).write(&mut text);
        text + "}\n"
    }
}

fn opening(name: &str) -> String {
    format!("digraph {} {{\n{STYLE}", quoted(name))
}

fn graph<'a>(name: &str, programs: impl Iterator<Item = (&'a Object, &'a ProgramDef)>) -> String {
    let mut text = opening(name);
    for (number, (object, program)) in programs.enumerate() {
        let heading = format!("{}: {}", program.name, program.kind);
        let listing = Listing::of_program(object, program);
        Graph::new(number, listing, Some(heading)).write(&mut text);
    }
    text + "}\n"
}

/// The graph of one program.
struct Graph<'a> {
    /// Its number among the programs, which the names of its nodes begin with.
    number: usize,
    listing: Listing<'a>,
    lines: Vec<Line>,
    /// Where functions begin, and what is written above them.
    functions: BTreeMap<usize, Option<String>>,
    /// Where blocks begin.
    leaders: BTreeSet<usize>,
}

/// How an edge comes about.
#[derive(Clone, Copy)]
enum Edge {
    Taken,
    NotTaken,
    Always,
    Call,
    Address,
}

impl Edge {
    fn attributes(self) -> &'static str {
        match self {
            Self::Taken => r#" [label="true", class="true"]"#,
            Self::NotTaken => r#" [label="false", class="false"]"#,
            Self::Always => "",
            Self::Call => r#" [label="call", style=dashed, class="call"]"#,
            Self::Address => r#" [label="callback", style=dotted, class="callback"]"#,
        }
    }
}

impl<'a> Graph<'a> {
    fn new(number: usize, listing: Listing<'a>, heading: Option<String>) -> Self {
        let lines: Vec<Line> = listing.lines(false).collect();
        let mut functions = BTreeMap::new();
        for (&slot, (name, heading)) in &listing.functions {
            let heading = heading.map(|words| format!("{words} {name}"));
            functions.insert(slot as usize, heading);
        }
        let mut leaders = BTreeSet::new();
        for line in &lines {
            for (edge, to) in leaving(line) {
                let Some(to) = usize::try_from(to).ok().filter(|&to| listing.begins(to)) else {
                    continue;
                };
                match edge {
                    // A function that the program does not name.
                    Edge::Call | Edge::Address => {
                        functions.entry(to).or_insert_with(|| {
                            let label = listing.labels.get(&(to as u32));
                            let label = label.and_then(|names| names.first());
                            Some(label.map_or_else(
                                || format!("function at {to}"),
                                |name| format!("fn {name}"),
                            ))
                        });
                    }
                    _ => {
                        leaders.insert(to);
                    }
                }
            }
            if ends_block(line) {
                leaders.insert(line.slot + line.decoded.slots());
            }
        }
        if !lines.is_empty() && (heading.is_some() || !functions.is_empty()) {
            functions.insert(0, heading);
        }
        leaders.extend(functions.keys());
        leaders.insert(0);
        leaders.retain(|&slot| listing.begins(slot));
        Self {
            number,
            listing,
            lines,
            functions,
            leaders,
        }
    }

    fn write(&self, text: &mut String) {
        let mut edges = String::new();
        let mut elsewhere = BTreeSet::new();
        let mut open = false;
        let mut at = 0;
        while let Some(first) = self.lines.get(at) {
            if let Some(heading) = self.functions.get(&first.slot) {
                if open {
                    text.push_str("    }\n");
                }
                let name = format!("cluster_p{}_{}", self.number, first.slot);
                let heading = quoted(heading.as_deref().unwrap_or(""));
                // Writing to a String cannot fail.
                let _ = writeln!(text, "    subgraph {name} {{\n        label={heading};");
                open = true;
            }
            let length = self.lines[at + 1..]
                .iter()
                .position(|line| self.leaders.contains(&line.slot))
                .map_or(self.lines.len() - at, |more| more + 1);
            let block = &self.lines[at..at + length];
            let _ = writeln!(
                text,
                "        {} [label={}];",
                self.node(first.slot),
                self.block_label(block)
            );
            self.write_edges(block, &mut edges, &mut elsewhere);
            at += length;
        }
        if open {
            text.push_str("    }\n");
        }
        for slot in elsewhere {
            let words = match usize::try_from(slot) {
                Ok(slot) if slot == self.listing.len() => "end".to_string(),
                _ => format!("no instruction begins at {slot}"),
            };
            let name = self.elsewhere(slot);
            let _ = writeln!(
                text,
                "    {name} [label={}, shape=plaintext];",
                quoted(&words)
            );
        }
        text.push_str(&edges);
    }

    fn write_edges(&self, block: &[Line], edges: &mut String, elsewhere: &mut BTreeSet<i64>) {
        let Some((first, last)) = block.first().zip(block.last()) else {
            return;
        };
        let mut edge = |to: i64, kind: Edge| {
            let name = match usize::try_from(to) {
                Ok(slot) if self.leaders.contains(&slot) => self.node(slot),
                _ => {
                    elsewhere.insert(to);
                    self.elsewhere(to)
                }
            };
            let from = self.node(first.slot);
            let _ = writeln!(edges, "    {from} -> {name}{};", kind.attributes());
        };
        for line in block {
            for (kind, to) in leaving(line) {
                edge(to, kind);
            }
        }
        if !ends_block(last) {
            edge((last.slot + last.decoded.slots()) as i64, Edge::Always);
        }
    }

    /// Labels and lines, each set to the left.
    fn block_label(&self, block: &[Line]) -> String {
        let digits = self.listing.len().saturating_sub(1).to_string().len();
        let mut label = String::from("\"");
        for line in block {
            let labels = self.listing.labels.get(&(line.slot as u32));
            for name in labels.into_iter().flatten() {
                let _ = write!(label, "{}:\\l", escaped(name));
            }
            let instruction = escaped(&line.text.instruction);
            let _ = write!(label, "{:>digits$}: {instruction}\\l", line.slot);
        }
        label + "\""
    }

    fn node(&self, slot: usize) -> String {
        format!("p{}_{slot}", self.number)
    }

    /// A node that stands for a place without an instruction.
    fn elsewhere(&self, slot: i64) -> String {
        quoted(&format!("p{} at {slot}", self.number))
    }
}

/// Whether what follows belongs to another block.
fn ends_block(line: &Line) -> bool {
    line.decoded.known().is_some_and(|instruction| {
        matches!(
            instruction.form(),
            Form::Branch(..)
                | Form::Goto
                | Form::GotoLong
                | Form::MayGoto
                | Form::GotoIndirect
                | Form::Exit
        )
    })
}

/// Where an instruction leads to, besides the next one in its block.
fn leaving(line: &Line) -> Vec<(Edge, i64)> {
    let Some(instruction) = line.decoded.known() else {
        return Vec::new();
    };
    let next = line.slot as i64 + 1;
    let to = target(line.slot, instruction).unwrap_or(next);
    match instruction.form() {
        Form::Branch(..) | Form::MayGoto => Vec::from([(Edge::Taken, to), (Edge::NotTaken, next)]),
        Form::Goto | Form::GotoLong => Vec::from([(Edge::Always, to)]),
        Form::CallLocal => Vec::from([(Edge::Call, to)]),
        Form::LoadImm64(ImmediateSource::Function) => {
            Vec::from([(Edge::Address, pointed_to(line.slot, instruction))])
        }
        _ => Vec::new(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
