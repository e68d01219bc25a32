//! Listing: a host that lets plugins decide about requests.

// ANCHOR: file
use core::mem::offset_of;

use ebpf_rt::vm::{Fault, Permissions, Vm};
use ebpf_rt::{Pod, ebpf};

// ANCHOR: request
/// What the host hands to a plugin.
#[derive(Clone, Copy, Pod)]
#[repr(C)]
struct Request {
    path: u64,
    path_length: u64,
    bytes: u64,
}
// ANCHOR_END: request

ebpf! {
    // ANCHOR: object
    #[target = "user"]
    mod plugin {
        // ANCHOR: helpers
        extern "user" {
            /// Whether the text contains the word with this number.
            #[helper = 1]
            fn contains(text: u64, length: u64, word: u64) -> bool;
            /// A line in the host's log.
            #[helper = 2]
            fn log(number: u64);
        }
        // ANCHOR_END: helpers

        /// 1 to let the request pass.
        fn decide(request: *const Request) -> u64 {
            r6 = r1;
            r1 = *(u64 *)(r6 + {offset_of!(Request, bytes)});
            if r1 > 1000 goto refuse;
            r1 = *(u64 *)(r6 + {offset_of!(Request, path)});
            r2 = *(u64 *)(r6 + {offset_of!(Request, path_length)});
            r3 = 0;  // "secret"
            call contains;
            if r0 != 0 goto refuse;
            r0 = 1;
            exit;
        refuse:
            r1 = *(u64 *)(r6 + {offset_of!(Request, bytes)});
            call log;
            r0 = 0;
            exit;
        }
    }
    // ANCHOR_END: object
}

// ANCHOR: host
const WORDS: [&str; 1] = ["secret"];

struct Host {
    vm: Vm,
    plugin: ebpf_rt::vm::ProgramId,
}

impl Host {
    fn new() -> Result<Self, ebpf_rt::vm::UnknownHelper> {
        let mut vm = Vm::for_user(8);
        vm.set_budget(10_000);
        let plugin = vm.load_user(&plugin::OBJECT);
        let contains = vm.helper_id("contains")?;
        vm.helper_with_memory(contains, |call| {
            let [text, length, word, ..] = call.arguments();
            let text = call.read(text, length)?;
            let text = String::from_utf8_lossy(text);
            let word = WORDS.get(word as usize);
            Ok(word.is_some_and(|word| text.contains(word)).into())
        });
        vm.helper_named("log", |number, _, _, _, _| {
            println!("  refused a request of {number} bytes");
            0
        })?;
        Ok(Self { vm, plugin })
    }

    fn allows(&mut self, path: &str, bytes: u64) -> Result<bool, Fault> {
        let only = Permissions::ReadOnly;
        let text = path.as_bytes().to_vec();
        let region = self.vm.add_region("the path", text, only);
        let request = Request {
            path: self.vm.address(region),
            path_length: path.len() as u64,
            bytes,
        };
        let request = ebpf_rt::bytemuck::bytes_of(&request).to_vec();
        let request = self.vm.add_region("the request", request, only);
        let request = self.vm.address(request);
        Ok(self.vm.call(self.plugin, "decide", &[request])? != 0)
    }
}
// ANCHOR_END: host

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut host = Host::new()?;
    let requests = [("/index", 10), ("/index", 5000), ("/top/secret", 10)];
    for (path, bytes) in requests {
        println!("{path}: {}", host.allows(path, bytes)?);
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
