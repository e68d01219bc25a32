//! What an object's skeleton is made of.

use super::Expansion;
use crate::emit;
use crate::scope::{FunctionItem, ident};
use crate::skeleton::{Field, Skeleton};
use proc_macro2::TokenStream;
use quote::quote;

impl Expansion<'_> {
    /// The typed skeleton: structs of handles and options, `load` and `loader`.
    pub(super) fn skeleton(&self) -> Skeleton {
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
