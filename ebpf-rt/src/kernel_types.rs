//! Types of the kernel that stand for something in the values of maps: locks, timers, lists,
//! pointers to kernel objects.
//!
//! Names are the kernel's. A value that has one of these derives [`Btf`](macro@crate::Btf), so
//! that the kernel finds it; everything in it is the programs' to use, through helpers and kernel
//! functions. User space sees zeros and cannot write it.
//!
//! ```
//! use ebpf_rt::kernel_types::bpf_spin_lock;
//! use ebpf_rt::{Btf, Pod};
//!
//! #[derive(Clone, Copy, Pod, Btf)]
//! #[repr(C)]
//! struct Counter {
//!     lock: bpf_spin_lock,
//!     packets: u32,
//!     bytes: u64,
//! }
//! ```

use bytemuck::{Pod, Zeroable};
use core::marker::PhantomData;
use ebpf_asm::object::{BtfType, CompositeDef, MemberDef, TypeDef};

macro_rules! special {
    ($($(#[$meta:meta])* $name:ident { $field:ident: $type:ty } = $size:literal;)*) => { $(
        $(#[$meta])*
        #[allow(non_camel_case_types, reason = "the kernel's name")]
        #[derive(Clone, Copy, Debug, Default)]
        #[repr(C)]
        pub struct $name { $field: $type }

        const _: () = assert!(size_of::<$name>() == $size, "not the kernel's size");

        // SAFETY: integers, for which zeros are valid.
        unsafe impl Zeroable for $name {}
        // SAFETY: `repr(C)` around integers or arrays of them: no padding, any bytes are valid.
        unsafe impl Pod for $name {}

        impl BtfType for $name {
            const TYPE: &'static TypeDef = &TypeDef::Struct(CompositeDef::new(
                stringify!($name),
                size_of::<Self>(),
                const { &[MemberDef::new(stringify!($field), <$type>::TYPE, 0)] },
            ));
        }
    )* };
}

special! {
    /// A lock for `bpf_spin_lock` and `bpf_spin_unlock`: one in a value. Linux 5.1.
    bpf_spin_lock { val: u32 } = 4;
    /// A timer for `bpf_timer_init`: one in a value. Linux 5.15.
    bpf_timer { opaque: [u64; 2] } = 16;
    /// A work queue for `bpf_wq_init`: one in a value. Linux 6.10.
    bpf_wq { opaque: [u64; 2] } = 16;
    /// The head of a list; `#[btf(contains(Node, link))]` says what it holds. Linux 6.2.
    bpf_list_head { opaque: [u64; 2] } = 16;
    /// A link of a list, in what it holds. Linux 6.6; it was smaller before.
    bpf_list_node { opaque: [u64; 3] } = 24;
    /// The root of a tree; `#[btf(contains(Node, link))]` says what it holds. Linux 6.4.
    bpf_rb_root { opaque: [u64; 2] } = 16;
    /// A link of a tree, in what it holds. Linux 6.6; it was smaller before.
    bpf_rb_node { opaque: [u64; 4] } = 32;
    /// A count of references, in what lists and trees hold. Linux 6.4.
    bpf_refcount { opaque: [u32; 1] } = 4;
}

macro_rules! pointers {
    ($($(#[$meta:meta])* $name:ident = $tag:literal;)*) => { $(
        $(#[$meta])*
        #[repr(transparent)]
        pub struct $name<T> {
            address: u64,
            to: PhantomData<fn() -> T>,
        }

        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<T> Copy for $name<T> {}

        impl<T> core::fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{:#x}", self.address)
            }
        }

        // SAFETY: an integer, for which zero is valid.
        unsafe impl<T> Zeroable for $name<T> {}
        // SAFETY: `repr(transparent)` around an integer, and `'static` as `T` is.
        unsafe impl<T: 'static> Pod for $name<T> {}

        impl<T: BtfType> BtfType for $name<T> {
            const TYPE: &'static TypeDef = &TypeDef::TaggedPointer {
                tag: $tag,
                to: || T::TYPE,
            };
        }
    )* };
}

pointers! {
    /// A pointer that owns a kernel object, or one that `bpf_obj_new` made: programs exchange it
    /// with `bpf_kptr_xchg`. `T` has the name of the kernel's struct. Linux 6.2.
    ///
    /// ```
    /// use ebpf_rt::kernel_types::bpf_kptr;
    /// use ebpf_rt::{Btf, Pod};
    ///
    /// /// The kernel's, whose members do not matter here.
    /// #[derive(Clone, Copy, Btf)]
    /// #[btf(name = "task_struct")]
    /// #[repr(C)]
    /// struct Task {}
    ///
    /// #[derive(Clone, Copy, Pod, Btf)]
    /// #[repr(C)]
    /// struct Watched {
    ///     task: bpf_kptr<Task>,
    /// }
    /// ```
    #[allow(non_camel_case_types, reason = "named as its kin")]
    bpf_kptr = "kptr";
    /// A pointer to a kernel object that it does not own: what is read through it may be gone.
    /// Linux 5.19.
    #[allow(non_camel_case_types, reason = "named as its kin")]
    bpf_kptr_untrusted = "kptr_untrusted";
}
