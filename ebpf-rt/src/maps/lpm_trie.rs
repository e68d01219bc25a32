//! Tables of prefixes.

use super::Def;
use super::flags::BPF_F_NO_PREALLOC;
#[cfg(feature = "std")]
use super::{Iter, RawMap, Update, iter};
#[cfg(feature = "std")]
use crate::Error;
use bytemuck::{Pod, Zeroable};
use core::marker::PhantomData;
use core::net::{Ipv4Addr, Ipv6Addr};
use ebpf_asm::MapType;
use ebpf_asm::object::{BtfType, CompositeDef, MapDef, MemberDef, TypeDef};

/// What the prefixes of an [`LpmTrie`] are of: bytes, compared bit by bit from the first.
///
/// ```
/// use ebpf_rt::maps::Address;
/// use std::net::Ipv4Addr;
///
/// let bytes = Ipv4Addr::new(10, 1, 2, 3).to_bytes();
/// assert_eq!(bytes, [10, 1, 2, 3]);
/// assert_eq!(Ipv4Addr::from_bytes(bytes), Ipv4Addr::new(10, 1, 2, 3));
/// ```
pub trait Address: Copy + sealed::Sealed {
    /// The bytes, in network order.
    type Bytes: Pod;

    /// The address as bytes.
    fn to_bytes(self) -> Self::Bytes;

    /// The address of these bytes.
    fn from_bytes(bytes: Self::Bytes) -> Self;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for core::net::Ipv4Addr {}
    impl Sealed for core::net::Ipv6Addr {}
    impl<const N: usize> Sealed for [u8; N] {}
}

impl Address for Ipv4Addr {
    type Bytes = [u8; 4];

    fn to_bytes(self) -> [u8; 4] {
        self.octets()
    }

    fn from_bytes(bytes: [u8; 4]) -> Self {
        bytes.into()
    }
}

impl Address for Ipv6Addr {
    type Bytes = [u8; 16];

    fn to_bytes(self) -> [u8; 16] {
        self.octets()
    }

    fn from_bytes(bytes: [u8; 16]) -> Self {
        bytes.into()
    }
}

/// The kernel takes 1 to 256 bytes.
impl<const N: usize> Address for [u8; N] {
    type Bytes = Self;

    fn to_bytes(self) -> Self {
        self
    }

    fn from_bytes(bytes: Self) -> Self {
        bytes
    }
}

/// The first bits of an address: a key of an [`LpmTrie`].
///
/// ```
/// use std::net::Ipv4Addr;
/// use ebpf_rt::maps::Prefix;
///
/// let private = Prefix::new(Ipv4Addr::new(10, 1, 2, 3), 8).unwrap();
/// assert_eq!((private.address(), private.length()), (Ipv4Addr::new(10, 0, 0, 0), 8));
/// assert_eq!(private.to_string(), "10.0.0.0/8");
/// assert!(Prefix::new(Ipv4Addr::LOCALHOST, 33).is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix<A> {
    address: A,
    length: u32,
}

impl<A: Address> Prefix<A> {
    /// The bits of an address.
    const BITS: u32 = size_of::<A::Bytes>() as u32 * 8;

    /// The first `length` bits of an address; the others become zero. `None` if it has not so
    /// many.
    #[must_use]
    pub fn new(address: A, length: u32) -> Option<Self> {
        if length > Self::BITS {
            return None;
        }
        let mut bytes = address.to_bytes();
        for (i, byte) in bytemuck::bytes_of_mut(&mut bytes).iter_mut().enumerate() {
            let kept = length.saturating_sub(i as u32 * 8).min(8);
            *byte &= !(0xff_u8.checked_shr(kept).unwrap_or(0));
        }
        Some(Self {
            address: A::from_bytes(bytes),
            length,
        })
    }

    /// The whole address.
    ///
    /// ```
    /// use ebpf_rt::maps::Prefix;
    /// use std::net::Ipv4Addr;
    ///
    /// assert_eq!(Prefix::of(Ipv4Addr::LOCALHOST).to_string(), "127.0.0.1/32");
    /// ```
    #[must_use]
    pub fn of(address: A) -> Self {
        Self {
            address,
            length: Self::BITS,
        }
    }

    /// The address, with zeros behind the prefix.
    #[must_use]
    pub fn address(&self) -> A {
        self.address
    }

    /// The number of bits.
    #[must_use]
    #[doc(alias = "prefixlen")]
    pub fn length(&self) -> u32 {
        self.length
    }

    #[cfg(feature = "std")]
    fn key(&self) -> Key<A::Bytes> {
        Key {
            length: self.length.to_ne_bytes(),
            bytes: self.address.to_bytes(),
        }
    }
}

/// `10.0.0.0/8`.
impl<A: core::fmt::Display> core::fmt::Display for Prefix<A> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl<A: core::fmt::Debug> core::fmt::Debug for Prefix<A> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}/{}", self.address, self.length)
    }
}

/// `struct bpf_lpm_trie_key`, of bytes: nothing in it is aligned, so nothing is padding.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Key<B> {
    length: [u8; 4],
    bytes: B,
}

/// `struct bpf_lpm_trie_key`: what the keys of the map are for the kernel.
impl<A: Address> BtfType for Prefix<A>
where
    A::Bytes: BtfType,
{
    const TYPE: &'static TypeDef = &TypeDef::Struct(CompositeDef::new(
        "bpf_lpm_trie_key",
        size_of::<Key<A::Bytes>>(),
        const {
            &[
                MemberDef::new("prefixlen", u32::TYPE, 0),
                MemberDef::new("data", A::Bytes::TYPE, 4),
            ]
        },
    ));
}

// SAFETY: bytes, for which zeros are valid.
unsafe impl<B: Pod> Zeroable for Key<B> {}
// SAFETY: `repr(C)` of an array of bytes and of `Address::Bytes`, which the sealed trait gives
// as arrays of bytes only: no padding, any bytes are valid, `Copy` and `'static` as `B` is.
unsafe impl<B: Pod> Pod for Key<B> {}

/// Values by prefixes of addresses: a look-up finds the longest prefix that fits.
///
/// `A` is [`Ipv4Addr`], [`Ipv6Addr`] or an array of bytes. The key that programs look up is the
/// number of bits (a `u32` in the machine's order) and then the bytes, in network order.
///
/// ```
/// use std::net::Ipv4Addr;
/// use ebpf_rt::{LpmTrie, maps::Prefix};
///
/// # kernel_test::example!();
/// let routes = LpmTrie::<Ipv4Addr, u32>::create(64)?;
/// let site = Prefix::new(Ipv4Addr::new(10, 0, 0, 0), 8).unwrap();
/// let floor = Prefix::new(Ipv4Addr::new(10, 1, 0, 0), 16).unwrap();
/// routes.insert(site, 1)?;
/// routes.insert(floor, 2)?;
/// assert_eq!(routes.find(Ipv4Addr::new(10, 1, 2, 3))?, Some(2));  // the longest that fits
/// assert_eq!(routes.find(Ipv4Addr::new(10, 9, 9, 9))?, Some(1));
/// assert_eq!(routes.find_prefix(site)?, Some(1));
/// assert_eq!(routes.iter().count(), 2);
/// assert!(routes.remove(floor)?);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[doc(alias = "BPF_MAP_TYPE_LPM_TRIE")]
pub struct LpmTrie<A, V> {
    #[cfg(feature = "std")]
    raw: RawMap,
    types: PhantomData<fn(A) -> V>,
}

impl<A: Address, V: Pod> LpmTrie<A, V> {
    /// The definition of a table with room for this many prefixes.
    ///
    /// ```
    /// use ebpf_rt::maps::{Def, LpmTrie};
    /// use std::net::Ipv6Addr;
    ///
    /// static ROUTES: Def<LpmTrie<Ipv6Addr, u32>> = LpmTrie::with_max_entries(64);
    /// assert_eq!(ROUTES.map_def("ROUTES").key_size, 4 + 16);
    /// ```
    #[must_use]
    pub const fn with_max_entries(max_entries: u32) -> Def<Self> {
        let key_size = size_of::<Key<A::Bytes>>();
        let def = Def::<Self>::new::<Key<A::Bytes>, V>(MapType::LpmTrie, max_entries);
        const {
            assert!(
                size_of::<A::Bytes>() >= 1 && size_of::<A::Bytes>() <= 256,
                "the addresses of a table of prefixes have 1 to 256 bytes"
            );
        }
        let value_size = def.as_map_def().value_size;
        // The kernel makes these tables in no other way.
        let def = MapDef::new(
            "",
            MapType::LpmTrie,
            key_size as u32,
            value_size,
            max_entries,
        );
        Def::of(def.with_flags(BPF_F_NO_PREALLOC))
    }
}

#[cfg(feature = "std")]
impl<A: Address, V: Pod> LpmTrie<A, V> {
    /// Creates a table without an object. [`Def::create`] is for flags and a name.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`](crate::ErrorKind::Permission) without the capability, and
    /// what else `BPF_MAP_CREATE` says.
    #[doc(alias = "BPF_MAP_CREATE")]
    pub fn create(max_entries: u32) -> Result<Self, Error> {
        Self::with_max_entries(max_entries).create("lpm_trie")
    }

    /// The value of the longest prefix of this address, if there is one.
    ///
    /// # Errors
    /// What `BPF_MAP_LOOKUP_ELEM` says.
    #[doc(alias = "BPF_MAP_LOOKUP_ELEM")]
    pub fn find(&self, address: A) -> Result<Option<V>, Error> {
        self.find_prefix(Prefix::of(address))
    }

    /// The value of the longest prefix that this prefix begins with, if there is one: perhaps
    /// its own.
    ///
    /// # Errors
    /// What `BPF_MAP_LOOKUP_ELEM` says.
    pub fn find_prefix(&self, prefix: Prefix<A>) -> Result<Option<V>, Error> {
        iter::lookup(&self.raw, &prefix.key())
    }

    /// Makes an entry or replaces its value.
    ///
    /// # Errors
    /// [`ErrorKind::Full`](crate::ErrorKind::Full) if there is no room; what else
    /// `BPF_MAP_UPDATE_ELEM` says.
    #[doc(alias = "BPF_MAP_UPDATE_ELEM")]
    pub fn insert(&self, prefix: Prefix<A>, value: V) -> Result<(), Error> {
        self.raw
            .update(
                bytemuck::bytes_of(&prefix.key()),
                bytemuck::bytes_of(&value),
                Update::Any,
            )
            .map_err(|error| match error.errno() {
                // What this kind says where the others say E2BIG.
                Some(crate::Errno::ENOSPC) => {
                    error.with_kind(crate::ErrorKind::Full).because(format!(
                        "the map is full: its max_entries is {}",
                        self.raw.max_entries()
                    ))
                }
                _ => error,
            })
    }

    /// Removes an entry; whether there was one of exactly this prefix.
    ///
    /// # Errors
    /// What `BPF_MAP_DELETE_ELEM` says.
    #[doc(alias = "BPF_MAP_DELETE_ELEM")]
    pub fn remove(&self, prefix: Prefix<A>) -> Result<bool, Error> {
        self.raw.delete(bytemuck::bytes_of(&prefix.key()))
    }

    /// The entries; longer prefixes come before those that they begin with. Values are looked
    /// up by prefix: when an entry is removed meanwhile, it can come with the value of a
    /// shorter prefix.
    #[doc(alias = "BPF_MAP_GET_NEXT_KEY")]
    pub fn iter(&self) -> impl Iterator<Item = Result<(Prefix<A>, V), Error>> + use<'_, A, V> {
        Iter::<Key<A::Bytes>, V>::new(&self.raw).map(|entry| {
            entry.map(|(key, value)| {
                let prefix = Prefix {
                    address: A::from_bytes(key.bytes),
                    length: u32::from_ne_bytes(key.length),
                };
                (prefix, value)
            })
        })
    }
}

super::map_impls!(
    [A: Address, V: super::PlainData] LpmTrie<A, V>, Def<Self>, LpmTrie,
    size_of::<Key<A::Bytes>>(), size_of::<V>(), Prefix<A>, V
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_have_zeros_behind_them() {
        let all = [0xff_u8; 3];
        for (length, expected) in [
            (0, [0, 0, 0]),
            (1, [0x80, 0, 0]),
            (8, [0xff, 0, 0]),
            (13, [0xff, 0xf8, 0]),
            (23, [0xff, 0xff, 0xfe]),
            (24, all),
        ] {
            assert_eq!(Prefix::new(all, length).unwrap().address(), expected);
        }
        assert!(Prefix::new(all, 25).is_none());
        assert_eq!(size_of::<Key<[u8; 3]>>(), 7);
        let prefix = Prefix::new(Ipv6Addr::LOCALHOST, 127).unwrap();
        assert_eq!(prefix.to_string(), "::/127");
    }
}
