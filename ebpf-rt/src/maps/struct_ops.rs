//! Tables of functions that the kernel calls.

use super::Def;
#[cfg(feature = "std")]
use super::RawMap;
#[cfg(feature = "btf")]
use crate::links::StructOpsLink;
#[cfg(feature = "btf")]
use crate::{Errno, Error, sys};
use ebpf_asm::MapType;
use ebpf_asm::object::{MapDef, StructOpsDef, StructOpsMember};
#[cfg(feature = "btf")]
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// A table of functions that the kernel calls, filled with programs: a congestion control of TCP
/// (`tcp_congestion_ops`, Linux 5.6), a queueing discipline (`Qdisc_ops`, 6.16), a scheduler
/// (`sched_ext_ops`, 6.12), a driver for input devices (`hid_bpf_ops`, 6.11).
///
/// The definition names the kernel's type and the members that are not programs; each
/// `#[struct_ops("type", "member")]` program of the object is the member that it says. Types and
/// members are looked up in the kernel's BTF when the object is loaded, and in the modules'
/// (Linux 6.9).
///
/// ```
/// # use core::ffi::c_void;
/// # use ebpf_rt::{StructOps, ebpf, object::StructOpsMember};
/// ebpf! {
///     #[license = "GPL"]
///     mod steady {
///         /// A congestion control that always has the same window.
///         static STEADY: StructOps = StructOps::new("tcp_congestion_ops", &[
///             StructOpsMember::text("name", "steady"),
///         ]);
///
///         #[struct_ops("tcp_congestion_ops", "ssthresh")]
///         fn ssthresh(ctx: *mut c_void) -> u32 {
///             r0 = 10;
///             exit;
///         }
///
///         #[struct_ops("tcp_congestion_ops", "undo_cwnd")]
///         fn undo_cwnd(ctx: *mut c_void) -> u32 {
///             r0 = 10;
///             exit;
///         }
///
///         #[struct_ops("tcp_congestion_ops", "cong_avoid")]
///         fn cong_avoid(ctx: *mut c_void) {
///             exit;
///         }
///     }
/// }
///
/// # fn run() -> Result<(), ebpf_rt::Error> {
/// let steady = steady::load()?;
/// // For as long as the link lives, sockets can choose "steady" with TCP_CONGESTION.
/// let _link = steady.maps.STEADY.attach()?;
/// # Ok(())
/// # }
/// # fn main() {}
/// ```
#[doc(alias = "BPF_MAP_TYPE_STRUCT_OPS")]
pub struct StructOps {
    #[cfg(feature = "std")]
    raw: RawMap,
}

impl StructOps {
    /// The definition of a table of this type of the kernel, with these members. What is not
    /// said is a program that says so in its attribute, or zero.
    ///
    /// If several tables of one type are in an object, or a program is another member than it
    /// says, [`StructOpsMember::program`] names the programs: then the table has no others.
    ///
    /// ```
    /// use ebpf_rt::maps::{Def, StructOps};
    /// use ebpf_rt::object::StructOpsMember;
    ///
    /// static TABLE: Def<StructOps> = StructOps::new("tcp_congestion_ops", &[
    ///     StructOpsMember::text("name", "steady"),
    ///     StructOpsMember::integer("flags", 2),
    ///     StructOpsMember::program("cong_avoid", "avoid_nothing"),
    /// ]);
    /// assert_eq!(TABLE.map_def("TABLE").struct_ops.unwrap().members.len(), 3);
    /// ```
    #[must_use]
    pub const fn new(ops: &'static str, members: &'static [StructOpsMember]) -> Def<Self> {
        // The size of the value is the kernel's.
        let def = MapDef::new("", MapType::StructOps, 4, 0, 1);
        Def::of(def.with_struct_ops(StructOpsDef::new(ops, members)))
    }

    /// Hands the table to the kernel, which calls its programs from now on where the table is
    /// chosen, or at once: that depends on its type.
    ///
    /// From Linux 6.4 on a link of the kernel holds it, and a table can be attached again. Before,
    /// it can be attached once.
    ///
    /// ```
    /// use core::ffi::c_void;
    /// use ebpf_rt::{StructOps, ebpf, object::StructOpsMember};
    ///
    /// ebpf! {
    ///     #[license = "GPL"]
    ///     mod steady {
    ///         static STEADY: StructOps = StructOps::new("tcp_congestion_ops", &[
    ///             StructOpsMember::text("name", "steady_doc"),
    ///         ]);
    ///
    ///         #[struct_ops("tcp_congestion_ops", "ssthresh")]
    ///         fn ssthresh(ctx: *mut c_void) -> u32 { r0 = 10; exit; }
    ///
    ///         #[struct_ops("tcp_congestion_ops", "undo_cwnd")]
    ///         fn undo_cwnd(ctx: *mut c_void) -> u32 { r0 = 10; exit; }
    ///
    ///         #[struct_ops("tcp_congestion_ops", "cong_avoid")]
    ///         fn cong_avoid(ctx: *mut c_void) { exit; }
    ///     }
    /// }
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     # kernel_test::example!();
    ///     let steady = steady::load()?;
    ///     let link = steady.maps.STEADY.attach()?;
    ///     let known = || std::fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control");
    ///     assert!(known()?.contains("steady_doc"));
    ///     drop(link);                                 // sockets cannot choose it any more
    ///     assert!(!known()?.contains("steady_doc"));
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Exists`](crate::ErrorKind::Exists) if the kernel has one of that name, or
    /// takes only one; [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the table was not
    /// made by loading an object; what else `BPF_LINK_CREATE` or, before Linux 6.4,
    /// `BPF_MAP_UPDATE_ELEM` says: `EINVAL` if the type wants members that are missing.
    #[cfg(feature = "btf")]
    #[doc(alias = "BPF_LINK_CREATE")]
    #[doc(alias = "bpf_map__attach_struct_ops")]
    pub fn attach(&self) -> Result<StructOpsLink, Error> {
        match self.raw.table() {
            Some(Table::Linked) => self.link(),
            Some(Table::Kept(filling)) => {
                filling.put_into(&self.raw)?;
                Ok(StructOpsLink::registered(self.raw.clone()))
            }
            // It was pinned: the map has the contents, if links take them from there.
            None if self.raw.info()?.flags & BPF_F_LINK != 0 => self.link(),
            None => Err(self
                .raw
                .error(Error::invalid("it is empty: no object was loaded with it"))),
        }
    }
}

#[cfg(feature = "btf")]
impl StructOps {
    fn link(&self) -> Result<StructOpsLink, Error> {
        sys::by_btf::link_struct_ops(self.raw.as_fd())
            .map(StructOpsLink::link)
            .map_err(|errno| explain(&self.raw, "BPF_LINK_CREATE", errno))
    }
}

/// `BPF_F_LINK`: the table gets into the kernel by a link. Linux 6.4.
#[cfg(feature = "btf")]
pub(crate) const BPF_F_LINK: u32 = 1 << 13;

/// Where the contents of a table are.
#[cfg(feature = "btf")]
#[derive(Debug)]
pub(crate) enum Table {
    /// In the map, where a link finds them.
    Linked,
    /// Here: putting them into the map hands the table to the kernel. Linux before 6.4.
    Kept(Filling),
}

/// The contents of a table.
#[cfg(feature = "btf")]
#[derive(Debug)]
pub(crate) struct Filling {
    /// The value of the map, with zeros where programs are.
    pub(crate) value: Vec<u8>,
    /// Where programs are, by descriptors of our own.
    pub(crate) programs: Vec<(usize, OwnedFd)>,
}

#[cfg(feature = "btf")]
impl Filling {
    pub(crate) fn put_into(&self, map: &RawMap) -> Result<(), Error> {
        let mut value = self.value.clone();
        for (place, program) in &self.programs {
            // The kernel reads the descriptor as a number of a pointer's size.
            let fd = program.as_raw_fd() as usize;
            let bytes = fd.to_ne_bytes();
            let room = value.get_mut(*place..*place + bytes.len());
            match room {
                Some(room) => room.copy_from_slice(&bytes),
                None => return Err(map.error(Error::invalid("a program is outside of it"))),
            }
        }
        sys::bpf::map_update(map.as_fd(), &0u32.to_ne_bytes(), &value, 0)
            .map_err(|errno| explain(map, "BPF_MAP_UPDATE_ELEM", errno))
    }
}

/// An error of handing a table to the kernel.
#[cfg(feature = "btf")]
fn explain(map: &RawMap, operation: &str, errno: Errno) -> Error {
    let error = map.error(Error::failed(operation, errno));
    match errno {
        Errno::EEXIST => error.because("the kernel has a table of that name, or takes only one"),
        Errno::EBUSY => error.because(
            "it was attached before, and this kernel attaches a table once: load the object \
             again, or use Linux 6.4",
        ),
        Errno::EINVAL => error.because(
            "the kernel does not take this table: a program or a member that its type wants is \
             missing, or a member has a value that it does not allow",
        ),
        _ => error,
    }
}

impl super::Map for StructOps {
    type Definition = Def<Self>;
    type Key = ();
    type Value = ();

    #[cfg(feature = "std")]
    fn from_raw(raw: RawMap) -> Result<Self, crate::Error> {
        // The size of the value is the kernel's.
        let value_size = raw.value_size() as usize;
        Ok(Self {
            raw: raw.expect_sizes(MapType::StructOps, 4, value_size)?,
        })
    }

    #[cfg(feature = "std")]
    fn as_raw(&self) -> &RawMap {
        &self.raw
    }
}

#[cfg(feature = "std")]
super::handle_impls!([] StructOps);
