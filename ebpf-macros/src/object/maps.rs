//! An object's maps as constant data, and what rustc has to look at.

use super::Expansion;
use crate::attributes::Sorted;
use crate::emit;
use crate::scope::{MapItem, ident};
use ebpf_asm::KernelVersion;
use ebpf_asm::link::{Linked, RelocationTarget};
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

impl Expansion<'_> {
    pub(super) fn map_static(&self, map: &MapItem<'_>) -> TokenStream {
        let native = &map.attributes.native;
        let visibility = self.tokens.stream(map.item.visibility);
        let name = ident(self.tokens, &map.item.name);
        let ty = self.tokens.stream(map.item.ty);
        let value = self.tokens.stream(map.item.value);
        // What is wrong with the type is shown at the type.
        let (first, last) = self.tokens.spans(map.item.ty.span);
        let end = quote_spanned!(last=> Definition);
        let definition = quote_spanned!(first=> <#ty as __EbpfMap>::#end);
        // rustc shows the item where a similar name is looked for: from its first token to its
        // last.
        let [first, last] = emit::at(name.span(), [quote!(static), quote!(;)]);
        quote!(#(#native)* #visibility #first #name: #definition = #value #last)
    }

    /// The types of a map's keys and values, as far as the kernel can be told about them.
    pub(super) fn map_types(&self, map: &MapItem<'_>) -> TokenStream {
        let (first, last) = self.tokens.spans(map.item.ty.span);
        let ty = self.tokens.stream(map.item.ty);
        // What is wrong with the type is said in the same words at the same place as where the
        // map is defined: rustc shows equal errors once.
        let [key, value] = ["Key", "Value"].map(|name| {
            let name = Ident::new(name, last);
            // On its own, so that it does not become a part of `<<`, which rustc splits again.
            let ty = quote_spanned!(first=> <#ty as __EbpfMap>::#name);
            quote_spanned!(first=> __EbpfTypeOf::<#ty>::TYPE)
        });
        quote_spanned!(first=> .with_types(#key, #value))
    }

    /// Where the object says which kernels it is for, their first has to have the kinds of maps
    /// and programs: rustc knows which they are. Items of their own, so that an error is one.
    pub(super) fn requirements(&self) -> TokenStream {
        let Some(KernelVersion { major, minor }) = self.min_kernel else {
            return TokenStream::new();
        };
        let require = |name: &Ident, cfg: &TokenStream, function: &str, what: &TokenStream| {
            let span = name.span();
            let krate = emit::located(self.krate, span);
            let function = Ident::new(function, span);
            quote_spanned! {span=>
                #cfg
                const _: () =
                    #krate::__private::#function(#krate::KernelVersion::new(#major, #minor), #what);
            }
        };
        let maps = self.items.maps.iter().map(|map| {
            let name = ident(self.tokens, &map.item.name);
            let text = &map.item.name.text;
            let cfg = map.attributes.cfg_attribute();
            let def = quote_spanned!(name.span()=> &#name.map_def(#text));
            require(&name, &cfg, "require_map", &def)
        });
        let programs = self.items.functions.iter().filter_map(|function| {
            let kind = &function.kind.as_ref()?.value;
            let name = ident(self.tokens, &function.item.name);
            let text = &function.item.name.text;
            let krate = emit::located(self.krate, name.span());
            let cfg = function.attributes.cfg_attribute();
            let what = quote_spanned!(name.span()=> #text, #krate::object::ProgramKind::#kind);
            Some(require(&name, &cfg, "require_program", &what))
        });
        maps.chain(programs).collect()
    }

    /// Offsets into maps are rustc's to look at.
    pub(super) fn offsets(&self, linked: &Linked) -> TokenStream {
        let relocations = linked.relocations.iter();
        let offsets = relocations.filter_map(|relocation| match &relocation.target {
            RelocationTarget::Map {
                map,
                addend,
                addend_span,
            } if *addend != 0 => {
                let item = &self.items.maps[usize::from(*map)].item;
                let (at, _) = self.tokens.spans(*addend_span);
                let mut name = ident(self.tokens, &item.name);
                name.set_span(at);
                let text = &item.name.text;
                let krate = emit::located(self.krate, at);
                Some(quote_spanned! {at=>
                    const _: () = #krate::__private::require_offset(&#name.map_def(#text), #addend);
                })
            }
            _ => None,
        });
        offsets.collect()
    }

    /// The position of a map among those that are there: conditions leave some out.
    pub(super) fn map_index(&self, map: usize) -> TokenStream {
        let before = &self.items.maps[..map];
        Self::position(before.iter().map(|map| &map.attributes))
    }

    pub(super) fn position<'b>(before: impl Iterator<Item = &'b Sorted>) -> TokenStream {
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
}
