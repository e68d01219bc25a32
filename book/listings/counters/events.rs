//! Listing: a record for every program that is started.

// ANCHOR: file
use core::ffi::c_void;
use core::mem::offset_of;
use std::os::unix::process::CommandExt;
use std::process::Command;

use ebpf_rt::{Global, Pod, RingBuf, ebpf};

// ANCHOR: event
#[derive(Clone, Copy, Pod)]
#[repr(C)]
struct Event {
    pid: u32,
    uid: u32,
    command: [u8; 16],
}
// ANCHOR_END: event

ebpf! {
    #[license = "GPL"]
    mod execs {
        // ANCHOR: map
        static EVENTS: RingBuf<Event> = RingBuf::with_byte_size(1 << 16);
        static LOST: Global<u64> = Global::new(0);
        // ANCHOR_END: map

        // ANCHOR: program
        #[tracepoint("syscalls", "sys_enter_execve")]
        fn tell(ctx: *mut c_void) -> i32 {
            r1 = EVENTS ll;
            r2 = {size_of::<Event>()};
            r3 = 0;
            call bpf_ringbuf_reserve;
            if r0 == 0 goto lost;
            r6 = r0;

            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            *(u32 *)(r6 + {offset_of!(Event, pid)}) = w0;
            call bpf_get_current_uid_gid;
            *(u32 *)(r6 + {offset_of!(Event, uid)}) = w0;
            r1 = r6;
            r1 += {offset_of!(Event, command)};
            r2 = 16;
            call bpf_get_current_comm;

            r1 = r6;
            r2 = 0;
            call bpf_ringbuf_submit;
            goto done;
        lost:
            r1 = LOST ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
        done:
            r0 = 0;
            exit;
        }
        // ANCHOR_END: program
    }
}

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let execs = execs::load()?;
    let _link = execs.progs.tell.attach()?;
    let _ = Command::new("/no/such/program").exec();

    let mut events = execs.maps.EVENTS.reader()?;
    loop {
        execs.maps.EVENTS.wait(None)?;
        while let Some(record) = events.next()? {
            let Ok(event) = record.get() else { continue };
            if event.pid != std::process::id() {
                continue;
            }
            let name = event.command.split(|&b| b == 0).next();
            let name = str::from_utf8(name.unwrap_or(&[]))?;
            println!("uid={} command={name}", event.uid);
            return Ok(());
        }
    }
}
// ANCHOR_END: main
// ANCHOR_END: file
