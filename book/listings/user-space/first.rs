//! Listing: a function that runs in this process.

// ANCHOR: file
use ebpf_rt::ebpf;
use ebpf_rt::vm::Vm;

ebpf! {
    // ANCHOR: object
    #[target = "user"]
    mod functions {
        /// The greatest common divisor.
        fn gcd(a: u64, b: u64) -> u64 {
        again:
            r0 = r1;
            if r2 == 0 goto done;
            r1 = r2;
            r0 %= r2;
            r2 = r0;
            goto again;
        done:
            exit;
        }

        fn lcm(a: u64, b: u64) -> u64 {
            r6 = r1;
            r6 *= r2;
            call gcd;
            r6 /= r0;
            r0 = r6;
            exit;
        }
    }
    // ANCHOR_END: object
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::vm::Fault> {
    let mut vm = Vm::for_user(8);
    let functions = vm.load_user(&functions::OBJECT);
    println!("gcd {}", vm.call(functions, "gcd", &[84, 36])?);
    println!("lcm {}", vm.call(functions, "lcm", &[4, 6])?);
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
