//! One instruction on any machine.

use super::{Kind, Machine, Operation};
use crate::isa::{
    AluOp, AtomicOp, EndianOp, EndianSize, ImmediateSource, JmpOp, PacketSize, Register,
    SignExtension, SignedSize, Size, Width,
};

/// Every kind of operation with the parts of its form: the one list that the enum, the look-up
/// and the dispatch are made of. Moves are apart, since they do not read their destination.
macro_rules! for_each_kind {
    ($callback:ident) => {
        $callback! {
            alu {
                Add Add32Imm Add32Reg Add64Imm Add64Reg,
                Sub Sub32Imm Sub32Reg Sub64Imm Sub64Reg,
                Mul Mul32Imm Mul32Reg Mul64Imm Mul64Reg,
                Div Div32Imm Div32Reg Div64Imm Div64Reg,
                Or Or32Imm Or32Reg Or64Imm Or64Reg,
                And And32Imm And32Reg And64Imm And64Reg,
                Lsh Lsh32Imm Lsh32Reg Lsh64Imm Lsh64Reg,
                Rsh Rsh32Imm Rsh32Reg Rsh64Imm Rsh64Reg,
                Mod Mod32Imm Mod32Reg Mod64Imm Mod64Reg,
                Xor Xor32Imm Xor32Reg Xor64Imm Xor64Reg,
                Mov Mov32Imm Mov32Reg Mov64Imm Mov64Reg,
                Arsh Arsh32Imm Arsh32Reg Arsh64Imm Arsh64Reg,
                SDiv SDiv32Imm SDiv32Reg SDiv64Imm SDiv64Reg,
                SMod SMod32Imm SMod32Reg SMod64Imm SMod64Reg,
            }
            branch {
                Eq Eq32Imm Eq32Reg Eq64Imm Eq64Reg,
                Gt Gt32Imm Gt32Reg Gt64Imm Gt64Reg,
                Ge Ge32Imm Ge32Reg Ge64Imm Ge64Reg,
                Set Set32Imm Set32Reg Set64Imm Set64Reg,
                Ne Ne32Imm Ne32Reg Ne64Imm Ne64Reg,
                SGt SGt32Imm SGt32Reg SGt64Imm SGt64Reg,
                SGe SGe32Imm SGe32Reg SGe64Imm SGe64Reg,
                Lt Lt32Imm Lt32Reg Lt64Imm Lt64Reg,
                Le Le32Imm Le32Reg Le64Imm Le64Reg,
                SLt SLt32Imm SLt32Reg SLt64Imm SLt64Reg,
                SLe SLe32Imm SLe32Reg SLe64Imm SLe64Reg,
            }
            neg { W32 Neg32, W64 Neg64, }
            sign_extend {
                S8ToW32 Mov32S8, S16ToW32 Mov32S16, S8ToW64 Mov64S8, S16ToW64 Mov64S16, S32ToW64 Mov64S32,
            }
            endian {
                Le Bits16 Le16, Le Bits32 Le32, Le Bits64 Le64,
                Be Bits16 Be16, Be Bits32 Be32, Be Bits64 Be64,
                Bswap Bits16 Bswap16, Bswap Bits32 Bswap32, Bswap Bits64 Bswap64,
            }
            memory {
                Byte LoadByte StoreByteImm StoreByteReg LoadAcquireByte StoreReleaseByte,
                Half LoadHalf StoreHalfImm StoreHalfReg LoadAcquireHalf StoreReleaseHalf,
                Word LoadWord StoreWordImm StoreWordReg LoadAcquireWord StoreReleaseWord,
                Double LoadDouble StoreDoubleImm StoreDoubleReg LoadAcquireDouble StoreReleaseDouble,
            }
            load_signed { S8 LoadS8, S16 LoadS16, S32 LoadS32, }
            load_imm64 {
                Value LoadImm64, MapFd LoadMapFd, MapValue LoadMapValue, BtfId LoadBtfId,
                Function LoadFunction, MapIndex LoadMapIndex, MapIndexValue LoadMapIndexValue,
            }
            packet {
                Byte PacketByteAbsolute PacketByteIndirect,
                Half PacketHalfAbsolute PacketHalfIndirect,
                Word PacketWordAbsolute PacketWordIndirect,
            }
            atomic {
                Add AtomicAdd32 AtomicAdd64,
                Or AtomicOr32 AtomicOr64,
                And AtomicAnd32 AtomicAnd64,
                Xor AtomicXor32 AtomicXor64,
                FetchAdd FetchAdd32 FetchAdd64,
                FetchOr FetchOr32 FetchOr64,
                FetchAnd FetchAnd32 FetchAnd64,
                FetchXor FetchXor32 FetchXor64,
                Xchg Xchg32 Xchg64,
            }
            compare_exchange { W32 CmpXchg32, W64 CmpXchg64, }
            other {
                Goto, GotoLong, MayGoto, GotoIndirect, CallHelper, CallLocal, CallKfunc, CallIndirect,
                Exit, AddressSpaceCast,
            }
        }
    };
}
pub(super) use for_each_kind;

/// Does `operation`, which stands at slot `at`, and says where the program goes on. That slot
/// need not be one of the program: who runs it looks.
///
/// ```
/// use ebpf_asm::semantics::{Operation, step};
/// # mod calculator { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/semantics/calculator.rs")); }
/// # use calculator::Calculator;
///
/// // `Calculator` is a machine of registers only: the example of `Machine`.
/// let operations = Operation::decode_all(ebpf_asm::assemble("r0 = 6; r0 *= 7; exit")?.insns());
/// let mut machine = Calculator::default();
/// let mut at = 0;
/// while let Ok(next) = step(&mut machine, at, &operations[at]) {
///     at = next;
/// }
/// assert_eq!((at, machine.registers[0]), (2, 42));
/// # Ok::<(), ebpf_asm::Diagnostics>(())
/// ```
///
/// # Errors
/// What the machine ends the run with.
#[inline(always)]
pub fn step<M: Machine>(
    machine: &mut M,
    at: usize,
    operation: &Operation,
) -> Result<usize, M::Stop> {
    let &Operation { dst, src, imm, .. } = operation;
    let next = at + 1;

    // The parts that kinds share. All are small and have constant operations, so that each
    // arm of the match becomes the few instructions of its kind.
    macro_rules! set {
        ($register:expr, $value:expr) => {{
            let value = $value;
            machine.set_register($register, value)?;
            Ok(next)
        }};
    }
    macro_rules! alu {
        (Mov, W64, $source:expr) => {
            set!(dst, $source)
        };
        (Mov, W32, $source:expr) => {{
            let source = $source;
            set!(dst, machine.alu(AluOp::Mov, Width::W32, source, source)?)
        }};
        ($op:ident, $width:ident, $source:expr) => {{
            let source = $source;
            let value = machine.register(dst)?;
            set!(dst, machine.alu(AluOp::$op, Width::$width, value, source)?)
        }};
    }
    macro_rules! branch {
        ($op:ident, $width:ident, $source:expr) => {{
            let source = $source;
            let value = machine.register(dst)?;
            if machine.compare(JmpOp::$op, Width::$width, value, source)? {
                Ok(operation.target())
            } else {
                Ok(next)
            }
        }};
    }
    macro_rules! store {
        ($function:ident, $size:ident, $source:expr) => {{
            let value = $source;
            let base = machine.register(dst)?;
            machine.$function(Size::$size, base, operation.offset(), value)?;
            Ok(next)
        }};
    }
    macro_rules! atomic {
        ($op:ident, $width:ident) => {{
            let value = machine.register(src)?;
            let base = machine.register(dst)?;
            let old = machine.atomic(
                AtomicOp::$op,
                Width::$width,
                base,
                operation.offset(),
                value,
            )?;
            if AtomicOp::$op.fetches() {
                machine.set_register(src, old)?;
            }
            Ok(next)
        }};
    }
    macro_rules! packet {
        ($size:ident, $index:expr) => {{
            let index = $index;
            match machine.packet_load(PacketSize::$size, index, imm as i32)? {
                Some(value) => set!(Register::R0, value),
                None => {
                    let zero = machine.constant(0);
                    machine.set_register(Register::R0, zero)?;
                    machine.exit(at)
                }
            }
        }};
    }
    macro_rules! dispatch {
        (
            alu { $($alu:ident $a32i:ident $a32r:ident $a64i:ident $a64r:ident,)* }
            branch { $($branch:ident $b32i:ident $b32r:ident $b64i:ident $b64r:ident,)* }
            neg { $($neg_width:ident $neg:ident,)* }
            sign_extend { $($extension:ident $movsx:ident,)* }
            endian { $($endian_op:ident $endian_size:ident $endian:ident,)* }
            memory { $($size:ident $load:ident $store_imm:ident $store_reg:ident $acquire:ident $release:ident,)* }
            load_signed { $($signed_size:ident $load_signed:ident,)* }
            load_imm64 { $($imm_source:ident $load_imm64:ident,)* }
            packet { $($packet_size:ident $absolute:ident $indirect:ident,)* }
            atomic { $($atomic:ident $at32:ident $at64:ident,)* }
            compare_exchange { $($cx_width:ident $cx:ident,)* }
            // The others are listed below, each its own; rustc says if one is missing.
            other { $($other:ident,)* }
        ) => {
            match operation.kind() {
                $(
                    Kind::$a32i => alu!($alu, W32, machine.constant(imm)),
                    Kind::$a32r => alu!($alu, W32, machine.register(src)?),
                    Kind::$a64i => alu!($alu, W64, machine.constant(imm)),
                    Kind::$a64r => alu!($alu, W64, machine.register(src)?),
                )*
                $(
                    Kind::$b32i => branch!($branch, W32, machine.constant(imm)),
                    Kind::$b32r => branch!($branch, W32, machine.register(src)?),
                    Kind::$b64i => branch!($branch, W64, machine.constant(imm)),
                    Kind::$b64r => branch!($branch, W64, machine.register(src)?),
                )*
                $(Kind::$neg => {
                    let value = machine.register(dst)?;
                    set!(dst, machine.negate(Width::$neg_width, value)?)
                })*
                $(Kind::$movsx => {
                    let value = machine.register(src)?;
                    set!(dst, machine.sign_extend(SignExtension::$extension, value)?)
                })*
                $(Kind::$endian => {
                    let value = machine.register(dst)?;
                    set!(dst, machine.change_byte_order(EndianOp::$endian_op, EndianSize::$endian_size, value)?)
                })*
                $(
                    Kind::$load => {
                        let base = machine.register(src)?;
                        set!(dst, machine.load(Size::$size, base, operation.offset())?)
                    }
                    Kind::$store_imm => store!(store, $size, machine.constant(imm)),
                    Kind::$store_reg => store!(store, $size, machine.register(src)?),
                    Kind::$acquire => {
                        let base = machine.register(src)?;
                        set!(dst, machine.load_acquire(Size::$size, base, operation.offset())?)
                    }
                    Kind::$release => store!(store_release, $size, machine.register(src)?),
                )*
                $(Kind::$load_signed => {
                    let base = machine.register(src)?;
                    set!(dst, machine.load_signed(SignedSize::$signed_size, base, operation.offset())?)
                })*
                $(Kind::$load_imm64 => {
                    let value = machine.load_imm64(at, ImmediateSource::$imm_source, imm)?;
                    machine.set_register(dst, value)?;
                    Ok(at + 2)
                })*
                $(
                    Kind::$absolute => packet!($packet_size, None),
                    Kind::$indirect => packet!($packet_size, Some(machine.register(src)?)),
                )*
                $(
                    Kind::$at32 => atomic!($atomic, W32),
                    Kind::$at64 => atomic!($atomic, W64),
                )*
                $(Kind::$cx => {
                    let new = machine.register(src)?;
                    let base = machine.register(dst)?;
                    let expected = machine.register(Register::R0)?;
                    set!(
                        Register::R0,
                        machine.compare_exchange(Width::$cx_width, base, operation.offset(), expected, new)?
                    )
                })*
                Kind::Goto | Kind::GotoLong => Ok(operation.target()),
                Kind::MayGoto => {
                    if machine.may_goto(at)? { Ok(operation.target()) } else { Ok(next) }
                }
                Kind::GotoIndirect => {
                    let target = machine.register(dst)?;
                    machine.goto_indirect(at, target)
                }
                Kind::CallHelper => machine.call_helper(at, imm as u32),
                Kind::CallLocal => machine.call_local(at, operation.target()),
                Kind::CallKfunc => machine.call_kfunc(at, imm as u32, operation.offset()),
                Kind::CallIndirect => {
                    let target = machine.register(dst)?;
                    machine.call_indirect(at, target)
                }
                Kind::Exit => machine.exit(at),
                Kind::AddressSpaceCast => {
                    let value = machine.register(src)?;
                    set!(dst, machine.address_space_cast(value, imm as i32)?)
                }
                Kind::Unknown => Err(machine.unknown(at)),
            }
        };
    }
    for_each_kind!(dispatch)
}
