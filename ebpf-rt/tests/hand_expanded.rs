//! What `ebpf!` expands to, written by hand: the contract between the macros and the runtime.
//!
//! ```text
//! ebpf! {
//!     #[license = "GPL"]
//!     pub mod opens {
//!         static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(1024);
//!         static CONFIG: Rodata<Config> = Rodata::new(Config { limit: 3, step: 1 });
//!         const PORT: u16;
//!         #[tracepoint("syscalls", "sys_enter_openat")]
//!         fn count(ctx: *mut c_void) -> i32 {
//!             r1 = COUNTS ll;
//!             r0 = PORT;
//!             exit;
//!         }
//!     }
//! }
//! ```

use ebpf_rt::bytemuck::{Pod, Zeroable};
use ebpf_rt::{HashMap, Rodata};

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
struct Config {
    limit: u32,
    step: u32,
}

// What the derive of the macros will write.
// SAFETY: integers, for which zeros are valid.
unsafe impl Zeroable for Config {}
// SAFETY: `repr(C)`, two integers of one size, so no padding.
unsafe impl Pod for Config {}

#[allow(dead_code, reason = "an object has more than this test uses")]
#[allow(unreachable_pub, reason = "the items have the module's visibility")]
mod opens {
    use super::*;
    // `TypeOf` of what nothing is known about is its bytes.
    use ::ebpf_rt::__private::TypeOfAny as _;

    const COUNT_SIGNATURE: &::ebpf_rt::object::SignatureDef = &::ebpf_rt::object::SignatureDef::new(
        const {
            &[::ebpf_rt::object::ParameterDef::new(
                "ctx",
                const {
                    &::ebpf_rt::object::TypeDef::Pointer(|| {
                        ::ebpf_rt::__private::TypeOf::<core::ffi::c_void>::TYPE
                    })
                },
                &[],
            )]
        },
        ::ebpf_rt::__private::TypeOf::<i32>::TYPE,
    );

    pub static COUNTS: <HashMap<u32, u64> as ::ebpf_rt::maps::Map>::Definition =
        HashMap::with_max_entries(1024);
    pub static CONFIG: <Rodata<Config> as ::ebpf_rt::maps::Map>::Definition =
        Rodata::new(Config { limit: 3, step: 1 });

    pub static OBJECT: ::ebpf_rt::Object = {
        // `static`s and not `&[…]` in the call: the elements are made by functions.
        static MAPS: [::ebpf_rt::object::MapDef; 2] =
            [
                COUNTS.map_def("COUNTS").with_types(
                    ::ebpf_rt::__private::TypeOf::<
                        <HashMap<u32, u64> as ::ebpf_rt::maps::Map>::Key,
                    >::TYPE,
                    ::ebpf_rt::__private::TypeOf::<
                        <HashMap<u32, u64> as ::ebpf_rt::maps::Map>::Value,
                    >::TYPE,
                ),
                CONFIG.map_def("CONFIG").with_types(
                    ::ebpf_rt::__private::TypeOf::<
                        <Rodata<Config> as ::ebpf_rt::maps::Map>::Key,
                    >::TYPE,
                    ::ebpf_rt::__private::TypeOf::<
                        <Rodata<Config> as ::ebpf_rt::maps::Map>::Value,
                    >::TYPE,
                ),
            ];
        static CONSTANTS: [::ebpf_rt::object::ConstantDef; 1] =
            [::ebpf_rt::object::ConstantDef::new(
                "PORT",
                ::ebpf_rt::object::ConstantType::U16,
            )];
        static COUNT: [::ebpf_rt::isa::Insn; 4] = ::ebpf_rt::isa::Insn::array_from_le_bytes(
            b"\x18\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xb7\0\0\0\0\0\0\0\x95\0\0\0\0\0\0\0",
        );
        static COUNT_RELOCATIONS: [::ebpf_rt::object::Relocation; 2] = [
            ::ebpf_rt::object::Relocation::new(
                0,
                ::ebpf_rt::object::RelocationKind::MapFd { map: 0 },
            ),
            ::ebpf_rt::object::Relocation::new(
                2,
                ::ebpf_rt::object::RelocationKind::Constant {
                    constant: 0,
                    field: ::ebpf_rt::object::ConstantField::SignedImm,
                },
            ),
        ];
        static COUNT_FUNCTIONS: [::ebpf_rt::object::FunctionRecord; 1] =
            [::ebpf_rt::object::FunctionRecord::new(
                "count",
                0,
                ::ebpf_rt::object::Linkage::Static,
            )
            .with_signature(COUNT_SIGNATURE)];
        static PROGRAMS: [::ebpf_rt::object::ProgramDef; 1] = [::ebpf_rt::object::ProgramDef::new(
            "count",
            ::ebpf_rt::object::ProgramKind::Tracepoint {
                category: "syscalls",
                name: "sys_enter_openat",
            },
            &COUNT,
            &COUNT_RELOCATIONS,
            &COUNT_FUNCTIONS,
            ::ebpf_rt::object::LineTable::EMPTY,
        )];
        ::ebpf_rt::Object::new(
            "opens",
            "GPL",
            ::ebpf_rt::KernelVersion::new(5, 10),
            &MAPS,
            &CONSTANTS,
            &PROGRAMS,
        )
        .with_source(::ebpf_rt::object::SourceLines::new(
            10,
            "r1 = COUNTS ll;\nr0 = PORT;\nexit;",
        ))
    };

    ::ebpf_rt::__if_std! {
        #[allow(non_snake_case, reason = "fields are named as the user named the items")]
        #[derive(Debug)]
        pub struct Maps {
            pub COUNTS: HashMap<u32, u64>,
            pub CONFIG: Rodata<Config>,
            __ebpf_raw: ::std::vec::Vec<::ebpf_rt::maps::RawMap>,
        }

        #[derive(Debug)]
        pub struct Programs {
            pub count: ::ebpf_rt::programs::Tracepoint,
        }

        #[derive(Debug)]
        pub struct Skeleton {
            pub progs: Programs,
            pub maps: Maps,
        }

        #[allow(non_snake_case, reason = "fields are named as the user named the items")]
        #[derive(Clone, Debug, Default)]
        pub struct MapOptions {
            pub COUNTS: ::ebpf_rt::load::MapOptions<HashMap<u32, u64>>,
            pub CONFIG: ::ebpf_rt::load::MapOptions<Rodata<Config>>,
        }

        #[derive(Clone, Debug, Default)]
        pub struct ProgramOptions {
            pub count: ::ebpf_rt::load::ProgramOptions<::ebpf_rt::programs::Tracepoint>,
        }

        #[allow(non_snake_case, reason = "fields are named as the user named the items")]
        #[derive(Clone, Debug, Default)]
        pub struct Constants {
            pub PORT: ::ebpf_rt::load::Constant<u16>,
        }

        #[derive(Clone, Debug, Default)]
        pub struct Loader {
            pub maps: MapOptions,
            pub progs: ProgramOptions,
            pub consts: Constants,
            pub options: ::ebpf_rt::load::Options,
        }

        impl Loader {
            pub fn debug_info(mut self, wanted: bool) -> Self {
                self.options.debug_info(wanted);
                self
            }

            pub fn load(self) -> ::core::result::Result<Skeleton, ::ebpf_rt::Error> {
                self.load_with(::ebpf_rt::load::load)
            }

            #[cfg(feature = "vm")]
            pub fn vm(self) -> ::core::result::Result<Skeleton, ::ebpf_rt::Error> {
                self.load_with(::ebpf_rt::load::load_vm)
            }

            fn load_with(
                self,
                load: ::ebpf_rt::__private::Load,
            ) -> ::core::result::Result<Skeleton, ::ebpf_rt::Error> {
                Skeleton::of(load(
                    &OBJECT,
                    &[self.maps.COUNTS.into(), self.maps.CONFIG.into()],
                    &[self.progs.count.into()],
                    &[self.consts.PORT.into()],
                    &self.options,
                )?)
            }
        }

        impl Skeleton {
            #[allow(unused_mut, reason = "an object may have no program")]
            fn of(
                mut loaded: ::ebpf_rt::load::Loaded,
            ) -> ::core::result::Result<Self, ::ebpf_rt::Error> {
                ::core::result::Result::Ok(Self {
                    maps: Maps {
                        COUNTS: loaded.map(0)?,
                        CONFIG: loaded.map(1)?,
                        __ebpf_raw: loaded.raw_maps().to_vec(),
                    },
                    progs: Programs {
                        count: loaded.program(0)?,
                    },
                })
            }

            pub fn pin(
                &self,
                directory: impl ::core::convert::AsRef<::std::path::Path>,
            ) -> ::core::result::Result<::ebpf_rt::load::ObjectPins, ::ebpf_rt::Error> {
                ::ebpf_rt::load::pin(
                    &OBJECT,
                    &self.maps.__ebpf_raw,
                    &[::ebpf_rt::programs::Program::as_raw(&self.progs.count)],
                    ::core::convert::AsRef::as_ref(&directory),
                )
            }
        }

        pub fn from_pin(
            directory: impl ::core::convert::AsRef<::std::path::Path>,
        ) -> ::core::result::Result<Skeleton, ::ebpf_rt::Error> {
            Skeleton::of(::ebpf_rt::load::from_pin(
                &OBJECT,
                ::core::convert::AsRef::as_ref(&directory),
            )?)
        }

        pub fn loader() -> Loader {
            ::core::default::Default::default()
        }

        pub fn load() -> ::core::result::Result<Skeleton, ::ebpf_rt::Error> {
            loader().load()
        }
    }
}

#[test]
fn the_object_is_constant_data() {
    assert_eq!(opens::OBJECT.maps.len(), 2);
    let config = opens::OBJECT.map("CONFIG").unwrap();
    assert_eq!(format!("{:?}", config.value.unwrap()), "[u8; 8]");
    assert!(config.frozen);
    assert_eq!(config.initial.unwrap().len(), 8);
    assert_eq!(opens::OBJECT.program("count").unwrap().insns.len(), 4);
}

#[cfg(feature = "std")]
#[test]
fn a_missing_constant_is_found_without_the_kernel() {
    let error = opens::load().unwrap_err();
    assert_eq!(
        error.to_string(),
        "object `opens`, program `count`: the constant `PORT` has no value; set it before \
         loading: loader.consts.PORT.set(…)"
    );
}

/// How the skeleton is used. It compiles here; the kernel tests run it.
#[cfg(feature = "std")]
#[allow(dead_code, reason = "run by the kernel tests, which include this file")]
pub(crate) fn use_of_the_skeleton() -> Result<(), ebpf_rt::Error> {
    let mut loader = opens::loader().debug_info(true);
    loader.maps.COUNTS.max_entries(65_536);
    loader.maps.CONFIG.value(Config { limit: 5, step: 2 });
    loader.progs.count.optional();
    loader.consts.PORT.set(443);
    loader.options.log_level(1);
    let opens = loader.load()?;
    let _link = opens.progs.count.attach()?;
    opens.maps.COUNTS.insert(1000, 7)?;
    for entry in opens.maps.COUNTS.iter() {
        assert_eq!(entry?, (1000, 7));
    }
    assert_eq!(opens.maps.CONFIG.get()?, Config { limit: 5, step: 2 });
    Ok(())
}

/// The same without a kernel.
#[cfg(feature = "vm")]
#[test]
fn use_without_a_kernel() -> Result<(), ebpf_rt::Error> {
    let mut loader = opens::loader();
    loader.maps.CONFIG.value(Config { limit: 5, step: 2 });
    loader.consts.PORT.set(443);
    let opens = loader.vm()?;
    opens.maps.COUNTS.insert(1000, 7)?;
    assert_eq!(opens.maps.COUNTS.get(&1000)?, Some(7));
    assert_eq!(opens.maps.CONFIG.get()?, Config { limit: 5, step: 2 });
    opens.progs.count.run(&mut [0; 64])?;
    Ok(())
}
