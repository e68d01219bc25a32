//! One sequence of instructions.

use super::LabelTable;
use crate::isa::Insn;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

/// One sequence of instructions: the value of `ebpf_asm! { … }`, and what
/// `assemble` and `Assembler` give at run time.
///
/// ```
/// use ebpf_asm::isa::Insn;
/// use ebpf_asm::Code;
///
/// static EXIT: [Insn; 1] = Insn::array_from_le_bytes(b"\x95\0\0\0\0\0\0\0");
/// const CODE: Code = Code::from_static(&EXIT);
/// assert_eq!(CODE.to_le_bytes(), *b"\x95\0\0\0\0\0\0\0");
/// ```
#[derive(Clone, Debug)]
pub struct Code {
    insns: Cow<'static, [Insn]>,
    labels: Vec<(u32, String)>,
    label_table: LabelTable,
    #[cfg(feature = "text")]
    warnings: Option<crate::Diagnostics>,
}

/// The instructions count; the names of labels do not.
impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.insns == other.insns
    }
}

impl Eq for Code {}

impl Code {
    /// Code in constant data, as the macros emit it.
    #[must_use]
    pub const fn from_static(insns: &'static [Insn]) -> Self {
        Self::from_static_with_labels(insns, LabelTable::EMPTY)
    }

    /// Code in constant data with names for some of its slots, which the listing shows.
    #[must_use]
    pub const fn from_static_with_labels(insns: &'static [Insn], label_table: LabelTable) -> Self {
        Self {
            insns: Cow::Borrowed(insns),
            labels: Vec::new(),
            label_table,
            #[cfg(feature = "text")]
            warnings: None,
        }
    }

    /// Code made at run time.
    #[must_use]
    pub const fn from_vec(insns: Vec<Insn>) -> Self {
        Self {
            insns: Cow::Owned(insns),
            labels: Vec::new(),
            label_table: LabelTable::EMPTY,
            #[cfg(feature = "text")]
            warnings: None,
        }
    }

    /// The same code with names for some of its slots, which the listing shows. Sorted by
    /// slot.
    ///
    /// ```
    /// use ebpf_asm::isa::Insn;
    /// use ebpf_asm::{Code, object::LabelTable};
    ///
    /// static EXIT: [Insn; 1] = Insn::array_from_le_bytes(b"\x95\0\0\0\0\0\0\0");
    /// let code = Code::from_static_with_labels(&EXIT, LabelTable::new("0 done\n"));
    /// let same = Code::from_vec(EXIT.to_vec()).with_labels(vec![(0, "done".to_owned())]);
    /// assert_eq!(code.labels().collect::<Vec<_>>(), same.labels().collect::<Vec<_>>());
    /// assert_eq!((code.len(), code.is_empty()), (1, false));
    /// assert_eq!(code.into_insns(), EXIT);
    /// ```
    #[must_use]
    pub fn with_labels(mut self, mut labels: Vec<(u32, String)>) -> Self {
        labels.sort();
        self.labels = labels;
        self
    }

    /// The same code with what was odd about its source.
    #[cfg(feature = "text")]
    pub(crate) fn with_warnings(mut self, warnings: crate::Diagnostics) -> Self {
        self.warnings = (!warnings.is_empty()).then_some(warnings);
        self
    }

    /// What was odd about the text that it was assembled from: labels that nothing jumps to.
    ///
    /// ```
    /// let code = ebpf_asm::assemble("start: r0 = 0; exit")?;
    /// assert_eq!(code.warnings().len(), 1);           // nothing jumps to `start`
    /// # Ok::<(), ebpf_asm::Diagnostics>(())
    /// ```
    #[cfg(feature = "text")]
    #[must_use]
    pub fn warnings(&self) -> &[crate::Diagnostic] {
        self.warnings
            .as_ref()
            .map_or(&[], |warnings| warnings.as_slice())
    }

    /// The slots.
    #[must_use]
    pub const fn insns(&self) -> &[Insn] {
        match &self.insns {
            Cow::Borrowed(insns) => insns,
            // `Vec::as_slice` is what makes this `const`.
            Cow::Owned(insns) => insns.as_slice(),
        }
    }

    /// The slots of code that is constant data, as constant data: for arrays in constants.
    ///
    /// ```
    /// # use ebpf_asm::{isa::Insn, Code};
    /// # static EXIT: [Insn; 1] = Insn::array_from_le_bytes(b"\x95\0\0\0\0\0\0\0");
    /// const CODE: &[Insn] = Code::from_static(&EXIT).into_static();
    /// ```
    ///
    /// # Panics
    /// If the code was made at run time; in a constant that cannot be.
    #[must_use]
    pub const fn into_static(self) -> &'static [Insn] {
        let insns: &'static [Insn] = match &self.insns {
            Cow::Borrowed(insns) => insns,
            Cow::Owned(_) => panic!("this code was made at run time"),
        };
        // Borrowed code owns nothing; forgetting it is what allows this in constants.
        core::mem::forget(self);
        insns
    }

    /// The slots as a vector.
    #[must_use]
    pub fn into_insns(self) -> Vec<Insn> {
        self.insns.into_owned()
    }

    /// The number of slots; a 64-bit immediate counts two.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.insns().len()
    }

    /// Whether there is no instruction.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.insns().is_empty()
    }

    /// Names of slots, in order of slots.
    pub fn labels(&self) -> impl Iterator<Item = (u32, &str)> {
        let made = self
            .labels
            .iter()
            .map(|(slot, name)| (*slot, name.as_str()));
        let table: &LabelTable = &self.label_table;
        let written = table
            .iter()
            .map(|(slot, name)| -> (u32, &str) { (slot, name) });
        written.chain(made)
    }

    /// The bytes in canonical order, which is that of little-endian machines.
    #[must_use]
    pub fn to_le_bytes(&self) -> Vec<u8> {
        self.insns()
            .iter()
            .flat_map(|insn| insn.to_le_bytes())
            .collect()
    }

    /// The bytes as the running kernel wants them.
    ///
    /// ```
    /// let code = ebpf_asm::assemble("r0 = 0; exit")?;
    /// // For a loader of one's own:
    /// assert_eq!(code.to_ne_bytes().len(), 8 * code.insns().len());
    /// # Ok::<(), ebpf_asm::Diagnostics>(())
    /// ```
    #[must_use]
    pub fn to_ne_bytes(&self) -> Vec<u8> {
        self.insns()
            .iter()
            .flat_map(|insn| insn.to_ne_bytes())
            .collect()
    }
}

impl AsRef<[Insn]> for Code {
    fn as_ref(&self) -> &[Insn] {
        self.insns()
    }
}
