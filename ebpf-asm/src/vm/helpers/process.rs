//! Helpers that ask for the time, the process, the processor, or chance.

use super::super::world::COMM;
use super::{Builtin, Effect, HelperCall, Result};

pub(super) const BUILTINS: &[(&str, Builtin)] = &[
    ("bpf_ktime_get_ns", clock),
    ("bpf_ktime_get_boot_ns", clock),
    ("bpf_ktime_get_coarse_ns", clock),
    ("bpf_ktime_get_tai_ns", clock),
    ("bpf_jiffies64", jiffies),
    ("bpf_get_prandom_u32", random),
    ("bpf_get_smp_processor_id", processor),
    ("bpf_get_numa_node_id", node),
    ("bpf_get_current_pid_tgid", pid_tgid),
    ("bpf_get_current_uid_gid", uid_gid),
    ("bpf_get_current_comm", comm),
    ("bpf_get_current_cgroup_id", cgroup),
];

/// Nanoseconds of a jiffy at 250 Hz, and the kernel's first one: five minutes before zero.
const JIFFY: u64 = 4_000_000;
const FIRST_JIFFY: u64 = (u32::MAX - 300 * 250 + 1) as u64;

fn clock(call: &mut HelperCall<'_>) -> Result<Effect> {
    Ok(Effect::Return(call.world.clock))
}

fn jiffies(call: &mut HelperCall<'_>) -> Result<Effect> {
    Ok(Effect::Return(FIRST_JIFFY + call.world.clock / JIFFY))
}

fn random(call: &mut HelperCall<'_>) -> Result<Effect> {
    Ok(Effect::Return(call.world.random() & 0xffff_ffff))
}

fn processor(call: &mut HelperCall<'_>) -> Result<Effect> {
    Ok(Effect::Return(u64::from(call.world.cpu)))
}

fn node(_: &mut HelperCall<'_>) -> Result<Effect> {
    Ok(Effect::Return(0))
}

fn pid_tgid(call: &mut HelperCall<'_>) -> Result<Effect> {
    let (tgid, pid) = (call.world.tgid, call.world.pid);
    Ok(Effect::Return(u64::from(tgid) << 32 | u64::from(pid)))
}

fn uid_gid(call: &mut HelperCall<'_>) -> Result<Effect> {
    let (gid, uid) = (call.world.gid, call.world.uid);
    Ok(Effect::Return(u64::from(gid) << 32 | u64::from(uid)))
}

fn comm(call: &mut HelperCall<'_>) -> Result<Effect> {
    let [to, length, ..] = call.arguments;
    let length = length & 0xffff_ffff;
    let comm = call.world.comm;
    let buffer = call.write(to, length)?;
    buffer.fill(0);
    // The last byte stays zero.
    let room = buffer.len().saturating_sub(1).min(COMM);
    buffer[..room].copy_from_slice(&comm[..room]);
    Ok(Effect::Return(0))
}

fn cgroup(call: &mut HelperCall<'_>) -> Result<Effect> {
    Ok(Effect::Return(call.world.cgroup))
}
