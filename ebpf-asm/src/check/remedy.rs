//! What would mend a finding: tried on the program before it is told.
//!
//! For the mistakes that everybody makes there are instructions that mend them. Which of them suit
//! a program is found out by putting them in and checking it again: what is suggested has no
//! finding left that was not there before.

mod candidates;
mod splice;

use super::facts::{MapFacts, Program};
use super::finding::Finding;
use super::{check, check_fragment};
use crate::diag::{Place, Span, Suggestion};
use crate::{MapType, check::Reference};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use splice::Step;

/// What mends a [`Finding`]: instructions, and where they go.
///
/// ```
/// use ebpf_asm::ProgramType;
/// use ebpf_asm::check::{Program, Remedy, check, suggest};
/// use ebpf_asm::diag::{Place, Span};
///
/// let code = ebpf_asm::assemble("r6 = r1; exit")?;
/// let mut program = Program::new(code.insns());
/// program.program_type = Some(ProgramType::SocketFilter);
/// let mut findings = check(&program);
/// suggest(&program, &mut findings);
/// let remedy: &Remedy = findings[0].remedy.as_ref().unwrap();
/// println!("{}", remedy.message);
///
/// // As a change of the text, whose second line is the second slot:
/// let line = |slot| Span { line: slot + 1, ..Span::default() };
/// let edit = &remedy.to_suggestion(None, line).unwrap().edits[0];
/// assert_eq!((edit.place, edit.span.line, &edit.text[..]), (Place::Before, 2, "r0 = 0;"));
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remedy {
    /// What it does, in words.
    pub message: String,
    /// The instructions, in order of slots.
    pub changes: Vec<Change>,
    /// A map that they use and that is not there yet.
    pub map: Option<NewMap>,
}

/// Instructions that are put into a program.
///
/// ```
/// use ebpf_asm::ProgramType;
/// use ebpf_asm::check::{Change, Program, check, suggest};
///
/// let code = ebpf_asm::assemble("r6 = r1; exit")?;
/// let mut program = Program::new(code.insns());
/// program.program_type = Some(ProgramType::SocketFilter);
/// let mut findings = check(&program);
/// suggest(&program, &mut findings);
/// let change: &Change = &findings[0].remedy.as_ref().unwrap().changes[0];
/// assert_eq!((change.insn, change.replaces), (1, false));     // before `exit`
/// assert_eq!(change.text, "r0 = 0;");
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The slot that they are about.
    pub insn: u32,
    /// Whether they replace what is there, and do not come before it.
    pub replaces: bool,
    /// The instructions, one to a line, each with its `;`.
    pub text: String,
}

/// A per-CPU array of one value.
///
/// ```
/// use ebpf_asm::ProgramType;
/// use ebpf_asm::check::{NewMap, Program, check, suggest};
///
/// // The stack has 512 bytes.
/// let code = ebpf_asm::assemble("*(u64 *)(r10 - 520) = 1; r0 = 0; exit")?;
/// let mut program = Program::new(code.insns());
/// program.program_type = Some(ProgramType::SocketFilter);
/// let mut findings = check(&program);
/// suggest(&program, &mut findings);
/// let map: &NewMap = findings[0].remedy.as_ref().unwrap().map.as_ref().unwrap();
/// assert!(map.value_size >= 8);
/// assert!(map.definition().starts_with("static BUFFER: ebpf_rt::PerCpuArray<[u8; "));
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewMap {
    /// What it is called.
    pub name: String,
    /// Bytes of the value.
    pub value_size: u32,
}

/// What stands in a remedy's instructions for a number that depends on a map of which nothing is
/// known: the size of the map's value minus [`Finding::size_rest`].
pub const SIZE_MARK: char = '\u{1}';

impl Remedy {
    /// The remedy as a suggestion; `span` says where a slot comes from, `object` where the
    /// object's name is. `None` if it needs a place that is not known.
    #[must_use]
    pub fn to_suggestion(
        &self,
        object: Option<Span>,
        span: impl Fn(u32) -> Span,
    ) -> Option<Suggestion> {
        let mut suggestion: Option<Suggestion> = None;
        let mut add = |place, span, text: &str| {
            suggestion = Some(match suggestion.take() {
                None => Suggestion::new(&self.message[..], place, span, text),
                Some(suggestion) => suggestion.and(place, span, text),
            });
        };
        if let Some(map) = &self.map {
            add(Place::Item, object?, &map.definition());
        }
        for change in &self.changes {
            let place = match change.replaces {
                true => Place::Instead,
                false => Place::Before,
            };
            add(place, span(change.insn), &change.text);
        }
        suggestion
    }
}

impl NewMap {
    /// The item: `static BUFFER: PerCpuArray<[u8; 4096]> = PerCpuArray::with_max_entries(1);`.
    #[must_use]
    pub fn definition(&self) -> String {
        let Self { name, value_size } = self;
        format!(
            "static {name}: ebpf_rt::PerCpuArray<[u8; {value_size}]> = ebpf_rt::PerCpuArray::with_max_entries(1);"
        )
    }
}

/// A remedy that has not been tried.
struct Candidate {
    message: String,
    changes: Vec<Draft>,
    map: Option<NewMap>,
}

/// Steps for a slot.
struct Draft {
    insn: usize,
    replaces: bool,
    steps: Vec<Step>,
}

/// As many findings as anybody reads at once: each costs a check of the program.
const MOST_FINDINGS: usize = 8;

/// Looks for what mends each of these findings in the program.
///
/// ```
/// use ebpf_asm::ProgramType;
/// use ebpf_asm::check::{Program, check, suggest};
/// use ebpf_asm::isa::Instruction;
///
/// let insns = Instruction::exit().encode();
/// let mut program = Program::new(&insns);
/// program.program_type = Some(ProgramType::SocketFilter);
/// let mut findings = check(&program);
/// suggest(&program, &mut findings);
/// let remedy = findings[0].remedy.as_ref().unwrap();
/// assert_eq!(remedy.changes[0].text, "r0 = 0;");
/// ```
pub fn suggest(program: &Program<'_>, findings: &mut [Finding]) {
    // A line that is pasted stands in several places.
    if program.pasted {
        return;
    }
    let known: Vec<Finding> = findings.to_vec();
    let mut tried = 0;
    for finding in findings {
        let candidates = candidates::all(program, finding);
        if candidates.is_empty() {
            continue;
        }
        if tried == MOST_FINDINGS {
            return;
        }
        tried += 1;
        finding.remedy = candidates
            .into_iter()
            .find(|candidate| holds(program, candidate, finding, &known))
            .map(Candidate::into_remedy);
    }
}

/// Whether the program has nothing new wrong with it once the candidate is in place.
fn holds(
    program: &Program<'_>,
    candidate: &Candidate,
    mended: &Finding,
    known: &[Finding],
) -> bool {
    let maps = candidate.map.as_ref().map(|map| MapFacts {
        map_type: MapType::PercpuArray,
        key_size: 4,
        value_size: map.value_size,
        max_entries: 1,
        flags: 0,
        frozen: false,
        name: Cow::Owned(map.name.clone()),
    });
    let Some(spliced) = splice::splice(program, &candidate.changes) else {
        return false;
    };
    let mut program = Program {
        insns: &spliced.insns,
        functions: spliced.functions,
        references: spliced.references,
        guessed_offsets: program
            .guessed_offsets
            .iter()
            .filter_map(|&slot| spliced.positions.get(slot as usize).copied())
            .collect(),
        labels: Cow::Borrowed(&[]),
        distances: Cow::Borrowed(&[]),
        ..program.clone()
    };
    if let Some(map) = maps {
        let index = program.maps.len().max(spliced.maps);
        program.maps.resize(index, None);
        program.maps.push(Some(map));
        for reference in &mut program.references {
            splice::put_new_map(&mut reference.kind, index as u16);
        }
    }
    let found = match program.fragment {
        true => check_fragment(&program),
        false => check(&program),
    };
    let position = |slot: u32| spliced.positions.get(slot as usize).copied();
    found.iter().all(|finding| {
        // What only who knows a map can say is asked anew, but for the same question.
        let is_question = finding.depends_on_maps();
        // Where the size is not known, any number may be small enough.
        let is_same = finding.rule == mended.rule && position(mended.insn) == Some(finding.insn);
        let asks_size = mended.limit.is_some_and(|limit| limit.length.is_none());
        if is_question && (asks_size || !is_same) {
            return true;
        }
        known.iter().any(|other| {
            other.rule == finding.rule
                && other.insn != mended.insn
                && position(other.insn) == Some(finding.insn)
        })
    })
}

impl Candidate {
    fn into_remedy(self) -> Remedy {
        let changes = self.changes.into_iter().map(|draft| Change {
            insn: draft.insn as u32,
            replaces: draft.replaces,
            text: draft
                .steps
                .iter()
                .map(|step| step.text.as_str())
                .collect::<Vec<_>>()
                .join("\n"),
        });
        Remedy {
            message: self.message,
            changes: changes.collect(),
            map: self.map,
        }
    }
}

/// A reference to a map of the program.
fn map_of(reference: &Reference) -> Option<u16> {
    use super::ReferenceKind::{Map, MapOrValue, MapValue};
    match reference.kind {
        Map(map) | MapOrValue(map) | MapValue(map, _) => Some(map),
        _ => None,
    }
}
