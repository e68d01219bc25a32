//! What editors see of a block: the words of the language as paths to documented items.
//!
//! rust-analyzer follows a token of the block into the generated code and looks there what it is.
//! So each register, mnemonic, helper and label becomes a path, whose last part is the user's own
//! token, in a closure that nothing calls. It works on tokens and not on the syntax tree, since
//! what is being typed is rarely complete. rustc gets none of it: it would compile it each time.

use crate::tokens::Tokens;
use ebpf_asm::language::{helpers, mnemonics, registers};
use ebpf_asm::syntax::TokenKind;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use std::collections::BTreeSet;

/// What rust-analyzer puts where a word is to be completed.
const COMPLETION_MARK: &str = "intellijRulezz";

/// A stretch of instructions: the body of a function, or a whole block.
pub(crate) struct Body {
    /// A name that no other stretch of the block has; for the modules of its labels.
    pub(crate) name: String,
    /// Its first token.
    pub(crate) start: u32,
    /// The position behind its last token.
    pub(crate) end: u32,
}

/// rustc's own lint for helpers that others replace: the same path, under rustc too.
pub(crate) fn deprecated_helpers(
    krate: &TokenStream,
    tokens: &Tokens,
    body: &Body,
    functions: &[(&str, u32)],
    lints: &[TokenStream],
) -> TokenStream {
    let list = &tokens.list;
    let calls = (body.start..body.end).filter(|&position| {
        let name = list.text_at(position);
        helpers::DEPRECATED.contains(&name)
            && position > body.start
            && list.text_at(position - 1) == "call"
            && !functions.iter().any(|(function, _)| *function == name)
    });
    let names: Vec<Ident> = calls.map(|position| tokens.ident(position)).collect();
    if names.is_empty() {
        return TokenStream::new();
    }
    quote! {
        #(#lints)*
        const _: fn() = || { #(let _ = #krate::language::helpers::#names;)* };
    }
}

/// The items that stand beside the code of a block. `functions` are the names of the functions
/// that it can call, each with the position of its definition.
pub(crate) fn shadow(
    krate: &TokenStream,
    tokens: &Tokens,
    bodies: &[Body],
    functions: &[(&str, u32)],
) -> TokenStream {
    let callees = functions
        .iter()
        .filter_map(|&(_, token)| usable(tokens, token))
        .map(|name| quote!(pub const #name: #krate::language::Function = #krate::language::Function;));
    let bodies = bodies.iter().map(|body| {
        let labels_module = format_ident!("__ebpf_labels_{}", body.name);
        let mut shadow = Shadow {
            krate,
            tokens,
            functions,
            labels_module: &labels_module,
            labels: Vec::new(),
            paths: Vec::new(),
        };
        shadow.read(body);
        let Shadow { labels, paths, .. } = shadow;
        quote! {
            #[allow(non_upper_case_globals, dead_code, reason = "labels are named by their user")]
            mod #labels_module {
                #(pub const #labels: #krate::language::Label = #krate::language::Label;)*
            }
            #[allow(deprecated, unused_imports, reason = "said elsewhere")]
            const _: fn() = || { #(let _ = #paths;)* };
        }
    });
    quote! {
        #[allow(non_upper_case_globals, dead_code, reason = "functions are named by their user")]
        mod __ebpf_functions { #(#callees)* }
        #(#bodies)*
    }
}

struct Shadow<'a> {
    krate: &'a TokenStream,
    tokens: &'a Tokens,
    functions: &'a [(&'a str, u32)],
    labels_module: &'a Ident,
    labels: Vec<Ident>,
    paths: Vec<TokenStream>,
}

impl Shadow<'_> {
    fn read(&mut self, body: &Body) {
        let mut defined = BTreeSet::new();
        let mut before = String::new();
        let mut position = body.start;
        while position < body.end {
            let list = &self.tokens.list;
            let token = list.get(position);
            let text = list.text(token).to_owned();
            match token.kind {
                // What Rust reads, Rust knows.
                TokenKind::Open { close, .. } if self.is_expression(position) => position = close,
                TokenKind::Word => {
                    let is_definition =
                        self.is_punct(position + 1, ':') && !self.is_punct(position + 2, ':');
                    if is_definition {
                        if defined.insert(text.clone()) {
                            self.labels.extend(usable(self.tokens, position));
                        }
                    } else if let Some(name) = usable(self.tokens, position) {
                        self.paths.extend(self.path(&before, &text, &name));
                    }
                }
                _ => {}
            }
            before = text;
            position += 1;
        }
    }

    /// Where a word leads that stands behind another one.
    fn path(&self, before: &str, word: &str, name: &Ident) -> Option<TokenStream> {
        let Self {
            krate,
            labels_module,
            ..
        } = self;
        let is_register = registers::ALL.contains(&word);
        match before {
            "goto" | "gotol" | "may_goto" => Some(quote!(#labels_module::#name)),
            "call" if !is_register => {
                let typed = word.split(COMPLETION_MARK).next().unwrap_or(word);
                let is_helper = helpers::ALL
                    .iter()
                    .any(|(helper, _)| helper.starts_with(typed));
                let mut functions = self.functions.iter();
                let is_function = functions.any(|(function, _)| function.starts_with(typed));
                Some(match is_function && !(is_helper && typed.is_empty()) {
                    true => quote!(__ebpf_functions::#name),
                    false => quote!(#krate::language::helpers::#name),
                })
            }
            _ if is_register => Some(quote!(#krate::language::registers::#name)),
            _ => mnemonics::ALL
                .iter()
                .any(|mnemonic| mnemonic.as_str() == word)
                .then(|| quote!(#krate::language::mnemonics::#name)),
        }
    }

    /// Whether these brackets hold Rust: braces and fragments do, parentheses hold addresses.
    fn is_expression(&self, position: u32) -> bool {
        use ebpf_asm::syntax::Delimiter::{Brace, Invisible};
        matches!(
            self.tokens.list.get(position).kind,
            TokenKind::Open {
                delimiter: Brace | Invisible,
                ..
            }
        )
    }

    fn is_punct(&self, position: u32, expected: char) -> bool {
        matches!(self.tokens.list.get(position).kind, TokenKind::Punct { character, .. } if character == expected)
    }
}

/// A word as a name of Rust's, which keywords (`loop:`) are not.
fn usable(tokens: &Tokens, position: u32) -> Option<Ident> {
    let text = tokens.list.text_at(position);
    syn::parse_str::<Ident>(text).ok()?;
    Some(tokens.ident(position))
}
