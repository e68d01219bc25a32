//! Listing: the device filter in a machine.

// ANCHOR: file
use ebpf_asm::vm::Vm;

mod rules;

use rules::{CHARACTER, READ, RULES, WRITE};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let code = rules::filter(&RULES)?;
    println!("{} instructions", code.len());

    let mut vm = Vm::new();
    let program = vm.load_code("devices", &code);
    for (name, access, minor) in [
        ("read /dev/null", READ, 3),
        ("write /dev/null", WRITE, 3),
        ("read /dev/zero", READ, 5),
        ("read /dev/full", READ, 7),
        ("write /dev/full", WRITE, 7),
    ] {
        let request = [access << 16 | CHARACTER, 1, minor];
        let mut context = request.map(i32::to_ne_bytes).concat();
        let allowed = vm.run(program, &mut context)? != 0;
        println!("{name}: {}", if allowed { "allowed" } else { "denied" });
    }
    Ok(())
}
// ANCHOR_END: file
