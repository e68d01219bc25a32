//! Helpers on maps, ring buffers, tail calls and callbacks.

use super::super::maps::{Data, MapError, Stacks};
use super::super::memory::Memory;
use super::{Builtin, Effect, HelperCall, HelperError, Result, errno};
use crate::isa::Size;
use core::mem;

pub(super) const BUILTINS: &[(&str, Builtin)] = &[
    ("bpf_map_lookup_elem", lookup),
    ("bpf_map_lookup_percpu_elem", lookup_percpu),
    ("bpf_map_update_elem", update),
    ("bpf_map_delete_elem", delete),
    ("bpf_map_push_elem", push),
    ("bpf_map_pop_elem", pop),
    ("bpf_map_peek_elem", peek),
    ("bpf_for_each_map_elem", for_each),
    ("bpf_loop", bpf_loop),
    ("bpf_tail_call", tail_call),
    ("bpf_spin_lock", spin_lock),
    ("bpf_spin_unlock", spin_unlock),
    ("bpf_ringbuf_output", ringbuf_output),
    ("bpf_ringbuf_reserve", ringbuf_reserve),
    ("bpf_ringbuf_submit", ringbuf_submit),
    ("bpf_ringbuf_discard", ringbuf_discard),
    ("bpf_ringbuf_query", ringbuf_query),
    ("bpf_perf_event_output", perf_event_output),
    ("bpf_get_stackid", get_stackid),
];

const BPF_MAX_LOOPS: u64 = 8 * 1024 * 1024;
/// The records that a perf event array has room for.
const RECORDS: usize = 16 * 1024;
/// In `flags` of `bpf_perf_event_output`: the event of this CPU.
const BPF_F_CURRENT_CPU: u64 = 0xffff_ffff;

const fn effect(result: core::result::Result<(), MapError>) -> Effect {
    match result {
        Ok(()) => Effect::Return(0),
        Err(error) => Effect::Return(error.result()),
    }
}

impl HelperCall<'_> {
    /// Runs something with copies of the key in `r2` and, if asked for, the value in `r3`.
    fn with_key_and_value<R>(
        &mut self,
        map: usize,
        value: bool,
        with: impl FnOnce(&mut Self, &[u8], &[u8]) -> R,
    ) -> Result<R> {
        let mut scratch = mem::take(self.scratch);
        scratch.key.clear();
        scratch.value.clear();
        let (key_size, value_size) = (self.maps[map].key_size, self.maps[map].value_size);
        let read = self
            .read(self.argument(2), u64::from(key_size))
            .map(|key| scratch.key.extend_from_slice(key))
            .and_then(|()| {
                if value {
                    let value = self.read(self.argument(3), u64::from(value_size))?;
                    scratch.value.extend_from_slice(value);
                }
                Ok(())
            });
        let result = read.map(|()| with(self, &scratch.key, &scratch.value));
        *self.scratch = scratch;
        result
    }
}

fn lookup(call: &mut HelperCall<'_>) -> Result<Effect> {
    let cpu = call.world.cpu as usize;
    lookup_on(call, cpu)
}

fn lookup_percpu(call: &mut HelperCall<'_>) -> Result<Effect> {
    let cpu = usize::try_from(call.argument(3)).unwrap_or(usize::MAX);
    lookup_on(call, cpu)
}

fn lookup_on(call: &mut HelperCall<'_>, cpu: usize) -> Result<Effect> {
    let map = call.map_index(1)?;
    let address = call.with_key_and_value(map, false, |call, key, _| {
        call.maps[map].lookup(call.memory, key, cpu)
    })?;
    Ok(Effect::Return(address.unwrap_or(0)))
}

fn update(call: &mut HelperCall<'_>) -> Result<Effect> {
    let map = call.map_index(1)?;
    let flags = call.argument(4);
    if matches!(call.maps[map].data, Data::Programs(_) | Data::Queue(_)) {
        let name = &call.maps[map].name;
        return Err(call.error(format_args!("cannot change map `{name}`")));
    }
    let result = call.with_key_and_value(map, true, |call, key, value| {
        let cpu = Some(call.world.cpu as usize);
        call.maps[map].update(call.memory, key, value, flags, cpu)
    })?;
    Ok(effect(result))
}

fn delete(call: &mut HelperCall<'_>) -> Result<Effect> {
    let map = call.map_index(1)?;
    if matches!(call.maps[map].data, Data::Programs(_) | Data::Queue(_)) {
        let name = &call.maps[map].name;
        return Err(call.error(format_args!("cannot change map `{name}`")));
    }
    let result = call.with_key_and_value(map, false, |call, key, _| {
        call.maps[map].delete(call.memory, key)
    })?;
    Ok(effect(result))
}

fn push(call: &mut HelperCall<'_>) -> Result<Effect> {
    let map = call.map_index(1)?;
    let (address, flags) = (call.argument(2), call.argument(3));
    let size = call.maps[map].value_size as usize;
    let Some(value) = call.memory.read(address, size) else {
        return Err(call.refused(address, size as u64, false));
    };
    match &mut call.maps[map].data {
        Data::Queue(queue) => Ok(effect(queue.push(value, flags))),
        _ => Err(call.error("wants a queue or a stack")),
    }
}

fn take(call: &mut HelperCall<'_>, remove: bool) -> Result<Effect> {
    let map = call.map_index(1)?;
    let address = call.argument(2);
    let size = call.maps[map].value_size as usize;
    if call.memory.write(address, size).is_none() {
        return Err(call.refused(address, size as u64, true));
    }
    let Some(value) = call.memory.write(address, size) else {
        return Err(HelperError::new("no such memory"));
    };
    match &mut call.maps[map].data {
        Data::Queue(queue) => {
            let result = if remove {
                queue.pop(value)
            } else {
                queue.peek(value)
            };
            if result.is_err() {
                value.fill(0);
            }
            Ok(effect(result))
        }
        _ => Err(call.error("wants a queue or a stack")),
    }
}

fn pop(call: &mut HelperCall<'_>) -> Result<Effect> {
    take(call, true)
}

fn peek(call: &mut HelperCall<'_>) -> Result<Effect> {
    take(call, false)
}

fn for_each(call: &mut HelperCall<'_>) -> Result<Effect> {
    let map = call.map_index(1)?;
    if call.argument(4) != 0 {
        return Ok(effect(Err(MapError::EINVAL)));
    }
    match call.maps[map].data {
        Data::Array(_) | Data::Hash(_) => Ok(Effect::ForEach {
            map: map as u32,
            callback: call.argument(2),
            context: call.argument(3),
        }),
        _ => Err(call.error("wants an array or a hash map")),
    }
}

fn bpf_loop(call: &mut HelperCall<'_>) -> Result<Effect> {
    // The kernel takes 32 bits of the count.
    let count = u64::from(call.argument(1) as u32);
    if call.argument(4) != 0 {
        return Ok(effect(Err(MapError::EINVAL)));
    }
    if count > BPF_MAX_LOOPS {
        return Ok(effect(Err(MapError::E2BIG)));
    }
    Ok(Effect::Loop {
        count: count as u32,
        callback: call.argument(2),
        context: call.argument(3),
    })
}

fn tail_call(call: &mut HelperCall<'_>) -> Result<Effect> {
    let map = call.map_index(2)?;
    match call.maps[map].data {
        Data::Programs(_) => Ok(Effect::TailCall {
            map: map as u32,
            index: call.argument(3) as u32,
        }),
        _ => Err(call.error("wants a program array")),
    }
}

fn spin(call: &mut HelperCall<'_>, from: u64, to: u64, wrong: &str) -> Result<Effect> {
    let lock = call.argument(1);
    call.write(lock, 4)?;
    if call.memory.load(Size::Word, lock) != Some(from) {
        return Err(call.error(wrong));
    }
    if call.memory.store(Size::Word, lock, to).is_none() {
        return Err(call.refused(lock, 4, true));
    }
    Ok(Effect::Return(0))
}

fn spin_lock(call: &mut HelperCall<'_>) -> Result<Effect> {
    spin(
        call,
        0,
        1,
        "takes a lock that is held: it would wait for ever",
    )
}

fn spin_unlock(call: &mut HelperCall<'_>) -> Result<Effect> {
    spin(call, 1, 0, "gives a lock back that is not held")
}

fn ringbuf_output(call: &mut HelperCall<'_>) -> Result<Effect> {
    let map = call.map_index(1)?;
    let (address, length) = (call.argument(2), call.argument(3));
    call.read(address, length)?;
    let Data::Ring(ring) = &mut call.maps[map].data else {
        return Err(call.error("wants a ring buffer"));
    };
    let Some(record) = ring.reserve(length) else {
        return Ok(effect(Err(MapError::EAGAIN)));
    };
    let mut scratch = mem::take(call.scratch);
    scratch.value.clear();
    let copied = call
        .read(address, length)
        .map(|bytes| scratch.value.extend_from_slice(bytes))
        .and_then(|()| {
            call.write(record, length)?.copy_from_slice(&scratch.value);
            Ok(())
        });
    *call.scratch = scratch;
    copied?;
    if let Data::Ring(ring) = &mut call.maps[map].data {
        ring.finish(record, false);
    }
    Ok(Effect::Return(0))
}

fn ringbuf_reserve(call: &mut HelperCall<'_>) -> Result<Effect> {
    let map = call.map_index(1)?;
    let (length, flags) = (call.argument(2), call.argument(3));
    let Data::Ring(ring) = &mut call.maps[map].data else {
        return Err(call.error("wants a ring buffer"));
    };
    let record = if flags == 0 {
        ring.reserve(length)
    } else {
        None
    };
    Ok(Effect::Return(record.unwrap_or(0)))
}

fn finish(call: &mut HelperCall<'_>, discard: bool) -> Result<Effect> {
    let record = call.argument(1);
    let found = call.maps.iter_mut().any(|map| match &mut map.data {
        Data::Ring(ring) => ring.finish(record, discard),
        _ => false,
    });
    if found {
        Ok(Effect::Return(0))
    } else {
        Err(call.error(format_args!(
            "wants a reserved record in r1, which is {record:#x}"
        )))
    }
}

fn ringbuf_submit(call: &mut HelperCall<'_>) -> Result<Effect> {
    finish(call, false)
}

fn ringbuf_discard(call: &mut HelperCall<'_>) -> Result<Effect> {
    finish(call, true)
}

fn ringbuf_query(call: &mut HelperCall<'_>) -> Result<Effect> {
    let map = call.map_index(1)?;
    match &call.maps[map].data {
        Data::Ring(ring) => Ok(Effect::Return(ring.query(call.argument(2)))),
        _ => Err(call.error("wants a ring buffer")),
    }
}

fn perf_event_output(call: &mut HelperCall<'_>) -> Result<Effect> {
    let map = call.map_index(2)?;
    let index = match call.argument(3) & 0xffff_ffff {
        BPF_F_CURRENT_CPU => call.world.cpu,
        index => index as u32,
    };
    let record = call.read(call.argument(4), call.argument(5))?.to_vec();
    if index >= call.maps[map].max_entries {
        return Ok(errno(MapError::E2BIG.errno()));
    }
    match &mut call.maps[map].data {
        // As of a ring that nobody reads.
        Data::Events(events) if events.len() == RECORDS => Ok(errno(MapError::ENOSPC.errno())),
        Data::Events(events) => {
            events.push_back((index, record));
            Ok(Effect::Return(0))
        }
        _ => Err(call.error("wants a perf event array")),
    }
}

fn get_stackid(call: &mut HelperCall<'_>) -> Result<Effect> {
    let map = call.map_index(2)?;
    let flags = call.argument(3);
    let stack = match Stacks::is_of_user(flags) {
        true => &call.world.user_stack,
        false => &call.world.kernel_stack,
    };
    match &mut call.maps[map].data {
        Data::Stacks(stacks) => Ok(match stacks.put(stack, flags) {
            Ok(id) => Effect::Return(id.into()),
            Err(error) => errno(error.errno()),
        }),
        _ => Err(call.error("wants a map of stack traces")),
    }
}

/// The map that a tail call or a loop over entries is about, for the machine.
pub(in crate::vm) fn program_at(
    maps: &[super::super::maps::Map],
    map: u32,
    index: u32,
) -> Option<usize> {
    match &maps.get(map as usize)?.data {
        Data::Programs(programs) => programs.get(index as usize).copied().flatten(),
        _ => None,
    }
}

/// A map's handle, as a callback gets it.
pub(in crate::vm) const fn handle(map: u32) -> u64 {
    Memory::map_handle(map)
}
