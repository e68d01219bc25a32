//! Listing: the answer to an exercise, how often each instruction ran.

// ANCHOR: file
use ebpf_rt::vm::{Input, Vm};
use ebpf_rt::{Code, ebpf_asm};

const CODE: Code = ebpf_asm! {
    r0 = *(u32 *)(r1 + 0);
    if r0 <= 8 goto keep;
    r0 = 0;
keep:
    exit;
};

fn main() -> Result<(), ebpf_rt::vm::Fault> {
    let mut vm = Vm::new();
    let program = vm.load_code("keep_short", &CODE);
    vm.record_coverage(true);
    for length in [5, 8, 9, 12, 100] {
        vm.run_on(program, Input::skb(&mut vec![0; length]))?;
    }
    let listing = CODE.to_string();
    let lines = listing.lines().filter(|line| !line.ends_with(':'));
    for (line, count) in lines.zip(vm.coverage(program)) {
        println!("{count:>4} {line}");
    }
    Ok(())
}
// ANCHOR_END: file
