//! A linked program as constant data.

use super::{Expansion, signature_name};
use crate::emit::{self, Values};
use crate::kernel::KernelConstants;
use crate::scope::{FunctionItem, ident};
use ebpf_asm::link::{Linked, RelocationTarget};
use ebpf_asm::object::Linkage;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

/// What all programs of an object are written out with.
pub(super) struct Shared<'a> {
    pub(super) values: &'a Values<'a>,
    pub(super) file: &'a TokenStream,
    pub(super) constants: &'a KernelConstants,
}

impl Expansion<'_> {
    /// One element of the object's list of programs.
    pub(super) fn program(
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
                RelocationTarget::Map { map, .. } => {
                    let item = &self.items.maps[usize::from(*map)];
                    let (used, _) = self.tokens.spans(relocation.span);
                    let mut name = ident(self.tokens, &item.item.name);
                    name.set_span(used);
                    let index = self.map_index(usize::from(*map));
                    let text = &item.item.name.text;
                    let def = quote_spanned!(used=> #name.map_def(#text));
                    let krate = emit::located(krate, used);
                    let index = emit::located(&index, used);
                    quote_spanned!(used=> #krate::__private::symbol(#slot, #index, &#def))
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
}
