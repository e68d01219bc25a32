//! What iterators get for each thing that they go through. Pointers of the kernel are numbers
//! here; a program loads them and goes on from there.

use super::contexts;
use bytemuck::Zeroable;
use ebpf_asm::object::{BtfType, CompositeDef, MemberDef, TypeDef};

contexts! {
    /// How the walk stands.
    bpf_iter_meta: 24 {
        /// `struct seq_file *`: the first argument of `bpf_seq_write` and `bpf_seq_printf`.
        seq: u64,
        /// A number for each opened file.
        session_id: u64,
        /// How many things came before this one.
        seq_num: u64,
    }

    /// For `#[iter("task")]`: a task.
    bpf_iter__task: 16 {
        /// [`bpf_iter_meta`].
        meta: u64,
        /// `struct task_struct *`; null after the last.
        task: u64,
    }

    /// For `#[iter("task_file")]`: an open file of a task.
    bpf_iter__task_file: 32 {
        /// [`bpf_iter_meta`].
        meta: u64,
        /// `struct task_struct *`; null after the last.
        task: u64,
        /// The descriptor.
        fd: u32,
        /// Nothing.
        reserved: u32,
        /// `struct file *`; null after the last.
        file: u64,
    }

    /// For `#[iter("task_vma")]`: a range of a process's memory. Linux 5.13.
    bpf_iter__task_vma: 24 {
        /// [`bpf_iter_meta`].
        meta: u64,
        /// `struct task_struct *`; null after the last.
        task: u64,
        /// `struct vm_area_struct *`; null after the last.
        vma: u64,
    }

    /// For `#[iter("bpf_map")]`: a map.
    bpf_iter__bpf_map: 16 {
        /// [`bpf_iter_meta`].
        meta: u64,
        /// `struct bpf_map *`; null after the last.
        map: u64,
    }

    /// For `#[iter("bpf_map_elem")]`: an entry of a map. Linux 5.9.
    bpf_iter__bpf_map_elem: 32 {
        /// [`bpf_iter_meta`].
        meta: u64,
        /// `struct bpf_map *`.
        map: u64,
        /// The key, which can be read; null after the last.
        key: u64,
        /// The value, which can be read and written; of a per-CPU map all values, each in a
        /// multiple of eight bytes. Null after the last.
        value: u64,
    }

    /// For `#[iter("bpf_sk_storage_map")]`: a socket that has a value in the map. Linux 5.9.
    bpf_iter__bpf_sk_storage_map: 32 {
        /// [`bpf_iter_meta`].
        meta: u64,
        /// `struct bpf_map *`.
        map: u64,
        /// `struct sock *`; null after the last.
        sk: u64,
        /// The value; null after the last.
        value: u64,
    }

    /// For `#[iter("bpf_prog")]`: a program. Linux 5.9.
    bpf_iter__bpf_prog: 16 {
        /// [`bpf_iter_meta`].
        meta: u64,
        /// `struct bpf_prog *`; null after the last.
        prog: u64,
    }

    /// For `#[iter("bpf_link")]`: a link. Linux 5.19.
    bpf_iter__bpf_link: 16 {
        /// [`bpf_iter_meta`].
        meta: u64,
        /// `struct bpf_link *`; null after the last.
        link: u64,
    }

    /// For `#[iter("cgroup")]`: a cgroup. Linux 6.1.
    bpf_iter__cgroup: 16 {
        /// [`bpf_iter_meta`].
        meta: u64,
        /// `struct cgroup *`; null after the last.
        cgroup: u64,
    }

    /// For `#[iter("tcp")]`: a TCP socket. Linux 5.9.
    bpf_iter__tcp: 24 {
        /// [`bpf_iter_meta`].
        meta: u64,
        /// `struct sock_common *`; null after the last.
        sk_common: u64,
        /// Whose it is.
        uid: u32,
        /// Nothing.
        reserved: u32,
    }

    /// For `#[iter("udp")]`: a UDP socket. Linux 5.9.
    bpf_iter__udp: 32 {
        /// [`bpf_iter_meta`].
        meta: u64,
        /// `struct udp_sock *`; null after the last.
        udp_sk: u64,
        /// Whose it is.
        uid: u32,
        /// Nothing.
        reserved: u32,
        /// The position in the kernel's table.
        bucket: i32,
        /// Nothing.
        reserved2: u32,
    }

    /// For `#[iter("unix")]`: a Unix socket. Linux 5.15.
    bpf_iter__unix: 24 {
        /// [`bpf_iter_meta`].
        meta: u64,
        /// `struct unix_sock *`; null after the last.
        unix_sk: u64,
        /// Whose it is.
        uid: u32,
        /// Nothing.
        reserved: u32,
    }

    /// For `#[iter("netlink")]`: a netlink socket.
    bpf_iter__netlink: 16 {
        /// [`bpf_iter_meta`].
        meta: u64,
        /// `struct netlink_sock *`; null after the last.
        sk: u64,
    }

    /// For `#[iter("ksym")]`: a symbol of the kernel. Linux 6.0.
    bpf_iter__ksym: 16 {
        /// [`bpf_iter_meta`].
        meta: u64,
        /// `struct kallsym_iter *`; null after the last.
        ksym: u64,
    }
}
