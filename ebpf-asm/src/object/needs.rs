//! What the kernel has to be told about the types of maps and functions.

use super::{FunctionRecord, Linkage, MapDef, ProgramDef, ProgramKind, TypeDef};
use crate::MapType;

impl MapType {
    /// Whether maps of this type store something at an object of the kernel: a socket, a task.
    /// They cannot be created without the types of their values.
    ///
    /// ```
    /// use ebpf_asm::MapType;
    ///
    /// assert!(MapType::TaskStorage.is_storage() && !MapType::Hash.is_storage());
    /// ```
    #[must_use]
    pub const fn is_storage(self) -> bool {
        matches!(
            self,
            Self::SkStorage | Self::InodeStorage | Self::TaskStorage | Self::CgrpStorage
        )
    }

    /// Whether maps of this type can be created with the types of their keys and values.
    const fn takes_types(self) -> bool {
        matches!(
            self,
            Self::Hash
                | Self::LruHash
                | Self::PercpuHash
                | Self::LruPercpuHash
                | Self::Array
                | Self::PercpuArray
                | Self::LpmTrie
        ) || self.is_storage()
    }
}

impl MapDef {
    /// Whether the kernel has to know the types of the map: it is a storage, or has a lock, a
    /// timer or a kernel pointer in its values.
    #[must_use]
    pub fn needs_types(&self) -> bool {
        self.map_type.is_storage() || self.value.is_some_and(TypeDef::has_special_fields)
    }

    /// Whether the kernel takes this type for its keys.
    #[must_use]
    pub const fn takes_key(&self, key: &TypeDef) -> bool {
        match (self.map_type, key) {
            (MapType::LpmTrie, key) => matches!(key, TypeDef::Struct(_)),
            (MapType::Array | MapType::PercpuArray, key) => {
                matches!(key, TypeDef::Int { size: 4, .. })
            }
            (_, TypeDef::Void) => false,
            (map_type, _) => map_type.takes_types(),
        }
    }
}

impl ProgramDef {
    /// Whether the kernel has to know the types of the program's functions: one is global, or is
    /// passed to a helper that calls it, or takes the place of another program's.
    #[must_use]
    pub fn needs_types(&self) -> bool {
        if matches!(self.kind, ProgramKind::Extension { .. }) {
            return true;
        }
        let is_global = |function: &FunctionRecord| function.linkage == Linkage::Global;
        self.functions.iter().skip(1).any(is_global) || self.has_callbacks()
    }

    /// Whether it loads the address of a function: what callbacks are given by. Linux 5.13.
    #[must_use]
    #[doc(alias = "BPF_PSEUDO_FUNC")]
    pub fn has_callbacks(&self) -> bool {
        const PSEUDO_FUNC: u8 = 4;
        // A program of one function has none to load the address of.
        if self.functions.len() == 1 {
            return false;
        }
        let mut second = false;
        self.insns.iter().any(|insn| {
            if core::mem::take(&mut second) {
                return false;
            }
            second = insn.is_wide();
            second && insn.src() == PSEUDO_FUNC
        })
    }
}
