//! Guesses at offsets that only rustc knows, for the checker.
//!
//! Most programs read their context by `{offset_of!(__sk_buff, len)}`. What `__sk_buff` is, a macro
//! cannot know; it is nearly always the kernel's. So the checker goes on with the kernel's offset,
//! and what it finds behind it is told under the condition that the operand has this value, which
//! rustc looks at.

use crate::emit;
use crate::tokens::Tokens;
use ebpf_asm::check::guessed_offset;
use ebpf_asm::link::Linked;
use ebpf_asm::object::ConstantField;
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{BinOp, Expr, Lit, UnOp};

/// A program with guesses in the place of offsets.
pub(crate) struct Guessed {
    pub(crate) linked: Linked,
    /// Their slots, in order.
    pub(crate) slots: Vec<u32>,
}

/// As many operands are looked at: each is parsed once more.
const MOST: usize = 1000;

/// The program with the guesses that there are; `None` if there are none.
pub(crate) fn guessed(tokens: &Tokens, linked: &Linked) -> Option<Guessed> {
    let mut copy: Option<Linked> = None;
    let mut slots = Vec::new();
    let offsets = linked.patches.iter().enumerate();
    let offsets = offsets.filter(|(_, patch)| patch.field == ConstantField::Offset);
    for (index, patch) in offsets.take(MOST) {
        let Some(value) = value(emit::operand(tokens, patch)) else {
            continue;
        };
        let value = i128::from(value);
        let value = if patch.negated { -value } else { value };
        let copy = copy.get_or_insert_with(|| linked.clone());
        let slot = patch.insn as usize;
        if patch.field.put(&mut copy.insns, slot, value).is_ok() {
            slots.push((index, patch.insn));
        }
    }
    let mut linked = copy.filter(|_| !slots.is_empty())?;
    let mut index = 0;
    linked.patches.retain(|_| {
        let is_guessed = slots.binary_search_by_key(&index, |&(at, _)| at).is_ok();
        index += 1;
        !is_guessed
    });
    let mut slots: Vec<u32> = slots.into_iter().map(|(_, slot)| slot).collect();
    slots.sort_unstable();
    Some(Guessed { linked, slots })
}

/// Whether the offset in this slot is what was guessed, as an expression of Rust.
pub(crate) fn is_right(tokens: &Tokens, linked: &Linked, slot: u32) -> TokenStream {
    let mut patches = linked.patches.iter();
    let patch = patches.find(|patch| patch.insn == slot && patch.field == ConstantField::Offset);
    let operand = patch.map(|patch| emit::operand(tokens, patch));
    match operand.and_then(|operand| Some((value(operand.clone())?, operand))) {
        Some((value, operand)) => {
            let value = i128::from(value);
            quote!({ let value = #operand; value as i128 == #value })
        }
        None => quote!(false),
    }
}

/// What an expression probably is.
fn value(operand: TokenStream) -> Option<i64> {
    evaluate(&syn::parse2(operand).ok()?)
}

fn evaluate(expression: &Expr) -> Option<i64> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => number.base10_parse().ok(),
            _ => None,
        },
        Expr::Paren(inner) => evaluate(&inner.expr),
        Expr::Group(inner) => evaluate(&inner.expr),
        // A cast that cuts makes the guess wrong, and rustc finds that.
        Expr::Cast(cast) => evaluate(&cast.expr),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => {
            evaluate(&unary.expr)?.checked_neg()
        }
        Expr::Binary(binary) => {
            let (left, right) = (evaluate(&binary.left)?, evaluate(&binary.right)?);
            match binary.op {
                BinOp::Add(_) => left.checked_add(right),
                BinOp::Sub(_) => left.checked_sub(right),
                BinOp::Mul(_) => left.checked_mul(right),
                _ => None,
            }
        }
        Expr::Path(path) => guessed_offset("", &path.path.segments.last()?.ident.to_string()),
        Expr::Macro(call) => {
            if call.mac.path.segments.last()?.ident != "offset_of" {
                return None;
            }
            let (container, field) = call.mac.parse_body_with(offset_of).ok()?;
            guessed_offset(&container, &field)
        }
        Expr::Call(call) => {
            // `size_of::<u64>()`, `arg_offset(1)`.
            let Expr::Path(function) = &*call.func else {
                return None;
            };
            let function = function.path.segments.last()?;
            match (call.args.first(), &function.arguments) {
                (Some(index), _) if function.ident == "arg_offset" => {
                    evaluate(index)?.checked_mul(8)
                }
                (None, syn::PathArguments::AngleBracketed(types))
                    if function.ident == "size_of" =>
                {
                    let syn::GenericArgument::Type(syn::Type::Path(ty)) = types.args.first()?
                    else {
                        return None;
                    };
                    let sizes = [
                        (1, ["u8", "i8"]),
                        (2, ["u16", "i16"]),
                        (4, ["u32", "i32"]),
                        (8, ["u64", "i64"]),
                    ];
                    let mut sizes = sizes.iter();
                    let is = |name: &&str| ty.path.is_ident(name);
                    sizes
                        .find(|(_, names)| names.iter().any(is))
                        .map(|(size, _)| *size)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The last names of the arguments of `offset_of!(context::__sk_buff, len)`.
fn offset_of(input: syn::parse::ParseStream<'_>) -> syn::Result<(String, String)> {
    let container: syn::Path = input.parse()?;
    input.parse::<syn::Token![,]>()?;
    let field = syn::Ident::parse_any(input)?;
    input.parse::<Option<syn::Token![,]>>()?;
    let name = container
        .segments
        .last()
        .map(|segment| segment.ident.to_string());
    let name = name.unwrap_or_default();
    let field = field.to_string();
    Ok((name, field.strip_prefix("r#").unwrap_or(&field).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::value;
    use quote::quote;

    #[test]
    fn offsets_of_the_kernels_types_and_plain_arithmetic() {
        for (operand, expected) in [
            (quote!(offset_of!(__sk_buff, len)), Some(0)),
            (
                quote!(core::mem::offset_of!(context::__sk_buff, data,)),
                Some(76),
            ),
            (quote!(offset_of!(trace_entry, r#type)), Some(0)),
            (
                quote!(offset_of!(syscall_trace_enter, args) + 8 * 2),
                Some(32),
            ),
            (
                quote!((offset_of!(syscall_trace_enter, args) as i16)),
                Some(16),
            ),
            (quote!(PT_REGS_PARM1_OFFSET), Some(112)),
            (quote!(context::PT_REGS_RC_OFFSET), Some(80)),
            (quote!(arg_offset(2)), Some(16)),
            (quote!(-(8 - 16) - size_of::<u32>()), Some(4)),
            // Of these a macro knows nothing.
            (quote!(offset_of!(Event, pid)), None),
            (quote!(offset_of!(__sk_buff, nonsense)), None),
            (quote!(offset_of!(__sk_buff)), None),
            (quote!(OFFSET), None),
            (quote!(size_of::<Event>()), None),
            (quote!(arg_offset()), None),
            (quote!(1.5), None),
            (quote!(i64::MIN), None),
            (quote!(-9223372036854775807 - 2), None),
            (quote!({ 8 }), None),
            (quote!(), None),
        ] {
            assert_eq!(value(operand.clone()), expected, "{operand}");
        }
    }
}
