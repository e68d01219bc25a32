//! Listing: a kernel's program in this process, with a helper that the
//! machine lacks.

// ANCHOR: file
use core::ffi::c_void;

use ebpf_rt::{Global, ebpf};

ebpf! {
    #[license = "GPL"]
    mod cookies {
        static LAST: Global<u64> = Global::new(0);

        // ANCHOR: program
        #[socket_filter]
        fn remember(packet: *mut c_void) -> i32 {
            call bpf_get_socket_cookie;
            r1 = LAST ll;
            *(u64 *)(r1 + 0) = r0;
            r0 = -1;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), ebpf_rt::Error> {
    let cookies = cookies::vm()?;
    let remember = &cookies.progs.remember;
    if let Err(error) = remember.run(&mut []) {
        println!("{error}");
    }

    const GET_SOCKET_COOKIE: u32 = 46;
    remember.machine()?.with(|vm| {
        vm.helper(GET_SOCKET_COOKIE, |_, _, _, _, _| 4711);
    });
    remember.run(&mut [])?;
    println!("the last was {}", cookies.maps.LAST.get());
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
