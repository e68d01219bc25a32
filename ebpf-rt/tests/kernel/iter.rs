//! Iterators: each test reads what a program writes.

use super::common::{cgroup2, offset, own_tid};
use core::mem::offset_of;
use ebpf_rt::btf::{Btf, Kind};
use ebpf_rt::context::{bpf_iter__bpf_map_elem, bpf_iter__cgroup, bpf_iter__task, bpf_iter_meta};
use ebpf_rt::links::{IterLink, LsmLink};
use ebpf_rt::programs::{CgroupOrder, IterParameters};
use ebpf_rt::{ErrorKind, HashMap, LinkType, ebpf, kernel_btf};
use kernel_test::{Need, Suite};
use std::fs::File;
use std::io::Read;

const ROOT: &[Need] = &[Need::Root];

pub(crate) fn add(suite: &mut Suite) {
    suite
        .test("iter::task", ROOT, iter_task)
        .programs(&["iter"]);
    suite.test("iter::map_elements", ROOT, iter_map_elements);
    suite.test("iter::errors", ROOT, iter_errors);
    suite.test(
        "iter::parameters",
        &[Need::Root, Need::Kernel(6, 1)],
        iter_parameters,
    );
    suite.test(
        "iter::cgroup",
        &[Need::Root, Need::Kernel(6, 1), Need::Other(cgroup2)],
        iter_cgroup,
    );
    suite.test("iter::pinned", ROOT, pinned_iter);
    suite.test("iter::contexts", ROOT, contexts);
}

ebpf! {
    /// Writes what it goes through as bytes.
    #[license = "GPL"]
    mod walks {
        const PID_OFFSET: u16;
        const TGID_OFFSET: u16;
        const KN_OFFSET: u16;
        const ID_OFFSET: u16;

        /// Process and thread number of each task.
        #[iter("task")]
        fn tasks(ctx: *mut bpf_iter__task) -> i32 {
            r2 = *(u64 *)(r1 + {offset_of!(bpf_iter__task, task)});
            if r2 == 0 goto end;
            r3 = *(u32 *)(r2 + TGID_OFFSET);
            *(u32 *)(r10 - 8) = w3;
            r3 = *(u32 *)(r2 + PID_OFFSET);
            *(u32 *)(r10 - 4) = w3;
            r1 = *(u64 *)(r1 + {offset_of!(bpf_iter__task, meta)});
            r1 = *(u64 *)(r1 + {offset_of!(bpf_iter_meta, seq)});
            r2 = r10;
            r2 += -8;
            r3 = 8;
            call bpf_seq_write;
        end:
            r0 = 0;
            exit;
        }

        /// Key and value of each entry of a map; and doubles the value.
        #[iter("bpf_map_elem")]
        fn elements(ctx: *mut bpf_iter__bpf_map_elem) -> i32 {
            r2 = *(u64 *)(r1 + {offset_of!(bpf_iter__bpf_map_elem, key)});
            r3 = *(u64 *)(r1 + {offset_of!(bpf_iter__bpf_map_elem, value)});
            if r2 == 0 goto end;
            if r3 == 0 goto end;
            r4 = *(u32 *)(r2 + 0);
            *(u64 *)(r10 - 16) = r4;
            r4 = *(u64 *)(r3 + 0);
            *(u64 *)(r10 - 8) = r4;
            r4 += r4;
            *(u64 *)(r3 + 0) = r4;
            r1 = *(u64 *)(r1 + {offset_of!(bpf_iter__bpf_map_elem, meta)});
            r1 = *(u64 *)(r1 + {offset_of!(bpf_iter_meta, seq)});
            r2 = r10;
            r2 += -16;
            r3 = 16;
            call bpf_seq_write;
        end:
            r0 = 0;
            exit;
        }

        /// The number of each cgroup.
        #[iter("cgroup")]
        fn groups(ctx: *mut bpf_iter__cgroup) -> i32 {
            r2 = *(u64 *)(r1 + {offset_of!(bpf_iter__cgroup, cgroup)});
            if r2 == 0 goto end;
            r2 = *(u64 *)(r2 + KN_OFFSET);  // struct kernfs_node *
            r3 = *(u64 *)(r2 + ID_OFFSET);
            *(u64 *)(r10 - 8) = r3;
            r1 = *(u64 *)(r1 + {offset_of!(bpf_iter__cgroup, meta)});
            r1 = *(u64 *)(r1 + {offset_of!(bpf_iter_meta, seq)});
            r2 = r10;
            r2 += -8;
            r3 = 8;
            call bpf_seq_write;
        end:
            r0 = 0;
            exit;
        }
    }
}

fn load_walks() -> walks::Skeleton {
    let mut loader = walks::loader();
    loader.consts.PID_OFFSET.set(offset("task_struct", "pid"));
    loader.consts.TGID_OFFSET.set(offset("task_struct", "tgid"));
    loader.consts.KN_OFFSET.set(offset("cgroup", "kn"));
    loader.consts.ID_OFFSET.set(offset("kernfs_node", "id"));
    loader.progs.groups.optional();
    loader.load().unwrap()
}

/// What the iterator writes, in parts of this size.
fn records<T: bytemuck::Pod>(link: &IterLink) -> Vec<T> {
    let mut bytes = Vec::new();
    link.open().unwrap().read_to_end(&mut bytes).unwrap();
    let parts = bytes.chunks_exact(size_of::<T>());
    assert!(parts.remainder().is_empty());
    parts.map(bytemuck::pod_read_unaligned).collect()
}

fn iter_task() {
    let walks = load_walks();
    let link = walks.progs.tasks.attach().unwrap();
    let us = [std::process::id(), own_tid()];
    // Each file begins anew.
    for _ in 0..2 {
        let tasks: Vec<[u32; 2]> = records(&link);
        assert_eq!(tasks.iter().filter(|task| **task == us).count(), 1);
        assert!(tasks.len() > 1, "there are others");
    }
    assert_eq!(link.info().unwrap().link_type, Some(LinkType::Iter));
}

fn iter_parameters() {
    let walks = load_walks();
    let pid = std::process::id();
    let (send, receive) = std::sync::mpsc::channel();
    let (stop, wait) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        send.send(own_tid()).unwrap();
        let _ = wait.recv();
    });
    let other = receive.recv().unwrap();
    let of = |parameters| records::<[u32; 2]>(&walks.progs.tasks.attach_to(parameters).unwrap());
    assert_eq!(of(IterParameters::task(other)), [[pid, other]]);
    let tasks = of(IterParameters::process(pid));
    assert!(tasks.contains(&[pid, other]) && tasks.contains(&[pid, own_tid()]));
    assert!(tasks.iter().all(|task| task[0] == pid));
    drop(stop);
    thread.join().unwrap();
    // SAFETY: takes numbers, and gives a descriptor that nobody else has.
    let pidfd = unsafe {
        use std::os::fd::FromRawFd;
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        std::os::fd::OwnedFd::from_raw_fd(i32::try_from(fd).unwrap())
    };
    let tasks = of(IterParameters::pidfd(&pidfd));
    assert!(tasks.iter().all(|task| task[0] == pid) && !tasks.is_empty());
}

fn iter_map_elements() {
    let walks = load_walks();
    let map = HashMap::<u32, u64>::create(16).unwrap();
    for key in 0..10 {
        map.insert(key, u64::from(key) * 7).unwrap();
    }
    let link = walks
        .progs
        .elements
        .attach_to(IterParameters::map(&map))
        .unwrap();
    let mut elements: Vec<[u64; 2]> = records(&link);
    elements.sort_unstable();
    let expected: Vec<_> = (0..10).map(|key| [key, key * 7]).collect();
    assert_eq!(elements, expected);
    assert_eq!(map.get(&3).unwrap(), Some(42), "the program has doubled it");
}

fn iter_cgroup() {
    let walks = load_walks();
    let path = kernel_test::cgroup2().unwrap();
    let root = File::open(&path).unwrap();
    let of = |order| {
        let parameters = IterParameters::cgroup(&root, order);
        records::<u64>(&walks.progs.groups.attach_to(parameters).unwrap())
    };
    use std::os::unix::fs::MetadataExt;
    let number = root.metadata().unwrap().ino();
    assert_eq!(of(CgroupOrder::SelfOnly), [number]);
    let new = std::path::Path::new(&path).join(format!("ebpf-rt-{}", std::process::id()));
    std::fs::create_dir(&new).unwrap();
    let below = std::fs::metadata(&new).unwrap().ino();
    let groups = of(CgroupOrder::DescendantsPre);
    std::fs::remove_dir(&new).unwrap();
    assert_eq!(groups[0], number);
    assert!(groups.contains(&below));
}

fn iter_errors() {
    let walks = load_walks();
    let error = walks.progs.elements.attach().unwrap_err();
    assert_eq!(
        error.to_string(),
        "object `walks`, program `elements`: it goes through the entries of a map, and none is \
         given; say which: attach_to(IterParameters::map(&map))"
    );
    // Values of 4 bytes, and the program reads 8.
    let map = HashMap::<u32, u32>::create(16).unwrap();
    let error = walks
        .progs
        .elements
        .attach_to(IterParameters::map(&map))
        .unwrap_err();
    assert!(
        error.to_string().contains("than the keys or values"),
        "{error}"
    );
    let mut loader = walks::loader();
    loader.consts.PID_OFFSET.set(0);
    loader.consts.TGID_OFFSET.set(0);
    loader.consts.KN_OFFSET.set(0);
    loader.consts.ID_OFFSET.set(0);
    loader.progs.tasks.target("taks");
    let error = loader.load().unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("this kernel has no iterator named `taks`; did you mean `task`?"),
        "{error}"
    );
}

fn pinned_iter() {
    let (_mount, directory) = kernel_test::bpf::file_system().unwrap();
    let walks = load_walks();
    let path = directory.join("tasks");
    walks.progs.tasks.attach().unwrap().pin(&path).unwrap();
    drop(walks);
    // Anybody reads it, by name.
    let bytes = std::fs::read(&path).unwrap();
    let us = bytemuck::bytes_of(&[std::process::id(), own_tid()]).to_vec();
    assert!(bytes.chunks_exact(8).any(|task| task == us));
    let link = IterLink::from_pin(&path).unwrap();
    assert!(records::<[u32; 2]>(&link).len() > 1);
    let error = LsmLink::from_pin(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    ebpf_rt::maps::unpin(&path).unwrap();
}

/// The layouts in `context` against the kernel's own, where it has them.
fn contexts() {
    let btf = kernel_btf::vmlinux().unwrap();
    let mut compared = 0;
    macro_rules! compare {
        ($($name:ident { $($field:ident),* })*) => { $(
            if let Ok(ty) = btf.find(stringify!($name), Kind::Struct) {
                use ebpf_rt::context::$name as Ours;
                compared += 1;
                assert_eq!(btf.size_of(ty).unwrap(), size_of::<Ours>() as u64, stringify!($name));
                $(assert_eq!(
                    member_offset(btf, ty, stringify!($field)),
                    offset_of!(Ours, $field) as u64,
                    "{} of {}", stringify!($field), stringify!($name)
                );)*
            }
        )* };
    }
    compare! {
        bpf_iter_meta { seq, session_id, seq_num }
        bpf_iter__task { meta, task }
        bpf_iter__task_file { meta, task, fd, file }
        bpf_iter__task_vma { meta, task, vma }
        bpf_iter__bpf_map { meta, map }
        bpf_iter__bpf_map_elem { meta, map, key, value }
        bpf_iter__bpf_sk_storage_map { meta, map, sk, value }
        bpf_iter__bpf_prog { meta, prog }
        bpf_iter__bpf_link { meta, link }
        bpf_iter__cgroup { meta, cgroup }
        bpf_iter__tcp { meta, sk_common, uid }
        bpf_iter__udp { meta, udp_sk, uid, bucket }
        bpf_iter__unix { meta, unix_sk, uid }
        bpf_iter__netlink { meta, sk }
        bpf_iter__ksym { meta, ksym }
    }
    assert!(compared >= 8, "only {compared} of them are in this kernel");
}

fn member_offset(btf: &Btf<'_>, ty: ebpf_rt::btf::TypeId, name: &str) -> u64 {
    btf.member(ty, name).unwrap().bit_offset / 8
}
