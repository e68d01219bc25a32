//! Objects of a text, linked and loaded while tests run.

use super::common::leak;
use ebpf_asm::diag::Severity;
use ebpf_asm::link::{Linked, ObjectFunction, RelocationTarget, Scope, Symbol, link_program};
use ebpf_asm::syntax::ast::{self, Item, StaticItem};
use ebpf_asm::syntax::{TokenList, lex, parse_object};
use ebpf_rt::load::{Options, load};
use ebpf_rt::object::{
    FunctionRecord, LabelTable, LineTable, Linkage, MapDef, ProgramDef, ProgramKind, Relocation,
    RelocationKind,
};
use ebpf_rt::{Error, KernelVersion, Object};

/// The parsed text.
pub(crate) struct TextObject {
    pub(crate) tokens: TokenList,
    pub(crate) object: ast::Object,
    pub(crate) maps: Vec<MapDef>,
}

/// A program of the text, and how it is loaded.
pub(crate) struct TextProgram<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: ProgramKind,
    pub(crate) license: &'static str,
    /// Its position among the functions.
    pub(crate) function: usize,
    /// What lines are said to be of.
    pub(crate) file: &'static str,
}

impl TextObject {
    /// `map` says what a definition means.
    pub(crate) fn parse(text: &str, map: impl Fn(&TokenList, &StaticItem) -> MapDef) -> Self {
        let mut diagnostics = Vec::new();
        let tokens = lex(text, &mut diagnostics);
        let mut parsed = parse_object(&tokens);
        diagnostics.append(&mut parsed.diagnostics);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        let object = parsed.tree.unwrap();
        let statics = object.items.iter().filter_map(|item| match item {
            Item::Static(item) => Some(map(&tokens, item)),
            _ => None,
        });
        let maps = statics.collect();
        Self {
            tokens,
            object,
            maps,
        }
    }

    pub(crate) fn functions(&self) -> Vec<&ast::Function> {
        let items = self.object.items.iter();
        items
            .filter_map(|item| match item {
                Item::Function(function) => Some(function),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn link(&self, function: usize) -> Linked {
        let items = self.functions();
        let functions: Vec<ObjectFunction<'_>> = items
            .iter()
            .map(|function| ObjectFunction {
                name: &function.name.text,
                linkage: Linkage::Static,
                inline: false,
                // So that what the macros know about its kind is no error.
                program_type: None,
                body: &function.body,
            })
            .collect();
        let mut scope = Scope::default();
        for (at, map) in self.maps.iter().enumerate() {
            let symbol = Symbol::Map(at as u16);
            scope.symbols.insert(map.name.to_owned(), symbol);
        }
        for (at, function) in items.iter().enumerate() {
            let symbol = match function.attributes.is_empty() {
                true => Symbol::Function(at),
                false => Symbol::Program,
            };
            scope.symbols.insert(function.name.text.clone(), symbol);
        }
        let linked = link_program(&functions, function, &scope, None);
        let is_error = |d: &&ebpf_asm::Diagnostic| d.severity == Severity::Error;
        assert_eq!(linked.diagnostics.iter().find(is_error), None);
        linked
    }

    /// Loads a program; with a log of this level, if that is not 0.
    pub(crate) fn load(&self, program: &TextProgram<'_>, level: u32) -> Result<(), Error> {
        let linked = self.link(program.function);
        let lines: Vec<u8> = linked
            .spans
            .iter()
            .flat_map(|span| {
                let mut record = span.line.to_le_bytes().to_vec();
                record.extend((span.column as u16).to_le_bytes());
                record
            })
            .collect();
        let relocations = linked.relocations.iter().map(|relocation| {
            let RelocationTarget::Map { map, .. } = relocation.target else {
                panic!("{relocation:?}")
            };
            Relocation::new(relocation.insn, RelocationKind::MapFd { map })
        });
        let functions = linked.functions.iter().map(|function| {
            FunctionRecord::new(
                function.name.clone().leak(),
                function.insn,
                function.linkage,
            )
        });
        let def = ProgramDef::new(
            program.name.to_owned().leak(),
            program.kind,
            leak(linked.insns.clone()),
            leak(relocations.collect()),
            leak(functions.collect()),
            LineTable::new(program.file, lines.leak()),
        )
        .with_labels(LabelTable::EMPTY);
        let object = Object::new(
            self.object.name.text.clone().leak(),
            program.license,
            KernelVersion::DEFAULT_MINIMUM,
            leak(self.maps.clone()),
            &[],
            leak(vec![def]),
        );
        let mut options = Options::default();
        options.log_level(level);
        load(&object, &[], &[], &[], &options).map(drop)
    }
}
