//! Programs at functions of the kernel's modules.

use super::by_btf::has_trampolines;
use core::ffi::c_void;
use ebpf_rt::{Global, ebpf};
use kernel_test::{Need, Suite};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

pub(crate) fn add(suite: &mut Suite) {
    suite.test(
        "at_modules::fentry",
        &[
            Need::Root,
            Need::Kernel(5, 12),
            Need::Matrix(has_veth),
            Need::Matrix(has_trampolines),
        ],
        fentry,
    );
}

fn has_veth() -> Result<(), String> {
    match std::path::Path::new("/sys/kernel/btf/veth").exists() {
        true => Ok(()),
        false => Err("the module veth, with BTF".to_owned()),
    }
}

ebpf! {
    /// Counts the pairs of devices that are made.
    #[license = "GPL"]
    mod pairs {
        static HITS: Global<u64> = Global::new(0);

        #[fentry]
        fn new_pair(ctx: *mut c_void) -> i32 {
            r1 = HITS ll;
            r2 = 1;
            lock *(u64 *)(r1 + 0) += r2;
            r0 = 0;
            exit;
        }
    }
}

/// Makes a pair of virtual Ethernet devices in a network of its own, which goes with the thread.
fn make_a_pair() {
    #[rustfmt::skip]
    const MESSAGE: [u8; 48] = [
        // Length, RTM_NEWLINK, REQUEST | ACK | EXCL | CREATE, sequence, port.
        48, 0, 0, 0, 16, 0, 5, 6, 1, 0, 0, 0, 0, 0, 0, 0,
        // struct ifinfomsg: any.
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        // IFLA_LINKINFO, in it IFLA_INFO_KIND.
        16, 0, 18, 0, 9, 0, 1, 0, b'v', b'e', b't', b'h', 0, 0, 0, 0,
    ];
    let result = std::thread::spawn(|| {
        // SAFETY: takes a number; the thread ends soon.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
        // SAFETY: takes numbers.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE) };
        assert!(fd >= 0);
        // SAFETY: the kernel just made this descriptor for us.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        let (start, length) = (MESSAGE.as_ptr().cast(), MESSAGE.len());
        // SAFETY: the message is as long as is said.
        let sent = unsafe { libc::send(socket.as_raw_fd(), start, length, 0) };
        assert_eq!(sent, 48);
        let mut answer = [0u8; 256];
        // SAFETY: the buffer is as long as is said.
        let length = unsafe {
            libc::recv(
                socket.as_raw_fd(),
                answer.as_mut_ptr().cast(),
                answer.len(),
                0,
            )
        };
        assert!(length >= 20);
        // Behind the header the error, which is 0 if there is none.
        i32::from_ne_bytes(answer[16..20].try_into().unwrap())
    });
    assert_eq!(result.join().unwrap(), 0);
}

fn fentry() {
    // In the module that is named, and in whichever has it.
    for target in ["veth:veth_newlink", "veth_newlink"] {
        let mut loader = pairs::loader();
        loader.progs.new_pair.target(target);
        let pairs = loader.load().unwrap();
        let link = pairs.progs.new_pair.attach().unwrap();
        make_a_pair();
        assert_eq!(pairs.maps.HITS.get(), 1);
        drop(link);
    }
    let mut loader = pairs::loader();
    loader.progs.new_pair.target("veth:veth_newlnik");
    let error = loader.load().unwrap_err();
    assert!(
        error.to_string().ends_with(
            "the module `veth` has no function named `veth_newlnik`; did you mean `veth_newlink`?"
        ),
        "{error}"
    );
}
