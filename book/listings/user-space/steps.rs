//! Listing: a run that is watched.

// ANCHOR: file
use ebpf_rt::isa::Register::R0;
use ebpf_rt::vm::{Input, Stopped, Vm};
use ebpf_rt::{Code, ebpf_asm};

const CODE: Code = ebpf_asm! {
    r0 = 0;
    r1 = 3;
again:
    r0 += r1;
    r1 += -1;
    if r1 != 0 goto again;
    exit;
};

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut vm = Vm::new();
    let program = vm.load_code("sum", &CODE);
    let mut debugger = vm.debug(program, &Input::context(&mut []))?;

    debugger.add_breakpoint(4);
    while let Stopped::Breakpoint(slot) = debugger.run()? {
        println!("before {slot}: r0 is {}", debugger.register(R0));
        if debugger.register(R0) == 5 {
            break;
        }
    }
    debugger.remove_breakpoint(4);

    let mut trace = String::new();
    debugger.trace(&mut trace)?;
    print!("{trace}");
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
