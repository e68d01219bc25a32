//! Programs at functions of other programs: in their place, at their entry, at their return.

use super::by_btf::has_trampolines;
use core::ffi::c_void;
use core::mem::offset_of;
use ebpf_rt::context::{__sk_buff, arg_offset};
use ebpf_rt::links::LinkDetails;
use ebpf_rt::programs::{Program, SocketFilter, TestRun};
use ebpf_rt::{ErrorKind, Global, ebpf};
use kernel_test::{Need, Suite};

pub(crate) fn add(suite: &mut Suite) {
    const TRAMPOLINES: &[Need] = &[Need::Root, Need::Matrix(has_trampolines)];
    suite
        .test("at_programs::freplace", TRAMPOLINES, freplace)
        .programs(&["freplace"]);
    suite.test(
        "at_programs::freplace_with_context",
        TRAMPOLINES,
        freplace_with_context,
    );
    suite.test("at_programs::freplace_again", TRAMPOLINES, freplace_again);
    suite.test(
        "at_programs::fentry_and_fexit",
        TRAMPOLINES,
        fentry_and_fexit,
    );
    suite.test("at_programs::refusals", TRAMPOLINES, refusals);
    suite.test("at_programs::errors", &[Need::Root], errors);
}

ebpf! {
    /// A filter that keeps as many bytes as its rule says.
    #[license = "GPL"]
    mod base {
        #[socket_filter]
        fn filter(ctx: *mut __sk_buff) -> i32 {
            r6 = r1;
            r1 = 5;
            call rule;
            r1 = r0;
            call twice;
            r1 = r6;
            r2 = r0;
            call last;
            exit;
        }

        /// Another that others can replace.
        pub fn last(packet: *mut __sk_buff, length: u32) -> u32 {
            w0 = w2;
            exit;
        }

        /// What others can replace.
        pub fn rule(length: u32) -> u32 {
            w0 = w1;
            w0 += 10;
            exit;
        }

        fn twice(length: u32) -> u32 {
            w0 = w1;
            w0 += w0;
            exit;
        }
    }
}

ebpf! {
    /// Another rule.
    #[license = "GPL"]
    mod other {
        #[freplace("rule")]
        fn replacement(length: u32) -> u32 {
            w0 = w1;
            w0 += 100;
            exit;
        }
    }
}

ebpf! {
    /// A rule that looks at the packet.
    #[license = "GPL"]
    mod looks {
        #[freplace("last")]
        fn whole(packet: *mut __sk_buff, length: u32) -> u32 {
            w0 = *(u32 *)(r1 + {offset_of!(__sk_buff, len)});
            w0 += w2;
            exit;
        }
    }
}

fn freplace_with_context() {
    let base = base::load().unwrap();
    let mut loader = looks::loader();
    let options = &mut loader.progs.whole;
    options.target_program(&base.progs.filter).unwrap();
    let looks = loader.load().unwrap();
    let link = looks.progs.whole.attach().unwrap();
    // Of the 64 bytes the header is behind the packet.
    assert_eq!(kept(&base.progs.filter), 30 + 64 - 14);
    drop(link);
    assert_eq!(kept(&base.progs.filter), 30);
}

/// How many bytes the filter keeps.
fn kept(filter: &SocketFilter) -> u32 {
    let packet = [0; 64];
    let result = filter.test_run(TestRun::new().data(&packet)).unwrap();
    result.return_value
}

fn load_other(base: &base::Skeleton) -> other::Skeleton {
    let mut loader = other::loader();
    let options = &mut loader.progs.replacement;
    options.target_program(&base.progs.filter).unwrap();
    loader.load().unwrap()
}

fn freplace() {
    let base = base::load().unwrap();
    assert_eq!(kept(&base.progs.filter), 30);
    let other = load_other(&base);
    assert_eq!(kept(&base.progs.filter), 30, "it is not attached yet");
    let link = other.progs.replacement.attach().unwrap();
    assert_eq!(kept(&base.progs.filter), 210);
    let LinkDetails::Tracing { attach_type, .. } = link.info().unwrap().details else {
        panic!("{:?}", link.info())
    };
    assert_eq!(attach_type, None);
    // One at a time.
    let error = load_other(&base).progs.replacement.attach().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists, "{error}");
    drop(link);
    assert_eq!(kept(&base.progs.filter), 30);
}

fn freplace_again() {
    let (base, second) = (base::load().unwrap(), base::load().unwrap());
    let other = load_other(&base);
    let _link = other.progs.replacement.attach().unwrap();
    let link = other
        .progs
        .replacement
        .attach_to(&second.progs.filter, "rule");
    let link = link.unwrap();
    assert_eq!(kept(&base.progs.filter), 210);
    assert_eq!(kept(&second.progs.filter), 210);
    drop(link);
    assert_eq!(kept(&second.progs.filter), 30);
}

ebpf! {
    /// Sees a function's argument and result.
    #[license = "GPL"]
    mod watch {
        static ARGUMENT: Global<u32> = Global::new(0);
        static RESULT: Global<u32> = Global::new(0);

        #[fentry]
        fn enter(ctx: *mut c_void) -> i32 {
            r2 = *(u32 *)(r1 + {arg_offset(0)});
            r1 = ARGUMENT ll;
            *(u32 *)(r1 + 0) = w2;
            r0 = 0;
            exit;
        }

        #[fexit]
        fn leave(ctx: *mut c_void) -> i32 {
            r2 = *(u32 *)(r1 + {arg_offset(1)});
            r1 = RESULT ll;
            *(u32 *)(r1 + 0) = w2;
            r0 = 0;
            exit;
        }
    }
}

fn fentry_and_fexit() {
    let base = base::load().unwrap();
    let mut loader = watch::loader();
    let filter = &base.progs.filter;
    loader
        .progs
        .enter
        .target("rule")
        .target_program(filter)
        .unwrap();
    loader
        .progs
        .leave
        .target("rule")
        .target_program(filter)
        .unwrap();
    let watch = loader.load().unwrap();
    let links = (
        watch.progs.enter.attach().unwrap(),
        watch.progs.leave.attach().unwrap(),
    );
    assert_eq!(kept(filter), 30, "they only look");
    assert_eq!(watch.maps.ARGUMENT.get(), 5);
    assert_eq!(watch.maps.RESULT.get(), 15);
    drop(links);
    watch.maps.ARGUMENT.set(0);
    kept(filter);
    assert_eq!(watch.maps.ARGUMENT.get(), 0);
}

ebpf! {
    /// Not what it replaces.
    #[license = "GPL"]
    mod unlike {
        #[freplace("rule")]
        fn two(length: u32, more: u32) -> u32 {
            w0 = w1;
            exit;
        }
    }
}

fn refusals() {
    let base = base::load().unwrap();
    let filter = &base.progs.filter;
    let mut loader = other::loader();
    let options = &mut loader.progs.replacement;
    options.target("twice").target_program(filter).unwrap();
    let error = loader.load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.to_string().contains("`pub fn`"), "{error}");
    let mut loader = unlike::loader();
    loader.progs.two.target_program(filter).unwrap();
    let error = loader.load().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
    let other = load_other(&base);
    let error = other.progs.replacement.attach_to(filter, "twice");
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("is not what this program replaces"),
        "{error}"
    );
}

fn errors() {
    let base = base::load().unwrap();
    let mut loader = other::loader();
    let options = &mut loader.progs.replacement;
    options
        .target("rull")
        .target_program(&base.progs.filter)
        .unwrap();
    assert_eq!(
        loader.load().unwrap_err().to_string(),
        "object `other`, program `replacement`: the program that it goes to has no function \
         `rull`; did you mean `rule`?"
    );
    let error = other::load().unwrap_err().to_string();
    assert!(error.contains("loader.progs.replacement.target_program(&program)?"));
    // A program that was left out is none to go to.
    let mut skipped = base::loader();
    skipped.progs.filter.skip();
    let skipped = skipped.load().unwrap();
    let mut loader = other::loader();
    let result = loader
        .progs
        .replacement
        .target_program(&skipped.progs.filter);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::NotLoaded);
    assert!(!skipped.progs.filter.as_raw().is_loaded());
    // A program without type information.
    let plain = plain::load().unwrap();
    let mut loader = other::loader();
    let options = &mut loader.progs.replacement;
    options.target_program(&plain.progs.filter).unwrap();
    let error = loader.load().unwrap_err().to_string();
    assert!(error.contains("has no type information"), "{error}");
}

ebpf! {
    /// Nothing that types are needed for.
    #[license = "GPL"]
    mod plain {
        #[socket_filter]
        fn filter(ctx: *mut c_void) -> i32 { r0 = 0; exit }
    }
}
