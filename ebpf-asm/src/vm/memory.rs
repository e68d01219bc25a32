//! The memory of a machine: regions with bounds and permissions, and the addresses that
//! programs see.
//!
//! An address is a region's number in the upper half and a place in the lower one, so that no
//! number that a program makes up leads to memory of the host: it leads into a region or to a
//! fault. Regions begin at [`BASE`] of their half, so that an access just before one is not in
//! the one before. The packet is region 0: its addresses fit the 32-bit fields `data` and
//! `data_end` of the kernel's contexts.

use crate::isa::Size;
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// Where in its half of the addresses a region begins.
const BASE: u32 = 0x1000_0000;

/// Regions whose memory is not a region of bytes: what programs may hold, but not look into.
const MAP_HANDLES: u32 = 0x4000_0000;
const FUNCTIONS: u32 = 0x4000_0001;

/// A region's number.
///
/// ```
/// use ebpf_asm::vm::{Permissions, Vm};
///
/// let mut vm = Vm::new();
/// let one = vm.add_region("one", vec![1], Permissions::ReadOnly);
/// let two = vm.add_region("two", vec![2], Permissions::ReadOnly);
/// assert_ne!(vm.address(one), vm.address(two));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegionId(pub(super) u32);

/// What programs may do with a region.
///
/// ```
/// use ebpf_asm::vm::{FaultKind, Permissions, Vm};
///
/// let mut vm = Vm::new();
/// let table = vm.add_region("the table", vec![0; 8], Permissions::ReadOnly);
/// let program = vm.load_code("write", &ebpf_asm::assemble("write: *(u8 *)(r1 + 0) = 1; exit")?);
/// let address = vm.address(table);
/// let fault = vm.call(program, "write", &[address]).unwrap_err();
/// assert_eq!(fault.kind(), &FaultKind::ReadOnly);
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// Load only.
    ReadOnly,
    /// Load and store.
    ReadWrite,
}

/// Memory that programs see.
#[derive(Clone, Debug)]
pub(super) struct Region {
    pub(super) name: Cow<'static, str>,
    pub(super) bytes: Vec<u8>,
    pub(super) writable: bool,
    /// Of memory that is many values one after the other: the distance between them, and the
    /// bytes of each. An access has to stay within one. 0 if it is one piece.
    pub(super) stride: u32,
    pub(super) element: u32,
}

/// Why memory cannot be accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessError {
    OutOfBounds,
    ReadOnly,
    Misaligned,
}

/// What an address means, for messages.
pub(super) enum Place<'a> {
    /// In or near a region: how far from its start.
    Region(&'a Region, i64),
    /// The handle of a map.
    Map,
    /// A function.
    Function,
    /// Nothing: a number.
    Nothing,
}

/// All regions of a machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    regions: Vec<Region>,
}

impl Memory {
    pub(super) fn add(&mut self, region: Region) -> RegionId {
        self.regions.push(region);
        RegionId(self.regions.len() as u32 - 1)
    }

    pub(super) fn region(&self, id: RegionId) -> &Region {
        &self.regions[id.0 as usize]
    }

    pub(super) fn region_mut(&mut self, id: RegionId) -> &mut Region {
        &mut self.regions[id.0 as usize]
    }

    /// The address of a region's first byte.
    pub(super) const fn address(id: RegionId) -> u64 {
        (id.0 as u64) << 32 | BASE as u64
    }

    /// The address of a place in a region.
    pub(super) const fn address_of(id: RegionId, offset: usize) -> u64 {
        Self::address(id) + offset as u64
    }

    /// What stands for a map in registers.
    pub(super) const fn map_handle(map: u32) -> u64 {
        (MAP_HANDLES as u64) << 32 | (map as u64) << 4 | 0xf
    }

    /// The map that a handle stands for.
    pub(super) const fn map_of(handle: u64) -> Option<u32> {
        if handle >> 32 == MAP_HANDLES as u64 && handle & 0xf == 0xf {
            Some(handle as u32 >> 4)
        } else {
            None
        }
    }

    /// What stands for a function in registers.
    pub(super) const fn function(program: usize, slot: usize) -> u64 {
        ((FUNCTIONS as u64) + program as u64) << 32 | slot as u64
    }

    /// The program and slot of a function.
    pub(super) const fn function_of(address: u64) -> Option<(usize, usize)> {
        match (address >> 32).checked_sub(FUNCTIONS as u64) {
            Some(program) => Some((program as usize, address as u32 as usize)),
            None => None,
        }
    }

    /// The bytes of an access, if it may be.
    #[inline]
    fn bounds(region: &Region, address: u64, length: usize) -> Option<usize> {
        let offset = (address as u32).wrapping_sub(BASE);
        if region.stride != 0 && !Self::is_in_element(region, offset, length) {
            return None;
        }
        Some(offset as usize)
    }

    #[cold]
    #[inline(never)]
    fn is_in_element(region: &Region, offset: u32, length: usize) -> bool {
        (offset % region.stride) as usize + length <= region.element as usize
    }

    /// The bytes at an address.
    #[inline]
    pub(super) fn read(&self, address: u64, length: usize) -> Option<&[u8]> {
        let region = self.regions.get((address >> 32) as usize)?;
        let offset = Self::bounds(region, address, length)?;
        region.bytes.get(offset..)?.get(..length)
    }

    /// The bytes at an address, to be written.
    #[inline]
    pub(super) fn write(&mut self, address: u64, length: usize) -> Option<&mut [u8]> {
        let region = self.regions.get_mut((address >> 32) as usize)?;
        let offset = Self::bounds(region, address, length)?;
        if !region.writable {
            return None;
        }
        region.bytes.get_mut(offset..)?.get_mut(..length)
    }

    #[inline]
    fn array<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let region = self.regions.get((address >> 32) as usize)?;
        let offset = Self::bounds(region, address, N)?;
        region.bytes.get(offset..)?.first_chunk().copied()
    }

    #[inline]
    fn put<const N: usize>(&mut self, address: u64, bytes: [u8; N]) -> Option<()> {
        let region = self.regions.get_mut((address >> 32) as usize)?;
        let offset = Self::bounds(region, address, N)?;
        if !region.writable {
            return None;
        }
        *region.bytes.get_mut(offset..)?.first_chunk_mut()? = bytes;
        Some(())
    }

    /// Loads a number of this size, zero-extended.
    #[inline]
    pub(super) fn load(&self, size: Size, address: u64) -> Option<u64> {
        Some(match size {
            Size::Byte => u64::from(u8::from_ne_bytes(self.array(address)?)),
            Size::Half => u64::from(u16::from_ne_bytes(self.array(address)?)),
            Size::Word => u64::from(u32::from_ne_bytes(self.array(address)?)),
            Size::Double => u64::from_ne_bytes(self.array(address)?),
        })
    }

    /// Stores the lower bytes of a number.
    #[inline]
    pub(super) fn store(&mut self, size: Size, address: u64, value: u64) -> Option<()> {
        match size {
            Size::Byte => self.put(address, (value as u8).to_ne_bytes()),
            Size::Half => self.put(address, (value as u16).to_ne_bytes()),
            Size::Word => self.put(address, (value as u32).to_ne_bytes()),
            Size::Double => self.put(address, value.to_ne_bytes()),
        }
    }

    /// Why an access was refused.
    pub(super) fn explain(&self, address: u64, length: usize, write: bool) -> AccessError {
        match self.read(address, length) {
            None => AccessError::OutOfBounds,
            Some(_) if write => AccessError::ReadOnly,
            Some(_) => AccessError::Misaligned,
        }
    }

    /// What an address means.
    pub(super) fn place(&self, address: u64) -> Place<'_> {
        let number = (address >> 32) as usize;
        if Self::map_of(address).is_some() {
            return Place::Map;
        }
        if Self::function_of(address)
            .is_some_and(|(program, slot)| slot < BASE as usize && program < BASE as usize)
        {
            return Place::Function;
        }
        // An address shortly before a region is still of that region's half.
        let Some(region) = self.regions.get(number) else {
            return Place::Nothing;
        };
        // Small numbers are no addresses of packets.
        if number == 0 && address < u64::from(BASE) / 2 {
            return Place::Nothing;
        }
        Place::Region(region, i64::from(address as u32) - i64::from(BASE))
    }
}
