//! What an instruction does, in Rust's notation.

use ebpf_asm::isa::{
    AluOp, AtomicOp, EndianOp, EndianSize, Form, ImmediateSource, JmpOp, PacketSize, SignExtension,
    SignedSize, Size, Source, TABLE, Width,
};
use std::fmt::Write;

/// The pseudo-code of arithmetic, byte order and comparisons as functions of Rust, for a test that
/// runs them: from both registers and the constant to the destination, or to whether it jumps.
#[must_use]
pub fn functions() -> String {
    let mut functions = String::new();
    let mut names = String::new();
    for row in &TABLE {
        let jumps = matches!(row.form, Form::Branch(..));
        let width = match row.form {
            Form::Alu(_, width, _) | Form::Branch(_, width, _) | Form::Neg(width) => width,
            Form::SignExtend(SignExtension::S8ToW32 | SignExtension::S16ToW32) => Width::W32,
            Form::SignExtend(_) | Form::Endian(..) => Width::W64,
            _ => continue,
        };
        let Some(code) = pseudocode(row.form) else {
            continue;
        };
        let (r, ty, imm) = match width {
            Width::W32 => ("w", "u32", "imm as u32"),
            Width::W64 => ("r", "u64", "imm as i64 as u64"),
        };
        let code = code.replace("goto LABEL", "return 1");
        let result = if jumps {
            "0".into()
        } else {
            format!("{r}D as u64")
        };
        // Writing to a String cannot fail.
        let _ = write!(
            functions,
            "\nfn {}(d: u64, s: u64, imm: i32) -> u64 {{\n    let (mut {r}D, {r}S, imm) = (d as {ty}, s as {ty}, {imm});\n    {code};\n    {result}\n}}\n",
            row.name,
        );
        let _ = writeln!(names, "    (\"{0}\", {0}),", row.name);
    }
    format!(
        "//! Written from the pseudo-code: BOOK_UPDATE=1 cargo test -p book-listings --test pseudocode\n\n\
         /// Rows of the instruction table, and what the book says that they do.\n\
         pub(crate) const FUNCTIONS: &[(&str, fn(u64, u64, i32) -> u64)] = &[\n{names}];\n{functions}"
    )
}

/// The pseudo-code of a row; `None` for what only the kernel itself uses.
pub(super) fn pseudocode(form: Form) -> Option<String> {
    Some(match form {
        Form::Alu(op, width, source) => alu(op, width, source),
        Form::Branch(op, width, source) => branch(op, width, source),
        Form::Neg(width) => {
            let d = register(width, "D");
            format!("{d} = {d}.wrapping_neg()")
        }
        Form::SignExtend(extension) => match extension {
            SignExtension::S8ToW32 => "wD = wS as i8 as i32 as u32",
            SignExtension::S16ToW32 => "wD = wS as i16 as i32 as u32",
            SignExtension::S8ToW64 => "rD = rS as i8 as i64 as u64",
            SignExtension::S16ToW64 => "rD = rS as i16 as i64 as u64",
            SignExtension::S32ToW64 => "rD = rS as i32 as i64 as u64",
        }
        .into(),
        Form::Endian(op, size) => {
            let ty = match size {
                EndianSize::Bits16 => "u16",
                EndianSize::Bits32 => "u32",
                EndianSize::Bits64 => "u64",
            };
            let function = match op {
                EndianOp::Le => "to_le",
                EndianOp::Be => "to_be",
                EndianOp::Bswap => "swap_bytes",
            };
            format!("rD = (rD as {ty}).{function}() as u64")
        }
        Form::Load(size) => format!("rD = load::<{}>(rS + OFF) as u64", ty(size)),
        Form::LoadSigned(size) => {
            let ty = match size {
                SignedSize::S8 => "i8",
                SignedSize::S16 => "i16",
                SignedSize::S32 => "i32",
            };
            format!("rD = load::<{ty}>(rS + OFF) as i64 as u64")
        }
        Form::Store(size, source) => {
            let value = match source {
                Source::Imm => "imm",
                Source::Reg => "rS",
            };
            let ty = ty(size);
            format!("store::<{ty}>(rD + OFF, {value} as {ty})")
        }
        Form::LoadImm64(source) => match source {
            ImmediateSource::Value => "rD = IMM64",
            ImmediateSource::MapFd => "rD = map(descriptor)",
            ImmediateSource::MapValue => "rD = map(descriptor).value(0) + offset",
            ImmediateSource::BtfId => "rD = &kernel_variable(btf_id)",
            ImmediateSource::Function => "rD = &function(this slot + 1 + distance)",
            ImmediateSource::MapIndex => "rD = map(fd_array[index])",
            ImmediateSource::MapIndexValue => "rD = map(fd_array[index]).value(0) + offset",
        }
        .into(),
        Form::PacketAbsolute(size) => packet(size, "IMM"),
        Form::PacketIndirect(size) => packet(size, "wS + IMM"),
        Form::Atomic(op, width) => atomic(op, width),
        Form::LoadAcquire(size) => {
            format!("rD = atomic_load::<{}>(rS + OFF, Acquire) as u64", ty(size))
        }
        Form::StoreRelease(size) => {
            let ty = ty(size);
            format!("atomic_store::<{ty}>(rD + OFF, rS as {ty}, Release)")
        }
        Form::Goto | Form::GotoLong => "goto LABEL".into(),
        Form::MayGoto => "if budget == 0 { goto LABEL }\nbudget -= 1".into(),
        Form::GotoIndirect => "goto rD".into(),
        Form::CallHelper => "r0 = helper(r1, r2, r3, r4, r5); r1 to r5 hold nothing".into(),
        Form::CallLocal => {
            "r0 = function(r1, r2, r3, r4, r5), with a stack frame of its own;\nr1 to r5 hold \
             nothing"
                .into()
        }
        Form::CallKfunc => "r0 = kernel_function(r1, r2, r3, r4, r5); r1 to r5 hold nothing".into(),
        Form::CallIndirect => "r0 = (*rD)(r1, r2, r3, r4, r5)".into(),
        Form::Exit => "return r0".into(),
        Form::AddressSpaceCast => "rD = cast(rS, TO, FROM)".into(),
        Form::Internal(_) => return None,
    })
}

fn register(width: Width, name: &str) -> String {
    match width {
        Width::W32 => format!("w{name}"),
        Width::W64 => format!("r{name}"),
    }
}

fn operand(width: Width, source: Source) -> String {
    match source {
        Source::Imm => "imm".into(),
        Source::Reg => register(width, "S"),
    }
}

fn alu(op: AluOp, width: Width, source: Source) -> String {
    let d = register(width, "D");
    let x = operand(width, source);
    let (signed, unsigned, mask) = match width {
        Width::W32 => ("i32", "u32", 31),
        Width::W64 => ("i64", "u64", 63),
    };
    let shift = match source {
        Source::Imm => x.clone(),
        Source::Reg => format!("({x} & {mask})"),
    };
    let never_zero = source == Source::Imm;
    let guarded = |zero: &str, quotient: String| match never_zero {
        // The kernel and the language refuse a constant zero.
        true => format!("{d} = {quotient}"),
        false => format!("{d} = if {x} == 0 {{ {zero} }} else {{ {quotient} }}"),
    };
    let wrapping =
        |function: &str| format!("({d} as {signed}).{function}({x} as {signed}) as {unsigned}");
    match op {
        AluOp::Add => format!("{d} = {d}.wrapping_add({x})"),
        AluOp::Sub => format!("{d} = {d}.wrapping_sub({x})"),
        AluOp::Mul => format!("{d} = {d}.wrapping_mul({x})"),
        AluOp::Div => guarded("0", format!("{d} / {x}")),
        AluOp::Mod => guarded(&d, format!("{d} % {x}")),
        AluOp::SDiv => guarded("0", wrapping("wrapping_div")),
        AluOp::SMod => guarded(&d, wrapping("wrapping_rem")),
        AluOp::Or => format!("{d} = {d} | {x}"),
        AluOp::And => format!("{d} = {d} & {x}"),
        AluOp::Xor => format!("{d} = {d} ^ {x}"),
        AluOp::Lsh => format!("{d} = {d} << {shift}"),
        AluOp::Rsh => format!("{d} = {d} >> {shift}"),
        AluOp::Arsh => format!("{d} = ({d} as {signed} >> {shift}) as {unsigned}"),
        AluOp::Mov => format!("{d} = {x}"),
    }
}

fn branch(op: JmpOp, width: Width, source: Source) -> String {
    let d = register(width, "D");
    let x = operand(width, source);
    let signed = match width {
        Width::W32 => "i32",
        Width::W64 => "i64",
    };
    let compared = |symbol: &str| format!("{d} {symbol} {x}");
    let as_signed = |symbol: &str| format!("({d} as {signed}) {symbol} ({x} as {signed})");
    let condition = match op {
        JmpOp::Eq => compared("=="),
        JmpOp::Ne => compared("!="),
        JmpOp::Gt => compared(">"),
        JmpOp::Ge => compared(">="),
        JmpOp::Lt => compared("<"),
        JmpOp::Le => compared("<="),
        JmpOp::Set => format!("{d} & {x} != 0"),
        JmpOp::SGt => as_signed(">"),
        JmpOp::SGe => as_signed(">="),
        JmpOp::SLt => as_signed("<"),
        JmpOp::SLe => as_signed("<="),
    };
    format!("if {condition} {{ goto LABEL }}")
}

fn ty(size: Size) -> &'static str {
    match size {
        Size::Byte => "u8",
        Size::Half => "u16",
        Size::Word => "u32",
        Size::Double => "u64",
    }
}

fn packet(size: PacketSize, at: &str) -> String {
    let ty = match size {
        PacketSize::Byte => "u8",
        PacketSize::Half => "u16",
        PacketSize::Word => "u32",
    };
    format!(
        "r0 = {ty}::from_be(packet.load::<{ty}>({at})?) as u64\n\
         // outside of the packet: the program ends and returns 0; r1 to r5 hold nothing"
    )
}

fn atomic(op: AtomicOp, width: Width) -> String {
    let (ty, s) = match width {
        Width::W32 => ("u32", "wS"),
        Width::W64 => ("u64", "rS"),
    };
    let changed = |new: &str| format!("atomic::<{ty}>(rD + OFF, |old| {new})");
    let fetched = |new: &str| format!("{s} = {}", changed(new));
    let add = format!("old.wrapping_add({s})");
    match op {
        AtomicOp::Add => changed(&add),
        AtomicOp::Or => changed(&format!("old | {s}")),
        AtomicOp::And => changed(&format!("old & {s}")),
        AtomicOp::Xor => changed(&format!("old ^ {s}")),
        AtomicOp::FetchAdd => fetched(&add),
        AtomicOp::FetchOr => fetched(&format!("old | {s}")),
        AtomicOp::FetchAnd => fetched(&format!("old & {s}")),
        AtomicOp::FetchXor => fetched(&format!("old ^ {s}")),
        AtomicOp::Xchg => fetched(s),
        AtomicOp::CmpXchg => {
            let r0 = if width == Width::W32 { "w0" } else { "r0" };
            let new = format!("if old == {r0} {{ {s} }} else {{ old }}");
            format!("{r0} = {}", changed(&new))
        }
    }
}
