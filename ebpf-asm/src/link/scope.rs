//! What names mean.

use crate::helpers::{self, Helper};
use alloc::collections::BTreeMap;
use alloc::string::String;

/// What a name of an object stands for.
///
/// ```
/// use ebpf_asm::link::{Scope, Symbol};
///
/// let mut scope = Scope::default();
/// scope.symbols.insert("COUNTS".to_owned(), Symbol::Map(0));
/// scope.symbols.insert("PORT".to_owned(), Symbol::LoadTimeConstant(0));
/// let maps = scope.symbols.values().filter(|symbol| matches!(symbol, Symbol::Map(_)));
/// assert_eq!(maps.count(), 1);
/// ```
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
///
/// ```
/// use ebpf_asm::link::{Scope, Symbol};
/// use std::collections::BTreeMap;
///
/// let scope = Scope {
///     symbols: BTreeMap::from([("COUNTS".to_owned(), Symbol::Map(0))]),
///     open: true,                                 // other names may be rustc's constants
///     user_helpers: None,                         // helpers are the kernel's
/// };
/// assert!(scope.symbols.contains_key("COUNTS"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The object's own names.
    pub symbols: BTreeMap<String, Symbol>,
    /// Whether a name that is not among them may be a constant from elsewhere: true in
    /// macros, where rustc looks it up.
    pub open: bool,
    /// Of programs that are not for the kernel: the helpers of their host by name, in the place
    /// of the kernel's.
    pub user_helpers: Option<BTreeMap<String, u32>>,
}

impl Scope {
    /// The number of a helper, and what the kernel says about it if it is the kernel's.
    pub(super) fn helper(&self, name: &str) -> Option<(u32, Option<&'static Helper>)> {
        match &self.user_helpers {
            Some(names) => names.get(name).map(|&id| (id, None)),
            None => helpers::by_name(name).map(|helper| (helper.id, Some(helper))),
        }
    }

    /// The names of all helpers.
    pub(super) fn helper_names(&self) -> impl Iterator<Item = &str> {
        let kernel = match self.user_helpers {
            Some(_) => &[],
            None => helpers::ALL,
        };
        let user = self.user_helpers.iter().flatten();
        user.map(|(name, _)| name.as_str())
            .chain(kernel.iter().map(|helper| helper.name))
    }

    /// The names of which `is` is true.
    pub(super) fn names(&self, is: impl Fn(Symbol) -> bool) -> impl Iterator<Item = &str> {
        self.symbols
            .iter()
            .filter(move |(_, symbol)| is(**symbol))
            .map(|(name, _)| name.as_str())
    }
}
