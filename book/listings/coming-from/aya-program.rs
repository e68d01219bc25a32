// The program: a crate of its own, built with nightly Rust and bpf-linker.
#![no_std]
#![no_main]

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::{map, tracepoint};
use aya_ebpf::maps::HashMap;
use aya_ebpf::programs::TracePointContext;

#[map]
static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(1024, 0);

#[tracepoint(category = "syscalls", name = "sys_enter_openat")]
pub fn count(_ctx: TracePointContext) -> u32 {
    let pid = (bpf_get_current_pid_tgid() >> 32) as u32;
    match COUNTS.get_ptr_mut(&pid) {
        Some(count) => unsafe { *count += 1 },
        None => {
            let _ = COUNTS.insert(&pid, &1, 0);
        }
    }
    0
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}
