//! Listing: helpers of one's own.

// ANCHOR: file
use ebpf_rt::vm::Vm;
use ebpf_rt::{Code, ebpf_asm};

// ANCHOR: code
#[expect(unused_labels, reason = "`foo` is called from Rust")]
const CODE: Code = ebpf_asm! {
foo:
    if r1 != 7 goto other;
    call 1;
    goto out;
other:
    call 42;
    r0 += 100;
out:
    exit;
};
// ANCHOR_END: code

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut vm = Vm::for_user(1);
    vm.helper(1, |a, b, _, _, _| a.max(b));
    vm.helper(42, |a, b, _, _, _| a.wrapping_mul(b));

    let program = vm.load_code("foo", &CODE);
    for (x, y) in [(7, 9), (6, 5)] {
        let result = vm.call(program, "foo", &[x, y]);
        println!("foo of {x} and {y} is {}", result?);
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
