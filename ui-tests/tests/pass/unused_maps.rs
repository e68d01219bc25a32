//! Maps that nothing names and that are of use all the same.
#![deny(warnings, dead_code)]

use bpf::{Array, SockMap, ebpf};

type Counters = Array<u64>;

ebpf! {
    /// An object.
    #[license = "GPL"]
    pub mod sockets {
        // Programs attach to it.
        static SOCKETS: SockMap = SockMap::with_max_entries(16);
        // Of what kind this is, the macro cannot know.
        static COUNTERS: Counters = Counters::with_max_entries(1);

        #[sk_skb_stream_verdict]
        fn judge(ctx: *mut u8) -> i32 {
            r0 = 1;
            exit;
        }
    }
}

ebpf! {
    /// An object.
    #[license = "GPL"]
    pub mod only_maps {
        static COUNTS: bpf::HashMap<u32, u64> = bpf::HashMap::with_max_entries(16);
    }
}

fn main() {}
