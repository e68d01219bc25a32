//! The types of the running kernel: its BTF, and that of its modules.
//!
//! ```
//! use ebpf_rt::btf::Kind;
//! use ebpf_rt::kernel_btf;
//!
//! # kernel_test::example!();
//! let btf = kernel_btf::vmlinux()?;
//! let task = btf.find("task_struct", Kind::Struct)?;
//! assert_eq!(btf.member(task, "pid")?.bit_offset % 32, 0);
//! println!("pid is at {}", btf.member(task, "pid")?.bit_offset / 8);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::{Errno, Error, ErrorKind, inventory, sys};
use ebpf_asm::btf::{self, Btf};
use std::borrow::Cow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, OnceLock, PoisonError};
use sys::bpf::Command;

const DIRECTORY: &str = "/sys/kernel/btf";

/// The kernel's own types. Read once in the life of the process, and mapped instead where the
/// kernel can (Linux 6.16). Needs no privileges. Linux 5.4 with `CONFIG_DEBUG_INFO_BTF`.
///
/// ```
/// use ebpf_rt::btf::Kind;
/// use ebpf_rt::kernel_btf;
///
/// # kernel_test::example!();
/// // Does this kernel have a function that programs can call?
/// let btf = kernel_btf::vmlinux()?;
/// match btf.find("bpf_strcmp", Kind::Func) {
///     Ok(function) => println!("{}", btf.c_name(function)?),
///     Err(error) => println!("no: {error}"),
/// }
/// assert!(btf.find("task_struct", Kind::Struct).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Unsupported`] if the kernel has none; what else reading it says.
#[doc(alias = "libbpf_find_kernel_btf")]
pub fn vmlinux() -> Result<&'static Btf<'static>, Error> {
    static VMLINUX: OnceLock<Btf<'static>> = OnceLock::new();
    static READING: Mutex<()> = Mutex::new(());
    // Unit tests script the kernel, and each reads anew.
    if cfg!(test) {
        return Ok(Box::leak(Box::new(read_vmlinux()?)));
    }
    if let Some(btf) = VMLINUX.get() {
        return Ok(btf);
    }
    // It is large: two threads do not both read it.
    let _reading = READING.lock().unwrap_or_else(PoisonError::into_inner);
    match VMLINUX.get() {
        Some(btf) => Ok(btf),
        None => {
            let btf = read_vmlinux()?;
            Ok(VMLINUX.get_or_init(|| btf))
        }
    }
}

fn read_vmlinux() -> Result<Btf<'static>, Error> {
    const PATH: &core::ffi::CStr = c"/sys/kernel/btf/vmlinux";
    let operation = "reading /sys/kernel/btf/vmlinux";
    let file = sys::fs::open_at(None, PATH, libc::O_RDONLY);
    let file = file.map_err(|errno| missing(Error::failed(operation, errno)))?;
    let bytes = match sys::memory::map_file(file.as_fd()) {
        Ok(bytes) => Cow::Borrowed(bytes),
        Err(_) => {
            let bytes = sys::fs::read_bytes("/sys/kernel/btf/vmlinux");
            Cow::Owned(bytes.map_err(|errno| Error::failed(operation, errno))?)
        }
    };
    Btf::parse(bytes).map_err(|error| unreadable("vmlinux", error))
}

/// Completes an error about BTF that is not there.
fn missing(error: Error) -> Error {
    if error.errno() != Some(Errno::ENOENT) {
        return error;
    }
    let error = error.with_kind(ErrorKind::Unsupported);
    error.because("this kernel has no type information").remedy(
        "use a kernel of Linux 5.4 or later that is built with CONFIG_DEBUG_INFO_BTF, and mount \
         sysfs at /sys",
    )
}

fn unreadable(name: &str, error: btf::Error) -> Error {
    let reason = format!("the kernel's type information of `{name}` cannot be read: {error}");
    Error::new(ErrorKind::Unsupported)
        .because(reason)
        .caused_by(error)
}

/// The types of a kernel module, on top of [`vmlinux`]'s. Needs no privileges. Linux 5.11.
///
/// ```
/// use ebpf_rt::kernel_btf;
///
/// # kernel_test::example!(Kernel(5, 11));
/// for name in kernel_btf::module_names()? {
///     let types = kernel_btf::module(&name)?;
///     println!("{name}: {} types", types.own_ids().len());
/// }
/// assert!(kernel_btf::module("no_such_module").is_err());
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::NotFound`] if no such module is loaded, or it has no type information; what else
/// reading it says.
pub fn module(name: &str) -> Result<Btf<'static>, Error> {
    let path = format!("{DIRECTORY}/{name}");
    let bytes = sys::fs::read_bytes(&path).map_err(|errno| {
        let error = Error::failed(format!("reading {path}"), errno);
        match errno {
            Errno::ENOENT => error
                .because(format!(
                    "no module `{name}` with type information is loaded"
                ))
                .remedy(format!("load it with `modprobe {name}`")),
            _ => error,
        }
    })?;
    Btf::parse_split(bytes, vmlinux()?).map_err(|error| unreadable(name, error))
}

/// The names of the loaded modules that have type information, sorted. Linux 5.11.
///
/// ```
/// use ebpf_rt::kernel_btf;
///
/// # kernel_test::example!(Kernel(5, 11));
/// let names = kernel_btf::module_names()?;
/// assert!(names.is_sorted());
/// println!("{} modules have types of their own", names.len());
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Unsupported`] if the kernel has no type information; what else listing it says.
pub fn module_names() -> Result<Vec<String>, Error> {
    let names = sys::fs::list_directory(DIRECTORY);
    let mut names =
        names.map_err(|errno| missing(Error::failed(format!("listing {DIRECTORY}"), errno)))?;
    names.retain(|name| name != "vmlinux");
    Ok(names)
}

/// The type information of a module by descriptor: what programs that call a module's functions
/// are loaded with.
///
/// ```
/// use ebpf_rt::kernel_btf;
///
/// # kernel_test::example!(Kernel(5, 11));
/// for module in kernel_btf::modules()? {
///     let types = module.read()?;
///     println!("{} is number {}: {} types", module.name(), module.id(), types.own_ids().len());
/// }
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
#[derive(Debug)]
pub struct ModuleBtf {
    name: String,
    id: u32,
    size: u32,
    fd: OwnedFd,
}

impl ModuleBtf {
    /// The module's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kernel's number for it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The types, on top of [`vmlinux`]'s.
    ///
    /// # Errors
    /// What `BPF_OBJ_GET_INFO_BY_FD` says.
    pub fn read(&self) -> Result<Btf<'static>, Error> {
        let bytes = sys::bpf::btf_bytes(self.fd.as_fd(), self.size)
            .map_err(|errno| Error::failed("BPF_OBJ_GET_INFO_BY_FD", errno))?;
        Btf::parse_split(bytes, vmlinux()?).map_err(|error| unreadable(&self.name, error))
    }
}

impl AsFd for ModuleBtf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The modules that are loaded and have type information, in the order of their numbers. Needs
/// `CAP_SYS_ADMIN`. Linux 5.11; none before.
///
/// ```
/// use ebpf_rt::kernel_btf;
///
/// # kernel_test::example!(Kernel(5, 11));
/// let modules = kernel_btf::modules()?;
/// assert!(modules.is_sorted_by_key(|module| module.id()));
/// println!("{} modules", modules.len());
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Permission`] without the capability; what else `BPF_BTF_GET_NEXT_ID` and
/// `BPF_BTF_GET_FD_BY_ID` say.
#[doc(alias = "BPF_BTF_GET_NEXT_ID")]
#[doc(alias = "BPF_BTF_GET_FD_BY_ID")]
pub fn modules() -> Result<Vec<ModuleBtf>, Error> {
    let all = inventory::all(Command::BtfGetNextId, Command::BtfGetFdById, |fd| {
        let info = sys::bpf::btf_info(fd.as_fd()).map_err(inventory::no_info)?;
        // The kernel's own is no module's, and others are of programs.
        let of_module = info.of_kernel && info.name != "vmlinux";
        Ok(of_module.then_some(ModuleBtf {
            name: info.name,
            id: info.id,
            size: info.size,
            fd,
        }))
    });
    all.filter_map(Result::transpose).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Call;
    use crate::sys::script::{Script, names, run};

    /// Header, an integer, its name.
    fn integer(name: &str) -> Vec<u8> {
        let strings = format!("\0{name}\0");
        let mut bytes = 0xeb9fu16.to_ne_bytes().to_vec();
        bytes.extend([1, 0]);
        let words = [24, 0, 16, 16, strings.len() as u32, 1, 1 << 24, 4, 32];
        bytes.extend(words.iter().flat_map(|word: &u32| word.to_ne_bytes()));
        bytes.extend(strings.as_bytes());
        bytes
    }

    /// A kernel whose file cannot be mapped.
    fn unmapped(script: Script) -> Script {
        script.fd().value(41).fails(Errno::ENODEV)
    }

    #[test]
    fn a_kernel_that_cannot_map_it_has_it_read() {
        let script = Script::new().file("/sys/kernel/btf/vmlinux", integer("int"));
        let (btf, calls) = run(unmapped(script), vmlinux);
        let found = btf.unwrap().find("int", btf::Kind::Int);
        assert_eq!(found, Ok(btf::TypeId::new(1)));
        assert_eq!(names(&calls), ["openat", "fstat", "mmap"]);
    }

    #[test]
    fn a_kernel_without_types_is_told_so() {
        let (error, _) = run(Script::new().fails(Errno::ENOENT), vmlinux);
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error.to_string().contains("CONFIG_DEBUG_INFO_BTF"),
            "{error}"
        );
    }

    #[test]
    fn corrupt_types_are_told_so() {
        let script = Script::new().file("/sys/kernel/btf/vmlinux", b"\x9f\xeb\x02");
        let (error, _) = run(unmapped(script), vmlinux);
        assert_eq!(
            error.unwrap_err().to_string(),
            "the kernel's type information of `vmlinux` cannot be read: this is not BTF: it is \
             shorter than a header"
        );
    }

    #[test]
    fn a_modules_types_stand_on_the_kernels() {
        let script = Script::new()
            .file("/sys/kernel/btf/vmlinux", integer("int"))
            .file("/sys/kernel/btf/veth", integer("u32"));
        let (module, _) = run(unmapped(script), || module("veth"));
        let module = module.unwrap();
        assert_eq!(module.own_ids().collect::<Vec<_>>(), [btf::TypeId::new(2)]);
        assert_eq!(module.find("int", btf::Kind::Int), Ok(btf::TypeId::new(1)));

        let (error, _) = run(Script::new(), || super::module("wireguard"));
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error.to_string().ends_with("modprobe wireguard`"),
            "{error}"
        );
    }

    /// Answers with information: the number, and whether it is the kernel's own.
    fn info(script: Script, id: u32, name: &'static str) -> Script {
        script.with(move |call| {
            let Call::Bpf { attr, .. } = call else {
                panic!("{call:?}")
            };
            let info: u64 = bytemuck::pod_read_unaligned(&attr[8..16]);
            let info = info as usize as *mut sys::bpf::BtfInfo;
            // SAFETY: the call points to such a struct, and the name to bytes enough.
            unsafe {
                (*info).id = id;
                (*info).kernel_btf = u32::from(!name.is_empty());
                let to = (*info).name as usize as *mut u8;
                core::ptr::copy_nonoverlapping(name.as_ptr(), to, name.len());
            }
            Ok(0)
        })
    }

    #[test]
    fn modules_are_told_from_vmlinux_and_from_programs() {
        let next = |script: Script, id: u32| {
            script.with(move |call| {
                let Call::Bpf { attr, .. } = call else {
                    panic!("{call:?}")
                };
                attr[4..8].copy_from_slice(&id.to_ne_bytes());
                Ok(0)
            })
        };
        let mut script = Script::new();
        for (id, name) in [(1, "vmlinux"), (2, "veth"), (9, "")] {
            script = info(next(script, id).fd(), id, name);
        }
        let (modules, _) = run(script.fails(Errno::ENOENT), modules);
        let modules = modules.unwrap();
        assert_eq!(modules.len(), 1);
        assert_eq!((modules[0].name(), modules[0].id()), ("veth", 2));
    }
}
