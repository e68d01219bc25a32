//! `ebpf! { mod … }`: an object as constant data, and its typed skeleton.

mod fields;
mod maps;
mod program;

use crate::attributes::{MinKernel, ObjectOptions, Sorted};
use crate::btf;
use crate::check::{self, Checker, Depending};
use crate::code::split_crate_path;
use crate::emit::{self, Values};
use crate::guess;
use crate::kernel::{self, KernelConstants};
use crate::report;
use crate::scope::{Items, ident};
use crate::signature::{self, Signature};
use crate::source;
use crate::tokens::Tokens;
use crate::user;
use ebpf_asm::KernelVersion;
use ebpf_asm::diag::{Diagnostic, Rule, Severity};
use ebpf_asm::link::{CallbackUse, Linked, link_program};
use ebpf_asm::object::ConstantType;
use ebpf_asm::syntax::ast::{Name, Object, OperandValue};
use ebpf_asm::syntax::parse_object;
use proc_macro2::{Ident, TokenStream};
use program::Shared;
use quote::{format_ident, quote};
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
        let mut predictions = Vec::new();
        let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
        if self.items.errors.is_empty() && !all.iter().any(is_error) {
            let checker = Checker {
                items: &self.items,
                tokens: self.tokens,
                license: &self.license,
                min_kernel: self.min_kernel,
                patched: matches!(values, Values::Done),
            };
            for (index, linked) in &programs {
                let object = self.object.name.span;
                let guessed = checker.guessed(linked);
                let guessed = guessed.as_ref();
                let findings = checker.program(*index, linked, guessed);
                let prediction = checker.prediction(*index, linked, guessed, &findings);
                predictions.extend(prediction.map(|(finding, guessed)| {
                    let guessed = guessed.into_iter();
                    let guesses = guessed.map(|slot| guess::is_right(self.tokens, linked, slot));
                    let diagnostic = check::diagnostic(&finding, linked, None);
                    (*index, diagnostic, guesses.collect::<Vec<_>>())
                }));
                for finding in findings.0 {
                    if finding.assumptions.is_empty() {
                        all.push(check::diagnostic(&finding, linked, Some(object)));
                    } else {
                        let cfg = self.items.functions[*index].attributes.cfg_attribute();
                        depending.push((cfg, Depending::new(finding, self.tokens, linked, object)));
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
                .flat_map(|(cfg, one)| {
                    let errors = report(vec![one.diagnostic]);
                    let plain = report(vec![one.plain]);
                    let both = errors.into_iter().zip(plain);
                    let depending = (one.finding, one.guesses);
                    both.map(|(error, plain)| {
                        let obligation =
                            check::obligation(self.krate, &error, &plain, &depending, maps);
                        match obligation.is_empty() {
                            true => obligation,
                            false => quote!(#cfg #obligation),
                        }
                    })
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
        let offsets: TokenStream = match failed {
            true => TokenStream::new(),
            false => programs
                .iter()
                .map(|(index, linked)| {
                    let cfg = self.items.functions[*index].attributes.cfg_attribute();
                    let offsets = self.offsets(linked);
                    match cfg.is_empty() || offsets.is_empty() {
                        true => offsets,
                        false => quote!(#cfg const _: () = { #offsets };),
                    }
                })
                .collect(),
        };
        let requirements = if failed {
            TokenStream::new()
        } else {
            self.requirements()
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
        let predictions: TokenStream = match &values {
            Values::Rust(tokens) if !failed => predictions
                .iter()
                .map(|(index, diagnostic, guesses)| {
                    let lints = &self.items.functions[*index].attributes.lints;
                    report::warning(tokens, diagnostic, lints, guesses)
                })
                .collect(),
            _ => TokenStream::new(),
        };
        let dead = self.unused_functions(&reached);
        let idle = self.unused_maps();
        let words = self.words();
        let definitions = if failed { Vec::new() } else { definitions };
        let types = signatures.iter().map(|signature| &signature.types);
        let extra = quote!(#(#types)* #(#definitions)* #(#callbacks)* #labels #dead #idle #operands #obligations #offsets #requirements #predictions);
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
            quote!(#cfg #name.map_def(#text) #types)
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
                use #krate::__private::{TypeOf as __EbpfTypeOf, TypeOfAny as _};
                #[allow(unused_imports, reason = "the object may have no maps")]
                use #krate::maps::Map as __EbpfMap;
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
            let [first, last] = emit::at(name.span(), [quote!(const), quote!(;)]);
            quote!(#(#native)* #visibility #first #name: #ty = #value #last)
        });
        constants.collect()
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
