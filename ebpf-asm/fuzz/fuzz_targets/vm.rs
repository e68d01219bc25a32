//! Any bytes are a program, on any context and packet: no panic, no endless run; and a watched run
//! ends as a fast one does.
#![no_main]

use ebpf_asm::MapType;
use ebpf_asm::isa::Insn;
use ebpf_asm::object::MapDef;
use ebpf_asm::vm::{Input, MapId, Vm};
use libfuzzer_sys::fuzz_target;

const BUDGET: u64 = 10_000;

fn machine() -> (Vm, MapId) {
    let mut vm = Vm::new();
    let mut last = None;
    for (map_type, key, value, entries) in [
        (MapType::Array, 4, 16, 3),
        (MapType::Hash, 4, 8, 3),
        (MapType::PercpuArray, 4, 8, 2),
        (MapType::LruHash, 8, 4, 2),
        (MapType::LpmTrie, 8, 4, 4),
        (MapType::Queue, 0, 4, 2),
        (MapType::Ringbuf, 0, 0, 64),
        (MapType::ProgArray, 4, 4, 2),
    ] {
        let map = vm.create_map(&MapDef::new("map", map_type, key, value, entries));
        last = Some(map.expect("these maps are there"));
    }
    vm.set_budget(BUDGET);
    (vm, last.expect("there are maps"))
}

fuzz_target!(|input: (&[u8], &[u8], &[u8])| {
    let (code, context, packet) = input;
    let (slots, _) = code.as_chunks::<8>();
    let insns: Vec<Insn> = slots
        .iter()
        .map(|&slot| Insn::from_le_bytes(slot))
        .collect();
    let run = |record: bool| {
        let (mut vm, programs) = machine();
        vm.record_coverage(record);
        let program = vm.load_insns("fuzz", &insns);
        vm.set_tail_call(programs, 0, program)
            .expect("there is room");
        let (mut context, mut packet) = (context.to_vec(), packet.to_vec());
        let input = Input::context(&mut context).with_packet(&mut packet);
        let result = vm.run_on(program, input);
        assert!(vm.executed() <= BUDGET);
        (result, context, packet)
    };
    assert_eq!(run(false), run(true));
});
