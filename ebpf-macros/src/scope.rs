//! What the items of an object are: maps, constants, programs, functions.

use crate::attributes::{FunctionOptions, HelperOptions, KernelOptions, Kind, Sorted};
use crate::report;
use crate::tokens::Tokens;
use ebpf_asm::diag::{Diagnostic, Rule, Span as Place};
use ebpf_asm::link::{ObjectFunction, Scope, Symbol};
use ebpf_asm::object::{ConstantType, Linkage};
use ebpf_asm::syntax::ast::{
    ConstItem, ExternBlock, ExternFunction, Function, Item, KernelItem, KernelItemKind,
    KernelItems, Name, Object, StaticItem,
};
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use std::collections::BTreeMap;

/// A map or global.
pub(crate) struct MapItem<'a> {
    pub(crate) item: &'a StaticItem,
    pub(crate) attributes: Sorted,
}

/// A constant that is set when the object is loaded.
pub(crate) struct LoadTimeConstant<'a> {
    pub(crate) item: &'a ConstItem,
    pub(crate) attributes: Sorted,
    pub(crate) ty: ConstantType,
}

/// A constant with a value.
pub(crate) struct RustConstant<'a> {
    pub(crate) item: &'a ConstItem,
    pub(crate) attributes: Sorted,
}

/// A program or subprogram.
pub(crate) struct FunctionItem<'a> {
    pub(crate) item: &'a Function,
    pub(crate) attributes: Sorted,
    /// What kind of program; `None` for a subprogram.
    pub(crate) kind: Option<Kind>,
    /// The checker's codes that are switched off in it.
    pub(crate) allowed: Vec<Rule>,
    /// Whether it is pasted where it is called.
    pub(crate) inline: bool,
}

/// A function or variable of the kernel.
pub(crate) struct KernelSymbol<'a> {
    pub(crate) item: &'a KernelItem,
    /// `#[weak]`
    pub(crate) weak: bool,
}

/// A function that the host of the programs has.
pub(crate) struct HelperItem<'a> {
    /// `extern "user"`.
    pub(crate) host: &'a Name,
    pub(crate) item: &'a ExternFunction,
    pub(crate) id: u32,
}

/// The items of an object, sorted, and the names that instructions can use.
pub(crate) struct Items<'a> {
    pub(crate) maps: Vec<MapItem<'a>>,
    pub(crate) load_time: Vec<LoadTimeConstant<'a>>,
    pub(crate) constants: Vec<RustConstant<'a>>,
    pub(crate) functions: Vec<FunctionItem<'a>>,
    pub(crate) helpers: Vec<HelperItem<'a>>,
    pub(crate) kernel: Vec<KernelSymbol<'a>>,
    pub(crate) uses: Vec<TokenStream>,
    pub(crate) scope: Scope,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) errors: Vec<TokenStream>,
    /// Where each name was defined first.
    defined: BTreeMap<String, Place>,
}

impl<'a> Items<'a> {
    pub(crate) fn new(tokens: &Tokens, object: &'a Object) -> Self {
        let mut items = Self {
            maps: Vec::new(),
            load_time: Vec::new(),
            constants: Vec::new(),
            functions: Vec::new(),
            helpers: Vec::new(),
            kernel: Vec::new(),
            uses: Vec::new(),
            scope: Scope {
                open: true,
                ..Scope::default()
            },
            diagnostics: Vec::new(),
            errors: Vec::new(),
            defined: BTreeMap::new(),
        };
        for item in &object.items {
            match item {
                Item::Static(item) => items.map(tokens, item),
                Item::Const(item) => items.constant(tokens, item),
                Item::Function(item) => items.function(tokens, item),
                Item::Extern(block) => items.extern_block(tokens, block),
                Item::Kernel(block) => items.kernel_block(tokens, block),
                Item::Use(range) => items.uses.push(tokens.stream(*range)),
            }
        }
        items
    }

    /// Enters a name into the scope; a second definition is an error, and does not count.
    fn define(&mut self, tokens: &Tokens, name: &Name, symbol: Symbol) -> bool {
        let is_new = self.is_new(tokens, name);
        if is_new {
            self.scope.symbols.insert(name.text.clone(), symbol);
        }
        is_new
    }

    /// Whether nothing else has the name; a second definition is an error.
    fn is_new(&mut self, tokens: &Tokens, name: &Name) -> bool {
        if let Some(&first) = self.defined.get(&name.text) {
            self.diagnostics.push(
                Diagnostic::error(
                    Rule::DuplicateItem,
                    name.span,
                    format!("`{}` is defined twice", name.text),
                )
                .with_note_at("first defined", tokens.located(first))
                .with_help("names are unique, whatever their `#[cfg]`: write two objects, or one item whose value depends on `cfg!(…)`"),
            );
            return false;
        }
        self.defined.insert(name.text.clone(), name.span);
        true
    }

    /// Attributes that nobody understands are errors.
    fn refuse_ours(&mut self, attributes: &mut Sorted, what: &str) {
        for meta in attributes.ours.drain(..) {
            let path = meta.path();
            let name = quote!(#path).to_string();
            let error =
                darling::Error::custom(format!("{what} has no attribute `{name}`")).with_span(path);
            self.errors
                .extend(report::attribute_errors("BPF0052", error));
        }
        for error in attributes.errors.drain(..) {
            self.errors
                .extend(report::attribute_errors("BPF0053", error));
        }
    }

    fn map(&mut self, tokens: &Tokens, item: &'a StaticItem) {
        let mut attributes = Sorted::new(tokens, &item.attributes);
        self.refuse_ours(&mut attributes, "a map");
        let Ok(index) = u16::try_from(self.maps.len()) else {
            return;
        };
        if self.define(tokens, &item.name, Symbol::Map(index)) {
            self.maps.push(MapItem { item, attributes });
        }
    }

    fn constant(&mut self, tokens: &Tokens, item: &'a ConstItem) {
        let mut attributes = Sorted::new(tokens, &item.attributes);
        self.refuse_ours(&mut attributes, "a constant");
        if item.value.is_some() {
            if self.define(tokens, &item.name, Symbol::Constant) {
                self.constants.push(RustConstant { item, attributes });
            }
            return;
        }
        if !attributes.cfg.is_empty() {
            self.diagnostics.push(
                Diagnostic::error(
                    Rule::ConditionalCompilation,
                    item.name.span,
                    "a load-time constant cannot have `#[cfg]`",
                )
                .with_help("put `#[cfg]` on the programs that use it"),
            );
        }
        let written = tokens.stream(item.ty).to_string();
        let Some(&ty) = ConstantType::ALL.iter().find(|ty| ty.name() == written) else {
            self.diagnostics.push(
                Diagnostic::error(
                    Rule::ConstantType,
                    item.ty.span,
                    format!(
                        "a constant that gets its value at load time cannot be of type `{written}`"
                    ),
                )
                .with_help("its type is one of u8, u16, u32, u64, i8, i16, i32, i64")
                .with_help(format!(
                    "give it a value if it is known now: `const {}: {written} = …;`",
                    item.name.text
                )),
            );
            // It stays known, so that its uses are no errors as well.
            self.define(tokens, &item.name, Symbol::Constant);
            return;
        };
        let Ok(index) = u16::try_from(self.load_time.len()) else {
            return;
        };
        if self.define(tokens, &item.name, Symbol::LoadTimeConstant(index)) {
            self.load_time.push(LoadTimeConstant {
                item,
                attributes,
                ty,
            });
        }
    }

    fn kernel_block(&mut self, tokens: &Tokens, block: &'a KernelItems) {
        let mut attributes = Sorted::new(tokens, &block.attributes);
        self.refuse_ours(&mut attributes, "a block of kernel symbols");
        for item in &block.items {
            let mut attributes = Sorted::new(tokens, &item.attributes);
            let options = attributes.options::<KernelOptions>();
            for error in attributes.errors.drain(..) {
                self.errors
                    .extend(report::attribute_errors("BPF0052", error));
            }
            let weak = options.is_some_and(|options| options.weak.is_present());
            if !attributes.cfg.is_empty() {
                self.diagnostics.push(
                    Diagnostic::error(
                        Rule::ConditionalCompilation,
                        item.name.span,
                        "a symbol of the kernel cannot have `#[cfg]`",
                    )
                    .with_help("put `#[cfg]` on the programs that use it: what nothing uses is not looked for"),
                );
            }
            let Ok(index) = u16::try_from(self.kernel.len()) else {
                return;
            };
            let symbol = match item.kind {
                KernelItemKind::Function { .. } => Symbol::KernelFunction(index),
                KernelItemKind::Variable { .. } => Symbol::KernelVariable(index),
            };
            if self.define(tokens, &item.name, symbol) {
                self.kernel.push(KernelSymbol { item, weak });
            }
        }
    }

    fn function(&mut self, tokens: &Tokens, item: &'a Function) {
        let mut attributes = Sorted::new(tokens, &item.attributes);
        let options = attributes.options::<FunctionOptions>();
        let allowed = options
            .as_ref()
            .map(|options| options.allow_unchecked.0.clone())
            .unwrap_or_default();
        let inline = options.as_ref().is_some_and(|o| o.inline.is_some());
        let kind = match options.map(|o| o.kind()) {
            Some(Ok(kind)) => kind,
            Some(Err(error)) => {
                attributes.errors.push(error);
                None
            }
            None => None,
        };
        for error in attributes.errors.drain(..) {
            self.errors
                .extend(report::attribute_errors("BPF0052", error));
        }
        if kind.is_none() && !attributes.cfg.is_empty() {
            self.diagnostics.push(
                Diagnostic::error(
                    Rule::ConditionalCompilation,
                    item.name.span,
                    "subprograms cannot have `#[cfg]`: the layout is fixed when the macro runs",
                )
                .with_help(
                    "put `#[cfg]` on the programs that call it: what nothing calls is left out",
                ),
            );
        }
        if inline {
            self.check_inline(item, kind.is_some());
        }
        let symbol = match kind {
            Some(_) => Symbol::Program,
            None if inline => Symbol::Fragment(self.functions.len()),
            None => Symbol::Function(self.functions.len()),
        };
        let inline = inline && kind.is_none();
        if !self.define(tokens, &item.name, symbol) {
            return;
        }
        self.check_name(item, kind.is_some());
        self.functions.push(FunctionItem {
            item,
            attributes,
            kind,
            allowed,
            inline,
        });
    }

    fn extern_block(&mut self, tokens: &Tokens, block: &'a ExternBlock) {
        for item in &block.functions {
            let mut attributes = Sorted::new(tokens, &item.attributes);
            let options = attributes.options::<HelperOptions>();
            for error in attributes.errors.drain(..) {
                self.errors
                    .extend(report::attribute_errors("BPF0052", error));
            }
            let name = &item.name;
            let Some(id) = options.and_then(|options| options.helper) else {
                self.diagnostics.push(
                    Diagnostic::error(
                        Rule::UnknownFunction,
                        name.span,
                        format!("the helper `{}` has no number", name.text),
                    )
                    .with_help(format!(
                        "write `#[helper = 1] fn {}(…)`: the number by which the host knows it",
                        name.text
                    )),
                );
                continue;
            };
            if self.is_new(tokens, name) {
                self.helpers.push(HelperItem {
                    host: &block.host,
                    item,
                    id,
                });
            }
        }
    }

    /// What is pasted is no function of its own.
    fn check_inline(&mut self, item: &Function, program: bool) {
        let name = &item.name;
        let message = if program {
            format!(
                "the program `{}` is called by the kernel and cannot be pasted",
                name.text
            )
        } else if !item.visibility.is_empty() {
            format!(
                "`{}` is pasted where it is called, so nothing is global (`pub`) about it",
                name.text
            )
        } else {
            return;
        };
        let unwanted = if program { "#[inline]" } else { "pub" };
        self.diagnostics.push(
            Diagnostic::error(Rule::Pasting, name.span, message)
                .with_help(format!("leave `{unwanted}` out")),
        );
    }

    /// The kernel takes letters, digits, `_` and `.` in names.
    fn check_name(&mut self, item: &Function, program: bool) {
        let name = &item.name;
        if name
            .text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            return;
        }
        let what = if program { "program" } else { "function" };
        self.diagnostics.push(
            Diagnostic::error(
                Rule::InvalidName,
                name.span,
                format!(
                    "the kernel does not take the name of the {what} `{}`",
                    name.text
                ),
            )
            .with_help("names have letters from a to z, digits and underscores"),
        );
    }

    /// The names of the kernel's functions.
    pub(crate) fn kernel_functions(&self) -> impl Iterator<Item = &'a Name> {
        let symbols = self.kernel.iter().map(|symbol| symbol.item);
        symbols
            .filter(|item| matches!(item.kind, KernelItemKind::Function { .. }))
            .map(|item| &item.name)
    }

    /// The functions as the linker needs them.
    pub(crate) fn linkable(&self) -> Vec<ObjectFunction<'_>> {
        self.functions
            .iter()
            .map(|function| ObjectFunction {
                name: &function.item.name.text,
                linkage: if function.item.visibility.is_empty() {
                    Linkage::Static
                } else {
                    Linkage::Global
                },
                inline: function.inline,
                program_type: function.kind.as_ref().and_then(|kind| kind.program_type),
                body: &function.item.body,
            })
            .collect()
    }
}

/// A name of the object as Rust's identifier.
pub(crate) fn ident(tokens: &Tokens, name: &Name) -> Ident {
    tokens.ident(name.token)
}
