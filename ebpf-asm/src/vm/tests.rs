use super::*;
use crate::isa::{AluOp, Instruction, Register, Width};
use crate::{Code, MapType, assemble};
use alloc::vec;

fn code(text: &str) -> Code {
    assemble(text).unwrap_or_else(|diagnostics| panic!("{text}\n{diagnostics}"))
}

/// The result of a program on this context.
fn run(text: &str, context: &mut [u8]) -> Result<u64, Fault> {
    let mut vm = Vm::new();
    let program = vm.load_code("test", &code(text));
    vm.run(program, context)
}

fn fault(text: &str) -> Fault {
    run(text, &mut [0; 16]).expect_err("it faults")
}

fn map(vm: &mut Vm, map_type: MapType, key: u32, value: u32, entries: u32) -> MapId {
    let def = MapDef::new("MAP", map_type, key, value, entries);
    vm.create_map(&def)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Puts the number of the map in the place of `MAP`.
fn with_map(map: MapId, text: &str) -> Code {
    code(&text.replace("MAP", &format!("{}", map.index())))
}

#[test]
fn context_and_packet_are_written_back() {
    let mut context = [1, 2, 3, 4];
    let text = "r2 = 7; *(u8 *)(r1 + 3) = r2; r0 = *(u8 *)(r1 + 1); exit";
    assert_eq!(run(text, &mut context), Ok(2));
    assert_eq!(context, [1, 2, 3, 7]);

    let mut vm = Vm::new();
    let program = vm.load_code(
        "mark",
        &code("r1 = *(u32 *)(r1 + 76); *(u8 *)(r1 + 0) = 9; r0 = 0; exit"),
    );
    let mut packet = [1, 2];
    assert_eq!(vm.run_on(program, Input::skb(&mut packet)), Ok(0));
    assert_eq!(packet, [9, 2]);
}

#[test]
fn faults_say_what_and_where() {
    let cases: &[(&str, FaultKind, &str)] = &[
        (
            "r0 = *(u64 *)(r1 + 9); exit",
            FaultKind::OutOfBounds,
            "reads 8 bytes at 9 of the context, which has 16 bytes",
        ),
        (
            "r0 = *(u8 *)(r1 - 1); exit",
            FaultKind::OutOfBounds,
            "reads 1 byte at -1 of the context, which has 16 bytes",
        ),
        (
            "r2 = r10; *(u64 *)(r2 - 520) = 0; exit",
            FaultKind::OutOfBounds,
            "writes 8 bytes at -8 of the stack, which has 512 bytes",
        ),
        (
            "r1 = 16; r0 = *(u32 *)(r1 + 0); exit",
            FaultKind::OutOfBounds,
            "reads 4 bytes at 0x10, which is no memory",
        ),
        (
            "r1 = -1; *(u32 *)(r1 + 0) = 0; exit",
            FaultKind::OutOfBounds,
            "writes 4 bytes at 0xffffffffffffffff, which is no memory",
        ),
        (
            "r2 = 1; lock *(u64 *)(r1 + 4) += r2; exit",
            FaultKind::Misaligned,
            "accesses 8 bytes at 4 of the context, which is not aligned",
        ),
        (
            "call 9999; exit",
            FaultKind::NoHelper { id: 9999 },
            "the interpreter has no helper 9999; give it one with `Vm::helper(9999, …)`",
        ),
        (
            "call bpf_get_stack; exit",
            FaultKind::NoHelper { id: 67 },
            "the interpreter has no `bpf_get_stack` (helper 67); give it one with \
             `Vm::helper(67, …)`",
        ),
        (
            "call kfunc(7, 0); exit",
            FaultKind::NotModelled,
            "the kernel function with BTF id 7 is only in a kernel",
        ),
        (
            "r0 = 0",
            FaultKind::NoInstruction,
            "the program ends without `exit`",
        ),
        (
            ".8byte 0xff; exit",
            FaultKind::NoInstruction,
            "this is no instruction",
        ),
    ];
    for (text, kind, message) in cases {
        let fault = fault(text);
        assert_eq!(fault.kind(), kind, "{text}");
        assert_eq!(fault.message(), *message, "{text}");
    }
    let fault = fault("r3 = 5; r0 = *(u64 *)(r1 + 9); exit");
    assert_eq!(fault.slot(), 1);
    assert_eq!(fault.region(), Some("the context"));
    assert_eq!(fault.registers()[3], 5);
    assert_eq!(fault.address(), Some(fault.registers()[1] + 9));
    assert!(
        format!("{fault:#}").contains("\n   r3 = 0x5\n"),
        "{fault:#}"
    );
}

#[test]
fn read_only_memory_is_not_written() {
    let mut vm = Vm::new();
    let region = vm.add_region("the table", vec![1, 2, 3, 4], Permissions::ReadOnly);
    let text = "write: *(u8 *)(r1 + 0) = 1; exit; add: r2 = 1; lock *(u32 *)(r1 + 0) += r2; exit";
    let program = vm.load_code("writes", &code(text));
    for function in ["write", "add"] {
        let address = vm.address(region);
        let fault = vm.call(program, function, &[address]).unwrap_err();
        assert_eq!(fault.kind(), &FaultKind::ReadOnly);
    }
    assert_eq!(vm.region(region), [1, 2, 3, 4]);
}

#[test]
fn endless_loops_end() {
    let mut vm = Vm::new();
    vm.set_budget(1000);
    let program = vm.load_code("loop", &code("again: goto again; exit"));
    let fault = vm.run(program, &mut []).unwrap_err();
    assert_eq!(fault.kind(), &FaultKind::Budget);
    assert_eq!(vm.executed(), 1000);
    // Of a run that ends the budget may be used to the last instruction.
    vm.set_budget(2);
    let program = vm.load_code("short", &code("r0 = 1; exit"));
    assert_eq!(vm.run(program, &mut []), Ok(1));
    vm.set_budget(1);
    assert!(vm.run(program, &mut []).is_err());
}

#[test]
fn functions_have_frames_of_their_own() {
    // The callee writes where the caller has its own, and changes r6.
    let text = "
        r6 = 5
        *(u64 *)(r10 - 8) = 1
        call other
        r1 = *(u64 *)(r10 - 8)
        r0 += r1
        r0 += r6
        exit
    other:
        *(u64 *)(r10 - 8) = 100
        r6 = 50
        r0 = 10
        exit
    ";
    assert_eq!(run(text, &mut []), Ok(16));
    // A pointer into the caller's frame is good in the callee.
    let text = "
        r1 = r10
        r1 += -8
        call fill
        r0 = *(u64 *)(r10 - 8)
        exit
    fill:
        *(u64 *)(r1 + 0) = 77
        exit
    ";
    assert_eq!(run(text, &mut []), Ok(77));
    let deep = "recursive: call recursive; exit";
    assert_eq!(
        run(deep, &mut []).unwrap_err().kind(),
        &FaultKind::CallDepth
    );
    // Eight frames are allowed: the program's and seven calls.
    let counts = |depth: u32| {
        format!(
            "r1 = {depth}; call down; exit; down: if r1 == 0 goto out; r1 -= 1; call down; out: r0 = 3; exit"
        )
    };
    assert_eq!(run(&counts(6), &mut []), Ok(3));
    assert!(run(&counts(7), &mut []).is_err());
    // Where a machine is for other hosts than the kernel there may be more.
    let mut vm = Vm::for_user(100);
    let program = vm.load_code("deep", &code(&counts(98)));
    assert_eq!(vm.run(program, &mut []), Ok(3));
}

#[test]
fn indirect_calls_go_to_functions_only() {
    let mut slots = code("r1 = other ll; .8byte 0; exit; other: r0 = 8; exit")
        .insns()
        .to_vec();
    slots[2] = Instruction::from_parts(
        crate::isa::Form::CallIndirect,
        Register::R1,
        Register::R0,
        0,
        0,
        0,
    )
    .encode()[0];
    let mut vm = Vm::new();
    let program = vm.load_insns("callx", &slots);
    assert_eq!(vm.run(program, &mut []), Ok(8));
    slots[0] = Instruction::load_imm64(Register::R1, 4).encode()[0];
    let program = vm.load_insns("callx", &slots);
    assert_eq!(
        vm.run(program, &mut []).unwrap_err().kind(),
        &FaultKind::NoFunction
    );
}

#[test]
fn atomics() {
    let with = |text: &str| {
        let mut memory = [0; 8];
        memory.copy_from_slice(&0x1_0000_0005u64.to_ne_bytes());
        let result = run(text, &mut memory);
        (
            result.map_err(|fault| fault.message().to_owned()),
            u64::from_ne_bytes(memory),
        )
    };
    let old = 0x1_0000_0005;
    assert_eq!(
        with("r2 = 3; r2 = atomic_fetch_add((u64 *)(r1 + 0), r2); r0 = r2; exit"),
        (Ok(old), old + 3)
    );
    assert_eq!(
        with("r2 = -1; w2 = xchg32_32(r1 + 0, w2); r0 = r2; exit"),
        (Ok(5), 0x1_ffff_ffff)
    );
    assert_eq!(
        with("w0 = 5; w2 = 9; w0 = cmpxchg32_32(r1 + 0, w0, w2); exit"),
        (Ok(5), 0x1_0000_0009)
    );
    assert_eq!(
        with("r0 = 6; r2 = 9; r0 = cmpxchg_64(r1 + 0, r0, r2); exit"),
        (Ok(old), old)
    );
    assert_eq!(
        with(
            "r2 = 0xff; store_release((u8 *)(r1 + 1), w2); w0 = load_acquire((u16 *)(r1 + 0)); exit"
        )
        .0,
        Ok(if cfg!(target_endian = "little") {
            0xff05
        } else {
            0x00ff
        })
    );
}

#[test]
fn may_goto_goes_on_until_the_budget_is_used_up() {
    let mut vm = Vm::new();
    vm.set_may_goto_budget(10);
    let text = "r0 = 0; again: r0 += 1; may_goto out; goto again; out: exit";
    let program = vm.load_code("loop", &code(text));
    assert_eq!(vm.run(program, &mut []), Ok(11));
}

#[test]
fn packet_loads_end_the_function_behind_the_packet() {
    let mut vm = Vm::new();
    let text = "r6 = r1; r0 = 5; r2 = 1; r0 = *(u16 *)skb[r2 + 1]; exit";
    let program = vm.load_code("filter", &code(text));
    assert_eq!(vm.run_on(program, Input::skb(&mut [1, 2, 3, 4])), Ok(0x304));
    assert_eq!(vm.run_on(program, Input::skb(&mut [1, 2, 3])), Ok(0));
    let program = vm.load_code("filter", &code("r6 = 0; r0 = *(u8 *)skb[0]; exit"));
    assert!(vm.run_on(program, Input::skb(&mut [1])).is_err());
}

const UPDATE: &str = "
    *(u32 *)(r10 - 4) = r1
    *(u64 *)(r10 - 16) = r2
    r4 = r3
    r3 = r10
    r3 += -16
    r2 = r10
    r2 += -4
    ld_pseudo r1, 1, MAP
    call bpf_map_update_elem
    exit
lookup:
    *(u32 *)(r10 - 4) = r1
    r2 = r10
    r2 += -4
    ld_pseudo r1, 1, MAP
    call bpf_map_lookup_elem
    if r0 == 0 goto out
    r0 = *(u64 *)(r0 + 0)
out:
    exit
delete:
    *(u32 *)(r10 - 4) = r1
    r2 = r10
    r2 += -4
    ld_pseudo r1, 1, MAP
    call bpf_map_delete_elem
    exit
";

#[test]
fn hash_maps_are_seen_from_both_sides() {
    let mut vm = Vm::new();
    let hash = map(&mut vm, MapType::Hash, 4, 8, 3);
    let text = format!("update: {UPDATE}");
    let program = vm.load_code("hash", &with_map(hash, &text));
    let errno = |error: MapError| Ok(error.result());
    for key in [7, 8, 9] {
        assert_eq!(vm.call(program, "update", &[key, key * 10, 0]), Ok(0));
    }
    assert_eq!(
        vm.call(program, "update", &[6, 1, 0]),
        errno(MapError::E2BIG)
    );
    assert_eq!(
        vm.call(program, "update", &[7, 1, 1]),
        errno(MapError::EEXIST)
    );
    assert_eq!(
        vm.call(program, "update", &[6, 1, 2]),
        errno(MapError::ENOENT)
    );
    assert_eq!(
        vm.call(program, "update", &[7, 1, 9]),
        errno(MapError::EINVAL)
    );
    assert_eq!(vm.call(program, "lookup", &[8]), Ok(80));
    assert_eq!(vm.call(program, "delete", &[8]), Ok(0));
    assert_eq!(vm.call(program, "delete", &[8]), errno(MapError::ENOENT));
    assert_eq!(vm.call(program, "lookup", &[8]), Ok(0));
    let mut value = [0; 8];
    assert_eq!(vm.map_lookup(hash, &9u32.to_ne_bytes(), &mut value), Ok(()));
    assert_eq!(u64::from_ne_bytes(value), 90);
    vm.map_update(hash, &5u32.to_ne_bytes(), &50u64.to_ne_bytes(), 0)
        .unwrap();
    assert_eq!(vm.call(program, "lookup", &[5]), Ok(50));
    let mut keys = Vec::new();
    let mut next = [0; 4];
    let mut last: Option<[u8; 4]> = None;
    while vm
        .map_next_key(hash, last.as_ref().map(|key| &key[..]), &mut next)
        .is_ok()
    {
        keys.push(u32::from_ne_bytes(next));
        last = Some(next);
    }
    keys.sort_unstable();
    assert_eq!(keys, [5, 7, 9]);
}

/// What a table says after random changes is what a list says.
#[test]
fn hash_maps_keep_what_they_were_given() {
    let mut vm = Vm::new();
    let hash = map(&mut vm, MapType::Hash, 4, 8, 50);
    let mut expected = BTreeMap::new();
    let mut world = world::World::default();
    for round in 0..5000u64 {
        let key = (world.random() % 100) as u32;
        if world.random().is_multiple_of(2) {
            let result = vm.map_update(hash, &key.to_ne_bytes(), &round.to_ne_bytes(), 0);
            if expected.len() < 50 || expected.contains_key(&key) {
                assert_eq!(result, Ok(()));
                expected.insert(key, round);
            } else {
                assert_eq!(result, Err(MapError::E2BIG));
            }
        } else {
            let result = vm.map_delete(hash, &key.to_ne_bytes());
            assert_eq!(result.is_ok(), expected.remove(&key).is_some());
        }
        let key = (world.random() % 100) as u32;
        let mut value = [0; 8];
        let found = vm.map_lookup(hash, &key.to_ne_bytes(), &mut value);
        let found = found.ok().map(|()| u64::from_ne_bytes(value));
        assert_eq!(found, expected.get(&key).copied());
    }
}

#[test]
fn lru_maps_drop_what_was_used_longest_ago() {
    let mut vm = Vm::new();
    let lru = map(&mut vm, MapType::LruHash, 4, 8, 3);
    let program = vm.load_code("lru", &with_map(lru, &format!("update: {UPDATE}")));
    for key in [1, 2, 3] {
        assert_eq!(vm.call(program, "update", &[key, key, 0]), Ok(0));
    }
    assert_eq!(vm.call(program, "lookup", &[1]), Ok(1));
    assert_eq!(vm.call(program, "update", &[4, 4, 0]), Ok(0));
    assert_eq!(vm.call(program, "lookup", &[2]), Ok(0));
    assert_eq!(vm.call(program, "lookup", &[1]), Ok(1));
    assert_eq!(vm.call(program, "lookup", &[4]), Ok(4));
}

#[test]
fn arrays_have_all_their_elements() {
    let mut vm = Vm::new();
    let array = map(&mut vm, MapType::Array, 4, 8, 3);
    let program = vm.load_code("array", &with_map(array, &format!("update: {UPDATE}")));
    assert_eq!(vm.call(program, "update", &[2, 5, 0]), Ok(0));
    assert_eq!(
        vm.call(program, "update", &[3, 5, 0]),
        Ok(MapError::E2BIG.result())
    );
    assert_eq!(
        vm.call(program, "update", &[1, 5, 1]),
        Ok(MapError::EEXIST.result())
    );
    assert_eq!(
        vm.call(program, "delete", &[1]),
        Ok(MapError::EINVAL.result())
    );
    assert_eq!(vm.call(program, "lookup", &[2]), Ok(5));
    // An access stays within one element.
    let text = "
        *(u32 *)(r10 - 4) = 0
        r2 = r10
        r2 += -4
        ld_pseudo r1, 1, MAP
        call bpf_map_lookup_elem
        r0 = *(u64 *)(r0 + 4)
        exit
    ";
    let program = vm.load_code("past", &with_map(array, text));
    let fault = vm.run(program, &mut []).unwrap_err();
    assert_eq!(
        fault.message(),
        "reads 8 bytes at 4 of a value of map `MAP`, which has 8 bytes (it is number 0)"
    );
    // Nor does one begin behind the last.
    let program = vm.load_code(
        "behind",
        &with_map(array, &text.replace("(r0 + 4)", "(r0 + 80)")),
    );
    let fault = vm.run(program, &mut []).unwrap_err();
    let message = fault.message();
    assert!(message.starts_with("reads 8 bytes at "), "{message}");
    let last = vm.map_values(array).unwrap().len() / 8 - 1;
    let end = format!("which has 8 bytes (it is number {last})");
    assert!(message.ends_with(&end), "{message}");
}

#[test]
fn per_cpu_values_are_apart() {
    let mut vm = Vm::new();
    vm.set_cpus(2);
    let array = map(&mut vm, MapType::PercpuArray, 4, 8, 1);
    let program = vm.load_code("array", &with_map(array, &format!("update: {UPDATE}")));
    for cpu in [0, 1] {
        vm.set_cpu(cpu);
        assert_eq!(
            vm.call(program, "update", &[0, u64::from(cpu) + 5, 0]),
            Ok(0)
        );
    }
    assert_eq!(vm.call(program, "lookup", &[0]), Ok(6));
    let mut values = [0; 16];
    vm.map_lookup(array, &[0; 4], &mut values).unwrap();
    assert_eq!(values[..8], 5u64.to_ne_bytes());
    assert_eq!(values[8..], 6u64.to_ne_bytes());
    values[0] = 9;
    vm.map_update(array, &[0; 4], &values, 0).unwrap();
    vm.set_cpu(0);
    assert_eq!(
        vm.call(program, "lookup", &[0]),
        Ok(u64::from_ne_bytes(values[..8].try_into().unwrap()))
    );
}

#[test]
fn longest_prefix_wins() {
    let mut vm = Vm::new();
    let trie = map(&mut vm, MapType::LpmTrie, 8, 4, 10);
    let key = |length: u32, address: [u8; 4]| {
        let mut key = [0; 8];
        key[..4].copy_from_slice(&length.to_ne_bytes());
        key[4..].copy_from_slice(&address);
        key
    };
    for (length, value) in [(8, 1u32), (16, 2), (24, 3)] {
        let key = key(length, [10, 1, 2, 3]);
        vm.map_update(trie, &key, &value.to_ne_bytes(), 0).unwrap();
    }
    let mut find = |address| {
        let mut value = [0; 4];
        let found = vm.map_lookup(trie, &key(32, address), &mut value);
        found.map(|()| u32::from_ne_bytes(value))
    };
    assert_eq!(find([10, 1, 2, 99]), Ok(3));
    assert_eq!(find([10, 1, 9, 9]), Ok(2));
    assert_eq!(find([10, 9, 9, 9]), Ok(1));
    assert_eq!(find([11, 0, 0, 0]), Err(MapError::ENOENT));
    vm.map_delete(trie, &key(16, [10, 1, 77, 77])).unwrap();
    let mut value = [0; 4];
    vm.map_lookup(trie, &key(32, [10, 1, 9, 9]), &mut value)
        .unwrap();
    assert_eq!(u32::from_ne_bytes(value), 1);
}

#[test]
fn queues_and_stacks() {
    for (map_type, order) in [(MapType::Queue, [1u32, 2, 3]), (MapType::Stack, [3, 2, 1])] {
        let mut vm = Vm::new();
        let queue = map(&mut vm, map_type, 0, 4, 3);
        let text = "
        push:
            *(u32 *)(r10 - 4) = r1
            r2 = r10
            r2 += -4
            r3 = 0
            ld_pseudo r1, 1, MAP
            call bpf_map_push_elem
            exit
        pop:
            r2 = r10
            r2 += -4
            ld_pseudo r1, 1, MAP
            call bpf_map_pop_elem
            if r0 != 0 goto out
            r0 = *(u32 *)(r10 - 4)
        out:
            exit
        ";
        let program = vm.load_code("queue", &with_map(queue, text));
        for value in [1, 2, 3] {
            assert_eq!(vm.call(program, "push", &[value]), Ok(0));
        }
        assert_eq!(vm.call(program, "push", &[4]), Ok(MapError::E2BIG.result()));
        assert_eq!(vm.call(program, "pop", &[]), Ok(u64::from(order[0])));
        let mut value = [0; 4];
        vm.map_take(queue, &[], &mut value).unwrap();
        assert_eq!(u32::from_ne_bytes(value), order[1]);
        vm.map_lookup(queue, &[], &mut value).unwrap();
        assert_eq!(u32::from_ne_bytes(value), order[2]);
        assert_eq!(vm.call(program, "pop", &[]), Ok(u64::from(order[2])));
        assert_eq!(vm.call(program, "pop", &[]), Ok(MapError::ENOENT.result()));
    }
}

#[test]
fn stacks_have_numbers() {
    const EFAULT: u64 = (-14i64).cast_unsigned();
    const EEXIST: u64 = (-17i64).cast_unsigned();
    const EINVAL: u64 = (-22i64).cast_unsigned();
    const USER: u64 = 1 << 8;
    const FAST: u64 = 1 << 9;
    const REUSE: u64 = 1 << 10;
    let mut vm = Vm::new();
    // One place, and stacks of up to three addresses.
    let stacks = map(&mut vm, MapType::StackTrace, 4, 24, 1);
    let text = "
    of:
        r3 = r1
        ld_pseudo r2, 1, MAP
        call bpf_get_stackid
        exit
    ";
    let program = vm.load_code("stacks", &with_map(stacks, text));
    let id = |vm: &mut Vm, flags: u64| vm.call(program, "of", &[flags]).unwrap();
    let stored = |vm: &mut Vm| {
        let mut value = [0xff; 24];
        vm.map_lookup(stacks, &[0; 4], &mut value)?;
        let (addresses, _) = value.as_chunks();
        Ok(addresses
            .iter()
            .map(|&bytes| u64::from_ne_bytes(bytes))
            .collect::<Vec<_>>())
    };
    assert_eq!(id(&mut vm, 0), EFAULT);
    assert_eq!(stored(&mut vm), Err(MapError::ENOENT));
    vm.set_stacks(&[1, 2, 3, 4, 5], &[6, 7]);
    assert_eq!(id(&mut vm, 1 << 11), EINVAL);
    assert_eq!(id(&mut vm, USER | 2), EFAULT);
    assert_eq!(id(&mut vm, 0), 0);
    assert_eq!(stored(&mut vm).unwrap(), [1, 2, 3]);
    // The same again, and others, for which there is no place.
    assert_eq!([id(&mut vm, 0), id(&mut vm, FAST)], [0, 0]);
    assert_eq!([id(&mut vm, USER), id(&mut vm, 1)], [EEXIST, EEXIST]);
    assert_eq!(id(&mut vm, USER | FAST), EEXIST);
    assert_eq!(id(&mut vm, USER | REUSE), 0);
    assert_eq!(stored(&mut vm).unwrap(), [6, 7, 0]);
    let mut next = [0xff; 4];
    assert_eq!(vm.map_next_key(stacks, None, &mut next), Ok(()));
    assert_eq!(next, [0; 4]);
    let behind = vm.map_next_key(stacks, Some(&[0; 4]), &mut next);
    assert_eq!(behind, Err(MapError::ENOENT));
    let update = vm.map_update(stacks, &[0; 4], &[0; 24], 0);
    assert_eq!(update, Err(MapError::EINVAL));
    assert_eq!(vm.map_delete(stacks, &[0; 4]), Ok(()));
    assert_eq!(vm.map_delete(stacks, &[0; 4]), Err(MapError::ENOENT));
    assert_eq!(vm.map_delete(stacks, &[9; 4]), Err(MapError::E2BIG));
    // The innermost are skipped.
    assert_eq!(id(&mut vm, 2), 0);
    assert_eq!(stored(&mut vm).unwrap(), [3, 4, 5]);
}

#[test]
fn ring_buffers_give_records_in_order() {
    let mut vm = Vm::new();
    let ring = map(&mut vm, MapType::Ringbuf, 0, 0, 64);
    let text = "
    reserve:
        ld_pseudo r1, 1, MAP
        r2 = 8
        r3 = 0
        call bpf_ringbuf_reserve
        if r0 == 0 goto full
        *(u64 *)(r0 + 0) = 42
        r1 = r0
        r2 = 0
        call bpf_ringbuf_submit
        r0 = 0
        exit
    full:
        r0 = 1
        exit
    output:
        *(u32 *)(r10 - 4) = r1
        ld_pseudo r1, 1, MAP
        r2 = r10
        r2 += -4
        r3 = 4
        r4 = 0
        call bpf_ringbuf_output
        exit
    leak:
        ld_pseudo r1, 1, MAP
        r2 = 8
        r3 = 0
        call bpf_ringbuf_reserve
        exit
    ";
    let program = vm.load_code("ring", &with_map(ring, text));
    assert_eq!(vm.call(program, "reserve", &[]), Ok(0));
    assert_eq!(vm.call(program, "output", &[7]), Ok(0));
    assert_eq!(vm.call(program, "output", &[8]), Ok(0));
    // 16 bytes each, and the last byte of 64 is never used.
    assert_eq!(vm.call(program, "reserve", &[]), Ok(1));
    assert_eq!(
        vm.call(program, "output", &[9]),
        Ok(MapError::EAGAIN.result())
    );
    assert_eq!(vm.next_record(ring), Some(42u64.to_ne_bytes().to_vec()));
    assert_eq!(vm.next_record(ring), Some(7u32.to_ne_bytes().to_vec()));
    assert_eq!(vm.next_record(ring), Some(8u32.to_ne_bytes().to_vec()));
    assert_eq!(vm.next_record(ring), None);
    // Round and round.
    for value in 0..20u32 {
        assert_eq!(vm.call(program, "output", &[value.into()]), Ok(0));
        assert_eq!(vm.next_record(ring), Some(value.to_ne_bytes().to_vec()));
    }
    assert!(!vm.has_reserved_record(ring));
    assert_ne!(vm.call(program, "leak", &[]), Ok(0));
    assert!(vm.has_reserved_record(ring));
}

#[test]
fn tail_calls_do_not_come_back() {
    let mut vm = Vm::new();
    let programs = map(&mut vm, MapType::ProgArray, 4, 4, 2);
    let caller = "
        r6 = r1
        ld_pseudo r2, 1, MAP
        r3 = *(u32 *)(r1 + 0)
        call bpf_tail_call
        r0 = 99
        exit
    ";
    let caller = vm.load_code("caller", &with_map(programs, caller));
    let target = vm.load_code("target", &code("r0 = *(u32 *)(r1 + 0); r0 += 10; exit"));
    vm.set_tail_call(programs, 1, target).unwrap();
    assert_eq!(vm.set_tail_call(programs, 2, target), Err(MapError::E2BIG));
    let mut on = |index: u32| vm.run(caller, &mut index.to_ne_bytes());
    assert_eq!(on(1), Ok(11));
    assert_eq!(on(0), Ok(99));
    assert_eq!(on(7), Ok(99));
    // A program that calls itself ends after 33 times.
    vm.set_tail_call(programs, 0, caller).unwrap();
    assert_eq!(vm.run(caller, &mut 0u32.to_ne_bytes()), Ok(99));
    assert_eq!(vm.executed(), 34 * 4 + 2);
    // From a function: the program takes the place of the function.
    let from_function = "
        call inner
        r0 += 1000
        exit
    inner:
        r2 = 1
        r3 = 1
        ld_pseudo r2, 1, MAP
        call bpf_tail_call
        r0 = 0
        exit
    ";
    let outer = vm.load_code("outer", &with_map(programs, from_function));
    assert_eq!(vm.run(outer, &mut 5u32.to_ne_bytes()), Ok(1015));
}

#[test]
fn callbacks_are_called() {
    let text = "
        *(u64 *)(r10 - 8) = 0
        r1 = 10
        r2 = add ll
        r3 = r10
        r3 += -8
        r4 = 0
        call bpf_loop
        r1 = *(u64 *)(r10 - 8)
        r1 *= 100
        r0 += r1
        exit
    add:
        r3 = *(u64 *)(r2 + 0)
        r3 += r1
        *(u64 *)(r2 + 0) = r3
        r0 = 0
        if r1 != 6 goto out
        r0 = 1
    out:
        exit
    ";
    // Indices 0 to 6, then the callback says stop: seven calls.
    assert_eq!(run(text, &mut []), Ok(21 * 100 + 7));

    for map_type in [MapType::Array, MapType::Hash] {
        let mut vm = Vm::new();
        let map = map(&mut vm, map_type, 4, 8, 3);
        for key in 0..3u32 {
            vm.map_update(
                map,
                &key.to_ne_bytes(),
                &(u64::from(key) + 5).to_ne_bytes(),
                0,
            )
            .unwrap();
        }
        let text = "
            *(u64 *)(r10 - 8) = 0
            ld_pseudo r1, 1, MAP
            r2 = each ll
            r3 = r10
            r3 += -8
            r4 = 0
            call bpf_for_each_map_elem
            r1 = *(u64 *)(r10 - 8)
            r1 *= 100
            r0 += r1
            exit
        each:
            r2 = *(u32 *)(r2 + 0)
            r3 = *(u64 *)(r3 + 0)
            r3 *= r2
            r5 = *(u64 *)(r4 + 0)
            r5 += r3
            *(u64 *)(r4 + 0) = r5
            r0 = 0
            exit
        ";
        let program = vm.load_code("each", &with_map(map, text));
        assert_eq!(vm.run(program, &mut []), Ok((6 + 2 * 7) * 100 + 3));
    }
}

#[test]
fn the_world_is_what_the_host_says() {
    let mut vm = Vm::new();
    let calls = |name: &str| code(&format!("call {name}; exit"));
    vm.set_clock(77);
    vm.set_process(5, 6);
    vm.set_user(1, 2);
    let result = |vm: &mut Vm, name: &str| {
        let program = vm.load_code(name, &calls(name));
        vm.run(program, &mut [])
    };
    assert_eq!(result(&mut vm, "bpf_ktime_get_ns"), Ok(77));
    assert_eq!(result(&mut vm, "bpf_get_current_pid_tgid"), Ok(5 << 32 | 6));
    assert_eq!(result(&mut vm, "bpf_get_current_uid_gid"), Ok(2 << 32 | 1));
    vm.seed_random(1);
    let first = result(&mut vm, "bpf_get_prandom_u32").unwrap();
    assert!(first <= u64::from(u32::MAX));
    assert_ne!(result(&mut vm, "bpf_get_prandom_u32"), Ok(first));
    vm.seed_random(1);
    assert_eq!(result(&mut vm, "bpf_get_prandom_u32"), Ok(first));
    vm.set_comm("a name that is too long");
    let comm = code("r2 = 16; call bpf_get_current_comm; exit");
    let program = vm.load_code("comm", &comm);
    let mut buffer = [0xff; 16];
    assert_eq!(vm.run(program, &mut buffer), Ok(0));
    assert_eq!(&buffer, b"a name that is \0");
}

#[test]
fn printed_lines_are_kept() {
    let mut vm = Vm::new();
    let text = "
        r2 = 24
        r3 = 5
        r4 = -7
        r5 = 0xabc
        call bpf_trace_printk
        exit
    ";
    let program = vm.load_code("prints", &code(text));
    let mut format = *b"%d then %ld, 0x%06x %%\0\0";
    let length = vm.run(program, &mut format).unwrap();
    let printed: Vec<String> = vm.take_printed().collect();
    assert_eq!(printed, ["5 then -7, 0x000abc %"]);
    assert_eq!(length, printed[0].len() as u64);
    // More values than there are is refused.
    let mut format = *b"%d %d %d %d\0            ";
    assert_eq!(vm.run(program, &mut format), Ok(MapError::EINVAL.result()));
}

#[test]
fn probing_memory_does_not_fault() {
    let text = "
        r3 = *(u64 *)(r1 + 0)
        r1 += 8
        r2 = 8
        call bpf_probe_read_kernel
        exit
    ";
    let mut vm = Vm::new();
    let program = vm.load_code("probe", &code(text));
    let bytes = vm.add_region(
        "an object",
        vec![1, 2, 3, 4, 5, 6, 7, 8, 9],
        Permissions::ReadOnly,
    );
    let probe = |vm: &mut Vm, address: u64| {
        let mut context = [0xff; 16];
        context[..8].copy_from_slice(&address.to_ne_bytes());
        let result = vm.run(program, &mut context);
        (result, <[u8; 8]>::try_from(&context[8..]).unwrap())
    };
    let address = vm.address(bytes);
    assert_eq!(
        probe(&mut vm, address + 1),
        (Ok(0), [2, 3, 4, 5, 6, 7, 8, 9])
    );
    assert_eq!(
        probe(&mut vm, address + 2),
        (Ok(MapError::EFAULT.result()), [0; 8])
    );
    assert_eq!(probe(&mut vm, 0), (Ok(MapError::EFAULT.result()), [0; 8]));

    let text = "
        r3 = r1
        r3 += 8
        r2 = 4
        call bpf_probe_read_kernel_str
        exit
    ";
    let program = vm.load_code("string", &code(text));
    let mut context = *b"........ab\0.....";
    assert_eq!(vm.run(program, &mut context), Ok(3));
    assert_eq!(&context[..4], b"ab\0.");
    let mut context = *b"........abcdefgh";
    assert_eq!(vm.run(program, &mut context), Ok(4));
    assert_eq!(&context[..5], b"abc\0.");
}

#[test]
fn coverage_counts_instructions() {
    let mut vm = Vm::new();
    let text = "r0 = 3; again: r0 -= 1; if r0 != 0 goto again; exit; r0 = 9; exit";
    let program = vm.load_code("loop", &code(text));
    assert_eq!(vm.coverage(program), [0u64; 0]);
    vm.record_coverage(true);
    assert_eq!(vm.run(program, &mut []), Ok(0));
    assert_eq!(vm.coverage(program), [1, 3, 3, 1, 0, 0]);
    assert_eq!(vm.executed(), 8);
}

#[test]
fn faults_are_the_same_however_the_program_runs() {
    for text in [
        "r0 = *(u64 *)(r1 + 16); exit",
        "call 9999; exit",
        "goto +5; exit; r0 = 1",
        "again: call again; exit",
    ] {
        let Ok(code) = assemble(text) else { continue };
        let mut vm = Vm::new();
        let program = vm.load_code("test", &code);
        let fast = vm.run(program, &mut [0; 16]).unwrap_err();
        vm.record_coverage(true);
        assert_eq!(vm.run(program, &mut [0; 16]).unwrap_err(), fast);
        vm.record_coverage(false);
        let input = Input::context(&mut []);
        let _ = vm.debug(program, &input).map(|mut debugger| debugger.run());
    }
}

/// Every instruction that a kernel loads is executed or says what is missing: none is forgotten.
#[test]
fn every_row_runs() {
    use crate::isa::{Form, TABLE};
    for row in TABLE {
        let mut slots = Vec::new();
        for register in [Register::R0, Register::R2] {
            slots.extend_from_slice(&Instruction::mov_reg(register, Register::R1).encode());
        }
        let instruction = Instruction::from_parts(row.form, Register::R1, Register::R2, 0, 1, 0);
        slots.extend_from_slice(&instruction.encode());
        slots.extend_from_slice(
            &Instruction::alu_imm(Width::W64, AluOp::Mov, Register::R0, 0).encode(),
        );
        slots.extend_from_slice(&Instruction::exit().encode());
        let mut vm = Vm::new();
        let program = vm.load_insns(row.name, &slots);
        let result = vm.run(program, &mut [0; 64]);
        let expected = match row.form {
            Form::Internal(_) => Some(FaultKind::NoInstruction),
            Form::CallKfunc | Form::GotoIndirect | Form::AddressSpaceCast => {
                Some(FaultKind::NotModelled)
            }
            Form::CallIndirect => Some(FaultKind::NoFunction),
            Form::CallHelper => Some(FaultKind::Helper),
            Form::PacketAbsolute(_) | Form::PacketIndirect(_) => Some(FaultKind::Helper),
            Form::LoadImm64(
                crate::isa::ImmediateSource::Value | crate::isa::ImmediateSource::Function,
            ) => None,
            Form::LoadImm64(_) => Some(FaultKind::NotModelled),
            // Lands on the exit behind the next instruction.
            _ => None,
        };
        assert_eq!(
            result.err().map(|fault| fault.kind().clone()),
            expected,
            "{}",
            row.name
        );
    }
}
