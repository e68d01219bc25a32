//! Arguments of static probes.

use super::tracing::this_file;
use core::hint::black_box;
use core::mem::offset_of;
use ebpf_rt::context::{UsdtArgumentSpec, pt_regs};
use ebpf_rt::programs::{UsdtLocation, UsdtPoint};
use ebpf_rt::{Array, ErrorKind, Global, ebpf};
use kernel_test::static_probe;
use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    let root = &[Need::Root];
    suite.test("usdt::places", root, places);
    suite
        .test("usdt::argument_by_constant", root, by_constant)
        .programs(&["usdt"]);
    suite
        .test(
            "usdt::arguments",
            &[Need::Root, Need::Kernel(5, 15)],
            arguments,
        )
        .programs(&["usdt"]);
}

/// Its address stands in an argument, relative to the probe.
#[cfg(target_arch = "x86_64")]
#[unsafe(no_mangle)]
static EBPF_RT_USDT_NUMBERS: [i32; 4] = [-40, -41, -42, -43];

/// Two numbers and one in memory; the same probe at two places, with the arguments elsewhere.
#[inline(never)]
fn first(number: i64, values: &[i16; 4]) {
    // `\044` is `$`, which LLVM leaves out of texts here.
    #[cfg(target_arch = "x86_64")]
    static_probe!("arguments", "0", "-8@%rsi 4@\\044-7 -2@4(%rdx)",
        in("rsi") number, in("rdx") values.as_ptr(),
    );
    #[cfg(target_arch = "aarch64")]
    static_probe!("arguments", "0", "-8@x9 4@-7 -2@[x10, 4]",
        in("x9") number, in("x10") values.as_ptr(),
    );
}

#[inline(never)]
fn second(number: i64, index: usize, values: &[i16; 4]) {
    #[cfg(target_arch = "x86_64")]
    {
        black_box(&EBPF_RT_USDT_NUMBERS);
        static_probe!("arguments", "0",     "-1@%cl -4@EBPF_RT_USDT_NUMBERS+8(%rip) 2@-2(%rdi,%rax,2)",
            in("rcx") number, in("rdi") values.as_ptr(), in("rax") index,
        );
    }
    #[cfg(target_arch = "aarch64")]
    static_probe!("arguments", "0", "-1@w9 -4@-42 2@[x10, x11, lsl 1]",
        in("x9") number, in("x10") values.as_ptr(), in("x11") index - 1,
    );
}

const NONE: u16 = UsdtArgumentSpec::NO_REGISTER;

ebpf! {
    /// Keeps the first three arguments of the last hit.
    #[license = "GPL"]
    mod all {
        static PLACES: Array<[UsdtArgumentSpec; 4]> = Array::with_max_entries(2);
        static SEEN: Global<[u64; 4]> = Global::new([0; 4]);
        static HITS: Global<u64> = Global::new(0);

        #[usdt]
        fn hit(ctx: *const pt_regs) -> i32 {
            r6 = r1;
            call bpf_get_attach_cookie;
            *(u32 *)(r10 - 4) = w0;
            r1 = PLACES ll;
            r2 = r10;
            r2 += -4;
            call bpf_map_lookup_elem;
            if r0 == 0 goto done;
            r7 = r0;
            r8 = SEEN ll;
            r1 = r6;
            r2 = r7;
            call argument;
            *(u64 *)(r8 + 0) = r0;
            r1 = r6;
            r2 = r7;
            r2 += {size_of::<UsdtArgumentSpec>()};
            call argument;
            *(u64 *)(r8 + 8) = r0;
            r1 = r6;
            r2 = r7;
            r2 += {2 * size_of::<UsdtArgumentSpec>()};
            call argument;
            *(u64 *)(r8 + 16) = r0;
            r1 = *(u8 *)(r7 + {3 * size_of::<UsdtArgumentSpec>() + offset_of!(UsdtArgumentSpec, size)});
            *(u64 *)(r8 + 24) = r1;
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
        done:
            r0 = 0;
            exit;
        }

        fn argument(ctx: *const pt_regs, spec: *const UsdtArgumentSpec) -> u64 {
            r6 = r1;
            r7 = r2;
            r8 = *(u64 *)(r7 + {offset_of!(UsdtArgumentSpec, displacement)});
            r2 = *(u16 *)(r7 + {offset_of!(UsdtArgumentSpec, base)});
            if r2 == NONE goto index;
            call register;
            r8 += r0;
        index:
            r2 = *(u16 *)(r7 + {offset_of!(UsdtArgumentSpec, index)});
            if r2 == NONE goto memory;
            r1 = r6;
            call register;
            r1 = *(u8 *)(r7 + {offset_of!(UsdtArgumentSpec, index_shift)});
            r1 &= 63;
            r0 <<= r1;
            r8 += r0;
        memory:
            r9 = *(u8 *)(r7 + {offset_of!(UsdtArgumentSpec, size)});
            if r9 > 8 goto done;
            r1 = *(u8 *)(r7 + {offset_of!(UsdtArgumentSpec, is_memory)});
            if r1 == 0 goto value;
            *(u64 *)(r10 - 8) = 0;
            r1 = r10;
            r1 += -8;
            r2 = r9;
            r3 = r8;
            call bpf_probe_read_user;
            r8 = *(u64 *)(r10 - 8);
        value:
            r9 <<= 3;
            r1 = 64;
            r1 -= r9;
            r1 &= 63;
            r8 <<= r1;
            r2 = *(u8 *)(r7 + {offset_of!(UsdtArgumentSpec, is_signed)});
            if r2 != 0 goto signed;
            r8 >>= r1;
            goto done;
        signed:
            r8 s>>= r1;
        done:
            r0 = r8;
            exit;
        }

        fn register(ctx: *const pt_regs, offset: u64) -> u64 {
            r2 &= 0x1ff;
            r3 = r1;
            r3 += r2;
            *(u64 *)(r10 - 8) = 0;
            r1 = r10;
            r1 += -8;
            r2 = 8;
            call bpf_probe_read_kernel;
            r0 = *(u64 *)(r10 - 8);
            exit;
        }
    }
}

ebpf! {
    /// Keeps what is in a register that is known when it is loaded.
    #[license = "GPL"]
    mod one {
        static SEEN: Global<u64> = Global::new(0);
        const OFFSET: i16;

        #[usdt]
        fn hit(ctx: *const pt_regs) -> i32 {
            r2 = *(u64 *)(r1 + OFFSET);
            r1 = SEEN ll;
            *(u64 *)(r1 + 0) = r2;
            r0 = 0;
            exit;
        }
    }
}

const VALUES: [i16; 4] = [10, -11, 12, -13];

fn places() {
    let file = this_file();
    let places = UsdtPoint::new(&file, "ebpf_rt", "arguments")
        .places()
        .unwrap();
    assert_eq!(places.len(), 2);
    let mut arguments: Vec<_> = places.iter().map(|place| &place.arguments[..]).collect();
    arguments.sort_by_key(|arguments| arguments[0].size);
    let [narrow, wide] = arguments[..] else {
        panic!("{places:?}")
    };
    assert_eq!((narrow.len(), wide.len()), (3, 3));
    assert_eq!((wide[0].size, wide[0].is_signed), (8, true));
    assert_eq!(wide[1].location, UsdtLocation::Constant(-7));
    assert!(matches!(
        wide[2].location,
        UsdtLocation::Memory {
            base: Some(_),
            index: None,
            displacement: 4
        }
    ));
    assert!(matches!(
        narrow[2].location,
        UsdtLocation::Memory {
            index: Some((_, 1)),
            ..
        }
    ));
    let error = UsdtPoint::new(&file, "ebpf_rt", "argument")
        .places()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

fn arguments() {
    let all = all::load().unwrap();
    let file = this_file();
    let point = UsdtPoint::new(&file, "ebpf_rt", "arguments");
    let link = all
        .progs
        .hit
        .attach_with_arguments(point, &all.maps.PLACES)
        .unwrap();
    assert_eq!(link.len(), 2);
    first(black_box(-1_234_567_890_123), black_box(&VALUES));
    // A constant of four bytes without a sign.
    let seven = u64::from(7_u32.wrapping_neg());
    let number = (-1_234_567_890_123_i64).cast_unsigned();
    assert_eq!(all.maps.SEEN.get(), [number, seven, 12, 0]);
    second(black_box(0x1ff), black_box(2), black_box(&VALUES));
    let second_value = u64::from(VALUES[1].cast_unsigned());
    let minus = |value: i64| value.cast_unsigned();
    assert_eq!(
        all.maps.SEEN.get(),
        [minus(-1), minus(-42), second_value, 0]
    );
    assert_eq!(all.maps.HITS.get(), 2);
    link.detach().unwrap();
    first(1, &VALUES);
    assert_eq!(all.maps.HITS.get(), 2);

    let error = all
        .progs
        .hit
        .attach_with_arguments(point.cookie(1), &all.maps.PLACES)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let small = Array::<[UsdtArgumentSpec; 1]>::create(1).unwrap();
    let error = all
        .progs
        .hit
        .attach_with_arguments(point, &small)
        .unwrap_err();
    assert!(error.to_string().contains("has 2 places in "), "{error}");
}

fn by_constant() {
    let file = this_file();
    let point = UsdtPoint::new(&file, "ebpf_rt", "arguments");
    let places = point.places().unwrap();
    let first_argument = places.iter().map(|place| &place.arguments[0]);
    let wide = first_argument.max_by_key(|argument| argument.size).unwrap();
    let UsdtLocation::Register { offset } = wide.location else {
        panic!("{wide:?}")
    };
    let mut loader = one::loader();
    loader.consts.OFFSET.set(offset.cast_signed());
    let one = loader.load().unwrap();
    let _link = one.progs.hit.attach_to(point).unwrap();
    first(black_box(99), black_box(&VALUES));
    assert_eq!(one.maps.SEEN.get(), 99);
}
