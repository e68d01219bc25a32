//! Sockets to look up and to send to.

use super::Def;
#[cfg(feature = "std")]
use super::{Keys, RawMap, Update, iter};
#[cfg(feature = "std")]
use crate::{Errno, Error};
use bytemuck::Pod;
use core::marker::PhantomData;
use ebpf_asm::MapType;
#[cfg(feature = "std")]
use std::os::fd::{AsFd, AsRawFd};

/// Sockets by number: programs redirect what one receives or sends to another, or see all of
/// it (`sk_skb` and `sk_msg` programs are attached to the map). A socket leaves the map when
/// it is closed.
///
/// ```
/// use ebpf_rt::SockMap;
/// use std::net::{TcpListener, TcpStream};
///
/// # kernel_test::example!();
/// let peers = SockMap::create(4)?;
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let stream = TcpStream::connect(listener.local_addr()?)?;
/// peers.set(0, &stream)?;
/// assert!(peers.cookie(0)?.is_some());            // the kernel's number for the socket
/// assert_eq!(peers.cookie(1)?, None);
/// assert!(peers.clear(0)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BPF_MAP_TYPE_SOCKMAP")]
pub struct SockMap {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<()>,
}

impl SockMap {
    /// The definition of a map with room for this many sockets.
    ///
    /// ```
    /// use ebpf_rt::maps::{Def, SockMap};
    ///
    /// static PEERS: Def<SockMap> = SockMap::with_max_entries(2);
    /// assert_eq!(PEERS.map_def("PEERS").max_entries, 2);
    /// ```
    #[must_use]
    pub const fn with_max_entries(max_entries: u32) -> Def<Self> {
        Def::new::<u32, u64>(MapType::Sockmap, max_entries)
    }
}

#[cfg(feature = "std")]
impl SockMap {
    /// Creates a map without an object. [`Def::create`] is for flags and a name.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the capabilities, and
    /// what else `BPF_MAP_CREATE` says.
    #[doc(alias = "BPF_MAP_CREATE")]
    pub fn create(max_entries: u32) -> Result<Self, Error> {
        Self::with_max_entries(max_entries).create("sock_map")
    }

    /// Puts a socket at an index, in place of the one that is there.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size;
    /// what else `BPF_MAP_UPDATE_ELEM` says: `EOPNOTSUPP` if it is not a connected or
    /// listening socket of a kind that this kernel takes.
    #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
    pub fn set(&self, index: u32, socket: &impl AsFd) -> Result<(), Error> {
        let fd = socket.as_fd().as_raw_fd();
        update(&self.raw, &index.to_ne_bytes(), fd)
    }

    /// Removes the socket at an index; whether there was one.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size;
    /// what else `BPF_MAP_DELETE_ELEM` says.
    #[doc(alias = "BPF_MAP_DELETE_ELEM")]
    pub fn clear(&self, index: u32) -> Result<bool, Error> {
        iter::clear_index(&self.raw, index)
    }

    /// The cookie of the socket at an index, if there is one: the kernel's number for it,
    /// `SO_COOKIE`.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the index is not below the size;
    /// what else `BPF_MAP_LOOKUP_ELEM` says.
    #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
    pub fn cookie(&self, index: u32) -> Result<Option<u64>, Error> {
        iter::lookup_index(&self.raw, index)
    }
}

super::map_impls!([] SockMap, Def<Self>, Sockmap, 4, 8);

/// Sockets by key: as [`SockMap`], in a hash table.
///
/// ```
/// use ebpf_rt::SockHash;
/// use std::net::{TcpListener, TcpStream};
///
/// # kernel_test::example!();
/// let peers = SockHash::<[u8; 6]>::create(4)?;
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let stream = TcpStream::connect(listener.local_addr()?)?;
/// let key = [127, 0, 0, 1, 0, 80];
/// peers.insert(key, &stream)?;
/// assert_eq!(peers.keys().collect::<Result<Vec<_>, _>>()?, [key]);
/// assert!(peers.cookie(&key)?.is_some());
/// assert!(peers.remove(&key)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BPF_MAP_TYPE_SOCKHASH")]
pub struct SockHash<K> {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<fn(K)>,
}

impl<K: Pod> SockHash<K> {
    /// The definition of a table with room for this many sockets.
    ///
    /// ```
    /// use ebpf_rt::maps::{Def, SockHash};
    ///
    /// static PEERS: Def<SockHash<u64>> = SockHash::with_max_entries(1024);
    /// assert_eq!(PEERS.map_def("PEERS").key_size, 8);
    /// ```
    #[must_use]
    pub const fn with_max_entries(max_entries: u32) -> Def<Self> {
        Def::new::<K, u64>(MapType::Sockhash, max_entries)
    }
}

#[cfg(feature = "std")]
impl<K: Pod> SockHash<K> {
    /// Creates a table without an object. [`Def::create`] is for flags and a name.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the capabilities, and
    /// what else `BPF_MAP_CREATE` says.
    #[doc(alias = "BPF_MAP_CREATE")]
    pub fn create(max_entries: u32) -> Result<Self, Error> {
        Self::with_max_entries(max_entries).create("sock_hash")
    }

    /// Makes an entry or replaces its socket.
    ///
    /// # Errors
    /// [`ErrorKind::Full`](crate::ErrorKind::Full) if there is no room; what else
    /// `BPF_MAP_UPDATE_ELEM` says: `EOPNOTSUPP` if it is not a connected or listening socket of
    /// a kind that this kernel takes.
    #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
    pub fn insert(&self, key: K, socket: &impl AsFd) -> Result<(), Error> {
        let fd = socket.as_fd().as_raw_fd();
        update(&self.raw, bytemuck::bytes_of(&key), fd)
    }

    /// Removes an entry; whether there was one.
    ///
    /// # Errors
    /// What `BPF_MAP_DELETE_ELEM` says.
    #[doc(alias = "BPF_MAP_DELETE_ELEM")]
    pub fn remove(&self, key: &K) -> Result<bool, Error> {
        self.raw.delete(bytemuck::bytes_of(key))
    }

    /// The cookie of a key's socket, if there is one: the kernel's number for it, `SO_COOKIE`.
    ///
    /// # Errors
    /// What `BPF_MAP_LOOKUP_ELEM` says.
    #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
    pub fn cookie(&self, key: &K) -> Result<Option<u64>, Error> {
        iter::lookup(&self.raw, key)
    }

    /// The keys, in no order.
    #[doc(alias = "BPF_MAP_GET_NEXT_KEY")]
    pub fn keys(&self) -> Keys<'_, K> {
        Keys::new(&self.raw)
    }
}

super::map_impls!([K: super::PlainData] SockHash<K>, Def<Self>, Sockhash, size_of::<K>(), 8);

#[cfg(feature = "std")]
fn update(map: &RawMap, key: &[u8], socket: i32) -> Result<(), Error> {
    let value = i64::from(socket).to_ne_bytes();
    map.update(key, &value, Update::Any)
        .map_err(|error| match error.errno() {
            Some(Errno::EOPNOTSUPP) => error.because(
                "the socket is neither connected nor listening, or of a kind that this kernel \
                 does not take",
            ),
            Some(Errno::ENOTSOCK) => error.because("the file descriptor is not a socket's"),
            _ => error,
        })
}
