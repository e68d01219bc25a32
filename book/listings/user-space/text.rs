//! Listing: a program that comes as text while the host runs.

// ANCHOR: file
use ebpf_asm::vm::{Input, Vm};

// ANCHOR: main
fn main() {
    for text in [
        "r0 = *(u32 *)(r1 + 0); r0 <<= 1; exit",
        "r0 = *(u23 *)(r1 + 0)\nexit\n",
    ] {
        let code = match ebpf_asm::assemble(text) {
            Ok(code) => code,
            Err(diagnostics) => {
                println!("{diagnostics}");
                continue;
            }
        };
        let mut vm = Vm::for_user(1);
        let program = vm.load_code("user's", &code);
        let mut context = 21_u32.to_ne_bytes();
        match vm.run_on(program, Input::context(&mut context)) {
            Ok(result) => println!("{result}\n"),
            Err(fault) => println!("{fault}\n"),
        }
    }
}
// ANCHOR_END: main
// ANCHOR_END: file
