//! Helpers that read memory without faulting. User space and kernel are the machine's regions.

use super::super::maps::MapError;
use super::{Builtin, Effect, HelperCall, Result, errno};

pub(super) const BUILTINS: &[(&str, Builtin)] = &[
    ("bpf_probe_read", probe_read),
    ("bpf_probe_read_user", probe_read),
    ("bpf_probe_read_kernel", probe_read),
    ("bpf_probe_read_str", probe_read_str),
    ("bpf_probe_read_user_str", probe_read_str),
    ("bpf_probe_read_kernel_str", probe_read_str),
    ("bpf_strncmp", strncmp),
];

fn probe_read(call: &mut HelperCall<'_>) -> Result<Effect> {
    let [to, length, from, ..] = call.arguments;
    // The kernel's length has 32 bits.
    let length = length & 0xffff_ffff;
    if length == 0 {
        return Ok(Effect::Return(0));
    }
    call.write(to, length)?;
    for (place, at) in (0..length).zip(to..) {
        let Some(&[byte]) = call.memory.read(from.wrapping_add(place), 1) else {
            // What was copied before the hole stays nowhere: all of it becomes zero.
            call.write(to, length)?.fill(0);
            return Ok(errno(MapError::EFAULT.errno()));
        };
        call.write(at, 1)?[0] = byte;
    }
    Ok(Effect::Return(0))
}

fn probe_read_str(call: &mut HelperCall<'_>) -> Result<Effect> {
    let [to, length, from, ..] = call.arguments;
    let length = length & 0xffff_ffff;
    if length == 0 {
        return Ok(Effect::Return(0));
    }
    call.write(to, length)?;
    for (place, at) in (0..length).zip(to..) {
        let byte = match call.memory.read(from.wrapping_add(place), 1) {
            Some(&[byte]) => byte,
            _ => {
                call.write(to, length)?.fill(0);
                return Ok(errno(MapError::EFAULT.errno()));
            }
        };
        // The last byte is the end, whatever the string has there.
        let byte = if place + 1 == length { 0 } else { byte };
        call.write(at, 1)?[0] = byte;
        if byte == 0 {
            return Ok(Effect::Return(place + 1));
        }
    }
    Ok(Effect::Return(length))
}

fn strncmp(call: &mut HelperCall<'_>) -> Result<Effect> {
    let [first, length, second, ..] = call.arguments;
    let length = length & 0xffff_ffff;
    call.read(first, length)?;
    for place in 0..length {
        let a = call.read(first + place, 1)?[0];
        let b = call.read(second.wrapping_add(place), 1)?[0];
        if a != b {
            return Ok(Effect::Return(if a < b { u64::MAX } else { 1 }));
        }
        if a == 0 {
            break;
        }
    }
    Ok(Effect::Return(0))
}
