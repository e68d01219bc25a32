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
    ///
    /// ```
    /// use ebpf_rt::kernel_types::bpf_spin_lock;
    /// use ebpf_rt::{Btf, Pod};
    ///
    /// #[derive(Clone, Copy, Pod, Btf)]
    /// #[repr(C)]
    /// struct Balance {
    ///     lock: bpf_spin_lock,
    ///     in_packets: u32,
    ///     out_packets: u32,                           // both change together
    /// }
    /// assert_eq!(size_of::<Balance>(), 12);
    /// ```
    bpf_spin_lock { val: u32 } = 4;
    /// A timer for `bpf_timer_init`: one in a value. Linux 5.15.
    ///
    /// ```
    /// use ebpf_rt::kernel_types::bpf_timer;
    /// use ebpf_rt::{Btf, Pod};
    ///
    /// /// A connection that is forgotten when nothing comes for a while.
    /// #[derive(Clone, Copy, Pod, Btf)]
    /// #[repr(C)]
    /// struct Connection {
    ///     idle: bpf_timer,
    ///     packets: u64,
    /// }
    /// assert_eq!(size_of::<Connection>(), 24);
    /// ```
    bpf_timer { opaque: [u64; 2] } = 16;
    /// A work queue for `bpf_wq_init`: one in a value. Linux 6.10.
    ///
    /// ```
    /// use ebpf_rt::kernel_types::bpf_wq;
    /// use ebpf_rt::{Btf, Pod};
    ///
    /// /// What is done later, where a program may sleep.
    /// #[derive(Clone, Copy, Pod, Btf)]
    /// #[repr(C)]
    /// struct Job {
    ///     work: bpf_wq,
    ///     file: u64,
    /// }
    /// assert_eq!(size_of::<Job>(), 24);
    /// ```
    bpf_wq { opaque: [u64; 2] } = 16;
    /// The head of a list; `#[btf(contains(Node, link))]` says what it holds. Linux 6.2.
    ///
    /// ```
    /// use ebpf_rt::kernel_types::{bpf_list_head, bpf_list_node, bpf_spin_lock};
    /// use ebpf_rt::{Btf, Pod};
    ///
    /// /// What programs allocate with `bpf_obj_new`.
    /// #[derive(Clone, Copy, Pod, Btf)]
    /// #[repr(C)]
    /// struct Packet {
    ///     link: bpf_list_node,
    ///     length: u64,
    /// }
    ///
    /// #[derive(Clone, Copy, Pod, Btf)]
    /// #[repr(C)]
    /// struct Queue {
    ///     #[btf(contains(Packet, link))]
    ///     packets: bpf_list_head,
    ///     lock: bpf_spin_lock,                        // guards the list
    ///     length: u32,
    /// }
    /// assert_eq!(size_of::<Queue>(), 24);
    /// ```
    bpf_list_head { opaque: [u64; 2] } = 16;
    /// A link of a list, in what it holds. Linux 6.6; it was smaller before.
    ///
    /// ```
    /// use ebpf_rt::kernel_types::bpf_list_node;
    /// use ebpf_rt::{Btf, Pod};
    ///
    /// #[derive(Clone, Copy, Pod, Btf)]
    /// #[repr(C)]
    /// struct Packet {
    ///     link: bpf_list_node,                        // what `contains(Packet, link)` names
    ///     length: u64,
    /// }
    /// assert_eq!(size_of::<Packet>(), 32);
    /// ```
    bpf_list_node { opaque: [u64; 3] } = 24;
    /// The root of a tree; `#[btf(contains(Node, link))]` says what it holds. Linux 6.4.
    ///
    /// ```
    /// use ebpf_rt::kernel_types::{bpf_rb_node, bpf_rb_root, bpf_spin_lock};
    /// use ebpf_rt::{Btf, Pod};
    ///
    /// #[derive(Clone, Copy, Pod, Btf)]
    /// #[repr(C)]
    /// struct Flow {
    ///     link: bpf_rb_node,
    ///     deadline: u64,                              // what the program sorts by
    /// }
    ///
    /// #[derive(Clone, Copy, Pod, Btf)]
    /// #[repr(C)]
    /// struct Schedule {
    ///     #[btf(contains(Flow, link))]
    ///     flows: bpf_rb_root,
    ///     lock: bpf_spin_lock,                        // guards the tree
    ///     count: u32,
    /// }
    /// assert_eq!(size_of::<Schedule>(), 24);
    /// ```
    bpf_rb_root { opaque: [u64; 2] } = 16;
    /// A link of a tree, in what it holds. Linux 6.6; it was smaller before.
    ///
    /// ```
    /// use ebpf_rt::kernel_types::bpf_rb_node;
    /// use ebpf_rt::{Btf, Pod};
    ///
    /// #[derive(Clone, Copy, Pod, Btf)]
    /// #[repr(C)]
    /// struct Flow {
    ///     link: bpf_rb_node,                          // what `contains(Flow, link)` names
    ///     deadline: u64,
    /// }
    /// assert_eq!(size_of::<Flow>(), 40);
    /// ```
    bpf_rb_node { opaque: [u64; 4] } = 32;
    /// A count of references, in what lists and trees hold. Linux 6.4.
    ///
    /// ```
    /// use ebpf_rt::kernel_types::{bpf_rb_node, bpf_refcount};
    /// use ebpf_rt::{Btf, Pod};
    ///
    /// /// In a tree and in the hands of a program at once.
    /// #[derive(Clone, Copy, Pod, Btf)]
    /// #[repr(C)]
    /// struct Shared {
    ///     link: bpf_rb_node,
    ///     references: bpf_refcount,
    ///     value: u32,
    /// }
    /// assert_eq!(size_of::<Shared>(), 40);
    /// ```
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
    ///
    /// ```
    /// use ebpf_rt::kernel_types::bpf_kptr_untrusted;
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
    /// struct LastSeen {
    ///     task: bpf_kptr_untrusted<Task>,             // it may have ended since
    /// }
    /// assert_eq!(size_of::<LastSeen>(), 8);
    /// ```
    #[allow(non_camel_case_types, reason = "named as its kin")]
    bpf_kptr_untrusted = "kptr_untrusted";
}
