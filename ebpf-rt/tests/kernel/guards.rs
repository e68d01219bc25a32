//! What old kernels lack, behind a load-time constant.

use core::ffi::c_void;
use ebpf_rt::programs::TestRun;
use ebpf_rt::{ErrorKind, ebpf};
use kernel_test::{Need, Suite, kernel_version};

pub(crate) fn add(suite: &mut Suite) {
    let root = &[Need::Root];
    suite
        .test("guards::what_is_too_new_is_switched_off", root, switched)
        .programs(&["socket_filter"]);
}

ebpf! {
    /// Compiles for 5.10: what it lacks is behind `NEW`.
    #[license = "GPL"]
    #[min_kernel = "5.10"]
    mod choice {
        const NEW: u32;

        #[socket_filter]
        fn choose(ctx: *mut c_void) -> i32 {
            r6 = NEW;
            if r6 == 0 goto old;
            call new;
            goto done;
        old:
            r0 = 5;
        done:
            exit;
        }

        fn new() -> u64 {
            call bpf_ktime_get_tai_ns;  // Linux 6.1
            if r0 == 0 goto done;
            r0 = -200;
            r0 = (s8)r0;                // Linux 6.6: 56
            r0 s/= 8;
        done:
            exit;
        }
    }
}

fn load(new: bool) -> Result<u32, ebpf_rt::Error> {
    let mut loader = choice::loader();
    loader.consts.NEW.set(new.into());
    let choice = loader.load()?;
    let run = TestRun::new().data(&[0; 64]);
    Ok(choice.progs.choose.test_run(run)?.return_value)
}

fn switched() {
    assert_eq!(load(false).unwrap(), 5, "on every kernel");
    match load(true) {
        Ok(result) => {
            assert_eq!(result, 7);
            assert!(kernel_version() >= (6, 6), "{:?}", kernel_version());
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
            assert!(kernel_version() < (6, 6), "{error}");
        }
    }
}
