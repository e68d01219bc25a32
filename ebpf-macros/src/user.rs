//! `#[target = "user"]`: objects that are not for the kernel.

use crate::attributes::ObjectOptions;
use crate::emit::{self, Values};
use crate::object::Expansion;
use crate::report;
use crate::scope::{HelperItem, Items, ident};
use crate::signature;
use crate::tokens::Tokens;
use ebpf_asm::diag::{Diagnostic, Rule};
use ebpf_asm::link::{Linked, link_user};
use proc_macro2::TokenStream;
use quote::quote;
use std::collections::BTreeSet;

/// Whether the attribute says so; other targets are errors.
pub(crate) fn is_target(items: &mut Items<'_>, options: &ObjectOptions) -> bool {
    let Some(target) = &options.target else {
        return false;
    };
    let mut error = |span, message: &str| {
        items
            .errors
            .push(report::compile_error(message, (span, span)));
    };
    if target.value() != "user" {
        let message = "BPF0053: there is no such target\nhelp: write `#[target = \"user\"]`, or leave it out: objects are for the kernel then";
        error(target.span(), message);
        return false;
    }
    if let Some(license) = &options.license {
        let message = "BPF0053: a program that is not for the kernel needs no licence\nhelp: leave `#[license]` out";
        error(license.span(), message);
    }
    true
}

/// What objects of the one target have and of the other not.
pub(crate) fn check_items(items: &mut Items<'_>, is_for_user: bool) {
    let mut diagnostics = Vec::new();
    let mut error = |rule, span, message: String, help: &str| {
        diagnostics.push(Diagnostic::error(rule, span, message).with_help(help));
    };
    for helper in &items.helpers {
        if !is_for_user {
            error(
                Rule::UnknownItem,
                helper.host.span,
                "this object is for the kernel, whose helpers need no declaration".into(),
                "write `#[target = \"user\"]` before `mod` if it is for a host of your own",
            );
        }
    }
    if is_for_user {
        for map in &items.maps {
            error(
                Rule::UnknownItem,
                map.item.name.span,
                format!(
                    "`{}` is a map, and only the kernel has maps",
                    map.item.name.text
                ),
                "give the program memory by its arguments, or by a helper",
            );
        }
        for constant in &items.load_time {
            error(
                Rule::UnknownItem,
                constant.item.name.span,
                format!("`{}` has no value", constant.item.name.text),
                "only what is loaded into the kernel gets constants then: pass it as an argument",
            );
        }
        for function in items
            .functions
            .iter()
            .filter(|function| function.kind.is_some())
        {
            error(
                Rule::UnknownAttribute,
                function.item.name.span,
                format!("`{}` is a program of the kernel", function.item.name.text),
                "leave the attribute out: every function can be the entry",
            );
        }
        let helpers = items.helpers.iter();
        let names = helpers.map(|helper| (helper.item.name.text.clone(), helper.id));
        items.scope.user_helpers = Some(names.collect());
    }
    items.diagnostics.append(&mut diagnostics);
}

/// The types of a helper as a constant, so that rustc checks them; how many parameters it has.
fn declaration(
    tokens: &Tokens,
    helper: &HelperItem<'_>,
) -> Result<(TokenStream, usize), Diagnostic> {
    let item = helper.item;
    let name = ident(tokens, &item.name);
    let parameters = tokens.stream(item.parameters);
    let output = tokens.stream(item.output);
    let output = (!item.output.is_empty()).then(|| quote!(-> #output));
    let place = if item.parameters.is_empty() {
        item.name.span
    } else {
        item.parameters.span
    };
    let wrong = |message: String| Diagnostic::error(Rule::Signature, place, message);
    let signature: syn::Signature =
        syn::parse2(quote!(fn #name(#parameters) #output)).map_err(|reason| {
            wrong(format!(
                "the signature of `{name}` cannot be read: {reason}"
            ))
        })?;
    let count = signature.inputs.len();
    if count > signature::ARGUMENT_REGISTERS {
        let message = format!("`{name}` has {count} parameters, and five registers carry them");
        return Err(wrong(message).with_help("pass a pointer to the rest"));
    }
    let types = signature.inputs.iter().filter_map(|input| match input {
        syn::FnArg::Typed(typed) => Some(&typed.ty),
        syn::FnArg::Receiver(_) => None,
    });
    let checked = quote! {
        const _: ::core::option::Option<fn(#(#types),*) #output> = ::core::option::Option::None;
    };
    Ok((checked, count))
}

impl Expansion<'_> {
    /// Links all functions and writes them out.
    pub(crate) fn finish_user(
        mut self,
        diagnostics: Vec<Diagnostic>,
        report: impl Fn(Vec<Diagnostic>) -> Vec<TokenStream>,
        evaluate: impl Fn(&mut Linked) -> Vec<Diagnostic>,
        values: &Values<'_>,
        file: &TokenStream,
    ) -> TokenStream {
        let krate = self.krate;
        let mut all = diagnostics;
        let mut linked = link_user(&self.items.linkable(), &self.items.scope);
        all.append(&mut linked.diagnostics);
        all.extend(Self::check_operands(&linked));
        all.extend(evaluate(&mut linked));
        let mut signatures = Vec::new();
        for function in &self.items.functions {
            let checked = signature::check(krate, self.tokens, function);
            all.extend(checked.diagnostic);
            signatures.push(checked.types);
        }
        let mut helpers = Vec::new();
        for helper in &self.items.helpers {
            match declaration(self.tokens, helper) {
                Ok((types, parameters)) => {
                    signatures.push(types);
                    let (name, id) = (&helper.item.name.text, helper.id);
                    let parameters = parameters as u8;
                    helpers.push(quote!(#krate::object::UserHelper::new(#name, #id, #parameters)));
                }
                Err(diagnostic) => all.push(diagnostic),
            }
        }
        let mut errors = core::mem::take(&mut self.items.errors);
        errors.extend(report(all));
        let failed = !errors.is_empty();
        let unused: BTreeSet<u32> = linked.unused_labels.iter().copied().collect();
        let extra = match values {
            Values::Rust(tokens) if failed => {
                let operands = emit::operands_only(tokens, &linked);
                quote!(const _: fn() = #operands;)
            }
            Values::Rust(tokens) => self.unused_labels(tokens, &unused),
            _ => TokenStream::new(),
        };
        let text = &self.object.name.text;
        let object = if failed {
            quote!(&[], &[], &[], #krate::object::LineTable::EMPTY, #krate::object::LabelTable::EMPTY)
        } else {
            let slots = emit::slots(krate, &linked, values, text);
            let functions = self.function_records(&linked);
            let lines = self.lines(&linked);
            let labels = emit::labels(krate, &linked);
            quote! {
                const { &#slots },
                const { &[#(#functions),*] },
                const { &[#(#helpers),*] },
                #krate::object::LineTable::new(#file, #lines),
                #labels
            }
        };
        let native = &self.attributes.native;
        let visibility = self.tokens.stream(self.object.visibility);
        let name = ident(self.tokens, &self.object.name);
        let uses = &self.items.uses;
        let constants = self.constants(&errors);
        let words = self.words();
        quote! {
            #(#errors)*
            #(#native)*
            #visibility mod #name {
                #[allow(unused_imports, reason = "the object may need nothing from outside")]
                use super::*;
                #(#uses)*
                #(#constants)*
                #(#signatures)*
                #extra
                #words

                /// The object as constant data: all functions, and the helpers it declares.
                #[allow(dead_code, deprecated, reason = "not every user looks at it")]
                pub static OBJECT: #krate::object::UserObject = #krate::object::UserObject::new(
                    #text,
                    #object
                );
            }
        }
    }
}
