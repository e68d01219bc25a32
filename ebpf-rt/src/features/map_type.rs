//! Map types: the smallest map of each.

use super::{ask, btf_kind};
use crate::maps::raw::with_memlock;
use crate::sys::probe::{self, ProbeMap};
use crate::{Errno, Error, ErrorKind, capabilities};
use ebpf_asm::{MapType, ProgramType};
use std::os::fd::AsFd;

const BPF_F_NO_PREALLOC: u32 = 1;
const BPF_F_MMAPABLE: u32 = 1 << 10;
/// A power of two and whole pages, whatever their size.
const RING_SIZE: u32 = 64 * 1024;

/// The smallest map of this type; without descriptors, which have to be made first.
const fn smallest(map_type: MapType) -> ProbeMap<'static> {
    let (key_size, value_size, max_entries, flags) = match map_type {
        MapType::StackTrace => (4, 8, 1, 0),
        MapType::LpmTrie => (8, 8, 1, BPF_F_NO_PREALLOC),
        // struct bpf_cgroup_storage_key
        MapType::CgroupStorage | MapType::PercpuCgroupStorage => (16, 8, 0, 0),
        MapType::Queue | MapType::Stack | MapType::BloomFilter => (0, 4, 1, 0),
        MapType::SkStorage
        | MapType::InodeStorage
        | MapType::TaskStorage
        | MapType::CgrpStorage => (4, 4, 0, BPF_F_NO_PREALLOC),
        MapType::Ringbuf | MapType::UserRingbuf => (0, 0, RING_SIZE, 0),
        MapType::Arena => (0, 0, 1, BPF_F_MMAPABLE),
        // struct bpf_insn_array_value
        MapType::InsnArray => (4, 16, 1, 0),
        MapType::Rhash => (4, 4, 1, BPF_F_NO_PREALLOC),
        _ => (4, 4, 1, 0),
    };
    ProbeMap {
        map_type,
        key_size,
        value_size,
        max_entries,
        flags,
        inner: None,
        btf: None,
        // No type of the kernel is named so; it is looked for if the map type is known.
        kernel_type: matches!(map_type, MapType::StructOps) as u32,
    }
}

/// What a kernel answers that knows the type, although it makes no map.
const fn also_known_by(map_type: MapType) -> Option<Errno> {
    match map_type {
        MapType::StructOps => Some(Errno::ENOTSUPP),
        _ => None,
    }
}

pub(super) fn ask(map_type: MapType) -> Result<bool, Error> {
    let mut map = smallest(map_type);
    let (inner, btf);
    match map_type {
        MapType::ArrayOfMaps | MapType::HashOfMaps => {
            inner =
                create(&smallest(MapType::Array)).map_err(|errno| unexpected(map_type, errno))?;
            map.inner = Some(inner.as_fd());
        }
        MapType::SkStorage
        | MapType::InodeStorage
        | MapType::TaskStorage
        | MapType::CgrpStorage => {
            // These want the types of key and value.
            match ask::load_btf(&btf_kind::integer()) {
                Ok(fd) => btf = fd,
                // No BTF, and so none of what needs it.
                Err(refusal) if refusal.is_wordless() => return Ok(false),
                Err(refusal) => {
                    let asked = format!("maps of type {map_type}");
                    return Err(refusal.unexpected(
                        &asked,
                        "BPF_BTF_LOAD",
                        ProgramType::SocketFilter,
                    ));
                }
            }
            map.btf = Some(btf.as_fd());
        }
        _ => {}
    }
    match create(&map) {
        Ok(_) => Ok(true),
        Err(errno) if also_known_by(map_type) == Some(errno) => Ok(true),
        Err(Errno::EINVAL) => Ok(false),
        // Where the JIT cannot do it.
        Err(Errno::EOPNOTSUPP) if map_type == MapType::Arena => Ok(false),
        Err(errno) => Err(unexpected(map_type, errno)),
    }
}

/// Whether tables of functions get into the kernel by links. No type of the kernel is named; it
/// is looked for if the flag is known.
pub(super) fn ask_struct_ops_links() -> Result<bool, Error> {
    const BPF_F_LINK: u32 = 1 << 13;
    let map = ProbeMap {
        flags: BPF_F_LINK,
        ..smallest(MapType::StructOps)
    };
    match create(&map) {
        Ok(_) => Ok(true),
        Err(errno) if also_known_by(MapType::StructOps) == Some(errno) => Ok(true),
        Err(Errno::EINVAL) => Ok(false),
        Err(errno) => Err(unexpected(MapType::StructOps, errno)),
    }
}

fn create(map: &ProbeMap<'_>) -> Result<std::os::fd::OwnedFd, Errno> {
    with_memlock(|| probe::map_create(map))
}

fn unexpected(map_type: MapType, errno: Errno) -> Error {
    let error = ask::unexpected(&format!("maps of type {map_type}"), "BPF_MAP_CREATE", errno);
    match error.kind() {
        ErrorKind::Permission => ask::explain(error, errno, capabilities::for_map(map_type)),
        _ => error,
    }
}
