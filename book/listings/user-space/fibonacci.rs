//! Listing: the answer to an exercise, recursion and its limit.

// ANCHOR: file
use ebpf_rt::ebpf;
use ebpf_rt::vm::Vm;

ebpf! {
    #[target = "user"]
    mod functions {
        // ANCHOR: function
        fn fibonacci(n: u64) -> u64 {
            r0 = r1;
            if r1 < 2 goto done;
            r6 = r1;
            r1 += -1;
            call fibonacci;
            r7 = r0;
            r1 = r6;
            r1 += -2;
            call fibonacci;
            r0 += r7;
        done:
            exit;
        }
        // ANCHOR_END: function
    }
}

fn main() {
    let mut vm = Vm::for_user(20);
    let functions = vm.load_user(&functions::OBJECT);
    for n in [10, 20, 21] {
        match vm.call(functions, "fibonacci", &[n]) {
            Ok(result) => {
                println!("{n}: {result}, {} instructions", vm.executed());
            }
            Err(fault) => println!("{n}: {}", fault.message()),
        }
    }
}
// ANCHOR_END: file
