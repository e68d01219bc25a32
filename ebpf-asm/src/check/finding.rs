//! What the checker found.

use super::remedy::Remedy;
use crate::KernelVersion;
use crate::diag::{Diagnostic, Rule, Span};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// An instruction that every kernel in the program's range refuses.
///
/// ```
/// use ebpf_asm::ProgramType;
/// use ebpf_asm::check::{Program, check};
/// use ebpf_asm::diag::Span;
///
/// let code = ebpf_asm::assemble("call bpf_ktime_get_ns; r0 = r3; exit")?;
/// let mut program = Program::new(code.insns());
/// program.program_type = Some(ProgramType::SocketFilter);
/// let finding = &check(&program)[0];
/// assert_eq!((finding.rule.as_str(), finding.insn), ("BPF0110", 1));
/// // As the macros show it, at the place of the source:
/// let diagnostic = finding.to_diagnostic(None, |slot| Span { line: slot + 1, column: 1, ..Span::default() });
/// println!("{}", diagnostic.to_text());
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Which rule it breaks.
    pub rule: Rule,
    /// The slot of the instruction.
    pub insn: u32,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// What the kernel says: search engines know it.
    pub kernel: String,
    /// What led there: a remark, and the slot that it is about.
    pub causes: Vec<Cause>,
    /// What to do about it.
    pub help: Option<String>,
    /// What is assumed of maps of which nothing is known, and of offsets; empty where the finding is
    /// certain.
    pub assumptions: Vec<Assumption>,
    /// Which kernels are predicted to refuse it, for lack of knowledge; `None` where the finding is
    /// certain.
    pub predicted: Option<Kernels>,
    /// The register in which another run gave null: some kernels then look at one of the two
    /// only.
    pub(super) unless_null: Option<u8>,
    /// The register that it is about.
    pub(super) subject: Option<u8>,
    /// The bytes of the stack that are meant.
    pub(super) extent: Option<(i64, i64)>,
    /// The number that leads outside, where it can be limited.
    pub(super) limit: Option<Limit>,
    /// What would mend it, if that was looked for and found: [`suggest`](super::suggest).
    pub remedy: Option<Remedy>,
    /// How the run came here, for words.
    pub(super) trail: Option<Box<Trail>>,
}

/// A number that is added to a pointer and leads outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// The slot of the addition.
    pub(super) insn: u32,
    /// The register that holds the number there.
    pub(super) register: u8,
    /// Where the access ends if the number is 0.
    pub(super) rest: i64,
    /// How many bytes there are, if that is known.
    pub(super) length: Option<u64>,
}

/// What a run remembers of its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trail {
    /// Where each register was last written.
    pub(super) writers: [Option<u32>; 11],
    /// What each register holds, in words, if it is a pointer.
    pub(super) kinds: [Option<&'static str>; 11],
    /// Where the pointer in each register was compared with null, and is null.
    pub(super) null_since: [Option<u32>; 11],
    /// A register that holds the packet's end.
    pub(super) packet_end: Option<u8>,
    /// Where something was last compared with the packet's end.
    pub(super) compared: Option<u32>,
    /// A register, or a place on the stack, that has the reference that is not given back.
    pub(super) held_in: Option<Place>,
    /// Whether that was not compared with null yet.
    pub(super) held_unchecked: bool,
    /// The last conditional jumps, the latest first.
    pub(super) branches: Vec<u32>,
}

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Register(u8),
    Stack(i16),
}

/// What has to be true for a [`Finding`] to hold, mostly of a map: whoever knows the map decides.
///
/// ```
/// use ebpf_asm::check::{Assumption, MapFacts};
/// use ebpf_asm::MapType;
///
/// /// Whoever knows the map decides.
/// fn holds(assumption: &Assumption, map: &MapFacts) -> bool {
///     match assumption {
///         Assumption::ValueShorterThan(_, bytes) => u64::from(map.value_size) < *bytes,
///         _ => true,
///     }
/// }
///
/// let map = MapFacts {
///     map_type: MapType::Hash,
///     key_size: 4,
///     value_size: 8,
///     max_entries: 1,
///     flags: 0,
///     frozen: false,
///     name: "COUNTS".into(),
/// };
/// assert!(holds(&Assumption::ValueShorterThan(0, 16), &map));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Assumption {
    /// Look-ups in the map give pointers to its values.
    HoldsValues(u16),
    /// Look-ups may find nothing, whatever the key.
    MayBeAbsent(u16),
    /// The map's values have fewer bytes.
    ValueShorterThan(u16, u64),
    /// The map's values have more bytes.
    ValueLongerThan(u16, u64),
    /// The map's keys have more bytes.
    KeyLongerThan(u16, u64),
    /// It is a map, and no global.
    IsMap(u16),
    /// It is a global: a map of which programs use the address of the value.
    IsGlobal(u16),
    /// The map's type is one of these: bit N is the type with the kernel's number N.
    IsOneOf(u16, u64),
    /// The map is created with all of these `BPF_F_*` flags.
    HasFlags(u16, u32),
    /// The offset in this slot is what the program was [given with](super::Program::guessed_offsets).
    OffsetIsGuessed(u32),
}

impl Assumption {
    /// Whether it is about an offset and not about a map.
    pub(super) const fn is_guess(&self) -> bool {
        matches!(self, Self::OffsetIsGuessed(_))
    }

    /// Whether it is true if `other` is.
    fn follows_from(self, other: Self) -> bool {
        match (self, other) {
            (Self::ValueShorterThan(a, most), Self::ValueShorterThan(b, length)) => {
                a == b && length <= most
            }
            (Self::ValueLongerThan(a, least), Self::ValueLongerThan(b, length))
            | (Self::KeyLongerThan(a, least), Self::KeyLongerThan(b, length)) => {
                a == b && length >= least
            }
            (Self::IsMap(map), Self::HoldsValues(holds)) => map == holds,
            _ => self == other,
        }
    }
}

/// Which kernels a prediction is about.
///
/// ```
/// use ebpf_asm::ProgramType;
/// use ebpf_asm::check::{Kernels, Program, predict};
///
/// // Nobody wrote there; kernels from 6.8 on do not mind.
/// let code = ebpf_asm::assemble("r0 = *(u64 *)(r10 - 8); exit")?;
/// let mut program = Program::new(code.insns());
/// program.program_type = Some(ProgramType::RawTracepoint);
/// let kernels: Kernels = predict(&program).remove(0).predicted.unwrap();
/// assert_eq!(kernels.to_string(), "Linux 5.10 and 6.1 refuse this");
/// assert!(!kernels.are_all() && kernels.asked.len() > kernels.refusing.len());
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kernels {
    /// Those that refuse it, oldest first.
    pub refusing: Vec<KernelVersion>,
    /// Those that were followed.
    pub asked: Vec<KernelVersion>,
}

impl Kernels {
    /// Whether all that were followed refuse it.
    #[must_use]
    pub fn are_all(&self) -> bool {
        self.refusing.len() == self.asked.len()
    }
}

/// "every kernel from 5.10 on refuses this", "Linux 5.10 and 6.1 refuse this".
impl fmt::Display for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.are_all() && self.asked.len() > 1 {
            return write!(f, "every kernel from {} on refuses this", self.asked[0]);
        }
        f.write_str("Linux ")?;
        let last = self.refusing.len().saturating_sub(1);
        for (at, version) in self.refusing.iter().enumerate() {
            let before = match at {
                0 => "",
                at if at == last => " and ",
                _ => ", ",
            };
            write!(f, "{before}{version}")?;
        }
        f.write_str(match last {
            0 => " refuses this",
            _ => " refuse this",
        })
    }
}

/// Something on the way to a [`Finding`].
///
/// ```
/// use ebpf_asm::ProgramType;
/// use ebpf_asm::check::{Program, check};
///
/// let code = ebpf_asm::assemble("r3 = 1; call bpf_ktime_get_ns; r0 = r3; exit")?;
/// let mut program = Program::new(code.insns());
/// program.program_type = Some(ProgramType::SocketFilter);
/// for cause in &check(&program)[0].causes {
///     println!("{} at {:?}", cause.message, cause.insn);
///     assert_eq!(cause.insn, Some(1));            // the call
/// }
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cause {
    /// The remark: "lost in the call".
    pub message: String,
    /// The slot that it is about.
    pub insn: Option<u32>,
}

impl Finding {
    /// Whether it depends on maps of which nothing is known.
    ///
    /// ```
    /// use ebpf_asm::ProgramType;
    /// use ebpf_asm::check::{Program, check};
    ///
    /// let code = ebpf_asm::assemble("r0 = r3; exit")?;
    /// let mut program = Program::new(code.insns());
    /// program.program_type = Some(ProgramType::SocketFilter);
    /// assert!(!check(&program)[0].depends_on_maps());
    /// # Ok::<(), ebpf_asm::Diagnostics>(())
    /// ```
    #[must_use]
    pub fn depends_on_maps(&self) -> bool {
        !self.assumptions.iter().all(Assumption::is_guess)
    }

    pub(super) fn new(
        rule: Rule,
        insn: usize,
        message: impl Into<String>,
        kernel: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            insn: insn as u32,
            message: message.into(),
            kernel: kernel.into(),
            causes: Vec::new(),
            help: None,
            assumptions: Vec::new(),
            predicted: None,
            unless_null: None,
            subject: None,
            extent: None,
            limit: None,
            remedy: None,
            trail: None,
        }
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn because(mut self, message: impl Into<String>, insn: Option<u32>) -> Self {
        self.causes.push(Cause {
            message: message.into(),
            insn,
        });
        self
    }

    /// What [`SIZE_MARK`](super::SIZE_MARK) stands for in the remedy's instructions, if they have
    /// it: the size of the map's values minus this. If that is negative, the remedy is none.
    ///
    /// ```
    /// use ebpf_asm::ProgramType;
    /// use ebpf_asm::check::{Program, Reference, ReferenceKind, SIZE_MARK, check, suggest};
    ///
    /// // Adds any number to a map's value, and reads a byte there.
    /// let code = ebpf_asm::assemble(
    ///     "call bpf_get_prandom_u32
    ///      r6 = r0
    ///      *(u32 *)(r10 - 4) = 0
    ///      r2 = r10
    ///      r2 += -4
    ///      r1 = 0 ll                  // the map
    ///      call bpf_map_lookup_elem
    ///      if r0 == 0 goto out
    ///      r0 += r6
    ///      r0 = *(u8 *)(r0 + 0)
    ///      out: r0 = 0
    ///      exit",
    /// )?;
    /// let mut program = Program::new(code.insns());
    /// program.program_type = Some(ProgramType::SocketFilter);
    /// program.references = vec![Reference { insn: 5, kind: ReferenceKind::Map(0) }];
    /// program.maps = vec![None];
    /// let mut findings = check(&program);
    /// suggest(&program, &mut findings);
    /// // The number may be at most the size of the map's values minus 1.
    /// let finding = findings.iter().find(|finding| finding.size_rest().is_some()).unwrap();
    /// assert_eq!(finding.size_rest(), Some(1));
    /// assert!(finding.remedy.as_ref().unwrap().changes[0].text.contains(SIZE_MARK));
    /// # Ok::<(), ebpf_asm::Diagnostics>(())
    /// ```
    #[must_use]
    pub fn size_rest(&self) -> Option<i64> {
        let limit = self.limit.filter(|limit| limit.length.is_none())?;
        self.remedy.as_ref().map(|_| limit.rest)
    }

    pub(super) fn about(mut self, register: u8) -> Self {
        self.subject = Some(register);
        self
    }

    pub(super) fn between(mut self, start: i64, end: i64) -> Self {
        self.extent = Some((start, end));
        self
    }

    pub(super) fn limited(mut self, limit: Option<Limit>) -> Self {
        self.limit = limit;
        self
    }

    /// Whether this one holds wherever `other` does, and says the same.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.insn == other.insn
            && (self.assumptions.is_empty()
                || self.rule == other.rule
                    && self.assumptions.iter().all(|assumed| {
                        let mut of_other = other.assumptions.iter();
                        of_other.any(|stronger| assumed.follows_from(*stronger))
                    }))
    }

    pub(super) fn assuming(mut self, assumption: Option<Assumption>) -> Self {
        self.assumptions.extend(assumption);
        self
    }

    /// The finding as a diagnostic; `span` says where a slot comes from, `object` where the name
    /// of the object is that the program belongs to.
    #[must_use]
    pub fn to_diagnostic(&self, object: Option<Span>, span: impl Fn(u32) -> Span) -> Diagnostic {
        let span = &span;
        let severity = match self.predicted {
            None => Diagnostic::error,
            Some(_) => Diagnostic::warning,
        };
        let mut diagnostic = severity(self.rule, span(self.insn), self.message.clone());
        for cause in &self.causes {
            diagnostic = match cause.insn {
                Some(insn) => diagnostic.with_note_at(cause.message.clone(), span(insn)),
                None => diagnostic.with_note(cause.message.clone()),
            };
        }
        if let Some(kernels) = &self.predicted {
            diagnostic = diagnostic.with_note(alloc::format!("{kernels}"));
        }
        if !self.kernel.is_empty() {
            diagnostic = diagnostic.with_note(alloc::format!("the kernel says: {}", self.kernel));
        }
        if let Some(remedy) = &self.remedy
            && let Some(suggestion) = remedy.to_suggestion(object, span)
        {
            return diagnostic.with_suggestion(suggestion);
        }
        match &self.help {
            Some(help) => diagnostic.with_help(help.clone()),
            None => diagnostic,
        }
    }
}
