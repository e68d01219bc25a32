use bpf::{TraceFormat, ebpf, log_lines};
use core::ffi::c_void;

log_lines! {
    enum Line {
        #[log("process {pdi} ends")]
        End { pid: u32 },
        #[log("{name:x} starts")]
        Start { name: [u8; 16] },
        #[log("something")]
        Other { number: u32 },
        #[log("{price}")]
        Bought { price: f32 },
    }
}

ebpf! {
    #[license = "GPL"]
    mod prints {
        static WIDE: TraceFormat<(u64,)> = TraceFormat::new(c"at %x");
        static NEW: TraceFormat<(u32,)> = TraceFormat::new(c"%08x");
        static MANY: TraceFormat<(u32, u32, u32, u32)> = TraceFormat::new(c"%u %u %u %u");

        #[socket_filter]
        fn print(ctx: *mut c_void) -> i32 {
            r1 = WIDE ll;
            r2 = {WIDE.size()};
            call bpf_trace_printk;
            r1 = NEW ll;
            r1 = MANY ll;
            r0 = 0;
            exit;
        }
    }
}

fn main() {}
