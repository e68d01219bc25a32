//! Helpers on packets.

use super::super::maps::MapError;
use super::super::memory::Memory;
use super::{Builtin, Effect, HelperCall, Result, errno};

pub(super) const BUILTINS: &[(&str, Builtin)] = &[
    ("bpf_skb_load_bytes", skb_load_bytes),
    ("bpf_skb_store_bytes", skb_store_bytes),
    ("bpf_xdp_load_bytes", xdp_load_bytes),
    ("bpf_xdp_store_bytes", xdp_store_bytes),
];

/// The kernel's limit for offsets into a packet.
const MAXIMUM_OFFSET: u64 = 0x7fff_ffff;

impl HelperCall<'_> {
    fn check_context(&self) -> Result<()> {
        if self.argument(1) == Memory::address(self.context) {
            Ok(())
        } else {
            Err(self.error(format_args!(
                "wants the context in r1, which is {:#x}",
                self.argument(1)
            )))
        }
    }

    /// The range of bytes in the packet, if it has them.
    fn in_packet(&self, offset: u64, length: u64) -> Option<core::ops::Range<usize>> {
        let offset = offset & 0xffff_ffff;
        if offset > MAXIMUM_OFFSET {
            return None;
        }
        let end = offset.checked_add(length)?;
        let packet = &self.memory.region(self.packet).bytes;
        (end <= packet.len() as u64).then_some(offset as usize..end as usize)
    }
}

fn load_bytes(call: &mut HelperCall<'_>, clears: bool) -> Result<Effect> {
    call.check_context()?;
    let [_, offset, to, length, _] = call.arguments;
    let length = length & 0xffff_ffff;
    call.write(to, length)?;
    let Some(range) = call.in_packet(offset, length) else {
        if clears {
            call.write(to, length)?.fill(0);
        }
        return Ok(errno(if clears {
            MapError::EFAULT.errno()
        } else {
            MapError::EINVAL.errno()
        }));
    };
    for (at, from) in (to..).zip(range) {
        let byte = call.memory.region(call.packet).bytes[from];
        call.write(at, 1)?[0] = byte;
    }
    Ok(Effect::Return(0))
}

fn store_bytes(call: &mut HelperCall<'_>, refusal: MapError) -> Result<Effect> {
    call.check_context()?;
    let [_, offset, from, length, _] = call.arguments;
    let length = length & 0xffff_ffff;
    call.read(from, length)?;
    let Some(range) = call.in_packet(offset, length) else {
        return Ok(errno(refusal.errno()));
    };
    for (at, to) in (from..).zip(range) {
        let byte = call.read(at, 1)?[0];
        call.memory.region_mut(call.packet).bytes[to] = byte;
    }
    Ok(Effect::Return(0))
}

fn skb_load_bytes(call: &mut HelperCall<'_>) -> Result<Effect> {
    load_bytes(call, true)
}

fn xdp_load_bytes(call: &mut HelperCall<'_>) -> Result<Effect> {
    load_bytes(call, false)
}

fn skb_store_bytes(call: &mut HelperCall<'_>) -> Result<Effect> {
    store_bytes(call, MapError::EFAULT)
}

fn xdp_store_bytes(call: &mut HelperCall<'_>) -> Result<Effect> {
    store_bytes(call, MapError::EINVAL)
}
