//! The macro behind the kernel's three lists of types.

/// Declares an enum that mirrors one of the kernel's, from one row per variant.
///
/// A variant is spelled as the kernel spells the constant, word by word (`PERCPU_HASH` is
/// `PercpuHash`). A row is `Variant = number, "KERNEL_NAME", "short_name", (major, minor);`, so
/// that each fact is written once and number, names and versions cannot drift apart.
macro_rules! kernel_enum {
    (
        $(#[$outer:meta])*
        pub enum $name:ident {
            $(
                $(#[$inner:meta])*
                $variant:ident = $number:literal, $kernel:tt, $short:tt, ($major:literal, $minor:literal);
            )+
        }
    ) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u32)]
        pub enum $name {
            $(
                $(#[$inner])*
                #[doc(alias = $kernel)]
                $variant = $number,
            )+
        }

        impl $name {
            /// Every variant, in the kernel's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The kernel's number, as bpf(2) takes it.
            #[must_use]
            pub const fn as_raw(self) -> u32 {
                self as u32
            }

            /// The variant with the kernel's number `raw`, if this version of the crate knows it.
            #[must_use]
            pub const fn from_raw(raw: u32) -> Option<Self> {
                match raw {
                    $($number => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The short name that libbpf and bpftool use.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $short,)+
                }
            }

            /// The name of the constant in the kernel's headers.
            ///
            /// ```
            /// use ebpf_asm::{AttachType, LinkType, MapType, ProgramType};
            ///
            /// assert_eq!(ProgramType::Xdp.kernel_name(), "BPF_PROG_TYPE_XDP");
            /// assert_eq!(MapType::Ringbuf.kernel_name(), "BPF_MAP_TYPE_RINGBUF");
            /// assert_eq!(AttachType::CgroupDevice.kernel_name(), "BPF_CGROUP_DEVICE");
            /// assert_eq!(LinkType::Xdp.kernel_name(), "BPF_LINK_TYPE_XDP");
            /// ```
            #[must_use]
            pub const fn kernel_name(self) -> &'static str {
                match self {
                    $(Self::$variant => $kernel,)+
                }
            }

            /// The variant with the short name `name`.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($short => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The first kernel that has it.
            #[must_use]
            pub const fn since(self) -> $crate::KernelVersion {
                match self {
                    $(Self::$variant => $crate::KernelVersion::new($major, $minor),)+
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

pub(crate) use kernel_enum;

/// Checks what every such enum promises; the types' own tests add facts.
#[cfg(test)]
macro_rules! check_kernel_enum {
    ($name:ident, $first:literal, $prefix:literal) => {
        for (at, &value) in $name::ALL.iter().enumerate() {
            assert_eq!(
                value.as_raw() as usize,
                at + $first,
                "{value:?} out of order"
            );
            assert_eq!($name::from_raw(value.as_raw()), Some(value));
            assert_eq!($name::from_name(value.name()), Some(value));
            assert!(value.kernel_name().starts_with($prefix), "{value:?}");
            assert_eq!(
                value
                    .kernel_name()
                    .trim_start_matches($prefix)
                    .to_ascii_lowercase(),
                value.name(),
                "the short name is the kernel's in lower case"
            );
            assert_eq!(
                alloc::format!("{value:?}").to_ascii_lowercase(),
                value.name().replace('_', ""),
                "the variant is the kernel's name word by word"
            );
            assert!(
                value.since() >= $crate::KernelVersion::new(3, 19),
                "{value:?}"
            );
        }
        assert_eq!($name::from_raw(u32::MAX), None);
        assert_eq!($name::from_name(""), None);
    };
}

#[cfg(test)]
pub(crate) use check_kernel_enum;
