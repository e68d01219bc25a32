//! Listing: a function that never ends.

// ANCHOR: file
use ebpf_rt::vm::{Input, Vm};
use ebpf_rt::{Code, ebpf_asm};

const CODE: Code = ebpf_asm! {
    r0 = 3;
again:
    r0 += 1;
    r2 = r0;
    r2 *= r2;
    if r2 != 7 goto again;
    exit;
};

fn main() {
    let mut vm = Vm::for_user(1);
    vm.set_budget(1_000);
    let program = vm.load_code("infinite_loop", &CODE);
    match vm.run_on(program, Input::context(&mut [])) {
        Ok(result) => println!("{result}"),
        Err(fault) => println!("{fault}"),
    }
}
// ANCHOR_END: file
