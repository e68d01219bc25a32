//! Warnings, as rustc's own lints at the user's words: what nothing uses, what others replace.

use crate::editor::{self, Body};
use crate::emit;
use crate::object::Expansion;
use crate::scope::{MapItem, ident};
use crate::tokens::Tokens;
use proc_macro2::{TokenStream, TokenTree};
use quote::quote_spanned;
use std::collections::BTreeSet;

/// The kinds of maps that programs use by their names only.
const NAMED_ONLY: &[&str] = &[
    "Array",
    "ArrayOfMaps",
    "BloomFilter",
    "CgroupArray",
    "CgrpStorage",
    "CpuMap",
    "DevMap",
    "DevMapHash",
    "Global",
    "HashMap",
    "HashOfMaps",
    "InodeStorage",
    "Log",
    "LpmTrie",
    "LruHashMap",
    "LruPerCpuHashMap",
    "PerCpuArray",
    "PerCpuHashMap",
    "PerfEventArray",
    "ProgramArray",
    "Queue",
    "RingBuf",
    "Rodata",
    "SkStorage",
    "Stack",
    "StackTrace",
    "TaskStorage",
    "TraceFormat",
    "UserRingBuf",
];

/// A name without the mark of raw identifiers.
fn plain(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}

impl Expansion<'_> {
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
    pub(crate) fn unused_functions(&self, reached: &[bool]) -> TokenStream {
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
    /// on purpose.
    pub(crate) fn unused_maps(&self) -> TokenStream {
        let has_programs = self.items.functions.iter().any(|f| f.kind.is_some());
        let list = &self.tokens.list;
        let unused = self.items.maps.iter().filter(|map| {
            let name = &map.item.name;
            let is_named = |position| {
                position != name.token && plain(list.text_at(position)) == plain(&name.text)
            };
            let is_private = map.item.visibility.is_empty();
            has_programs && is_private && self.wants_a_name(map) && !(0..list.len()).any(is_named)
        });
        let maps = unused.map(|map| {
            let native = &map.attributes.native;
            let name = ident(self.tokens, &map.item.name);
            quote_spanned!(name.span()=> const _: () = { #(#native)* static #name: () = (); };)
        });
        maps.collect()
    }

    /// Whether a map is of no use to the object's programs unless one of them names it.
    ///
    /// That depends on its kind, which the last word of its type says; of a type with another
    /// name nothing is known.
    fn wants_a_name(&self, map: &MapItem<'_>) -> bool {
        let ty = self.tokens.stream(map.item.ty).into_iter();
        let words =
            ty.take_while(|tree| !matches!(tree, TokenTree::Punct(p) if p.as_char() == '<'));
        let kind = words
            .last()
            .map(|word| word.to_string())
            .unwrap_or_default();
        let has = |attributes: &[&str]| {
            let mut kinds = self.items.functions.iter().filter_map(|f| f.kind.as_ref());
            kinds.any(|kind| attributes.contains(&kind.attribute))
        };
        match kind.as_str() {
            // A table has its programs by their attributes.
            "StructOps" => !has(&["struct_ops"]),
            // Programs attach to it, and then see what its sockets receive.
            "SockMap" | "SockHash" => !has(&[
                "sk_skb_stream_parser",
                "sk_skb_stream_verdict",
                "sk_skb_verdict",
                "sk_msg",
            ]),
            kind => NAMED_ONLY.contains(&kind),
        }
    }
}
