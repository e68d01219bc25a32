//! What names mean.

use alloc::collections::BTreeMap;
use alloc::string::String;

/// What a name of an object stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbol {
    /// A map or global, by its position among the object's maps.
    Map(u16),
    /// A constant that gets its value at load time, by its position.
    LoadTimeConstant(u16),
    /// A constant with a value.
    Constant,
    /// A function, by its position among the object's functions.
    Function(usize),
    /// A function that is pasted where it is called, by its position among the object's
    /// functions.
    Fragment(usize),
    /// A function of the kernel, by its position among the object's kernel symbols.
    KernelFunction(u16),
    /// A variable of the kernel, by its position among the object's kernel symbols.
    KernelVariable(u16),
    /// A program: a function that the kernel calls and others cannot.
    Program,
}

/// The names that instructions can use.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The object's own names.
    pub symbols: BTreeMap<String, Symbol>,
    /// Whether a name that is not among them may be a constant from elsewhere: true in
    /// macros, where rustc looks it up.
    pub open: bool,
}

impl Scope {
    /// The names of which `is` is true.
    pub(super) fn names(&self, is: impl Fn(Symbol) -> bool) -> impl Iterator<Item = &str> {
        self.symbols
            .iter()
            .filter(move |(_, symbol)| is(**symbol))
            .map(|(name, _)| name.as_str())
    }
}
