//! Listing: calls of functions before and behind the caller.

// ANCHOR: file
use ebpf_rt::vm::{Permissions, Vm};
use ebpf_rt::{Code, ebpf_asm};

// ANCHOR: code
#[expect(unused_labels, reason = "`foo` is called from Rust")]
const CODE: Code = ebpf_asm! {
max:
    r0 = r1;
    if r0 > r2 goto larger;
    r0 = r2;
larger:
    exit;
foo:
    r0 = 0;
    if r1 == 0 goto out;
    r2 = *(u32 *)(r1 + 4);
    r1 = *(u32 *)(r1 + 0);
    if r1 != 7 goto other;
    call max;
    goto out;
other:
    call mul;
    r0 += 100;
out:
    exit;
mul:
    r0 = r2;
    r0 *= r1;
    exit;
};
// ANCHOR_END: code

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}\n", CODE);

    let mut vm = Vm::new();
    let program = vm.load_code("functions", &CODE);
    for (x, y) in [(7_u32, 9_u32), (6, 5)] {
        let bytes = [x.to_ne_bytes(), y.to_ne_bytes()].concat();
        let context = vm.add_region("context", bytes, Permissions::ReadOnly);
        let context = vm.address(context);
        let result = vm.call(program, "foo", &[context])?;
        println!("foo of {x} and {y} is {result}");
    }
    println!("foo of null is {}", vm.call(program, "foo", &[0])?);
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
