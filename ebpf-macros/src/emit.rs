//! From a linked program to constant data.
//!
//! The bytes of a program are one byte string, because that is what rustc compiles fastest;
//! what only rustc knows (`{expr}`) is patched in behind it, in const evaluation.

use crate::tokens::Tokens;
use ebpf_asm::isa::Size;
use ebpf_asm::link::{Linked, Patch};
use ebpf_asm::object::ConstantField;
use ebpf_asm::syntax::ast::OperandValue;
use proc_macro2::{Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use std::fmt::Write;

/// Where the values of `{expr}` operands come from.
pub(crate) enum Values<'a> {
    /// Rust, to be evaluated by rustc in items.
    Rust(&'a Tokens),
    /// Rust, to be evaluated by rustc in inline constants.
    RustInline(&'a Tokens),
    /// A text, whose constants were put in already.
    Done,
}

/// An expression of type `[Insn; N]`: the slots, with everything that rustc knows put in.
/// `what` names the program in messages.
pub(crate) fn slots(
    krate: &TokenStream,
    linked: &Linked,
    values: &Values<'_>,
    what: &str,
) -> TokenStream {
    let bytes: Vec<u8> = linked
        .insns
        .iter()
        .flat_map(|insn| insn.to_le_bytes())
        .collect();
    let count = linked.insns.len();
    let bytes = Literal::byte_string(&bytes);
    let base = quote! {
        #krate::isa::Insn::array_from_le_bytes::<{ 8 * #count }, #count>(#bytes)
    };
    let (Values::Rust(tokens) | Values::RustInline(tokens)) = values else {
        return base;
    };
    if linked.patches.is_empty() {
        return base;
    }
    let parts = linked.patches.chunks(OPERANDS_PER_CONSTANT).map(|patches| {
        let operands = patches
            .iter()
            .map(|patch| checked_operand(krate, tokens, patch, what));
        match values {
            // Only an inline constant may use the generic parameters around it; a program of
            // this size is no part of a generic function.
            Values::RustInline(_) if linked.patches.len() <= 1000 => quote! {
                let __ebpf_insns =
                    #krate::__private::with_operands(__ebpf_insns, const { [#(#operands),*] });
            },
            // Where there are none, an item is much cheaper: rustc looks at all inline
            // constants of a body again for each of them.
            _ => {
                let count = patches.len();
                quote! {
                    let __ebpf_insns = {
                        const __EBPF_OPERANDS: [#krate::__private::Operand; #count] = [#(#operands),*];
                        #krate::__private::with_operands(__ebpf_insns, __EBPF_OPERANDS)
                    };
                }
            }
        }
    });
    quote! {{
        let __ebpf_insns = #base;
        #(#parts)*
        __ebpf_insns
    }}
}

/// Found by trying: with more, a constant takes longer than its share.
const OPERANDS_PER_CONSTANT: usize = 100;

/// The operand as Rust.
pub(crate) fn operand(tokens: &Tokens, patch: &Patch) -> TokenStream {
    match &patch.value {
        OperandValue::Name(name) => {
            let ident = tokens.ident(name.token);
            quote!(#ident)
        }
        OperandValue::Expression(range) => tokens.stream(*range),
        // A relocation, and never a patch.
        OperandValue::Kernel(_) => quote!(0),
    }
}

/// A closure of the operands of code that is not emitted because of errors, so that what they
/// name stays used and their own errors are reported too.
pub(crate) fn operands_only(tokens: &Tokens, linked: &Linked) -> TokenStream {
    let operands = linked.patches.iter().map(|patch| operand(tokens, patch));
    quote!(|| { #(let _ = { #operands };)* })
}

/// An operand, its value checked.
fn checked_operand(krate: &TokenStream, tokens: &Tokens, patch: &Patch, what: &str) -> TokenStream {
    let value = operand(tokens, patch);
    let (first, _) = tokens.spans(patch.span);
    // Everything stands at the operand, so that rustc's errors point there.
    let krate = &located(krate, first);
    let field = located(&field(krate, patch.field), first);
    let slot = patch.insn as usize;
    let place = format!("`{what}`, instruction {slot}");
    let negated = patch.negated;
    // A name that rustc takes for the user's: it shows errors about other ones at the macro.
    let local = Ident::new("__ebpf_operand", first);
    // The value is computed once; its type decides about the check, so `as` loses nothing.
    quote_spanned! {first=>
        {
            let #local = { #value };
            #krate::__private::require_integer(#local);
            #krate::__private::operand(#slot, #field, #local as i128, #negated, #place)
        }
    }
}

/// The same tokens, shown at another place.
pub(crate) fn located(tokens: &TokenStream, place: Span) -> TokenStream {
    let tokens = tokens.clone().into_iter().map(|mut tree| {
        if let TokenTree::Group(group) = &tree {
            let inner = located(&group.stream(), place);
            tree = TokenTree::Group(Group::new(group.delimiter(), inner));
        }
        tree.set_span(tree.span().located_at(place));
        tree
    });
    tokens.collect()
}

/// The first and the last tokens of an item, shown at another place, which is where rustc shows
/// the item then. To lints they stay generated.
pub(crate) fn at(place: Span, ends: [TokenStream; 2]) -> [TokenStream; 2] {
    ends.map(|tokens| located(&tokens, place))
}

/// A field as the generated code writes it.
pub(crate) fn field(krate: &TokenStream, field: ConstantField) -> TokenStream {
    let variant = match field {
        ConstantField::SignedImm => quote!(SignedImm),
        ConstantField::Imm32 => quote!(Imm32),
        ConstantField::Imm64 => quote!(Imm64),
        ConstantField::Offset => quote!(Offset),
        ConstantField::Shift { bits } => quote!(Shift { bits: #bits }),
        ConstantField::Divisor { bits } => quote!(Divisor { bits: #bits }),
        ConstantField::Stored(size) => {
            let size = match size {
                Size::Byte => quote!(Byte),
                Size::Half => quote!(Half),
                Size::Word => quote!(Word),
                Size::Double => quote!(Double),
            };
            quote!(Stored(#krate::isa::Size::#size))
        }
        // The enum grows in ebpf-asm; what this crate does not know it cannot have parsed.
        _ => quote!(Imm32),
    };
    quote!(#krate::object::ConstantField::#variant)
}

/// The labels, as one text.
pub(crate) fn labels(krate: &TokenStream, linked: &Linked) -> TokenStream {
    let mut text = String::new();
    for (slot, name) in &linked.labels {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{slot} {name}");
    }
    quote!(#krate::object::LabelTable::new(#text))
}

/// The line table: six bytes for each slot.
pub(crate) fn lines(linked: &Linked, mut located: impl FnMut(usize) -> (u32, u32)) -> TokenStream {
    let mut bytes = Vec::with_capacity(6 * linked.spans.len());
    for slot in 0..linked.spans.len() {
        let (line, column) = located(slot);
        bytes.extend_from_slice(&line.to_le_bytes());
        // A column beyond 65,535 is shown as that.
        bytes.extend_from_slice(&u16::try_from(column).unwrap_or(u16::MAX).to_le_bytes());
    }
    let bytes = Literal::byte_string(&bytes);
    quote!(#bytes)
}

/// Native lints for labels that nothing jumps to: real labelled loops of the same names.
pub(crate) fn unused_labels(
    tokens: &Tokens,
    unused: impl IntoIterator<Item = u32>,
    lints: &[TokenStream],
) -> TokenStream {
    let labels = unused.into_iter().filter_map(|token| {
        let ident = tokens.ident(token);
        let name = ident.to_string();
        // Rust has no numbered labels, and keywords are none either.
        let lifetime = format!("'{name}");
        let usable = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && syn::parse_str::<syn::Lifetime>(&lifetime).is_ok()
            && syn::parse_str::<syn::Ident>(&name).is_ok();
        usable.then(|| {
            let lifetime = syn::Lifetime::new(&lifetime, ident.span());
            quote!(#lifetime: loop { break; })
        })
    });
    let labels: Vec<TokenStream> = labels.collect();
    if labels.is_empty() {
        return TokenStream::new();
    }
    quote! {
        #(#lints)*
        const _: fn() = || { #(#labels)* };
    }
}

/// Fields are named as the user named the items.
pub(crate) fn user_names() -> TokenStream {
    quote!(#[allow(non_snake_case, reason = "fields are named as the items are")])
}
