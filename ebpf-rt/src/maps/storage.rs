//! Values that the kernel keeps at its own objects: tasks, sockets, files, cgroups.

use super::Def;
#[cfg(feature = "std")]
use super::{RawMap, Update};
#[cfg(feature = "std")]
use crate::{Errno, Error, ErrorKind};
use bytemuck::Pod;
use core::marker::PhantomData;
use ebpf_asm::MapType;
use ebpf_asm::object::{BtfType, MapDef};
#[cfg(feature = "std")]
use std::os::fd::{AsFd, AsRawFd};

macro_rules! storage {
    ($(
        $(#[$meta:meta])*
        $name:ident, $map_type:ident, $default_name:literal, $whose:literal, $descriptor:literal;
    )*) => { $(
        $(#[$meta])*
        pub struct $name<V> {
            #[cfg(feature = "std")]
            raw: RawMap,
            types: PhantomData<fn() -> V>,
        }

        impl<V: Pod + BtfType> $name<V> {
            /// The definition. Values are allocated when programs or user space make them, so
            /// that there is no number of entries.
            ///
            /// ```
            /// use ebpf_rt::maps::{Def, SkStorage};
            ///
            /// static MARKS: Def<SkStorage<u32>> = SkStorage::new();
            /// assert_eq!(MARKS.map_def("MARKS").max_entries, 0);      // as many as there are sockets
            /// ```
            #[must_use]
            #[allow(clippy::new_ret_no_self, reason = "a definition, as of all maps")]
            pub const fn new() -> Def<Self> {
                // The checks of the value's size.
                let size = Def::<Self>::new::<u32, V>(MapType::$map_type, 0).as_map_def().value_size;
                let def = MapDef::new("", MapType::$map_type, 4, size, 0);
                Def::of(def.with_flags(super::flags::BPF_F_NO_PREALLOC))
                    .with_types(i32::TYPE, V::TYPE)
            }
        }

        #[cfg(feature = "std")]
        impl<V: Pod + BtfType> $name<V> {
            /// Creates a storage without an object. [`Def::create`] is for a name.
            ///
            /// # Errors
            /// [`ErrorKind::Permission`] without the capability, and what else `BPF_BTF_LOAD` and
            /// `BPF_MAP_CREATE` say.
            #[doc(alias = "BPF_MAP_CREATE")]
            pub fn create() -> Result<Self, Error> {
                Self::new().create($default_name)
            }

            #[doc = concat!("The value of ", $whose, ", if it has one: by ", $descriptor, ".")]
            ///
            /// # Errors
            /// What `BPF_MAP_LOOKUP_ELEM` says.
            #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
            pub fn get(&self, of: &impl AsFd) -> Result<Option<V>, Error> {
                let mut value = V::zeroed();
                let key = of.as_fd().as_raw_fd().to_ne_bytes();
                let found = self.raw.lookup(&key, bytemuck::bytes_of_mut(&mut value));
                let found = found.map_err(|error| wrong_descriptor(error, $descriptor))?;
                Ok(found.then_some(value))
            }

            #[doc = concat!("Gives ", $whose, " a value or replaces it: by ", $descriptor, ".")]
            ///
            /// # Errors
            /// What `BPF_MAP_UPDATE_ELEM` says.
            #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
            pub fn insert(&self, of: &impl AsFd, value: V) -> Result<(), Error> {
                self.insert_with(of, value, Update::Any)
            }

            /// Gives it a value or replaces it, or only one of the two.
            ///
            /// # Errors
            /// [`ErrorKind::Exists`] or [`ErrorKind::NotFound`] as `update` has it; what else
            /// `BPF_MAP_UPDATE_ELEM` says.
            pub fn insert_with(
                &self,
                of: &impl AsFd,
                value: V,
                update: Update,
            ) -> Result<(), Error> {
                let key = of.as_fd().as_raw_fd().to_ne_bytes();
                let result = self.raw.update(&key, bytemuck::bytes_of(&value), update);
                result.map_err(|error| wrong_descriptor(error, $descriptor))
            }

            #[doc = concat!("Removes the value of ", $whose, "; whether there was one.")]
            ///
            /// ```
            /// use ebpf_rt::SkStorage;
            ///
            /// # kernel_test::example!();
            /// let marks = SkStorage::<u32>::create()?;
            /// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
            /// marks.insert(&socket, 7)?;
            /// assert!(marks.remove(&socket)?);
            /// assert!(!marks.remove(&socket)?);               // it has none any more
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            ///
            /// # Errors
            /// What `BPF_MAP_DELETE_ELEM` says.
            #[doc(alias = "BPF_MAP_DELETE_ELEM")]
            pub fn remove(&self, of: &impl AsFd) -> Result<bool, Error> {
                let key = of.as_fd().as_raw_fd().to_ne_bytes();
                let removed = self.raw.delete(&key);
                removed.map_err(|error| wrong_descriptor(error, $descriptor))
            }
        }

        super::map_impls!(
            [V: super::PlainData + BtfType] $name<V>, Def<Self>, $map_type, 4, size_of::<V>(), i32, V
        );
    )* };
}

/// Completes an error about a descriptor of something else.
#[cfg(feature = "std")]
fn wrong_descriptor(error: Error, wanted: &str) -> Error {
    match error.errno() {
        Some(Errno::EBADF | Errno::EINVAL | Errno::ENOTSOCK) => error
            .with_kind(ErrorKind::Invalid)
            .because(format!("the file descriptor is not {wanted}")),
        _ => error,
    }
}

storage! {
    /// A value for each task (thread) that programs or user space give one: it goes away with the
    /// task. Programs reach it with `bpf_task_storage_get`. Linux 5.11.
    ///
    /// ```
    /// use ebpf_rt::TaskStorage;
    /// # fn pidfd_open() -> std::os::fd::OwnedFd {
    /// #     use std::os::fd::FromRawFd;
    /// #     // SAFETY: the call takes two numbers and makes a descriptor that is ours.
    /// #     unsafe {
    /// #         let fd = libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0);
    /// #         assert!(fd >= 0);
    /// #         std::os::fd::OwnedFd::from_raw_fd(fd as i32)
    /// #     }
    /// # }
    ///
    /// # kernel_test::example!(Kernel(5, 11));
    /// let calls = TaskStorage::<u64>::create()?;
    /// let process = pidfd_open();                     // of this process: pidfd_open(2)
    /// calls.insert(&process, 7)?;
    /// assert_eq!(calls.get(&process)?, Some(7));
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    #[doc(alias = "BPF_MAP_TYPE_TASK_STORAGE")]
    TaskStorage, TaskStorage, "task_storage", "a process's first task", "a descriptor of pidfd_open(2)";

    /// A value for each socket that programs or user space give one: it goes away with the socket.
    /// Programs reach it with `bpf_sk_storage_get`. Linux 5.2.
    ///
    /// ```
    /// use ebpf_rt::{SkStorage, maps::Update};
    ///
    /// # kernel_test::example!();
    /// let marks = SkStorage::<u32>::create()?;
    /// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// marks.insert(&socket, 7)?;
    /// assert!(marks.insert_with(&socket, 8, Update::NoExist).is_err());
    /// assert_eq!(marks.get(&socket)?, Some(7));
    /// assert!(marks.remove(&socket)?);
    /// assert_eq!(marks.get(&socket)?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "BPF_MAP_TYPE_SK_STORAGE")]
    SkStorage, SkStorage, "sk_storage", "a socket", "a socket";

    /// A value for each file (inode) that programs or user space give one: it goes away when the
    /// kernel forgets the file. Programs reach it with `bpf_inode_storage_get`. Linux 5.10.
    ///
    /// ```
    /// use ebpf_rt::InodeStorage;
    ///
    /// # kernel_test::example!(Kernel(5, 10), Matrix(kernel_test::has_bpf_lsm));
    /// let marks = InodeStorage::<u32>::create()?;
    /// marks.insert(&std::fs::File::open("/etc/passwd")?, 1)?;
    /// // Of the file, however it is opened.
    /// assert_eq!(marks.get(&std::fs::File::open("/etc/../etc/passwd")?)?, Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "BPF_MAP_TYPE_INODE_STORAGE")]
    InodeStorage, InodeStorage, "inode_storage", "a file", "an open file";

    /// A value for each cgroup that programs or user space give one: it goes away with the cgroup.
    /// Programs reach it with `bpf_cgrp_storage_get`. Linux 6.2.
    ///
    /// ```
    /// use ebpf_rt::CgrpStorage;
    ///
    /// # kernel_test::example!(Kernel(6, 2));
    /// # let Some(mount) = kernel_test::cgroup2() else { return Ok(()) };
    /// // `mount` is where cgroup2 is: /sys/fs/cgroup on most machines.
    /// let marks = CgrpStorage::<u32>::create()?;
    /// let root = std::fs::File::open(mount)?;
    /// marks.insert(&root, 1)?;
    /// assert_eq!(marks.get(&root)?, Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "BPF_MAP_TYPE_CGRP_STORAGE")]
    CgrpStorage, CgrpStorage, "cgrp_storage", "a cgroup", "an open directory of cgroup2";
}
