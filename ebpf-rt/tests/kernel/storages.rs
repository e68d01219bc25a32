//! Values at the kernel's own objects: what programs write there, user space reads.

use super::by_btf::LSM;
use super::common::{cgroup2, eventually, offset, own_tid};
use core::ffi::c_void;
use core::mem::offset_of;
use ebpf_rt::context::arg_offset;
use ebpf_rt::{Btf, CgrpStorage, InodeStorage, Pod, SkStorage, TaskStorage, ebpf};
use kernel_test::{Child, Need, Suite};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::Stdio;

pub(crate) fn add(suite: &mut Suite) {
    suite.child(ECHO, echo);
    suite
        .test("storages::task", &[Need::Root, Need::Kernel(5, 12)], task)
        .programs(&["tp_btf"])
        .maps(&["task_storage"]);
    suite
        .test("storages::sk", &[Need::Root, Need::Kernel(5, 11)], sk)
        .programs(&["tp_btf"])
        .maps(&["sk_storage"]);
    suite
        .test("storages::sk_in_a_hook", LSM, sk_in_a_hook)
        .programs(&["lsm"])
        .maps(&["sk_storage"]);
    suite
        .test("storages::inode", LSM, inode)
        .programs(&["lsm"])
        .maps(&["inode_storage"]);
    suite
        .test(
            "storages::cgrp",
            &[Need::Root, Need::Kernel(6, 2), Need::Other(cgroup2)],
            cgrp,
        )
        .programs(&["tp_btf"])
        .maps(&["cgrp_storage"]);
}

/// `BPF_LOCAL_STORAGE_GET_F_CREATE`: makes a value of zeros where there is none.
const CREATE: i32 = 1;

const ECHO: &str = "storages::echo";

/// A process that makes system calls when it is told to.
fn echo() {
    let mut byte = [0];
    while std::io::stdin().read(&mut byte).unwrap() == 1 {
        std::io::stdout().write_all(&byte).unwrap();
        std::io::stdout().flush().unwrap();
    }
}

/// The process of [`echo`]. It ends when its input does.
struct Echo(std::process::Child);

impl Echo {
    fn start() -> Self {
        let mut command = Child::new(ECHO).command();
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut started = Self(command.spawn().unwrap());
        started.make_system_calls();
        started
    }

    fn id(&self) -> u32 {
        self.0.id()
    }

    /// Has it read and write, once at least.
    fn make_system_calls(&mut self) {
        let mut byte = [b'x'];
        self.0.stdin.as_mut().unwrap().write_all(&byte).unwrap();
        let output = self.0.stdout.as_mut().unwrap();
        output.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [b'x']);
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // What is wrong with it, the reads have shown.
        let _ = self.0.wait();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Pod, Btf)]
#[repr(C)]
struct Life {
    parent: u64,
    calls: u64,
}

ebpf! {
    /// Marks the tasks that a process makes, and counts what these do.
    #[license = "GPL"]
    #[min_kernel = "5.12"]
    mod lives {
        const PARENT: u32;
        static LIVES: TaskStorage<Life> = TaskStorage::new();

        #[tp_btf("task_newtask")]
        fn begin(ctx: *mut c_void) -> i32 {
            r6 = *(u64 *)(r1 + {arg_offset(0)});  // struct task_struct *
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            if w0 != PARENT goto end;
            r1 = LIVES ll;
            r2 = r6;
            r3 = 0;
            r4 = CREATE;
            call bpf_task_storage_get;
            if r0 == 0 goto end;
            r1 = PARENT;
            *(u64 *)(r0 + {offset_of!(Life, parent)}) = r1;
        end:
            r0 = 0;
            exit;
        }

        #[tp_btf("sys_enter")]
        fn step(ctx: *mut c_void) -> i32 {
            call bpf_get_current_task_btf;
            r2 = r0;
            r1 = LIVES ll;
            r3 = 0;
            r4 = 0;
            call bpf_task_storage_get;
            if r0 == 0 goto end;  // not of that process
            r1 = 1;
            lock *(u64 *)(r0 + {offset_of!(Life, calls)}) += r1;
        end:
            r0 = 0;
            exit;
        }
    }
}

fn pidfd(pid: u32) -> OwnedFd {
    // SAFETY: takes numbers only.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the kernel just made this descriptor for us.
    unsafe { OwnedFd::from_raw_fd(fd as i32) }
}

fn task() {
    let parent = std::process::id();
    let mut loader = lives::loader();
    loader.consts.PARENT.set(parent);
    let lives = loader.load().unwrap();
    let map = &lives.maps.LIVES;
    let before = Echo::start();
    let begin = lives.progs.begin.attach().unwrap();
    let mut echo = Echo::start();
    drop(begin);
    let after = Echo::start();
    let process = pidfd(echo.id());
    let parent = u64::from(parent);
    assert_eq!(map.get(&process).unwrap(), Some(Life { parent, calls: 0 }));

    let step = lives.progs.step.attach().unwrap();
    let calls = || map.get(&process).unwrap().unwrap().calls;
    // The kernel may refuse the storage to a program that interrupts another's use of it.
    assert!(eventually(|| {
        echo.make_system_calls();
        calls() >= 2
    }));
    drop(step);
    // The last one that was counted may still have been under way.
    echo.make_system_calls();
    let counted = calls();
    echo.make_system_calls();
    assert_eq!(calls(), counted);

    // Only the task that was made in between has a value, and only until it is taken away.
    for other in [&before, &after] {
        assert_eq!(map.get(&pidfd(other.id())).unwrap(), None);
    }
    assert!(map.remove(&process).unwrap());
    let _step = lives.progs.step.attach().unwrap();
    echo.make_system_calls();
    assert_eq!(map.get(&process).unwrap(), None);
}

#[derive(Clone, Copy, Debug, PartialEq, Pod, Btf)]
#[repr(C)]
struct States {
    changes: u32,
    last: u32,
}

const TCP_ESTABLISHED: u32 = 1;
const TCP_SYN_SENT: i32 = 2;

ebpf! {
    /// Follows the connections that a process makes.
    #[license = "GPL"]
    #[min_kernel = "5.11"]
    mod connections {
        const PID: u32;
        static STATES: SkStorage<States> = SkStorage::new();

        /// The process connects in its own system call; the rest comes from wherever packets do.
        #[tp_btf("inet_sock_set_state")]
        fn change(ctx: *mut c_void) -> i32 {
            r6 = *(u64 *)(r1 + {arg_offset(0)});    // struct sock *
            r7 = *(u32 *)(r1 + {arg_offset(2)});    // the new state
            r8 = 0;
            if w7 != TCP_SYN_SENT goto get;
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            if w0 != PID goto get;
            r8 = CREATE;
        get:
            r1 = STATES ll;
            r2 = r6;
            r3 = 0;
            r4 = r8;
            call bpf_sk_storage_get;
            if r0 == 0 goto end;
            *(u32 *)(r0 + {offset_of!(States, last)}) = w7;
            r1 = *(u32 *)(r0 + {offset_of!(States, changes)});
            r1 += 1;
            *(u32 *)(r0 + {offset_of!(States, changes)}) = w1;
        end:
            r0 = 0;
            exit;
        }
    }
}

fn sk() {
    let mut loader = connections::loader();
    loader.consts.PID.set(std::process::id());
    let connections = loader.load().unwrap();
    let states = &connections.maps.STATES;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connect = || TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let before = connect();
    let link = connections.progs.change.attach().unwrap();
    let stream = connect();
    let expected = States {
        changes: 2,
        last: TCP_ESTABLISHED,
    };
    assert_eq!(states.get(&stream).unwrap(), Some(expected));
    drop(link);
    let after = connect();
    // The sockets of the other side were not connected by anybody.
    let (accepted, _) = listener.accept().unwrap();
    let (also_accepted, _) = listener.accept().unwrap();
    for other in [&before, &after, &accepted, &also_accepted] {
        assert_eq!(states.get(other).unwrap(), None);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Pod, Btf)]
#[repr(C)]
struct Sent {
    messages: u64,
    bytes: u64,
}

ebpf! {
    /// Counts what one thread does, at the things that it does it to.
    #[license = "GPL"]
    mod uses {
        const TID: u32;
        const F_INODE: u16;
        const SK: u16;
        static OPENS: InodeStorage<u64> = InodeStorage::new();
        static SENT: SkStorage<Sent> = SkStorage::new();

        #[lsm("file_open")]
        fn open(ctx: *mut c_void) -> i32 {
            r6 = *(u64 *)(r1 + {arg_offset(0)});  // struct file *
            call bpf_get_current_pid_tgid;
            if w0 != TID goto end;
            r1 = OPENS ll;
            r2 = *(u64 *)(r6 + F_INODE);
            r3 = 0;
            r4 = CREATE;
            call bpf_inode_storage_get;
            if r0 == 0 goto end;
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;
        end:
            r0 = 0;
            exit;
        }

        #[lsm("socket_sendmsg")]
        fn send(ctx: *mut c_void) -> i32 {
            r6 = *(u64 *)(r1 + {arg_offset(0)});    // struct socket *
            r7 = *(u32 *)(r1 + {arg_offset(2)});    // how many bytes
            call bpf_get_current_pid_tgid;
            if w0 != TID goto end;
            r2 = *(u64 *)(r6 + SK);
            if r2 == 0 goto end;
            r1 = SENT ll;
            r3 = 0;
            r4 = CREATE;
            call bpf_sk_storage_get;
            if r0 == 0 goto end;
            r1 = 1;
            lock *(u64 *)(r0 + {offset_of!(Sent, messages)}) += r1;
            lock *(u64 *)(r0 + {offset_of!(Sent, bytes)}) += r7;
        end:
            r0 = 0;
            exit;
        }
    }
}

fn load_uses() -> uses::Skeleton {
    let mut loader = uses::loader();
    loader.consts.TID.set(own_tid());
    loader.consts.F_INODE.set(offset("file", "f_inode"));
    loader.consts.SK.set(offset("socket", "sk"));
    loader.load().unwrap()
}

fn sk_in_a_hook() {
    let uses = load_uses();
    let sent = &uses.maps.SENT;
    let [socket, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let send = |text: &[u8]| {
        assert_eq!(
            socket.send_to(text, other.local_addr().unwrap()).unwrap(),
            text.len()
        );
    };
    send(b"before");
    let link = uses.progs.send.attach().unwrap();
    send(b"hello");
    send(b"socket");
    std::thread::scope(|scope| scope.spawn(|| send(b"another thread's")).join().unwrap());
    drop(link);
    send(b"after");
    let expected = Sent {
        messages: 2,
        bytes: 11,
    };
    assert_eq!(sent.get(&socket).unwrap(), Some(expected));
    assert_eq!(sent.get(&other).unwrap(), None);
    assert!(sent.remove(&socket).unwrap());
    assert_eq!(sent.get(&socket).unwrap(), None);
}

fn inode() {
    let uses = load_uses();
    let opens = &uses.maps.OPENS;
    let names = ["marked", "unmarked"];
    let [path, other] = names
        .map(|name| std::env::temp_dir().join(format!("storages_{name}_{}", std::process::id())));
    let file = File::create(&path).unwrap();
    let unmarked = File::create(&other).unwrap();
    let link = uses.progs.open.attach().unwrap();
    for _ in 0..3 {
        File::open(&path).unwrap();
    }
    std::thread::scope(|scope| {
        let open = || [&path, &other].map(|path| File::open(path).unwrap());
        scope.spawn(open).join().unwrap();
    });
    drop(link);
    File::open(&path).unwrap();
    for path in [&path, &other] {
        std::fs::remove_file(path).unwrap();
    }
    // By a descriptor that is older than the value.
    assert_eq!(opens.get(&file).unwrap(), Some(3));
    assert_eq!(opens.get(&unmarked).unwrap(), None);
    assert!(opens.remove(&file).unwrap());
    assert_eq!(opens.get(&file).unwrap(), None);
}

ebpf! {
    /// Counts the system calls of one process, at the cgroup where it makes them.
    #[license = "GPL"]
    #[min_kernel = "6.2"]
    mod members {
        const PID: u32;
        const CGROUPS: u16;
        const DFL_CGRP: u16;
        static CALLS: CgrpStorage<u64> = CgrpStorage::new();

        #[tp_btf("sys_enter")]
        fn enter(ctx: *mut c_void) -> i32 {
            call bpf_get_current_pid_tgid;
            r0 >>= 32;
            if w0 != PID goto end;
            call bpf_get_current_task_btf;
            r1 = *(u64 *)(r0 + CGROUPS);            // struct css_set *
            r2 = *(u64 *)(r1 + DFL_CGRP);           // struct cgroup *
            r1 = CALLS ll;
            r3 = 0;
            r4 = CREATE;
            call bpf_cgrp_storage_get;
            if r0 == 0 goto end;
            r1 = 1;
            lock *(u64 *)(r0 + 0) += r1;
        end:
            r0 = 0;
            exit;
        }
    }
}

/// A cgroup of a test, which is removed with it.
struct Group(String);

impl Group {
    fn create(name: &str) -> Self {
        let root = kernel_test::cgroup2().unwrap();
        let path = format!("{root}/kernel-test-{name}-{}", std::process::id());
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn take(&self, pid: u32) {
        std::fs::write(format!("{}/cgroup.procs", self.0), pid.to_string()).unwrap();
    }

    fn directory(&self) -> File {
        File::open(&self.0).unwrap()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Members that have ended leave a moment later.
        eventually(|| std::fs::remove_dir(&self.0).is_ok());
    }
}

fn cgrp() {
    let groups = ["first", "second"].map(Group::create);
    let directories = groups.each_ref().map(Group::directory);
    let mut echo = Echo::start();
    let mut loader = members::loader();
    loader.consts.PID.set(echo.id());
    loader.consts.CGROUPS.set(offset("task_struct", "cgroups"));
    loader.consts.DFL_CGRP.set(offset("css_set", "dfl_cgrp"));
    let members = loader.load().unwrap();
    let calls = || {
        let map = &members.maps.CALLS;
        directories.each_ref().map(|group| map.get(group).unwrap())
    };
    groups[0].take(echo.id());
    let link = members.progs.enter.attach().unwrap();
    assert!(eventually(|| {
        echo.make_system_calls();
        calls()[0] >= Some(2)
    }));
    assert_eq!(calls()[1], None);
    // It moves, and what it does counts elsewhere.
    groups[1].take(echo.id());
    echo.make_system_calls();
    let [first, _] = calls();
    assert!(eventually(|| {
        echo.make_system_calls();
        calls()[1] >= Some(2)
    }));
    assert_eq!(calls()[0], first);
    drop(link);
    // The last one that was counted may still have been under way.
    echo.make_system_calls();
    let before = calls();
    echo.make_system_calls();
    assert_eq!(calls(), before);
    assert!(members.maps.CALLS.remove(&directories[0]).unwrap());
    assert_eq!(calls()[0], None);
}
