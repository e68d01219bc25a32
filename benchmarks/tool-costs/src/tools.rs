//! The programs of the tools of `examples/`, from their own files.

use ebpf_rt::Object;

/// A tool's file as a module, and the object in it.
macro_rules! tools {
    ($($tool:ident $object:ident,)*) => { $(
        pub mod $tool {
            #![allow(dead_code, unused_imports, reason = "only the object is used")]
            include!(concat!(env!("OUT_DIR"), "/", stringify!($tool), ".rs"));

            pub fn object() -> &'static super::Object {
                &$object::OBJECT
            }
        }
    )* };
}

tools! {
    exec_events execs,
    execs_by_user execs,
    hello_kprobe greeting,
    openat opens,
    opens_by_user opens,
    packets packets,
    socket_filter shorten,
    stream_verdict verdicts,
    tail_calls calls,
}
