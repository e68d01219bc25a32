//! The typed skeleton of an object: structs of handles and options, `load` and `loader`.

use crate::emit;
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

/// What the skeleton is made of.
pub(crate) struct Skeleton {
    pub(crate) maps: Vec<Field>,
    pub(crate) programs: Vec<Field>,
    pub(crate) constants: Vec<Field>,
}

/// A field of the skeleton's structs.
pub(crate) struct Field {
    pub(crate) cfg: TokenStream,
    pub(crate) docs: Vec<TokenStream>,
    pub(crate) name: Ident,
    pub(crate) ty: TokenStream,
    pub(crate) position: TokenStream,
}

impl Field {
    fn declaration(&self, what: &str, ty: &TokenStream) -> TokenStream {
        let Self { docs, name, .. } = self;
        let cfg = &self.cfg;
        let doc = format!(" {what} `{name}`.");
        quote!(#[doc = #doc] #(#docs)* #cfg pub #name: #ty)
    }

    fn use_as(&self, value: impl Fn(&Ident) -> TokenStream) -> TokenStream {
        let cfg = &self.cfg;
        let value = value(&self.name);
        quote!(#cfg #value)
    }

    fn program(&self) -> TokenStream {
        let Self {
            cfg,
            name,
            position,
            ..
        } = self;
        quote!(#cfg #name: __ebpf_loaded.program(#position)?)
    }

    fn map(&self) -> TokenStream {
        let Self {
            cfg,
            name,
            ty,
            position,
            ..
        } = self;
        // What is wrong with the type is said in the same words at the same place as where the
        // map is defined: rustc shows equal errors once.
        let first = ty.clone().into_iter().next();
        let span = first.map_or_else(|| name.span(), |token| token.span());
        let raw = quote!(__ebpf_loaded.raw_map(#position)?);
        let value = quote_spanned!(span=> <#ty as __EbpfMap>::from_raw(#raw)?);
        quote!(#cfg #name: #value)
    }
}

impl Skeleton {
    /// The items, for the runtime with its feature `std`.
    pub(crate) fn tokens(&self, krate: &TokenStream) -> TokenStream {
        let map_fields = self.maps.iter().map(|f| f.declaration("The map", &f.ty));
        let program_fields = self
            .programs
            .iter()
            .map(|f| f.declaration("The program", &f.ty));
        let map_options = self.maps.iter().map(|f| {
            let ty = &f.ty;
            f.declaration("Options of the map", &quote!(#krate::load::MapOptions<#ty>))
        });
        let program_options = self.programs.iter().map(|f| {
            let ty = &f.ty;
            let options = quote!(#krate::load::ProgramOptions<#ty>);
            f.declaration("Options of the program", &options)
        });
        let constant_fields = self.constants.iter().map(|f| {
            let ty = &f.ty;
            f.declaration("The constant", &quote!(#krate::load::Constant<#ty>))
        });
        let map_list = self.maps.iter().map(|f| {
            f.use_as(|name| {
                // What is wrong with a map's type is shown at its name.
                let into = Ident::new("into", name.span());
                quote!(self.maps.#name.#into())
            })
        });
        let program_list = self
            .programs
            .iter()
            .map(|f| f.use_as(|name| quote!(self.progs.#name.into())));
        let constant_list = self
            .constants
            .iter()
            .map(|f| f.use_as(|name| quote!(self.consts.#name.into())));
        let raw_programs = self
            .programs
            .iter()
            .map(|f| f.use_as(|name| quote!(#krate::programs::Program::as_raw(&self.progs.#name))));
        let map_values = self.maps.iter().map(Field::map);
        let program_values = self.programs.iter().map(Field::program);
        let skeleton = quote! {
            ::core::result::Result::Ok(Skeleton {
                progs: Programs { #(#program_values),* },
                maps: Maps {
                    #(#map_values,)*
                    __ebpf_raw: __ebpf_loaded.raw_maps().to_vec(),
                },
            })
        };
        let names = emit::user_names();
        let derive = quote! {
            #names
            #[derive(Debug)]
            #[allow(dead_code, reason = "not every user needs all of it")]
        };
        let default = quote! {
            #names
            #[derive(Clone, Debug, Default)]
            #[allow(dead_code, reason = "not every user needs all of it")]
        };
        quote! {
            #krate::__if_std! {
                /// The loaded object: its programs and maps. Dropping it leaves nothing in the
                /// kernel but what is pinned or held by a link.
                #derive
                #[non_exhaustive]
                pub struct Skeleton {
                    /// The programs.
                    pub progs: Programs,
                    /// The maps.
                    pub maps: Maps,
                }

                /// The programs of the loaded object.
                #derive
                #[non_exhaustive]
                pub struct Programs { #(#program_fields),* }

                /// The maps of the loaded object.
                #names
                #[allow(dead_code, reason = "not every user needs all of it")]
                #[non_exhaustive]
                pub struct Maps {
                    #(#map_fields,)*
                    // For what needs no types: a type that is wrong is wrong where it is written,
                    // and not here again.
                    __ebpf_raw: #krate::__private::Vec<#krate::maps::RawMap>,
                }

                impl ::core::fmt::Debug for Maps {
                    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                        let mut fields = f.debug_struct("Maps");
                        for map in &self.__ebpf_raw {
                            fields.field(map.name(), map);
                        }
                        fields.finish()
                    }
                }

                /// Options of the maps, before they are created.
                #default
                #[non_exhaustive]
                pub struct MapOptions { #(#map_options),* }

                /// Options of the programs, before they are loaded.
                #default
                #[non_exhaustive]
                pub struct ProgramOptions { #(#program_options),* }

                /// The constants that get their values now.
                #default
                #[non_exhaustive]
                pub struct Constants { #(#constant_fields),* }

                /// What can be said before the object is loaded.
                #default
                #[non_exhaustive]
                pub struct Loader {
                    /// Options of the maps.
                    pub maps: MapOptions,
                    /// Options of the programs.
                    pub progs: ProgramOptions,
                    /// The constants.
                    pub consts: Constants,
                    /// Options of the load as a whole.
                    pub options: #krate::load::Options,
                }

                #[allow(dead_code, deprecated, reason = "not every user needs all of it")]
                impl Loader {
                    /// Tells the kernel all types and source lines, whether it needs them or not.
                    #[must_use]
                    pub fn debug_info(mut self, wanted: bool) -> Self {
                        self.options.debug_info(wanted);
                        self
                    }

                    /// Loads the object: creates its maps and loads its programs. Attaches
                    /// nothing.
                    ///
                    /// # Errors
                    /// What the kernel refuses, with its reason and what to do about it.
                    pub fn load(self) -> ::core::result::Result<Skeleton, #krate::Error> {
                        self.__ebpf_load(#krate::load::load)
                    }

                    #krate::__if_vm! {
                        /// Makes the same in a machine without a kernel: for unit tests, and
                        /// where nobody is root.
                        ///
                        /// # Errors
                        /// If the object has a map that only a kernel has.
                        pub fn vm(self) -> ::core::result::Result<Skeleton, #krate::Error> {
                            self.__ebpf_load(#krate::load::load_vm)
                        }
                    }

                    fn __ebpf_load(
                        self,
                        load: #krate::__private::Load,
                    ) -> ::core::result::Result<Skeleton, #krate::Error> {
                        Skeleton::__ebpf_of(load(
                            &OBJECT,
                            &[#(#map_list),*],
                            &[#(#program_list),*],
                            &[#(#constant_list),*],
                            &self.options,
                        )?)
                    }
                }

                #[allow(dead_code, deprecated, reason = "not every user needs all of it")]
                impl Skeleton {
                    #[allow(unused_mut, reason = "an object may have no programs")]
                    fn __ebpf_of(
                        mut __ebpf_loaded: #krate::load::Loaded,
                    ) -> ::core::result::Result<Self, #krate::Error> {
                        #skeleton
                    }

                    /// Gives all maps and loaded programs names in a new directory of a bpffs:
                    /// they stay in the kernel until the names are removed. What this gives
                    /// does the same for links.
                    ///
                    /// # Errors
                    /// Of the first step that fails, and no name stays then. Where no bpffs is
                    /// mounted, the error says so.
                    pub fn pin(
                        &self,
                        directory: impl ::core::convert::AsRef<#krate::__private::Path>,
                    ) -> ::core::result::Result<#krate::load::ObjectPins, #krate::Error> {
                        #krate::load::pin(
                            &OBJECT,
                            &self.maps.__ebpf_raw,
                            &[#(#raw_programs),*],
                            ::core::convert::AsRef::as_ref(&directory),
                        )
                    }
                }

                /// Takes up the object that was pinned in this directory. Maps and programs are
                /// compared with what the object says.
                ///
                /// # Errors
                /// If there is no such directory, it lacks a map, or something in it is not what
                /// the object says.
                #[allow(dead_code, reason = "not every user needs it")]
                pub fn from_pin(
                    directory: impl ::core::convert::AsRef<#krate::__private::Path>,
                ) -> ::core::result::Result<Skeleton, #krate::Error> {
                    Skeleton::__ebpf_of(#krate::load::from_pin(
                        &OBJECT,
                        ::core::convert::AsRef::as_ref(&directory),
                    )?)
                }

                /// Options first: constants, sizes of maps, programs to leave out.
                #[must_use]
                #[allow(dead_code, reason = "not every user needs it")]
                pub fn loader() -> Loader {
                    ::core::default::Default::default()
                }

                /// Loads the object: creates its maps and loads its programs. Attaches nothing.
                ///
                /// # Errors
                /// What the kernel refuses, with its reason and what to do about it.
                #[allow(dead_code, reason = "not every user needs it")]
                pub fn load() -> ::core::result::Result<Skeleton, #krate::Error> {
                    loader().load()
                }

                #krate::__if_vm! {
                    /// Makes the same in a machine without a kernel: for unit tests, and where
                    /// nobody is root.
                    ///
                    /// # Errors
                    /// If the object has a map that only a kernel has.
                    #[allow(dead_code, reason = "not every user needs it")]
                    pub fn vm() -> ::core::result::Result<Skeleton, #krate::Error> {
                        loader().vm()
                    }
                }
            }
        }
    }
}
