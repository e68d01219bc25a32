//! Network devices to send packets to.

use super::Def;
#[cfg(feature = "std")]
use super::{Keys, RawMap, Update, iter};
#[cfg(feature = "std")]
use crate::{Errno, Error, programs::Program};
use core::marker::PhantomData;
use ebpf_asm::MapType;
#[cfg(feature = "std")]
use std::os::fd::AsRawFd;

/// A network device of a [`DevMap`] or [`DevMapHash`].
///
/// ```
/// use ebpf_rt::DevMap;
///
/// # kernel_test::example!();
/// let ports = DevMap::create(4)?;
/// ports.set(0, 1)?;                               // interface 1 is `lo`
/// let device = ports.get(0)?.expect("it was put there");
/// assert_eq!((device.ifindex, device.program_id), (1, None));
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(alias = "bpf_devmap_val")]
pub struct Device {
    /// The device's number.
    pub ifindex: u32,
    /// The kernel's number for the program that sees each packet before it is sent, if there
    /// is one.
    pub program_id: Option<u32>,
}

#[cfg(feature = "std")]
impl Device {
    fn from_value([ifindex, program]: [u32; 2]) -> Self {
        Self {
            ifindex,
            program_id: (program != 0).then_some(program),
        }
    }
}

macro_rules! dev_map {
    ($(#[$meta:meta])* $name:ident, $map_type:ident, $default_name:literal, $what:literal) => {
        $(#[$meta])*
        pub struct $name {
            #[cfg(feature = "std")]
            raw: RawMap,
            types: PhantomData<()>,
        }

        impl $name {
            /// The definition of a map with room for this many devices.
            ///
            /// ```
            /// use ebpf_rt::maps::{Def, DevMap};
            ///
            /// static PORTS: Def<DevMap> = DevMap::with_max_entries(4);
            /// assert_eq!(PORTS.map_def("PORTS").max_entries, 4);
            /// ```
            #[must_use]
            pub const fn with_max_entries(max_entries: u32) -> Def<Self> {
                Def::new::<u32, [u32; 2]>(MapType::$map_type, max_entries)
            }
        }

        #[cfg(feature = "std")]
        impl $name {
            /// Creates a map without an object. [`Def::create`] is for flags and a name.
            ///
            /// # Errors
            /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the
            /// capabilities, and what else `BPF_MAP_CREATE` says.
            #[doc(alias = "BPF_MAP_CREATE")]
            pub fn create(max_entries: u32) -> Result<Self, Error> {
                Self::with_max_entries(max_entries).create($default_name)
            }

            #[doc = concat!("Puts a device at this ", $what, ", by its number.")]
            ///
            /// # Errors
            /// What `BPF_MAP_UPDATE_ELEM` says: `EINVAL` if there is no such device in the
            /// network namespace.
            #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
            pub fn set(&self, index: u32, ifindex: u32) -> Result<(), Error> {
                self.put(index, ifindex, 0)
            }

            #[doc = concat!("Puts a device at this ", $what, ", with an XDP program that sees")]
            /// each packet before it is sent. Linux 5.8.
            ///
            /// ```no_run
            /// // not run: it needs a program that was made for device maps
            /// use ebpf_rt::{DevMap, Error, programs::Program};
            ///
            /// /// Has a program rewrite the packets that leave by this interface.
            /// fn rewrite(ports: &DevMap, interface: u32, program: &impl Program) -> Result<(), Error> {
            ///     ports.set_with_program(0, interface, program)
            /// }
            /// ```
            ///
            /// # Errors
            /// [`ErrorKind::NotLoaded`](crate::ErrorKind::NotLoaded) if the program is not
            /// loaded; what else `BPF_MAP_UPDATE_ELEM` says: `EINVAL` if it is not an XDP
            /// program made for this.
            pub fn set_with_program(
                &self,
                index: u32,
                ifindex: u32,
                program: &impl Program,
            ) -> Result<(), Error> {
                let program = program.as_raw().fd()?.as_raw_fd();
                self.put(index, ifindex, program.cast_unsigned())
            }

            fn put(&self, index: u32, ifindex: u32, program: u32) -> Result<(), Error> {
                let value = [ifindex, program];
                let value = bytemuck::bytes_of(&value);
                self.raw
                    .update(&index.to_ne_bytes(), value, Update::Any)
                    .map_err(|error| match error.errno() {
                        Some(Errno::EINVAL) => error.because(format!(
                            "there is no device number {ifindex} here, or the program is not an \
                             XDP program for device maps"
                        )),
                        _ => error,
                    })
            }

            #[doc = concat!("The device at this ", $what, ", if there is one.")]
            ///
            /// # Errors
            /// What `BPF_MAP_LOOKUP_ELEM` says.
            #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
            pub fn get(&self, index: u32) -> Result<Option<Device>, Error> {
                Ok(iter::lookup(&self.raw, &index)?.map(Device::from_value))
            }
        }

        super::map_impls!([] $name, Def<Self>, $map_type, 4, 8);
    };
}

dev_map! {
    /// Network devices by number: XDP programs send packets to them with `bpf_redirect_map`.
    ///
    /// ```
    /// use ebpf_rt::DevMap;
    ///
    /// # kernel_test::example!();
    /// let ports = DevMap::create(4)?;
    /// ports.set(0, 1)?;                               // interface 1 is `lo`
    /// assert_eq!(ports.get(0)?.map(|device| device.ifindex), Some(1));
    /// ports.clear(0)?;
    /// assert_eq!(ports.get(0)?, None);
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    #[doc(alias = "BPF_MAP_TYPE_DEVMAP")]
    DevMap, Devmap, "dev_map", "index"
}

dev_map! {
    /// Network devices by key, often their own number: as [`DevMap`], in a hash table.
    /// Linux 5.4.
    ///
    /// ```
    /// use ebpf_rt::DevMapHash;
    ///
    /// # kernel_test::example!();
    /// let devices = DevMapHash::create(8)?;
    /// devices.set(1, 1)?;                             // by its own number: `lo`
    /// assert!(devices.get(1)?.is_some());
    /// assert_eq!(devices.keys().count(), 1);
    /// assert!(devices.remove(1)?);
    /// # Ok::<(), ebpf_rt::Error>(())
    /// ```
    #[doc(alias = "BPF_MAP_TYPE_DEVMAP_HASH")]
    DevMapHash, DevmapHash, "dev_map_hash", "key"
}

#[cfg(feature = "std")]
impl DevMap {
    /// Removes the device at an index. (The kernel does not say whether there was one.)
    ///
    /// # Errors
    /// What `BPF_MAP_DELETE_ELEM` says.
    #[doc(alias = "BPF_MAP_DELETE_ELEM")]
    pub fn clear(&self, index: u32) -> Result<(), Error> {
        iter::clear_index(&self.raw, index).map(drop)
    }
}

#[cfg(feature = "std")]
impl DevMapHash {
    /// Removes an entry; whether there was one.
    ///
    /// # Errors
    /// What `BPF_MAP_DELETE_ELEM` says.
    #[doc(alias = "BPF_MAP_DELETE_ELEM")]
    pub fn remove(&self, key: u32) -> Result<bool, Error> {
        self.raw.delete(&key.to_ne_bytes())
    }

    /// The keys, in no order.
    #[doc(alias = "BPF_MAP_GET_NEXT_KEY")]
    pub fn keys(&self) -> Keys<'_, u32> {
        Keys::new(&self.raw)
    }
}
