# An object in a file: the same grammar as in the macro.
/* The licence is required here, too. */
#[license = "GPL"]
mod from_file {
    static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(64);
    const FIRST: u32 = 5;
    const LIMIT: u32 = FIRST * 8;

    #[tracepoint("syscalls", "sys_enter_openat")]
    fn count(ctx: *mut c_void) -> i32 {
        r2 = COUNTS ll
        r1 = LIMIT
        call twice
        exit
    }

    fn twice(value: u64) -> u64 {
        r0 = r1
        r0 += r0
        exit
    }
}
