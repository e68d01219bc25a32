//! Queues and stacks.

use super::Def;
#[cfg(feature = "std")]
use super::{RawMap, Update};
#[cfg(feature = "std")]
use crate::Error;
use bytemuck::Pod;
#[cfg(feature = "std")]
use bytemuck::Zeroable;
use core::marker::PhantomData;
use ebpf_asm::MapType;

macro_rules! queue {
    ($(#[$meta:meta])* $name:ident, $default_name:literal, $which:literal) => {
        $(#[$meta])*
        pub struct $name<V> {
            #[cfg(feature = "std")]
            raw: RawMap,
            types: PhantomData<fn() -> V>,
        }

        impl<V: Pod> $name<V> {
            /// The definition of one with room for this many values.
            ///
            /// ```
            /// use ebpf_rt::maps::{Def, Queue};
            ///
            /// static JOBS: Def<Queue<u32>> = Queue::with_max_entries(16);
            /// assert_eq!(JOBS.map_def("JOBS").key_size, 0);   // values only
            /// ```
            #[must_use]
            pub const fn with_max_entries(max_entries: u32) -> Def<Self> {
                Def::without_keys::<V>(MapType::$name, max_entries)
            }
        }

        #[cfg(feature = "std")]
        impl<V: Pod> $name<V> {
            /// Creates one without an object. [`Def::create`] is for flags and a name.
            ///
            /// # Errors
            /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the capability,
            /// and what else `BPF_MAP_CREATE` says.
            #[doc(alias = "BPF_MAP_CREATE")]
            pub fn create(max_entries: u32) -> Result<Self, Error> {
                Self::with_max_entries(max_entries).create($default_name)
            }

            /// Puts a value in.
            ///
            /// # Errors
            /// [`ErrorKind::Full`](crate::ErrorKind::Full) if there is no room; what else
            /// `BPF_MAP_UPDATE_ELEM` says.
            #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
            pub fn push(&self, value: V) -> Result<(), Error> {
                self.raw.update(&[], bytemuck::bytes_of(&value), Update::Any)
            }

            /// Puts a value in; if there is no room, in place of the oldest.
            ///
            /// # Errors
            /// What `BPF_MAP_UPDATE_ELEM` says.
            #[doc(alias = "BPF_EXIST")]
            pub fn push_over(&self, value: V) -> Result<(), Error> {
                self.raw
                    .update(&[], bytemuck::bytes_of(&value), Update::Exist)
            }

            #[doc = concat!("Takes the ", $which, " value out, if there is one.")]
            ///
            /// # Errors
            /// What `BPF_MAP_LOOKUP_AND_DELETE_ELEM` says.
            #[doc(alias = "BPF_MAP_LOOKUP_AND_DELETE_ELEM")]
            pub fn pop(&self) -> Result<Option<V>, Error> {
                let mut value = V::zeroed();
                let found = self.raw.take(&[], bytemuck::bytes_of_mut(&mut value))?;
                Ok(found.then_some(value))
            }

            #[doc = concat!("The ", $which, " value, if there is one, which stays.")]
            ///
            /// # Errors
            /// What `BPF_MAP_LOOKUP_ELEM` says.
            #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
            pub fn peek(&self) -> Result<Option<V>, Error> {
                let mut value: V = Zeroable::zeroed();
                let found = self.raw.lookup(&[], bytemuck::bytes_of_mut(&mut value))?;
                Ok(found.then_some(value))
            }
        }

        super::map_impls!([V: crate::maps::PlainData] $name<V>, Def<Self>, $name, 0, size_of::<V>());
    };
}

queue! {
    /// Values that come out in the order in which they were put in. Programs use it with
    /// `bpf_map_push_elem`, `bpf_map_pop_elem` and `bpf_map_peek_elem`. Linux 4.20.
    ///
    /// ```
    /// use ebpf_rt::Queue;
    ///
    /// # kernel_test::example!();
    /// let queue = Queue::<u32>::create(2)?;
    /// queue.push(1)?;
    /// queue.push(2)?;
    /// assert!(queue.push(3).is_err());                // full
    /// queue.push_over(3)?;                            // the oldest makes room
    /// assert_eq!(queue.peek()?, Some(2));
    /// assert_eq!((queue.pop()?, queue.pop()?, queue.pop()?), (Some(2), Some(3), None));
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    #[doc(alias = "BPF_MAP_TYPE_QUEUE")]
    Queue, "queue", "oldest"
}

queue! {
    /// Values of which the last that was put in comes out first. Programs use it with
    /// `bpf_map_push_elem`, `bpf_map_pop_elem` and `bpf_map_peek_elem`. Linux 4.20.
    ///
    /// ```
    /// use ebpf_rt::Stack;
    ///
    /// # kernel_test::example!();
    /// let free = Stack::<u32>::create(8)?;
    /// free.push(1)?;
    /// free.push(2)?;
    /// free.push_over(3)?;
    /// assert_eq!(free.peek()?, Some(3));
    /// assert_eq!((free.pop()?, free.pop()?), (Some(3), Some(2)));
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    #[doc(alias = "BPF_MAP_TYPE_STACK")]
    Stack, "stack", "newest"
}
