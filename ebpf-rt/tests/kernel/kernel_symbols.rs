//! What programs ask of the kernel: its functions, its variables, facts about its types.

use core::ffi::{c_char, c_void};
use ebpf_rt::btf::Kind;
use ebpf_rt::programs::TestRun;
use ebpf_rt::{ErrorKind, Global, ebpf, kernel_btf};
use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    const BTF: Need = Need::Config("CONFIG_DEBUG_INFO_BTF");
    const ROOT: &[Need] = &[Need::Root, BTF];
    const KFUNCS: &[Need] = &[Need::Kernel(6, 12), Need::Root, BTF];
    const STRCMP: &[Need] = &[Need::Kernel(6, 17), Need::Root, BTF];
    suite.test("kernel_symbols::offsetof", ROOT, offset_of);
    suite.test(
        "kernel_symbols::offset_of_a_load",
        &[Need::Kernel(5, 11), Need::Root, BTF],
        offset_of_a_load,
    );
    suite.test("kernel_symbols::facts", ROOT, facts);
    suite.test("kernel_symbols::what_is_missing", ROOT, what_is_missing);
    suite.test("kernel_symbols::errors", ROOT, errors);
    suite.test("kernel_symbols::function", STRCMP, function);
    suite.test("kernel_symbols::in_a_callback", STRCMP, in_a_callback);
    suite.test("kernel_symbols::weak_function", KFUNCS, weak_function);
    suite.test("kernel_symbols::signature", STRCMP, signature);
    suite.test(
        "kernel_symbols::per_cpu_variable",
        // BTF has variables since.
        &[
            Need::Root,
            Need::Kernel(6, 1),
            Need::Matrix(lists_variables),
        ],
        per_cpu_variable,
    );
    suite.test("kernel_symbols::listed_variable", ROOT, listed_variable);
    suite.test(
        "kernel_symbols::module",
        &[Need::Root, Need::Kernel(6, 4), Need::Matrix(has_veth)],
        module,
    );
    suite.test(
        "kernel_symbols::jiffies",
        &[Need::Root, Need::Matrix(lists_variables)],
        jiffies,
    );
}

fn lists_variables() -> Result<(), String> {
    let symbols = std::fs::read_to_string("/proc/kallsyms").map_err(|error| error.to_string())?;
    match symbols.contains(" jiffies\n") {
        true => Ok(()),
        false => Err("variables in /proc/kallsyms (CONFIG_KALLSYMS_ALL)".to_owned()),
    }
}

fn has_veth() -> Result<(), String> {
    match kernel_btf::module("veth") {
        Ok(_) => Ok(()),
        Err(_) => Err("the module veth".to_owned()),
    }
}

ebpf! {
    #[license = "GPL"]
    mod asks {
        static PID: Global<u32> = Global::new(0);
        static COMM: Global<[u8; 16]> = Global::new([0; 16]);

        #[raw_tracepoint("sys_enter")]
        fn read_task(ctx: *mut c_void) -> i32 {
            call bpf_get_current_task;
            r6 = r0;
            r1 = PID ll;
            r2 = sizeof(task_struct.pid);
            r3 = r6;
            r3 += offsetof(task_struct.pid);
            call bpf_probe_read_kernel;
            r1 = COMM ll;
            r2 = sizeof(task_struct.comm);
            r3 = offsetof(task_struct.comm) ll;
            r3 += r6;
            call bpf_probe_read_kernel;
            r0 = 0;
            exit;
        }
    }
}

fn run(program: &ebpf_rt::programs::RawTracepoint) -> u32 {
    program.test_run(TestRun::new()).unwrap().return_value
}

fn offset_of() {
    let asks = asks::load().unwrap();
    run(&asks.progs.read_task);
    // The test runs in a thread of its own, and a task's `pid` is that of the thread.
    // SAFETY: takes nothing, and never fails.
    let thread = unsafe { libc::gettid() };
    assert_eq!(asks.maps.PID.get(), thread.cast_unsigned());
    let name = std::fs::read("/proc/thread-self/comm").unwrap();
    let name = name.strip_suffix(b"\n").unwrap();
    assert_eq!(&asks.maps.COMM.get()[..name.len()], name);
}

ebpf! {
    #[license = "GPL"]
    mod by_load {
        #[raw_tracepoint("sys_enter")]
        fn pid(ctx: *mut c_void) -> i32 {
            call bpf_get_current_task_btf;
            r0 = *(u32 *)(r0 + offsetof(task_struct.pid));
            exit;
        }
    }
}

fn offset_of_a_load() {
    let loaded = by_load::load().unwrap();
    // SAFETY: takes nothing, and never fails.
    let thread = unsafe { libc::gettid() };
    assert_eq!(run(&loaded.progs.pid), thread.cast_unsigned());
}

ebpf! {
    #[license = "GPL"]
    mod knows {
        static FACTS: Global<[u64; 10]> = Global::new([9; 10]);

        #[raw_tracepoint("sys_enter")]
        fn ask(ctx: *mut c_void) -> i32 {
            r1 = FACTS ll;
            *(u64 *)(r1 + 0) = sizeof(task_struct);
            r2 = offsetof(task_struct.comm[5]);
            *(u64 *)(r1 + 8) = r2;
            w2 = offsetof(sock.__sk_common.skc_family);
            *(u64 *)(r1 + 16) = r2;
            *(u64 *)(r1 + 24) = enumval(bpf_func_id.BPF_FUNC_map_update_elem);
            r2 = exists(task_struct.pid);
            *(u64 *)(r1 + 32) = r2;
            r2 = exists(task_struct.no_such_member);
            *(u64 *)(r1 + 40) = r2;
            r2 = exists(no_such_type.member) ll;
            *(u64 *)(r1 + 48) = r2;
            r2 = exists(bpf_func_id.BPF_FUNC_map_update_elem);
            *(u64 *)(r1 + 56) = r2;
            *(u64 *)(r1 + 64) = exists(bpf_func_id.BPF_FUNC_no_such_helper);
            // A member of an anonymous struct in a union.
            r2 = offsetof(sk_buff.dev);
            *(u64 *)(r1 + 72) = r2;
            r2 = exists(task_struct.no_such_member);
            if r2 == 0 goto out;
            r2 = offsetof(task_struct.no_such_member);
            r2 = sizeof(task_struct.no_such_member) ll;
            r2 = *(u64 *)(r1 + offsetof(task_struct.no_such_member.inner[2]));
        out:
            r0 = 0;
            exit;
        }
    }
}

fn facts() {
    let loaded = knows::load().unwrap();
    run(&loaded.progs.ask);
    let btf = kernel_btf::vmlinux().unwrap();
    let offset = |ty: &str, path: &str| {
        let ty = btf.find(ty, Kind::Struct).unwrap();
        btf.member(ty, path).unwrap().bit_offset / 8
    };
    let task = btf.find("task_struct", Kind::Struct).unwrap();
    assert_eq!(
        loaded.maps.FACTS.get(),
        [
            btf.size_of(task).unwrap(),
            offset("task_struct", "comm") + 5,
            offset("sock", "__sk_common.skc_family"),
            2,
            1,
            0,
            0,
            1,
            0,
            offset("sk_buff", "dev"),
        ]
    );
}

ebpf! {
    #[license = "GPL"]
    mod lacks {
        #[raw_tracepoint("sys_enter")]
        fn member(ctx: *mut c_void) -> i32 { r0 = offsetof(task_struct.commm); exit }
        #[raw_tracepoint("sys_enter")]
        fn nested(ctx: *mut c_void) -> i32 { r0 = sizeof(task_struct.se.vruntme); exit }
        #[raw_tracepoint("sys_enter")]
        fn ty(ctx: *mut c_void) -> i32 { r0 = sizeof(task_strukt); exit }
        #[raw_tracepoint("sys_enter")]
        fn value(ctx: *mut c_void) -> i32 { r0 = enumval(bpf_func_id.BPF_FUNC_map_update_elm); exit }
        #[raw_tracepoint("sys_enter")]
        fn pointer(ctx: *mut c_void) -> i32 { r0 = offsetof(task_struct.mm.owner); exit }
        #[raw_tracepoint("sys_enter")]
        fn bits(ctx: *mut c_void) -> i32 { r0 = offsetof(task_struct.sched_reset_on_fork); exit }
        #[raw_tracepoint("sys_enter")]
        fn range(ctx: *mut c_void) -> i32 { *(u8 *)(r10 - 8) = sizeof(task_struct); r0 = 0; exit }
        #[raw_tracepoint("sys_enter")]
        fn no_struct(ctx: *mut c_void) -> i32 { r0 = exists(task_struct.pid.x); exit }
        #[raw_tracepoint("sys_enter")]
        fn unguarded(ctx: *mut c_void) -> i32 {
            r1 = exists(task_struct.no_such_member);
            r0 = offsetof(task_struct.no_such_member);
            exit;
        }
    }
}

/// Loads one program of an object that has several, each with another mistake.
macro_rules! error_of {
    ($object:ident, $program:ident, [$($all:ident),*]) => {{
        let mut loader = $object::loader();
        $(if stringify!($all) != stringify!($program) { loader.progs.$all.skip(); })*
        loader.load().unwrap_err()
    }};
}

macro_rules! lacking {
    ($program:ident) => {
        error_of!(
            lacks,
            $program,
            [
                member, nested, ty, value, pointer, bits, range, no_struct, unguarded
            ]
        )
    };
}

fn what_is_missing() {
    for (error, kind, parts) in [
        (
            lacking!(member),
            ErrorKind::NotFound,
            &[
                "`offsetof(task_struct.commm)`: `struct task_struct` has no member `commm`; did you mean `comm`?",
                "kernel_symbols.rs:",
                "test `exists(task_struct.commm)` first",
            ][..],
        ),
        (
            lacking!(nested),
            ErrorKind::NotFound,
            &["`struct sched_entity` has no member `vruntme`; did you mean `vruntime`?"],
        ),
        (
            lacking!(ty),
            ErrorKind::NotFound,
            &[
                "`sizeof(task_strukt)`: this kernel has no type named `task_strukt`; did you mean `task_struct`?",
            ],
        ),
        (
            lacking!(value),
            ErrorKind::NotFound,
            &[
                "`enum bpf_func_id` has no value `BPF_FUNC_map_update_elm`; did you mean `BPF_FUNC_map_update_elem`?",
            ],
        ),
        (
            lacking!(pointer),
            ErrorKind::Invalid,
            &[
                "`offsetof(task_struct.mm.owner)`: `mm` is a pointer (to `struct mm_struct`)",
                "has to be loaded first",
            ],
        ),
        (
            lacking!(bits),
            ErrorKind::Invalid,
            &["`sched_reset_on_fork` is a bit field"],
        ),
        (
            lacking!(range),
            ErrorKind::Unsupported,
            &[
                "`sizeof(task_struct)` is ",
                " in this kernel: a value stored in one byte holds -128 to 255",
            ],
        ),
        (
            lacking!(no_struct),
            ErrorKind::Invalid,
            &["`exists(task_struct.pid.x)`: ", "is not a struct or union"],
        ),
        (
            lacking!(unguarded),
            ErrorKind::Rejected,
            &[
                "invalid func",
                "this kernel does not have `task_struct.no_such_member`",
                "if r1 == 0 goto",
            ],
        ),
    ] {
        let text = error.to_string();
        for part in parts {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(error.kind(), kind, "{text}");
        let place = text.starts_with("object `lacks`, program `") || text.starts_with("lacks::");
        assert!(place, "{text}");
    }
    // An optional program is left out.
    let mut loader = lacks::loader();
    loader.progs.member.optional();
    loader.progs.nested.optional();
    loader.progs.ty.optional();
    loader.progs.value.optional();
    loader.progs.pointer.optional();
    loader.progs.bits.optional();
    loader.progs.range.optional();
    loader.progs.no_struct.optional();
    loader.progs.unguarded.optional();
    let loaded = loader.load().unwrap();
    let error = loaded.progs.member.attach().unwrap_err();
    assert!(error.to_string().contains("commm"), "{error}");
}

ebpf! {
    #[license = "GPL"]
    mod calls {
        extern "kernel" {
            fn bpf_strcmp(s1: *const c_char, s2: *const c_char) -> i32;
        }

        #[socket_filter]
        fn compare(ctx: *mut c_void) -> i32 {
            r1 = 0x726162 ll;           // "bar"
            *(u64 *)(r10 - 8) = r1;
            r1 = 0x7a6162 ll;           // "baz"
            *(u64 *)(r10 - 16) = r1;
            r1 = r10;
            r1 += -8;
            r2 = r10;
            r2 += -16;
            call bpf_strcmp;
            r6 = r0;
            r1 = r10;
            r1 += -8;
            r2 = r1;
            call bpf_strcmp;
            w6 <<= 8;
            w0 |= w6;
            exit;
        }
    }
}

fn function() {
    let calls = calls::load().unwrap();
    let result = calls.progs.compare.test_run(TestRun::new().data(&[0; 14]));
    // "bar" is less than "baz": -1; and equal to itself.
    assert_eq!(result.unwrap().return_value, 0xffff_ff00);
}

ebpf! {
    #[license = "GPL"]
    mod searches {
        extern "kernel" {
            fn bpf_strcmp(s1: *const c_char, s2: *const c_char) -> i32;
        }

        /// Says behind how many of the letters "a" to "e" there is a "c".
        #[socket_filter]
        fn count(ctx: *mut c_void) -> i32 {
            *(u64 *)(r10 - 8) = 0;
            r1 = 5;
            r2 = each ll;
            r3 = r10;
            r3 += -8;
            r4 = 0;
            call bpf_loop;
            call only_number;
            exit;
        }

        fn each(index: u64, ctx: *mut c_void) -> i64 {
            r6 = r2;
            call is_c;
            if r0 != 0 goto next;
            *(u64 *)(r6 + 0) = 1;
            r0 = 1;
            exit;
        next:
            r0 = 0;
            exit;
        }

        fn is_c(index: u64) -> i64 {
            r1 += b'a';
            *(u64 *)(r10 - 8) = r1;
            r2 = b'c';
            *(u64 *)(r10 - 16) = r2;
            r1 = r10;
            r1 += -8;
            r2 = r10;
            r2 += -16;
            call bpf_strcmp;
            exit;
        }

        #[inline]
        fn only_number() {
            r0 &= 0xff;
            exit;
        }
    }
}

fn in_a_callback() {
    let searches = searches::load().unwrap();
    let result = searches.progs.count.test_run(TestRun::new().data(&[0; 14]));
    assert_eq!(result.unwrap().return_value, 3);
}

ebpf! {
    #[license = "GPL"]
    mod weak {
        extern "kernel" {
            #[weak]
            fn bpf_rcu_read_lock();
            #[weak]
            fn bpf_rcu_read_unlock();
            #[weak]
            fn bpf_no_such_function(a: u64) -> u64;
            #[weak]
            static no_such_variable: u64;
        }

        #[raw_tracepoint("sys_enter")]
        fn guarded(ctx: *mut c_void) -> i32 {
            r6 = 0;
            r1 = bpf_rcu_read_lock ll;
            if r1 == 0 goto absent;
            call bpf_rcu_read_lock;
            call bpf_rcu_read_unlock;
            r6 = 1;
        absent:
            r1 = bpf_no_such_function ll;
            if r1 == 0 goto out;
            call bpf_no_such_function;
            r6 += 10;
        out:
            r1 = no_such_variable ll;
            if r1 == 0 goto done;
            r6 += 100;
        done:
            r0 = r6;
            exit;
        }

        #[raw_tracepoint("sys_enter")]
        fn unguarded(ctx: *mut c_void) -> i32 {
            r1 = 0;
            call bpf_no_such_function;
            exit;
        }
    }
}

fn weak_function() {
    let mut loader = weak::loader();
    loader.progs.unguarded.skip();
    let loaded = loader.load().unwrap();
    assert_eq!(run(&loaded.progs.guarded), 1);
    let error = weak::load().unwrap_err().to_string();
    for part in [
        "invalid func",
        "does not have the function `bpf_no_such_function`",
        "r1 = bpf_no_such_function ll",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

ebpf! {
    #[license = "GPL"]
    mod mistaken {
        extern "kernel" {
            fn bpf_strcmp(s1: *const c_char, s2: u64) -> i32;
            fn bpf_strchr(s: *const c_char) -> i32;
            fn bpf_strlen(s: *const c_char) -> u32;
        }

        #[socket_filter]
        fn parameter(ctx: *mut c_void) -> i32 { r2 = r1; call bpf_strcmp; exit }
        #[socket_filter]
        fn count(ctx: *mut c_void) -> i32 { r2 = r1; call bpf_strchr; exit }
        #[socket_filter]
        fn result(ctx: *mut c_void) -> i32 { call bpf_strlen; exit }
    }
}

fn signature() {
    let error = error_of!(mistaken, parameter, [parameter, count, result]);
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let text = error.to_string();
    let expected = "`bpf_strcmp` is declared as `fn bpf_strcmp(s1: *const c_char, s2: u64) -> i32`, and in \
         this kernel it is `int bpf_strcmp(const char *s1__ign, const char *s2__ign)`: parameter 2 \
         has another type";
    assert!(text.contains(expected), "{text}");
    let text = error_of!(mistaken, count, [parameter, count, result]).to_string();
    assert!(text.contains("it has 2 parameters and not 1"), "{text}");
    let text = error_of!(mistaken, result, [parameter, count, result]).to_string();
    assert!(text.contains("its result has another type"), "{text}");
}

/// What the kernel calls `struct rq`.
#[expect(non_camel_case_types, reason = "the kernel's name")]
struct rq;

ebpf! {
    #[license = "GPL"]
    mod per_cpu {
        extern "kernel" {
            static runqueues: rq;
        }

        #[raw_tracepoint("sys_enter")]
        fn cpu(ctx: *mut c_void) -> i32 {
            call bpf_get_smp_processor_id;
            r6 = r0;
            r1 = runqueues ll;
            call bpf_this_cpu_ptr;
            r0 = *(u32 *)(r0 + offsetof(rq.cpu));
            if r0 != r6 goto wrong;
            r0 = 1;
            exit;
        wrong:
            r0 = 2;
            exit;
        }
    }
}

fn per_cpu_variable() {
    let loaded = per_cpu::load().unwrap();
    assert_eq!(run(&loaded.progs.cpu), 1);
}

ebpf! {
    #[license = "GPL"]
    mod listed {
        extern "kernel" {
            static __start_rodata: u64;
        }
        static ADDRESS: Global<u64> = Global::new(0);
        static READ: Global<u64> = Global::new(1);

        #[raw_tracepoint("sys_enter")]
        fn read(ctx: *mut c_void) -> i32 {
            r6 = __start_rodata ll;
            r1 = ADDRESS ll;
            *(u64 *)(r1 + 0) = r6;
            r1 = READ ll;
            r2 = 8;
            r3 = r6;
            call bpf_probe_read_kernel;
            exit;
        }
    }
}

fn listed_variable() {
    let loaded = listed::load().unwrap();
    assert_eq!(run(&loaded.progs.read), 0, "it can be read");
    let symbols = std::fs::read_to_string("/proc/kallsyms").unwrap();
    let line = symbols
        .lines()
        .find(|line| line.ends_with(" __start_rodata"));
    let address = line.unwrap().split(' ').next().unwrap();
    assert_eq!(format!("{:x}", loaded.maps.ADDRESS.get()), address);
}

ebpf! {
    #[license = "GPL"]
    mod time {
        extern "kernel" {
            static jiffies: u64;
        }
        static SEEN: Global<u64> = Global::new(0);

        #[raw_tracepoint("sys_enter")]
        fn difference(ctx: *mut c_void) -> i32 {
            r1 = SEEN ll;
            r2 = 8;
            r3 = jiffies ll;
            call bpf_probe_read_kernel;
            call bpf_jiffies64;
            r1 = SEEN ll;
            r1 = *(u64 *)(r1 + 0);
            r0 -= r1;
            exit;
        }
    }
}

fn jiffies() {
    let loaded = time::load().unwrap();
    let difference = run(&loaded.progs.difference);
    assert!(difference < 1000, "{difference}");
    assert!(loaded.maps.SEEN.get() > 0);
}

ebpf! {
    #[license = "GPL"]
    mod unknown {
        extern "kernel" {
            fn bpf_prog_putt(prog: *mut c_void);
            static __start_rodatta: u64;
        }

        #[raw_tracepoint("sys_enter")]
        fn function(ctx: *mut c_void) -> i32 { call bpf_prog_putt; exit }
        #[raw_tracepoint("sys_enter")]
        fn variable(ctx: *mut c_void) -> i32 { r1 = __start_rodatta ll; r0 = 0; exit }
    }
}

fn errors() {
    let text = error_of!(unknown, function, [function, variable]).to_string();
    for part in [
        "have a function named `bpf_prog_putt`; did you mean `bpf_prog_put`?",
        "declare it `#[weak]`",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let text = error_of!(unknown, variable, [function, variable]).to_string();
    let part = "lists no variable named `__start_rodatta`; did you mean `__start_rodata`?";
    assert!(text.contains(part), "{text}");
}

/// What the kernel calls `struct sk_buff` and `struct net_device`.
struct SkBuff;
struct NetDevice;

ebpf! {
    #[license = "GPL"]
    mod of_module {
        extern "kernel" {
            fn veth_xmit(skb: *mut SkBuff, dev: *mut NetDevice) -> i32;
        }

        #[raw_tracepoint("sys_enter")]
        fn address(ctx: *mut c_void) -> i32 {
            r6 = 0;
            r1 = veth_xmit ll;
            if r1 == 0 goto out;
            r6 = offsetof(veth_priv.peer);
            r6 += exists(veth_priv);
        out:
            r0 = r6;
            exit;
        }

        #[raw_tracepoint("sys_enter")]
        fn calls(ctx: *mut c_void) -> i32 {
            r1 = 0;
            r2 = 0;
            call veth_xmit;
            exit;
        }
    }
}

fn module() {
    let mut loader = of_module::loader();
    loader.progs.calls.skip();
    let loaded = loader.load().unwrap();
    assert_eq!(run(&loaded.progs.address), 1);
    // It is no function for programs: the kernel knows which one is meant, and refuses it.
    let mut loader = of_module::loader();
    loader.progs.address.skip();
    let error = loader.load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
    assert!(error.to_string().contains("veth_xmit"), "{error}");
}
