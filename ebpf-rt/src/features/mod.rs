//! What the running kernel can do.
//!
//! A version number does not tell: distributions take features over into old kernels, and
//! kernels are built without some. So each question here is put to the kernel, by loading,
//! creating or attaching the smallest thing that has the feature. Nothing stays in the kernel,
//! and the answer is kept for the rest of the process.
//!
//! - `Ok(true)`: it is there.
//! - `Ok(false)`: the kernel refused it in the way in which kernels refuse what they do not
//!   know.
//! - `Err`: anything else, above all a lack of privileges, says nothing about the kernel.
//!
//! ```
//! use ebpf_rt::features::{self, LinkKind};
//! use ebpf_rt::{MapType, ProgramType};
//!
//! # kernel_test::example!();
//! let ring_buffer = features::map_type(MapType::Ringbuf)?
//!     && features::helper(ProgramType::Kprobe, "bpf_ringbuf_output")?;
//! let tcx = features::link(LinkKind::Tcx)?;
//! println!("{}: ring buffer {ring_buffer}, tcx {tcx}", features::kernel_version()?);
//! # assert_eq!(ring_buffer, kernel_test::kernel_version() >= (5, 8));
//! # Ok::<(), ebpf_rt::Error>(())
//! ```

mod answers;
mod ask;
mod btf_kind;
mod helper;
mod instruction;
mod link;
mod map_type;
mod program_type;
#[cfg(test)]
mod tests;

pub use btf_kind::BtfKind;
pub use helper::HelperName;
pub use link::LinkKind;

use crate::{Error, sys};
use answers::once;
use ebpf_asm::isa::{Definition, Form, IsaLevel};
use ebpf_asm::{KernelVersion, MapType, ProgramType};

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Question {
    Program(ProgramType),
    Map(MapType),
    Helper(ProgramType, u32),
    Instruction(Form),
    BtfKind(BtfKind),
    Link(LinkKind),
}

/// The version that the kernel says it has.
///
/// Good for messages and for bugs of certain versions. For features ask for the feature.
///
/// ```
/// # fn main() -> Result<(), ebpf_rt::Error> {
/// println!("Linux {}", ebpf_rt::features::kernel_version()?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If uname(2) fails or gives something else than a version.
#[doc(alias = "uname")]
pub fn kernel_version() -> Result<KernelVersion, Error> {
    let release = sys::process::release().map_err(|errno| Error::failed("uname", errno))?;
    KernelVersion::parse(&release)
        .ok_or_else(|| Error::invalid(format!("`{release}` is not the version of a kernel")))
}

/// Whether the kernel has programs of this type.
///
/// ```
/// use ebpf_rt::{ProgramType, features};
///
/// # kernel_test::example!();
/// assert!(features::program_type(ProgramType::SocketFilter)?);
/// if !features::program_type(ProgramType::Netfilter)? {
///     println!("no netfilter programs before Linux 6.4");
/// }
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
///
/// # Errors
/// If the process may not load such programs, or the kernel says something that is no answer.
pub fn program_type(program_type: ProgramType) -> Result<bool, Error> {
    once(Question::Program(program_type), || {
        program_type::ask(program_type)
    })
}

/// Whether the kernel has maps of this type.
///
/// ```
/// use ebpf_rt::{MapType, features};
///
/// # kernel_test::example!();
/// let name = match features::map_type(MapType::Ringbuf)? {
///     true => "ring buffer",
///     false => "perf event array",
/// };
/// println!("samples come by {name}");
/// assert!(features::map_type(MapType::PerfEventArray)?);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
///
/// # Errors
/// If the process may not make such maps, or the kernel says something that is no answer.
pub fn map_type(map_type: MapType) -> Result<bool, Error> {
    once(Question::Map(map_type), || map_type::ask(map_type))
}

/// Whether programs of this type may call a helper, given by name, by its row of the table, or
/// by number: at one of the type's hooks at least, and with a licence that is compatible with
/// the GPL.
///
/// ```
/// use ebpf_rt::{ProgramType, features, helpers};
///
/// # kernel_test::example!();
/// if features::helper(ProgramType::Kprobe, "bpf_get_attach_cookie")? {
///     println!("kprobes have cookies");
/// }
/// // By the rows of the table: all that packets' programs can print.
/// let mut prints = helpers::ALL.iter().filter(|helper| helper.name.contains("printk"));
/// assert!(features::helper(ProgramType::Xdp, prints.next().unwrap())?);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
///
/// # Errors
/// If there is no such name; if the process may not load such programs, or lacks the
/// capabilities without which the kernel hides helpers; if the kernel says something that is
/// no answer. For program types that attach to a function, a hook or an interface of the
/// kernel (`tracing`, `lsm`, `ext`, `struct_ops`): it depends on which.
pub fn helper(program_type: ProgramType, helper: impl HelperName) -> Result<bool, Error> {
    let id = helper.id()?;
    once(Question::Helper(program_type, id), || {
        helper::ask(program_type, id)
    })
}

/// Whether the kernel takes an instruction: a row of [`isa::TABLE`](crate::isa::TABLE).
///
/// The rows of what the kernel only makes itself are answered without asking: no kernel takes
/// them.
///
/// ```
/// use ebpf_rt::features;
/// use ebpf_rt::isa::{AluOp, Instruction, Register::*, Width};
///
/// # kernel_test::example!();
/// let add = Instruction::alu_reg(Width::W64, AluOp::Add, R0, R1);
/// assert!(features::instruction(add.definition())?);
/// let divide = Instruction::alu_reg(Width::W64, AluOp::SDiv, R0, R1);
/// if !features::instruction(divide.definition())? {
///     println!("no signed division before Linux {:?}", divide.definition().min_kernel);
/// }
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
///
/// # Errors
/// If the process may not load socket filters, or the kernel says something that is no answer.
pub fn instruction(definition: &Definition) -> Result<bool, Error> {
    once(Question::Instruction(definition.form), || {
        instruction::ask(definition)
    })
}

/// Whether the kernel takes the instructions of a level: of those that the level came with, and
/// of the levels below, every one.
///
/// LLVM has counted instructions to existing levels since: atomic operations that return the
/// old value to version 3, `load_acquire`, `store_release` and indirect jumps to version 4.
/// Ask for these with [`instruction`].
///
/// ```
/// use ebpf_rt::features;
/// use ebpf_rt::isa::IsaLevel;
///
/// # kernel_test::example!();
/// assert!(features::isa_level(IsaLevel::V3)?, "Linux 5.1");
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
///
/// # Errors
/// As of [`instruction`].
#[doc(alias = "mcpu")]
pub fn isa_level(level: IsaLevel) -> Result<bool, Error> {
    for row in instruction::of_level(level) {
        if !instruction(row)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the kernel takes BTF with types of this kind.
///
/// ```
/// use ebpf_rt::features::{self, BtfKind};
///
/// # kernel_test::example!();
/// println!("enum64: {}", features::btf_kind(BtfKind::Enum64)?);
/// assert!(features::btf_kind(BtfKind::Func)?);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
///
/// # Errors
/// If the process may not load BTF, or the kernel says something that is no answer.
#[doc(alias = "BPF_BTF_LOAD")]
pub fn btf_kind(kind: BtfKind) -> Result<bool, Error> {
    once(Question::BtfKind(kind), || btf_kind::ask(kind))
}

/// Whether the kernel has links of this kind.
///
/// ```
/// use ebpf_rt::features::{self, LinkKind};
///
/// # kernel_test::example!();
/// if !features::link(LinkKind::UprobeMulti)? {
///     println!("one uprobe at a time");
/// }
/// assert!(features::link(LinkKind::RawTracepoint)?);
/// # Ok::<(), ebpf_rt::Error>(())
/// ```
///
/// # Errors
/// If the process may not load the programs of such links or attach them, or the kernel says
/// something that is no answer.
#[doc(alias = "BPF_LINK_CREATE")]
pub fn link(kind: LinkKind) -> Result<bool, Error> {
    once(Question::Link(kind), || link::ask(kind))
}
