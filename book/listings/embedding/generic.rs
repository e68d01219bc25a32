//! Listing: code whose constants are the caller's.

// ANCHOR: file
use ebpf_rt::vm::{Input, Vm};
use ebpf_rt::{Code, ebpf_asm};

// ANCHOR: code
/// A filter that keeps so many bytes.
struct Keep<const BYTES: i32>;

impl<const BYTES: i32> Keep<BYTES> {
    const CODE: Code = ebpf_asm! {
        r0 = { BYTES };
        exit;
    };
}
// ANCHOR_END: code

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::vm::Fault> {
    for code in [Keep::<4>::CODE, Keep::<100>::CODE] {
        let mut vm = Vm::new();
        let program = vm.load_code("keep", &code);
        println!("{}", vm.run_on(program, Input::skb(&mut [0; 200]))?);
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
