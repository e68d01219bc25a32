bpf::ebpf! {
    mod opens {
        #[socket_filter]
        fn keep(ctx: *mut u8) -> i32 { r0 = 4; exit }
    }
}

fn main() {
    // The object is there all the same, so that this is no second error.
    let _ = opens::OBJECT.programs;
}
