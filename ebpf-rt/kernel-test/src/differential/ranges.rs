//! Programs about what is known of numbers: a few that are not, some arithmetic and comparisons,
//! and a use that wants bounds.

use super::generate::MAPS;
use super::{Random, Sample};
use ebpf_asm::isa::{
    AluOp, EndianOp, EndianSize, ImmediateSource, Insn, Instruction, JmpOp, Register,
    SignExtension, SignedSize, Size, Width,
};
use ebpf_asm::{AttachType, ProgramType};

use Register::{R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10};

const TYPES: [(ProgramType, Option<AttachType>); 4] = [
    (ProgramType::SchedCls, None),
    (ProgramType::Xdp, None),
    (ProgramType::RawTracepoint, None),
    (ProgramType::CgroupSkb, Some(AttachType::CgroupInetEgress)),
];

const NUMBERS: [Register; 4] = [R2, R7, R8, R9];
const SIZES: [Size; 4] = [Size::Byte, Size::Half, Size::Word, Size::Double];

struct Builder<'a> {
    random: &'a mut Random,
    insns: Vec<Insn>,
    /// Jumps that lead out: their slots.
    exits: Vec<usize>,
    program_type: ProgramType,
}

pub(super) fn generate(random: &mut Random) -> Sample {
    let (program_type, attach_type) = random.pick(&TYPES);
    let mut builder = Builder {
        random,
        insns: Vec::new(),
        exits: Vec::new(),
        program_type,
    };
    builder.begin();
    for _ in 0..1 + builder.random.below(8) {
        builder.change();
    }
    builder.use_it();
    builder.end();
    Sample {
        program_type,
        attach_type,
        insns: builder.insns,
        maps: MAPS.to_vec(),
        gpl: true,
        global: None,
    }
}

impl Builder<'_> {
    fn push(&mut self, instruction: Instruction) {
        self.insns.extend_from_slice(&instruction.encode());
    }

    fn number(&mut self) -> Register {
        self.random.pick(&NUMBERS)
    }

    fn width(&mut self) -> Width {
        self.random.pick(&[Width::W32, Width::W64, Width::W64])
    }

    fn constant(&mut self) -> i32 {
        match self.random.below(5) {
            0 => self.random.pick(&[0, 1, -1, i32::MAX, i32::MIN, -2, 2]),
            1 => (1 << self.random.below(31)) - 1,
            2 => -(1 << self.random.below(31)),
            3 => self.random.below(64) as i32,
            _ => self.random.next() as i32 >> self.random.below(31),
        }
    }

    /// A map's value in `r6`, and numbers from it and from a helper.
    fn begin(&mut self) {
        self.push(Instruction::store_imm(Size::Word, R10, -4, 0));
        self.push(Instruction::mov_reg(R2, R10));
        self.push(Instruction::alu_imm(Width::W64, AluOp::Add, R2, -4));
        self.push(Instruction::load_pseudo(R1, ImmediateSource::MapFd, 1, 0));
        self.push(Instruction::call_helper(1));
        self.leave_if(Width::W64, JmpOp::Eq, R0, 0);
        self.push(Instruction::mov_reg(R6, R0));
        // The stack below is written, for older kernels.
        for at in 1..=8 {
            self.push(Instruction::store_imm(Size::Double, R10, -8 * at, 0));
        }
        self.push(Instruction::call_helper(7));
        for register in NUMBERS {
            match self.random.below(6) {
                0 => self.push(Instruction::mov_reg(register, R0)),
                1 => {
                    let value = self.constant();
                    self.push(Instruction::mov_imm(register, value));
                }
                2 => {
                    let size =
                        self.random
                            .pick(&[SignedSize::S8, SignedSize::S16, SignedSize::S32]);
                    self.push(Instruction::load_signed(size, register, R6, 8));
                }
                _ => {
                    let size = self.random.pick(&SIZES);
                    self.push(Instruction::load(size, register, R6, 16));
                }
            }
        }
    }

    /// Jumps out of the program.
    fn leave_if(&mut self, width: Width, op: JmpOp, register: Register, imm: i32) {
        self.exits.push(self.insns.len());
        self.push(Instruction::branch_imm(width, op, register, imm, 0));
    }

    fn leave_if_reg(&mut self, width: Width, op: JmpOp, a: Register, b: Register) {
        self.exits.push(self.insns.len());
        self.push(Instruction::branch_reg(width, op, a, b, 0));
    }

    fn change(&mut self) {
        let dst = self.number();
        let width = self.width();
        match self.random.below(16) {
            0..=3 => {
                let op = self.random.pick(&[
                    AluOp::Add,
                    AluOp::Sub,
                    AluOp::Mul,
                    AluOp::Or,
                    AluOp::And,
                    AluOp::Xor,
                    AluOp::Div,
                    AluOp::Mod,
                ]);
                let imm = match self.constant() {
                    0 if matches!(op, AluOp::Div | AluOp::Mod) => 3,
                    imm => imm,
                };
                self.push(Instruction::alu_imm(width, op, dst, imm));
            }
            4 => {
                let op = self.random.pick(&[AluOp::Lsh, AluOp::Rsh, AluOp::Arsh]);
                let count = self.random.below(usize::from(width.bits())) as i32;
                self.push(Instruction::alu_imm(width, op, dst, count));
            }
            5 | 6 => {
                let op = self.random.pick(&[
                    AluOp::Add,
                    AluOp::Sub,
                    AluOp::Mul,
                    AluOp::Or,
                    AluOp::And,
                    AluOp::Xor,
                    AluOp::Lsh,
                    AluOp::Rsh,
                    AluOp::Mod,
                    AluOp::Mov,
                ]);
                let src = self.number();
                self.push(Instruction::alu_reg(width, op, dst, src));
            }
            7 => {
                let src = self.number();
                self.push(Instruction::mov_reg(dst, src));
                if self.random.once_in(2) {
                    let imm = self.constant();
                    let op = self.random.pick(&[AluOp::Add, AluOp::Sub]);
                    self.push(Instruction::alu_imm(width, op, dst, imm));
                }
            }
            8 => self.odd(dst, width),
            9 => self.save(dst),
            // Sign extension as compilers write it.
            10 => {
                let op = self.random.pick(&[AluOp::Arsh, AluOp::Rsh]);
                self.push(Instruction::alu_imm(Width::W64, AluOp::Lsh, dst, 32));
                self.push(Instruction::alu_imm(Width::W64, op, dst, 32));
            }
            11 => {
                let other = self.number();
                let op = self.random.pick(JmpOp::ALL);
                match self.random.once_in(2) {
                    true => self.leave_if_reg(width, op, dst, other),
                    false => {
                        let skip = self.random.pick(&[0, 1]);
                        self.push(Instruction::branch_reg(width, op, dst, other, skip));
                        self.push(Instruction::alu_imm(Width::W64, AluOp::Add, other, 1));
                    }
                }
            }
            _ => {
                let op = self.random.pick(JmpOp::ALL);
                let imm = self.constant();
                match self.random.once_in(4) {
                    false => self.leave_if(width, op, dst, imm),
                    true => {
                        self.push(Instruction::branch_imm(width, op, dst, imm, 1));
                        let imm = self.constant();
                        let op = self.random.pick(&[AluOp::Add, AluOp::And, AluOp::Mov]);
                        self.push(Instruction::alu_imm(width, op, dst, imm));
                    }
                }
            }
        }
    }

    fn odd(&mut self, dst: Register, width: Width) {
        let src = self.number();
        let instruction = match self.random.below(4) {
            0 => Instruction::neg(width, dst),
            1 => {
                let extension = self.random.pick(&[
                    SignExtension::S8ToW32,
                    SignExtension::S16ToW32,
                    SignExtension::S8ToW64,
                    SignExtension::S16ToW64,
                    SignExtension::S32ToW64,
                ]);
                Instruction::sign_extend(extension, dst, src)
            }
            2 => {
                let op = self
                    .random
                    .pick(&[EndianOp::Le, EndianOp::Be, EndianOp::Bswap]);
                let size =
                    self.random
                        .pick(&[EndianSize::Bits16, EndianSize::Bits32, EndianSize::Bits64]);
                Instruction::endian(op, size, dst)
            }
            _ => Instruction::alu_reg(Width::W32, AluOp::Mov, dst, src),
        };
        self.push(instruction);
    }

    /// To the stack and back, perhaps another part of it.
    fn save(&mut self, dst: Register) {
        let src = self.number();
        let size = self.random.pick(&SIZES);
        let at = -8 * (1 + self.random.below(8) as i16);
        self.push(Instruction::store_reg(size, R10, at, src));
        if self.random.once_in(3) {
            self.change();
        }
        let size = if self.random.once_in(2) {
            size
        } else {
            self.random.pick(&SIZES)
        };
        let inside = i16::from(size.bytes()) * self.random.pick(&[0, 0, 0, 1]);
        let at = if inside < 8 { at + inside } else { at };
        self.push(Instruction::load(size, dst, R10, at));
    }

    /// Something that wants bounds of a number.
    fn use_it(&mut self) {
        let index = self.random.pick(&[R7, R8, R9]);
        let edge = self.random.pick(&[39, 40, 41, 47, 48, 63, 64, 31]);
        let width = self.width();
        // Mostly with a limit, that may be enough.
        match self.random.below(6) {
            0 => {
                let mask = self.random.pick(&[7, 15, 31, 63, 39]);
                self.push(Instruction::alu_imm(width, AluOp::And, index, mask));
            }
            1 | 2 => {
                let op = self.random.pick(&[JmpOp::Gt, JmpOp::Ge]);
                self.leave_if(width, op, index, edge);
            }
            3 => {
                self.leave_if(width, JmpOp::SGt, index, edge);
                let op = self.random.pick(&[JmpOp::SLt, JmpOp::SLe]);
                let least = self.random.pick(&[0, 1, -1]);
                self.leave_if(width, op, index, least);
            }
            4 => {
                let src = self.number();
                self.push(Instruction::mov_reg(index, src));
                self.leave_if(width, JmpOp::Gt, src, edge);
            }
            _ => {}
        }
        let size = self.random.pick(&SIZES);
        match self.random.below(5) {
            0 | 1 => {
                self.push(Instruction::alu_reg(Width::W64, AluOp::Add, R6, index));
                let offset = self.random.pick(&[0, 0, 1, 8, -8]);
                self.push(Instruction::load(size, R0, R6, offset));
            }
            2 => {
                self.push(Instruction::mov_reg(R1, R10));
                self.push(Instruction::alu_imm(Width::W64, AluOp::Add, R1, -64));
                self.push(Instruction::alu_reg(Width::W64, AluOp::Add, R1, index));
                let size = if self.random.once_in(2) {
                    Size::Byte
                } else {
                    size
                };
                if self.random.once_in(2) {
                    self.push(Instruction::load(size, R0, R1, 0));
                } else {
                    self.push(Instruction::store_imm(size, R1, 0, 0));
                    self.push(Instruction::load(Size::Double, R0, R10, -16));
                }
            }
            3 if self.program_type == ProgramType::RawTracepoint => {
                self.push(Instruction::mov_reg(R1, R10));
                self.push(Instruction::alu_imm(Width::W64, AluOp::Add, R1, -64));
                self.push(Instruction::mov_reg(R2, index));
                self.push(Instruction::mov_imm(R3, 0));
                let helper = self.random.pick(&[113, 115]);
                self.push(Instruction::call_helper(helper));
                self.push(Instruction::mov_reg(R7, R0));
            }
            _ => {
                // Output to user space: memory and its size, which may be 0.
                self.push(Instruction::load_pseudo(R1, ImmediateSource::MapFd, 2, 0));
                self.push(Instruction::mov_reg(R3, index));
                self.push(Instruction::mov_reg(R2, R10));
                self.push(Instruction::alu_imm(Width::W64, AluOp::Add, R2, -64));
                self.push(Instruction::mov_imm(R4, 0));
                self.push(Instruction::mov_imm(R5, 0));
                self.push(Instruction::call_helper(130));
            }
        }
    }

    fn end(&mut self) {
        let out = self.insns.len();
        self.push(Instruction::mov_imm(R0, 1));
        self.push(Instruction::exit());
        for &slot in &self.exits {
            let distance = (out - slot - 1) as i16;
            self.insns[slot] = self.insns[slot].with_offset(distance);
        }
    }
}
