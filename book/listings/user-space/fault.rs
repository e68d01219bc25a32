//! Listing: a plugin that reads what it was not given.

// ANCHOR: file
use ebpf_rt::ebpf;
use ebpf_rt::vm::{FaultKind, Permissions, Vm};

ebpf! {
    #[target = "user"]
    mod plugins {
        // ANCHOR: plugins
        fn reads_past(text: *const u8) -> u64 {
            r0 = *(u64 *)(r1 + 4);
            exit;
        }

        fn writes(text: *mut u8) -> u64 {
            *(u8 *)(r1 + 0) = 0;
            r0 = 0;
            exit;
        }

        fn guesses() -> u64 {
            r1 = 0x7fff00001000 ll;
            r0 = *(u8 *)(r1 + 0);
            exit;
        }

        fn never_ends() -> u64 {
        again:
            goto again;
        }
        // ANCHOR_END: plugins
    }
}

// ANCHOR: main
fn main() {
    let mut vm = Vm::for_user(8);
    vm.set_budget(10_000);
    let plugins = vm.load_user(&plugins::OBJECT);
    let text = b"12345678".to_vec();
    let text = vm.add_region("the text", text, Permissions::ReadOnly);
    let text = vm.address(text);
    for function in ["reads_past", "writes", "guesses", "never_ends"] {
        let Err(fault) = vm.call(plugins, function, &[text]) else {
            continue;
        };
        if *fault.kind() == FaultKind::Budget {
            println!("{function} took too long");
        } else {
            println!("{function}: {}", fault.message());
        }
    }
}
// ANCHOR_END: main
// ANCHOR_END: file
