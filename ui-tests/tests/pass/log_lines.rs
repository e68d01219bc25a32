//! The dependency has another name, and everything that is generated is documented and used.
#![deny(warnings, missing_docs, clippy::pedantic)]

use core::ffi::c_void;

bpf::log_lines! {
    /// What the program tells.
    pub enum Line {
        /// A message came.
        #[log("{length} bytes: {length:>8} {text:?}")]
        Message {
            /// How long it is.
            length: u32,
            text: [u8; 8],
        },
        #[log("nothing")]
        Nothing {},
    }
}

bpf::ebpf! {
    #[license = "GPL"]
    mod tells {
        static LOG: bpf::Log<Line> = bpf::Log::with_byte_size(4096);
        static HELLO: bpf::TraceFormat<(u32,)> = bpf::TraceFormat::new(c"hello %u");

        #[socket_filter]
        fn tell(ctx: *mut c_void) -> i32 {
            *(u32 *)(r10 - 4) = {Nothing::LINE};
            r1 = LOG ll;
            r2 = r10;
            r2 += -4;
            r3 = {size_of::<Nothing>()};
            r4 = 0;
            call bpf_ringbuf_output;
            r1 = HELLO ll;
            r2 = {HELLO.size()};
            r3 = 7;
            call bpf_trace_printk;
            r0 = 0;
            exit;
        }
    }
}

fn main() {
    assert_eq!((Message::LINE, Nothing::LINE), (0, 1));
    assert_eq!(tells::OBJECT.maps.len(), 2);
    let message = Message {
        line: Message::LINE,
        length: 2,
        text: *b"ab\0\0\0\0\0\0",
    };
    let shown = Line::Message(message).to_string();
    assert_eq!(shown, "2 bytes:        2 \"ab\"");
}
