//! `ebpf! { mod … }`: an object as constant data, and its typed skeleton.

use crate::attributes::{MinKernel, ObjectOptions, Sorted};
use crate::btf;
use crate::check::{self, Checker};
use crate::code::split_crate_path;
use crate::editor::{self, Body};
use crate::emit::{self, Values};
use crate::kernel::{self, KernelConstants};
use crate::report;
use crate::scope::{FunctionItem, Items, MapItem, ident};
use crate::signature::{self, Signature};
use crate::skeleton::{Field, Skeleton};
use crate::source;
use crate::tokens::Tokens;
use crate::user;
use ebpf_asm::KernelVersion;
use ebpf_asm::diag::{Diagnostic, Rule, Severity};
use ebpf_asm::link::{CallbackUse, Linked, RelocationTarget, link_program};
use ebpf_asm::object::{ConstantType, Linkage};
use ebpf_asm::syntax::ast::{Name, Object, OperandValue};
use ebpf_asm::syntax::parse_object;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use std::collections::BTreeSet;

/// Names that the generated module uses itself.
const GENERATED: &[&str] = &[
    "OBJECT",
    "Skeleton",
    "Maps",
    "Programs",
    "Loader",
    "MapOptions",
    "ProgramOptions",
    "Constants",
    "load",
    "loader",
    "vm",
    "from_pin",
];

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let (krate, input) = split_crate_path(input);
    let tokens = Tokens::new(input);
    let parsed = parse_object(&tokens.list);
    let Some(object) = parsed.tree else {
        let errors = report::errors(&tokens, parsed.diagnostics);
        return quote!(#(#errors)*);
    };
    let expansion = Expansion::new(&krate, &tokens, &object);
    let report = |diagnostics| report::errors(&tokens, diagnostics);
    // Nothing to evaluate: operands are rustc's.
    let evaluate = |_: &mut Linked| Vec::new();
    expansion.finish(
        parsed.diagnostics,
        report,
        evaluate,
        Values::Rust(&tokens),
        &quote!(::core::file!()),
        None,
    )
}

/// An object on its way to Rust code.
pub(crate) struct Expansion<'a> {
    pub(crate) krate: &'a TokenStream,
    pub(crate) tokens: &'a Tokens,
    pub(crate) object: &'a Object,
    pub(crate) items: Items<'a>,
    pub(crate) attributes: Sorted,
    license: String,
    min_kernel: Option<KernelVersion>,
    /// `#[target = "user"]`: not for the kernel.
    is_for_user: bool,
}

/// What all programs of an object are written out with.
struct Shared<'a> {
    values: &'a Values<'a>,
    file: &'a TokenStream,
    constants: &'a KernelConstants,
}

impl<'a> Expansion<'a> {
    pub(crate) fn new(krate: &'a TokenStream, tokens: &'a Tokens, object: &'a Object) -> Self {
        let mut items = Items::new(tokens, object);
        let mut attributes = Sorted::new(tokens, &object.attributes);
        let options = attributes.options::<ObjectOptions>();
        for error in attributes.errors.drain(..) {
            items
                .errors
                .extend(report::attribute_errors("BPF0052", error));
        }
        let is_for_user = options
            .as_ref()
            .is_some_and(|options| user::is_target(&mut items, options));
        user::check_items(&mut items, is_for_user);
        let license = options.as_ref().and_then(|o| o.license.as_ref());
        let license_text = license.map(syn::LitStr::value).unwrap_or_default();
        if let Some(license) = license
            && (license_text.is_empty() || license_text.contains('\0'))
        {
            let span = license.span();
            let message = "BPF0053: the licence is empty, or has a zero byte\nhelp: write `#[license = \"GPL\"]`";
            items
                .errors
                .push(report::compile_error(message, (span, span)));
        }
        if let Some(options) = &options
            && options.license.is_none()
            && !is_for_user
        {
            items.diagnostics.push(
                Diagnostic::error(
                    Rule::MissingLicense,
                    object.name.span,
                    format!("the object `{}` has no licence", object.name.text),
                )
                .with_note("the kernel lets only programs under the GPL call many helpers, and nobody but you can say it")
                .with_help("write `#[license = \"GPL\"]` before `mod`, or the licence it is under"),
            );
        }
        let min_kernel = options
            .and_then(|o| o.min_kernel)
            .map(|MinKernel(version)| version);
        Self {
            krate,
            tokens,
            object,
            items,
            attributes,
            license: license_text,
            min_kernel,
            is_for_user,
        }
    }

    /// Links everything and writes it out. `report` turns diagnostics into errors, `evaluate`
    /// puts in the operands that are known here.
    pub(crate) fn finish(
        mut self,
        diagnostics: Vec<Diagnostic>,
        report: impl Fn(Vec<Diagnostic>) -> Vec<TokenStream>,
        evaluate: impl Fn(&mut Linked) -> Vec<Diagnostic>,
        values: Values<'_>,
        file: &TokenStream,
        text: Option<&str>,
    ) -> TokenStream {
        let mut all = diagnostics;
        all.append(&mut self.items.diagnostics);
        self.check_names(&mut all);
        if self.is_for_user {
            return self.finish_user(all, report, evaluate, &values, file);
        }
        let linkable = self.items.linkable();
        let mut programs = Vec::new();
        let mut reached = vec![false; self.items.functions.len()];
        for (index, function) in self.items.functions.iter().enumerate() {
            if function.kind.is_none() {
                continue;
            }
            let mut linked = link_program(&linkable, index, &self.items.scope, self.min_kernel);
            all.append(&mut linked.diagnostics);
            all.extend(Self::check_operands(&linked));
            all.extend(evaluate(&mut linked));
            for &index in &linked.reached {
                reached[index] = true;
            }
            programs.push((index, linked));
        }
        // A function that no program reaches is linked all the same, for its errors.
        let unreached: Vec<Linked> = (0..linkable.len())
            .filter(|&index| !reached[index] && self.items.functions[index].kind.is_none())
            .map(|index| link_program(&linkable, index, &self.items.scope, self.min_kernel))
            .collect();
        let mut callbacks: Vec<&CallbackUse> = programs
            .iter()
            .map(|(_, linked)| linked)
            .chain(&unreached)
            .flat_map(|linked| &linked.callbacks)
            .collect();
        // One for each function and helper, whatever the number of programs and calls.
        callbacks.sort_by_key(|a_use| (a_use.function, a_use.helper.id, a_use.span.start));
        callbacks.dedup_by_key(|a_use| (a_use.function, a_use.helper.id));
        let callbacks: Vec<TokenStream> = callbacks
            .into_iter()
            .map(|a_use| {
                let function = &self.items.functions[a_use.function];
                let (types, diagnostic) =
                    signature::callback(self.krate, self.tokens, function, a_use);
                all.extend(diagnostic);
                types
            })
            .collect();
        let mut unused_labels: BTreeSet<u32> = programs
            .iter()
            .flat_map(|(_, linked)| linked.unused_labels.iter().copied())
            .collect();
        for linked in unreached {
            all.extend(linked.diagnostics);
            unused_labels.extend(linked.unused_labels);
        }
        let mut signatures: Vec<Signature> = self
            .items
            .functions
            .iter()
            .map(|function| signature::check(self.krate, self.tokens, function))
            .collect();
        all.extend(signatures.iter_mut().filter_map(|s| s.diagnostic.take()));
        let definitions: Vec<TokenStream> = (0..self.items.functions.len())
            .map(|index| {
                let (definition, diagnostic) = self.signature(index);
                all.extend(diagnostic);
                definition
            })
            .collect();
        let constants = KernelConstants::of(programs.iter().map(|(_, linked)| linked));
        all.extend(constants.too_many(self.object.name.span));
        let symbols: Vec<TokenStream> = self
            .items
            .kernel
            .iter()
            .map(|symbol| {
                let (tokens, diagnostic) = kernel::symbol(self.krate, self.tokens, symbol);
                all.extend(diagnostic);
                tokens
            })
            .collect();
        let mut depending = Vec::new();
        let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
        if self.items.errors.is_empty() && !all.iter().any(is_error) {
            let checker = Checker {
                items: &self.items,
                license: &self.license,
                min_kernel: self.min_kernel,
                patched: matches!(values, Values::Done),
            };
            for (index, linked) in &programs {
                for finding in checker.program(*index, linked) {
                    let diagnostic = check::diagnostic(&finding, linked);
                    if finding.assumptions.is_empty() {
                        all.push(diagnostic);
                    } else {
                        depending.push((finding, diagnostic));
                    }
                }
            }
        }
        let mut errors = core::mem::take(&mut self.items.errors);
        errors.extend(report(all));
        let failed = !errors.is_empty();
        let obligations: TokenStream = if failed {
            TokenStream::new()
        } else {
            let maps = |map: u16, span| {
                let name = &self.items.maps[usize::from(map)].item.name;
                let mut ident = ident(self.tokens, name);
                ident.set_span(span);
                (ident, name.text.clone())
            };
            depending
                .into_iter()
                .flat_map(|(finding, diagnostic)| {
                    let errors = report(vec![diagnostic]);
                    errors
                        .iter()
                        .map(|error| check::obligation(self.krate, error, &finding, maps))
                        .collect::<Vec<_>>()
                })
                .collect()
        };
        let operands: TokenStream = match &values {
            Values::Rust(tokens) if failed => programs
                .iter()
                .map(|(_, linked)| {
                    let operands = emit::operands_only(tokens, linked);
                    quote!(const _: fn() = #operands;)
                })
                .collect(),
            _ => TokenStream::new(),
        };
        let mut source_lines = Vec::new();
        let programs: Vec<TokenStream> = programs
            .iter()
            .map(|(index, linked)| {
                let function = &self.items.functions[*index];
                let context = signatures[*index].context.as_ref();
                let shared = Shared {
                    values: &values,
                    file,
                    constants: &constants,
                };
                self.program(
                    function,
                    context,
                    linked,
                    &shared,
                    failed,
                    &mut source_lines,
                )
            })
            .collect();
        let source = match failed {
            true => TokenStream::new(),
            false => self.source(text, source_lines),
        };
        let labels = match &values {
            // After errors a label may look unused whose jump could not be read.
            Values::Rust(tokens) if !failed => self.unused_labels(tokens, &unused_labels),
            _ => TokenStream::new(),
        };
        let dead = self.unused_functions(&reached);
        let idle = self.unused_maps();
        let words = self.words();
        let definitions = if failed { Vec::new() } else { definitions };
        let types = signatures.iter().map(|signature| &signature.types);
        let extra = quote!(#(#types)* #(#definitions)* #(#callbacks)* #labels #dead #idle #operands #obligations);
        let kernel = self.kernel(&symbols, &constants, failed);
        self.module(&errors, &words, &programs, &extra, &quote!(#kernel #source))
    }

    /// A constant with a function's signature, and what is wrong with its notes.
    fn signature(&self, index: usize) -> (TokenStream, Option<Diagnostic>) {
        let krate = self.krate;
        let function = &self.items.functions[index];
        if function.inline {
            return (TokenStream::new(), None);
        }
        let definition = match btf::signature_def(krate, self.tokens, function) {
            Ok(definition) => definition,
            Err(diagnostic) => return (TokenStream::new(), diagnostic),
        };
        let cfg = function.attributes.cfg_attribute();
        let name = signature_name(index);
        let definition = quote! {
            #cfg
            #[allow(dead_code, reason = "a function that nothing reaches")]
            const #name: &#krate::object::SignatureDef = #definition;
        };
        (definition, None)
    }

    /// The source lines of all instructions, as far as they can be had.
    fn source(&self, text: Option<&str>, wanted: Vec<u32>) -> TokenStream {
        let lines = match text {
            Some(text) => source::lines(self.krate, 1, text, true, wanted),
            None => match self.tokens.block_text() {
                Some((first, text)) => source::lines(self.krate, first, &text, false, wanted),
                None => return TokenStream::new(),
            },
        };
        quote!(.with_source(#lines))
    }

    /// Items whose names the generated module uses itself are reported and left out.
    fn check_names(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        let mut refuse = |name: &Name| {
            let taken = GENERATED.contains(&name.text.as_str());
            if taken {
                diagnostics.push(
                    Diagnostic::error(
                        Rule::DuplicateItem,
                        name.span,
                        format!("`{}` is a name that the macro uses itself", name.text),
                    )
                    .with_help("choose another name"),
                );
            }
            taken
        };
        self.items.maps.retain(|map| !refuse(&map.item.name));
        self.items
            .constants
            .retain(|constant| !refuse(&constant.item.name));
    }

    /// A constant from outside under a name that the generated module has itself.
    pub(crate) fn check_operands(linked: &Linked) -> impl Iterator<Item = Diagnostic> {
        linked
            .patches
            .iter()
            .filter_map(|patch| match &patch.value {
                OperandValue::Name(name) if GENERATED.contains(&name.text.as_str()) => Some(
                    Diagnostic::error(
                        Rule::AmbiguousName,
                        name.span,
                        format!("inside the object `{}` is an item of the macro", name.text),
                    )
                    .with_help(format!("write `{{super::{}}}` for yours", name.text)),
                ),
                _ => None,
            })
    }

    /// One element of the object's list of programs.
    fn program(
        &self,
        function: &FunctionItem<'_>,
        context: Option<&TokenStream>,
        linked: &Linked,
        &Shared {
            values,
            file,
            constants,
        }: &Shared<'_>,
        failed: bool,
        source_lines: &mut Vec<u32>,
    ) -> TokenStream {
        let krate = self.krate;
        let name = &function.item.name.text;
        let cfg = function.attributes.cfg_attribute();
        let kind = function.kind.as_ref().map(|kind| &kind.value);
        if failed {
            return quote! {
                #cfg
                #krate::object::ProgramDef::new(
                    #name, #krate::object::ProgramKind::#kind, &[], &[], &[],
                    #krate::object::LineTable::EMPTY,
                )
            };
        }
        let what = format!("{}::{name}", self.object.name.text);
        let slots = emit::slots(krate, linked, values, &what);
        let relocations = linked.relocations.iter().map(|relocation| {
            let slot = relocation.insn;
            match &relocation.target {
                RelocationTarget::Constant { constant, field } => {
                    let field = emit::field(krate, *field);
                    quote! {
                        #krate::object::Relocation::new(
                            #slot,
                            #krate::object::RelocationKind::Constant { constant: #constant, field: #field },
                        )
                    }
                }
                RelocationTarget::KernelFunction { symbol } => quote! {
                    #krate::object::Relocation::new(
                        #slot,
                        #krate::object::RelocationKind::KernelFunction { symbol: #symbol },
                    )
                },
                RelocationTarget::KernelAddress { symbol } => quote! {
                    #krate::object::Relocation::new(
                        #slot,
                        #krate::object::RelocationKind::KernelAddress { symbol: #symbol },
                    )
                },
                RelocationTarget::KernelConstant { constant, field } => {
                    let field = emit::field(krate, *field);
                    let constant = constants.position(constant);
                    quote! {
                        #krate::object::Relocation::new(
                            #slot,
                            #krate::object::RelocationKind::KernelConstant {
                                constant: #constant,
                                field: #field,
                            },
                        )
                    }
                }
                RelocationTarget::Map {
                    map,
                    addend,
                    addend_span,
                } => {
                    let item = &self.items.maps[usize::from(*map)];
                    let (used, _) = self.tokens.spans(relocation.span);
                    let mut name = ident(self.tokens, &item.item.name);
                    name.set_span(used);
                    let index = self.map_index(usize::from(*map));
                    let text = &item.item.name.text;
                    let addend_at = if *addend == 0 {
                        used
                    } else {
                        self.tokens.spans(*addend_span).0
                    };
                    let def = quote_spanned!(used=> #name.map_def(#text));
                    let krate = emit::located(krate, addend_at);
                    let index = emit::located(&index, addend_at);
                    quote_spanned!(addend_at=> #krate::__private::symbol(#slot, #index, &#def, #addend))
                }
            }
        });
        let functions = linked.functions.iter().map(|function| {
            let (name, insn) = (&function.name, function.insn);
            let linkage = match function.linkage {
                Linkage::Static => quote!(Static),
                Linkage::Global => quote!(Global),
            };
            let functions = &self.items.functions;
            let index = functions.iter().position(|f| f.item.name.text == *name);
            let signature = index.map(|index| {
                let signature = signature_name(index);
                quote!(.with_signature(#signature))
            });
            quote! {
                #krate::object::FunctionRecord::new(#name, #insn, #krate::object::Linkage::#linkage)
                    #signature
            }
        });
        let has_record = function.kind.as_ref().is_some_and(|kind| kind.has_record);
        // Which fields the context has, its type knows, if it is one that says so.
        let record = context.filter(|_| has_record).map(|context| {
            quote! {
                .with_record({
                    #[allow(unused_imports, reason = "the context may have a record")]
                    use #krate::__private::NoRecord as _;
                    #krate::__private::RecordOf::<#context>::FIELDS
                })
            }
        });
        let labels = emit::labels(krate, linked);
        let lines = emit::lines(linked, |slot| {
            let place = self.tokens.located(linked.spans[slot]);
            if source_lines.last() != Some(&place.line) {
                source_lines.push(place.line);
            }
            (place.line, place.column)
        });
        let def = quote! {
            #krate::object::ProgramDef::new(
                #name,
                #krate::object::ProgramKind::#kind,
                const { &#slots },
                const { &[#(#relocations),*] },
                const { &[#(#functions),*] },
                #krate::object::LineTable::new(#file, #lines),
            )
            .with_labels(#labels)
            #record
        };
        let span = ident(self.tokens, &function.item.name).span();
        let def = self.for_oldest_kernel("program_for", def, span);
        quote!(#cfg #def)
    }

    /// Where the functions begin.
    pub(crate) fn function_records(&self, linked: &Linked) -> Vec<TokenStream> {
        let krate = self.krate;
        let functions = linked.functions.iter().map(|function| {
            let (name, insn) = (&function.name, function.insn);
            let linkage = match function.linkage {
                Linkage::Static => quote!(Static),
                Linkage::Global => quote!(Global),
            };
            quote! {
                #krate::object::FunctionRecord::new(#name, #insn, #krate::object::Linkage::#linkage)
            }
        });
        functions.collect()
    }

    /// Line and column of each slot.
    pub(crate) fn lines(&self, linked: &Linked) -> TokenStream {
        emit::lines(linked, |slot| {
            let place = self.tokens.located(linked.spans[slot]);
            (place.line, place.column)
        })
    }

    /// What the object asks of the kernel; nothing if it asks nothing.
    fn kernel(
        &self,
        symbols: &[TokenStream],
        constants: &KernelConstants,
        failed: bool,
    ) -> TokenStream {
        if failed || symbols.is_empty() && constants.is_empty() {
            return TokenStream::new();
        }
        let constants = constants.tokens(self.krate);
        quote!(.with_kernel(const { &[#(#symbols),*] }, const { #constants }))
    }

    /// Where the object says which kernels it is for, their first has to have the kind of map
    /// or program: rustc knows which kind it is.
    fn for_oldest_kernel(&self, check: &str, def: TokenStream, span: Span) -> TokenStream {
        let Some(KernelVersion { major, minor }) = self.min_kernel else {
            return def;
        };
        let krate = emit::located(self.krate, span);
        let check = Ident::new(check, span);
        quote_spanned! {span=>
            #krate::__private::#check(#krate::KernelVersion::new(#major, #minor), #def)
        }
    }

    /// The position of a map among those that are there: conditions leave some out.
    fn map_index(&self, map: usize) -> TokenStream {
        let before = &self.items.maps[..map];
        Self::position(before.iter().map(|map| &map.attributes))
    }

    fn position<'b>(before: impl Iterator<Item = &'b Sorted>) -> TokenStream {
        let mut always = 0_usize;
        let mut conditional = Vec::new();
        for attributes in before {
            let cfg = &attributes.cfg;
            if cfg.is_empty() {
                always += 1;
            } else {
                conditional.push(quote!(::core::cfg!(all(#(#cfg),*)) as usize));
            }
        }
        quote!((#always #(+ #conditional)*))
    }

    /// rustc's own lint for labels, at the levels that each function's attributes say.
    pub(crate) fn unused_labels(&self, tokens: &Tokens, unused: &BTreeSet<u32>) -> TokenStream {
        let functions = self.items.functions.iter().map(|function| {
            let item = function.item;
            let inside = unused.range(item.name.token..item.body.end.start).copied();
            emit::unused_labels(tokens, inside, &function.attributes.lints)
        });
        functions.collect()
    }

    /// What the words of all functions mean, for editors; for rustc only what its lints need.
    pub(crate) fn words(&self) -> TokenStream {
        if !self.tokens.is_macro() {
            return TokenStream::new();
        }
        let functions: Vec<(&str, u32)> = self
            .items
            .functions
            .iter()
            .filter(|function| function.kind.is_none())
            .map(|function| &function.item.name)
            .chain(self.items.kernel_functions())
            .map(|name| (name.text.as_str(), name.token))
            .collect();
        let bodies = self.items.functions.iter().map(|function| {
            let item = function.item;
            let signature = item.output.end.max(item.parameters.end);
            Body {
                name: item.name.text.clone(),
                start: signature + 1,
                end: item.body.end.start,
            }
        });
        let bodies: Vec<Body> = bodies.collect();
        if self.tokens.for_editor() {
            return editor::shadow(self.krate, self.tokens, &bodies, &functions);
        }
        let functions_of = bodies.iter().zip(&self.items.functions);
        functions_of
            .map(|(body, function)| {
                let lints = &function.attributes.lints;
                editor::deprecated_helpers(self.krate, self.tokens, body, &functions, lints)
            })
            .collect()
    }

    /// rustc's own dead-code lint for functions that no program reaches.
    fn unused_functions(&self, reached: &[bool]) -> TokenStream {
        let unused = self
            .items
            .functions
            .iter()
            .zip(reached)
            .filter(|(function, reached)| {
                !**reached && function.kind.is_none() && function.item.visibility.is_empty()
            });
        let functions = unused.map(|(function, _)| {
            let native = &function.attributes.native;
            let name = ident(self.tokens, &function.item.name);
            quote_spanned!(name.span()=> const _: () = { #(#native)* fn #name() {} };)
        });
        functions.collect()
    }

    /// The same lint for maps that nothing else in the object names. One that other users have
    /// too, through a pin or the skeleton alone, is `pub`; an object of nothing but maps is that
    /// on purpose, and a table of functions has programs without being named by them.
    fn unused_maps(&self) -> TokenStream {
        let has_programs = self.items.functions.iter().any(|f| f.kind.is_some());
        let list = &self.tokens.list;
        let unused = self.items.maps.iter().filter(|map| {
            let name = &map.item.name;
            let is_named =
                |position| position != name.token && list.text_at(position) == name.text.as_str();
            let is_table = || {
                let ty = self.tokens.stream(map.item.ty).into_iter().last();
                ty.is_some_and(|last| last.to_string() == "StructOps")
            };
            let is_private = map.item.visibility.is_empty();
            has_programs && is_private && !is_table() && !(0..list.len()).any(is_named)
        });
        let maps = unused.map(|map| {
            let native = &map.attributes.native;
            let name = ident(self.tokens, &map.item.name);
            quote_spanned!(name.span()=> const _: () = { #(#native)* static #name: () = (); };)
        });
        maps.collect()
    }

    fn module(
        &self,
        errors: &[TokenStream],
        words: &TokenStream,
        programs: &[TokenStream],
        extra: &TokenStream,
        parts: &TokenStream,
    ) -> TokenStream {
        let krate = self.krate;
        let native = &self.attributes.native;
        let visibility = self.tokens.stream(self.object.visibility);
        let name = ident(self.tokens, &self.object.name);
        let name_text = &self.object.name.text;
        let uses = &self.items.uses;
        let maps = self.items.maps.iter().map(|map| self.map_static(map));
        let constants = self.constants(errors);
        let map_defs = self.items.maps.iter().map(|map| {
            let cfg = map.attributes.cfg_attribute();
            let name = ident(self.tokens, &map.item.name);
            let text = &map.item.name.text;
            let types = self.map_types(map);
            let def = quote!(#name.map_def(#text) #types);
            let def = self.for_oldest_kernel("map_for", def, name.span());
            quote!(#cfg #def)
        });
        let constant_defs = self.items.load_time.iter().map(|constant| {
            let text = &constant.item.name.text;
            let ty = constant_type(constant.ty);
            quote!(#krate::object::ConstantDef::new(#text, #krate::object::ConstantType::#ty))
        });
        let license = &self.license;
        let version = self.min_kernel.unwrap_or(KernelVersion::DEFAULT_MINIMUM);
        let (major, minor) = (version.major, version.minor);
        let skeleton = self.skeleton().tokens(krate);
        // Words come first: editors complete at the place that has the same distance from the
        // start as it has without the half-typed word, whose error would move it.
        quote! {
            #(#native)*
            #visibility mod #name {
                #words
                #[allow(unused_imports, reason = "the object may need nothing from outside")]
                use super::*;
                #[allow(unused_imports, reason = "all types may be ones that the kernel can be told")]
                use #krate::__private::TypeOfAny as _;
                #(#uses)*
                #(#maps)*
                #(#constants)*
                #extra

                /// The object as constant data: maps, constants, programs.
                #[allow(dead_code, deprecated, reason = "not every user looks at it")]
                pub static OBJECT: #krate::Object = #krate::Object::new(
                    #name_text,
                    #license,
                    #krate::KernelVersion::new(#major, #minor),
                    const { &[#(#map_defs),*] },
                    const { &[#(#constant_defs),*] },
                    const { &[#(#programs),*] },
                )
                #parts;

                #skeleton
            }
            #(#errors)*
        }
    }

    /// The constants with values, as Rust has them.
    pub(crate) fn constants(&self, errors: &[TokenStream]) -> Vec<TokenStream> {
        let constants = self.items.constants.iter().filter(|constant| {
            // What is wrong with a constant of a file has been said, with the file's line.
            errors.is_empty() || self.tokens.is_macro() || constant.item.value.is_none()
        });
        let constants = constants.map(|constant| {
            let native = &constant.attributes.native;
            let visibility = self.tokens.stream(constant.item.visibility);
            let name = ident(self.tokens, &constant.item.name);
            let ty = self.tokens.stream(constant.item.ty);
            let value = constant.item.value.map(|value| self.tokens.stream(value));
            quote!(#(#native)* #visibility const #name: #ty = #value;)
        });
        constants.collect()
    }

    fn map_static(&self, map: &MapItem<'_>) -> TokenStream {
        let krate = self.krate;
        let native = &map.attributes.native;
        let visibility = self.tokens.stream(map.item.visibility);
        let name = ident(self.tokens, &map.item.name);
        let ty = self.tokens.stream(map.item.ty);
        let value = self.tokens.stream(map.item.value);
        // What is wrong with the type is shown at the type.
        let (first, _) = self.tokens.spans(map.item.ty.span);
        let krate = emit::located(krate, first);
        let definition = quote_spanned!(first=> <#ty as #krate::maps::Map>::Definition);
        quote! {
            #(#native)*
            #visibility static #name: #definition = #value;
        }
    }

    /// The types of a map's keys and values, as far as the kernel can be told about them.
    fn map_types(&self, map: &MapItem<'_>) -> TokenStream {
        let (first, _) = self.tokens.spans(map.item.ty.span);
        let ty = self.tokens.stream(map.item.ty);
        let krate = emit::located(self.krate, first);
        quote_spanned! {first=>
            .with_types(
                #krate::__private::TypeOf::<<#ty as #krate::maps::Map>::Key>::TYPE,
                #krate::__private::TypeOf::<<#ty as #krate::maps::Map>::Value>::TYPE,
            )
        }
    }

    /// The typed skeleton: structs of handles and options, `load` and `loader`.
    fn skeleton(&self) -> Skeleton {
        let krate = self.krate;
        let maps: Vec<Field> = self
            .items
            .maps
            .iter()
            .enumerate()
            .map(|(index, map)| Field {
                cfg: map.attributes.cfg_attribute(),
                docs: map.attributes.docs.clone(),
                name: ident(self.tokens, &map.item.name),
                ty: self.tokens.stream(map.item.ty),
                position: self.map_index(index),
            })
            .collect();
        let programs_only: Vec<&FunctionItem<'_>> = self
            .items
            .functions
            .iter()
            .filter(|f| f.kind.is_some())
            .collect();
        let programs: Vec<Field> = programs_only
            .iter()
            .enumerate()
            .map(|(index, program)| {
                let handle = program.kind.as_ref().map(|kind| &kind.handle);
                let before = programs_only[..index]
                    .iter()
                    .map(|program| &program.attributes);
                Field {
                    cfg: program.attributes.cfg_attribute(),
                    docs: program.attributes.docs.clone(),
                    name: ident(self.tokens, &program.item.name),
                    // A handle that a feature brings is missing at the program, not at the macro.
                    ty: emit::located(
                        &quote!(#krate::programs::#handle),
                        ident(self.tokens, &program.item.name).span(),
                    ),
                    position: Self::position(before),
                }
            })
            .collect();
        let constants: Vec<Field> = self
            .items
            .load_time
            .iter()
            .enumerate()
            .map(|(index, constant)| Field {
                cfg: TokenStream::new(),
                docs: constant.attributes.docs.clone(),
                name: ident(self.tokens, &constant.item.name),
                ty: self.tokens.stream(constant.item.ty),
                position: quote!(#index),
            })
            .collect();
        Skeleton {
            maps,
            programs,
            constants,
        }
    }
}

/// The constant with the signature of the function at this position.
fn signature_name(index: usize) -> Ident {
    format_ident!("__EBPF_SIGNATURE_{index}")
}

fn constant_type(ty: ConstantType) -> TokenStream {
    let name = format_ident!("{}", ty.name().to_ascii_uppercase());
    quote!(#name)
}
