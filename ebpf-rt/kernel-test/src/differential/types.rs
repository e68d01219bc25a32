//! The types that random programs need: of their functions, and of values with locks and timers.

use super::Holds;
use crate::bpf;
use ebpf_asm::btf::{BuildError, Builder, IntEncoding, Linkage, Member, Parameter, TypeId};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Types that the kernel has; on a kernel that does not take them there are none.
#[derive(Debug)]
pub(super) struct Types {
    btf: Option<OwnedFd>,
    ids: Ids,
}

#[derive(Debug, Default)]
struct Ids {
    key: u32,
    locked: u32,
    timed: u32,
    function: u32,
    /// By the number of parameters.
    globals: [u32; 6],
}

impl Types {
    pub(super) fn new() -> Self {
        let (bytes, ids) = build().expect("types that kernels have");
        Self {
            btf: bpf::load_btf(&bytes).ok(),
            ids,
        }
    }

    pub(super) fn btf(&self) -> Option<BorrowedFd<'_>> {
        self.btf.as_ref().map(AsFd::as_fd)
    }

    /// The types of keys and values, if values are more than bytes.
    pub(super) const fn value(&self, holds: Holds) -> Option<[u32; 2]> {
        match holds {
            Holds::Bytes => None,
            Holds::Lock => Some([self.ids.key, self.ids.locked]),
            Holds::Timer => Some([self.ids.key, self.ids.timed]),
        }
    }

    pub(super) const fn function(&self) -> u32 {
        self.ids.function
    }

    pub(super) const fn global(&self, parameters: u8) -> u32 {
        self.ids.globals[parameters as usize]
    }
}

fn build() -> Result<(Vec<u8>, Ids), BuildError> {
    let mut types = Builder::new();
    let word = types.int("int", 4, IntEncoding::Signed)?;
    let double = types.int("long", 8, IntEncoding::Signed)?;
    let lock = types.structure("bpf_spin_lock", 4, &[Member::new("val", word, 0)])?;
    let pair = types.array(double, word, 2)?;
    let timer = types.structure("bpf_timer", 16, &[Member::new("__opaque", pair, 0)])?;
    let rest = types.array(double, word, 4)?;
    let more = types.array(double, word, 5)?;
    let locked = [
        Member::new("lock", lock, 0),
        Member::new("count", word, 32),
        Member::new("rest", more, 64),
    ];
    let locked = types.structure("locked", 48, &locked)?;
    let timed = [
        Member::new("timer", timer, 0),
        Member::new("rest", rest, 128),
    ];
    let timed = types.structure("timed", 48, &timed)?;
    let prototype = types.function_prototype(word, &[])?;
    let function = types.function("function", prototype, Linkage::Static)?;
    let names = ["a", "b", "c", "d", "e"];
    let mut globals = [0; 6];
    for (count, id) in globals.iter_mut().enumerate() {
        let parameters: Vec<Parameter<'_>> = names[..count]
            .iter()
            .map(|name| Parameter::new(name, double))
            .collect();
        let prototype = types.function_prototype(word, &parameters)?;
        let name = format!("global{count}");
        *id = types.function(&name, prototype, Linkage::Global)?.get();
    }
    let id = TypeId::get;
    let ids = Ids {
        key: id(word),
        locked: id(locked),
        timed: id(timed),
        function: id(function),
        globals,
    };
    Ok((types.finish_for_kernel()?, ids))
}
