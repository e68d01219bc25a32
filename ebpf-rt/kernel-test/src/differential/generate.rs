//! Programs made from nothing: pieces that are right on their own, with constants at the edge of
//! what they may be.

use super::{Holds, Map, Random, Sample};
use ebpf_asm::helpers::{self, ArgumentFlags, ArgumentKind};
use ebpf_asm::isa::{
    AluOp, AtomicOp, ImmediateSource, Insn, Instruction, JmpOp, Register, Size, Width,
};
use ebpf_asm::{AttachType, MapType, ProgramType};

use Register::{R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10};

pub(super) const VALUE: i32 = 48;

/// Maps that all made programs have.
pub(super) const MAPS: [Map; 14] = [
    Map {
        map_type: MapType::Hash,
        key_size: 8,
        value_size: VALUE as u32,
        max_entries: 4,
        flags: 0,
        holds: Holds::Bytes,
    },
    Map {
        map_type: MapType::Array,
        key_size: 4,
        value_size: VALUE as u32,
        max_entries: 2,
        flags: 0,
        holds: Holds::Bytes,
    },
    Map {
        map_type: MapType::Ringbuf,
        key_size: 0,
        value_size: 0,
        max_entries: 4096,
        flags: 0,
        holds: Holds::Bytes,
    },
    Map {
        map_type: MapType::Array,
        key_size: 4,
        value_size: 16,
        max_entries: 1,
        flags: 128,
        holds: Holds::Bytes,
    },
    Map {
        map_type: MapType::PercpuArray,
        key_size: 4,
        value_size: 64,
        max_entries: 2,
        flags: 0,
        holds: Holds::Bytes,
    },
    Map {
        map_type: MapType::ProgArray,
        key_size: 4,
        value_size: 4,
        max_entries: 2,
        flags: 0,
        holds: Holds::Bytes,
    },
    Map {
        map_type: MapType::PerfEventArray,
        key_size: 4,
        value_size: 4,
        max_entries: 2,
        flags: 0,
        holds: Holds::Bytes,
    },
    Map {
        map_type: MapType::Queue,
        key_size: 0,
        value_size: 8,
        max_entries: 4,
        flags: 0,
        holds: Holds::Bytes,
    },
    Map {
        map_type: MapType::Sockmap,
        key_size: 4,
        value_size: 4,
        max_entries: 4,
        flags: 0,
        holds: Holds::Bytes,
    },
    Map {
        map_type: MapType::Devmap,
        key_size: 4,
        value_size: 4,
        max_entries: 4,
        flags: 0,
        holds: Holds::Bytes,
    },
    Map {
        map_type: MapType::LruHash,
        key_size: 8,
        value_size: 16,
        max_entries: 16,
        flags: 0,
        holds: Holds::Bytes,
    },
    Map {
        map_type: MapType::StackTrace,
        key_size: 4,
        value_size: 64,
        max_entries: 16,
        flags: 0,
        holds: Holds::Bytes,
    },
    Map {
        map_type: MapType::Array,
        key_size: 4,
        value_size: VALUE as u32,
        max_entries: 2,
        flags: 0,
        holds: Holds::Lock,
    },
    Map {
        map_type: MapType::Array,
        key_size: 4,
        value_size: VALUE as u32,
        max_entries: 2,
        flags: 0,
        holds: Holds::Timer,
    },
];

/// The map whose values have a lock, and the one whose values have a timer.
pub(super) const LOCKS: i32 = 12;
pub(super) const TIMERS: i32 = 13;

const TYPES: [(ProgramType, Option<AttachType>); 12] = [
    (ProgramType::SocketFilter, None),
    (ProgramType::SchedCls, None),
    (ProgramType::Xdp, None),
    (ProgramType::Tracepoint, None),
    (ProgramType::RawTracepoint, None),
    (ProgramType::CgroupSkb, Some(AttachType::CgroupInetIngress)),
    (ProgramType::CgroupSkb, Some(AttachType::CgroupInetEgress)),
    (
        ProgramType::CgroupSock,
        Some(AttachType::CgroupInetSockCreate),
    ),
    (
        ProgramType::CgroupSockAddr,
        Some(AttachType::CgroupInet4Connect),
    ),
    (ProgramType::LwtXmit, None),
    (ProgramType::SkSkb, None),
    (ProgramType::Kprobe, None),
];

const SIZES: [Size; 4] = [Size::Byte, Size::Half, Size::Word, Size::Double];

/// Registers that hold numbers between pieces.
const NUMBERS: [Register; 3] = [R7, R8, R9];

pub(super) struct Builder<'a> {
    pub(super) random: &'a mut Random,
    pub(super) insns: Vec<Insn>,
    pub(super) program_type: ProgramType,
    /// Functions that are laid out behind the program: until then they are named by position.
    pub(super) functions: Vec<Vec<Insn>>,
    /// Which of them is global, and how many numbers it takes.
    pub(super) global: Option<(usize, u8)>,
}

pub(super) fn generate(random: &mut Random) -> Sample {
    let (program_type, attach_type) = random.pick(&TYPES);
    let mut builder = Builder {
        random,
        insns: Vec::new(),
        program_type,
        functions: Vec::new(),
        global: None,
    };
    builder.begin();
    for _ in 0..1 + builder.random.below(5) {
        builder.piece();
    }
    builder.end();
    let global = builder.lay_out();
    Sample {
        program_type,
        attach_type,
        insns: builder.insns,
        maps: MAPS.to_vec(),
        gpl: true,
        global,
    }
}

impl Builder<'_> {
    pub(super) fn push(&mut self, instruction: Instruction) {
        self.insns.extend_from_slice(&instruction.encode());
    }

    /// The context in `r6`, numbers in the others.
    pub(super) fn begin(&mut self) {
        self.push(Instruction::mov_reg(R6, R1));
        for register in NUMBERS {
            let value = self.constant();
            self.push(Instruction::mov_imm(register, value));
        }
        if self.random.once_in(2) {
            self.push(Instruction::call_helper(7));
            self.push(Instruction::mov_reg(R7, R0));
        }
    }

    pub(super) fn end(&mut self) {
        if !self.random.once_in(30) {
            let value = if self.random.once_in(10) { 2 } else { 1 };
            self.push(Instruction::mov_imm(R0, value));
        }
        self.push(Instruction::exit());
    }

    pub(super) fn constant(&mut self) -> i32 {
        match self.random.below(4) {
            0 => self
                .random
                .pick(&[0, 1, -1, 2, 8, VALUE, i32::MAX, i32::MIN, 64, 512, -512]),
            1 => self.random.below(64) as i32,
            2 => 1 << self.random.below(31),
            _ => self.random.next() as i32,
        }
    }

    pub(super) fn number(&mut self) -> Register {
        self.random.pick(&NUMBERS)
    }

    pub(super) fn size(&mut self) -> Size {
        self.random.pick(&SIZES)
    }

    fn piece(&mut self) {
        match self.random.below(37) {
            33 | 34 => self.callback(),
            35 => self.global_function(),
            36 => self.lock(),
            28..=31 => self.any_helper(),
            32 => self.rare(),
            14..=27 => self.common(),
            0 | 1 => self.arithmetic(),
            2 => self.stack(),
            3 | 4 => self.map_value(),
            5 => self.packet(),
            6 => self.context(),
            7 => self.dead_branch(),
            8 => self.ring_buffer(),
            9 => self.helper_memory(),
            10 => self.branch_on_number(),
            11 => self.spill(),
            12 => self.counted_loop(),
            _ => self.pointer_arithmetic(),
        }
    }

    /// What programs are mostly made of, and what is mostly right.
    fn common(&mut self) {
        match self.random.below(5) {
            0 => self.arithmetic(),
            1 => self.stack(),
            2 => self.branch_on_number(),
            3 => self.map_value(),
            _ => self.dead_branch(),
        }
    }

    /// Mistakes that no other piece makes.
    fn rare(&mut self) {
        let number = self.number();
        match self.random.below(10) {
            5..=7 => self.packet_load(),
            8 | 9 => self.socket(),
            // An atomic operation on the context.
            0 => self.push(Instruction::atomic(
                Width::W32,
                AtomicOp::Add,
                R6,
                8,
                number,
            )),
            // One access for the context and the stack.
            1 => {
                self.push(Instruction::store_imm(Size::Double, R10, -16, 0));
                self.push(Instruction::mov_reg(R2, R10));
                self.push(Instruction::alu_imm(Width::W64, AluOp::Add, R2, -16));
                self.push(Instruction::call_helper(7));
                self.push(Instruction::store_imm(Size::Double, R10, -16, 0));
                self.push(Instruction::mov_reg(R2, R10));
                self.push(Instruction::alu_imm(Width::W64, AluOp::Add, R2, -16));
                self.push(Instruction::branch_imm(Width::W64, JmpOp::Eq, R0, 0, 1));
                self.push(Instruction::mov_reg(R2, R6));
                self.push(Instruction::load(Size::Word, number, R2, 0));
            }
            // A record that is gone.
            2 | 3 => {
                self.push(Instruction::load_pseudo(R1, ImmediateSource::MapFd, 2, 0));
                self.push(Instruction::mov_imm(R2, 16));
                self.push(Instruction::mov_imm(R3, 0));
                self.push(Instruction::call_helper(131));
                let late = self.random.once_in(2);
                let body = self.inside(|this| {
                    this.push(Instruction::mov_reg(R7, R0));
                    this.push(Instruction::store_imm(Size::Double, R7, 0, 1));
                    this.push(Instruction::mov_reg(R1, R0));
                    this.push(Instruction::mov_imm(R2, 0));
                    this.push(Instruction::call_helper(132));
                    if late {
                        this.push(Instruction::load(Size::Word, R8, R7, 0));
                    }
                    this.push(Instruction::mov_imm(R7, 0));
                });
                let distance = body.len() as i16;
                self.push(Instruction::branch_imm(
                    Width::W64,
                    JmpOp::Eq,
                    R0,
                    0,
                    distance,
                ));
                self.insns.extend(body);
            }
            _ => self.socket(),
        }
    }

    /// A socket that nobody acquired.
    fn socket(&mut self) {
        let types = [ProgramType::SchedCls, ProgramType::CgroupSkb];
        if !types.contains(&self.program_type) {
            return;
        }
        self.push(Instruction::load(Size::Double, R1, R6, 168));
        self.push(Instruction::branch_imm(Width::W64, JmpOp::Eq, R1, 0, 1));
        self.push(Instruction::call_helper(86));
    }

    pub(super) fn arithmetic(&mut self) {
        for _ in 0..1 + self.random.below(4) {
            let ops = [
                AluOp::Add,
                AluOp::Sub,
                AluOp::Mul,
                AluOp::Or,
                AluOp::And,
                AluOp::Xor,
                AluOp::Mov,
                AluOp::Lsh,
                AluOp::Rsh,
                AluOp::Arsh,
                AluOp::Div,
                AluOp::Mod,
            ];
            let op = self.random.pick(&ops);
            let width = self.random.pick(&[Width::W32, Width::W64]);
            let dst = self.number();
            if self.random.once_in(2) {
                let imm = match op {
                    AluOp::Lsh | AluOp::Rsh | AluOp::Arsh => self.random.below(66) as i32,
                    _ => self.constant(),
                };
                self.push(Instruction::alu_imm(width, op, dst, imm));
            } else {
                let src = self.number();
                self.push(Instruction::alu_reg(width, op, dst, src));
            }
        }
    }

    pub(super) fn stack(&mut self) {
        let size = self.size();
        let mut offset = -(8 * (1 + self.random.below(64) as i16));
        if self.random.once_in(8) {
            offset += self.random.pick(&[1, 2, 4, 8, -8, 512, -512]);
        }
        let number = self.number();
        self.push(Instruction::store_reg(size, R10, offset, number));
        let size = if self.random.once_in(4) {
            self.size()
        } else {
            size
        };
        self.push(Instruction::load(size, number, R10, offset));
    }

    /// A value in `r0`, checked or not; what is behind a null check is skipped by `skip` slots.
    fn look_up(&mut self) -> i32 {
        let map = self.random.pick(&[0, 1, 3]);
        let key = self.random.pick(&[0, 1, 0, 5]);
        self.push(Instruction::store_imm(Size::Double, R10, -8, key));
        self.push(Instruction::mov_reg(R2, R10));
        self.push(Instruction::alu_imm(Width::W64, AluOp::Add, R2, -8));
        self.push(Instruction::load_pseudo(R1, ImmediateSource::MapFd, map, 0));
        self.push(Instruction::call_helper(1));
        if map == 3 { 16 } else { VALUE }
    }

    /// Instructions that are skipped when `r0` is null.
    fn unless_null(&mut self, body: Vec<Insn>) {
        if !self.random.once_in(12) {
            let distance = body.len() as i16;
            self.push(Instruction::branch_imm(
                Width::W64,
                JmpOp::Eq,
                R0,
                0,
                distance,
            ));
        }
        self.insns.extend(body);
    }

    pub(super) fn inside(&mut self, build: impl FnOnce(&mut Self)) -> Vec<Insn> {
        let before = core::mem::take(&mut self.insns);
        build(self);
        core::mem::replace(&mut self.insns, before)
    }

    fn map_value(&mut self) {
        let length = self.look_up();
        let body = self.inside(|this| {
            let size = this.size();
            let bytes = i32::from(size.bytes());
            let most = length - bytes;
            let edge = this.random.pick(&[most, most + 1, most - 1, 0, -1]);
            match this.random.below(4) {
                // A constant offset.
                0 => {
                    let offset = if this.random.once_in(3) {
                        edge
                    } else {
                        this.random.below(most as usize + 1) as i32
                    };
                    let number = this.number();
                    if this.random.once_in(2) {
                        this.push(Instruction::load(size, number, R0, offset as i16));
                    } else {
                        this.push(Instruction::store_reg(size, R0, offset as i16, number));
                    }
                }
                // One that the program limits.
                1 => {
                    let index = this.number();
                    if this.random.once_in(2) {
                        this.push(Instruction::load(Size::Word, index, R0, 0));
                    }
                    let op = this
                        .random
                        .pick(&[JmpOp::Gt, JmpOp::Ge, JmpOp::SGt, JmpOp::SGe]);
                    let width = this.random.pick(&[Width::W64, Width::W64, Width::W32]);
                    this.push(Instruction::branch_imm(width, op, index, edge, 2));
                    this.push(Instruction::alu_reg(Width::W64, AluOp::Add, R0, index));
                    this.push(Instruction::load(size, index, R0, 0));
                }
                2 => {
                    let index = this.number();
                    let mask = this.random.pick(&[7, 15, 31, 47, 63, 39, 40]);
                    this.push(Instruction::load(Size::Double, index, R0, 8));
                    this.push(Instruction::alu_imm(Width::W64, AluOp::And, index, mask));
                    this.push(Instruction::alu_reg(Width::W64, AluOp::Add, R0, index));
                    let offset = this.random.pick(&[0, 1, 8, 16, 33, 40]);
                    this.push(Instruction::load(size, index, R0, offset));
                }
                _ => {
                    let op = this.random.pick(&[
                        AtomicOp::Add,
                        AtomicOp::FetchAdd,
                        AtomicOp::Xchg,
                        AtomicOp::Or,
                    ]);
                    let width = this.random.pick(&[Width::W32, Width::W64]);
                    let offset = this.random.pick(&[0, 8, 4, 40, 44, 2]);
                    let number = this.number();
                    this.push(Instruction::atomic(width, op, R0, offset, number));
                }
            }
        });
        self.unless_null(body);
    }

    fn packet(&mut self) {
        let (data, end) = match self.program_type {
            ProgramType::Xdp => (0, 4),
            _ => (76, 80),
        };
        self.push(Instruction::load(Size::Word, R2, R6, data));
        self.push(Instruction::load(Size::Word, R3, R6, end));
        let checked = 1 + self.random.below(64) as i32;
        let size = self.size();
        let bytes = i32::from(size.bytes());
        let edge = checked - bytes;
        let offset = match self.random.below(4) {
            0 => edge + 1,
            1 => edge - 1,
            2 => 0,
            _ => edge,
        };
        let variable = self.random.once_in(4);
        let number = self.number();
        if variable {
            let mask = self.random.pick(&[0xff, 0x3f, 0xffff, 0x7fff]);
            self.push(Instruction::alu_imm(Width::W64, AluOp::And, number, mask));
            self.push(Instruction::alu_reg(Width::W64, AluOp::Add, R2, number));
        }
        self.push(Instruction::mov_reg(R4, R2));
        self.push(Instruction::alu_imm(Width::W64, AluOp::Add, R4, checked));
        let op = self
            .random
            .pick(&[JmpOp::Gt, JmpOp::Gt, JmpOp::Ge, JmpOp::Lt, JmpOp::Le]);
        self.push(Instruction::branch_reg(Width::W64, op, R4, R3, 1));
        if self.random.once_in(4) && self.program_type != ProgramType::CgroupSkb {
            self.push(Instruction::store_reg(size, R2, offset as i16, number));
        } else {
            self.push(Instruction::load(size, number, R2, offset as i16));
        }
    }

    fn context(&mut self) {
        let size = self.size();
        let mut offset = 4 * self.random.below(56) as i16;
        if self.random.once_in(4) {
            offset += self.random.pick(&[1, 2, 3, -4, 256]);
        }
        if self.random.once_in(6) {
            let number = self.number();
            self.push(Instruction::store_reg(size, R6, offset, number));
        } else {
            self.push(Instruction::load(size, R2, R6, offset));
            if self.random.once_in(4) {
                let number = self.number();
                self.push(Instruction::load(Size::Word, number, R2, 0));
            }
        }
    }

    /// A branch that is never taken, and what no live one may have.
    fn dead_branch(&mut self) {
        let body = self.inside(|this| match this.random.below(5) {
            0 => this.push(Instruction::alu_imm(Width::W64, AluOp::Div, R7, 0)),
            1 => this.push(Instruction::alu_imm(Width::W64, AluOp::Lsh, R7, 64)),
            2 => this.push(Instruction::load(Size::Double, R2, R7, 0)),
            3 => this.push(Instruction::mov_reg(R10, R7)),
            _ => this.push(Instruction::mov_reg(R2, R5)),
        });
        let value = self.constant();
        let other = if self.random.once_in(3) {
            value
        } else {
            self.constant()
        };
        let op = self.random.pick(&[
            JmpOp::Eq,
            JmpOp::Ne,
            JmpOp::Gt,
            JmpOp::SGe,
            JmpOp::Lt,
            JmpOp::Set,
        ]);
        let width = self.random.pick(&[Width::W32, Width::W64]);
        self.push(Instruction::mov_imm(R8, value));
        self.push(Instruction::branch_imm(
            width,
            op,
            R8,
            other,
            body.len() as i16,
        ));
        self.insns.extend(body);
    }

    fn ring_buffer(&mut self) {
        let length = self.random.pick(&[8, 16, 24, 32]);
        self.push(Instruction::load_pseudo(R1, ImmediateSource::MapFd, 2, 0));
        self.push(Instruction::mov_imm(R2, length));
        self.push(Instruction::mov_imm(R3, 0));
        self.push(Instruction::call_helper(131));
        let body = self.inside(|this| {
            let size = this.size();
            let edge = length - i32::from(size.bytes());
            let offset = this.random.pick(&[0, edge, edge, edge + 1, -1]) as i16;
            let number = this.number();
            this.push(Instruction::store_reg(size, R0, offset, number));
            if !this.random.once_in(8) {
                this.push(Instruction::mov_reg(R1, R0));
                this.push(Instruction::mov_imm(R2, 0));
                let give_back = this.random.pick(&[132, 133]);
                this.push(Instruction::call_helper(give_back));
            }
        });
        self.unless_null(body);
    }

    fn helper_memory(&mut self) {
        // bpf_get_current_comm has two arguments, memory and its size; trace_printk too.
        let helper = self.random.pick(&[6, 16, 26]);
        let offset = -(8 * (1 + self.random.below(10) as i32));
        let edge = -offset;
        let size = self
            .random
            .pick(&[edge, edge, edge + 1, edge - 1, 0, -1, 8]);
        self.push(Instruction::mov_reg(R1, R10));
        self.push(Instruction::alu_imm(Width::W64, AluOp::Add, R1, offset));
        if helper == 26 {
            self.push(Instruction::mov_imm(R2, 4));
            self.push(Instruction::mov_reg(R3, R1));
            self.push(Instruction::mov_reg(R1, R6));
            self.push(Instruction::mov_imm(R4, size));
        } else if self.random.once_in(3) {
            let number = self.number();
            self.push(Instruction::mov_reg(R2, number));
            let most = self.random.pick(&[edge, edge + 1, edge - 1]);
            self.push(Instruction::branch_imm(Width::W64, JmpOp::Gt, R2, most, 1));
        } else {
            self.push(Instruction::mov_imm(R2, size));
        }
        self.push(Instruction::call_helper(helper));
    }

    pub(super) fn branch_on_number(&mut self) {
        let body = self.inside(|this| this.arithmetic());
        let number = self.number();
        let op = self.random.pick(JmpOp::ALL);
        let width = self.random.pick(&[Width::W32, Width::W64]);
        if self.random.once_in(2) {
            let imm = self.constant();
            self.push(Instruction::branch_imm(
                width,
                op,
                number,
                imm,
                body.len() as i16,
            ));
        } else {
            let other = self.number();
            self.push(Instruction::branch_reg(
                width,
                op,
                number,
                other,
                body.len() as i16,
            ));
        }
        self.insns.extend(body);
    }

    fn spill(&mut self) {
        let offset = -(8 * (2 + self.random.below(20) as i16));
        let pointer = self.random.pick(&[R6, R10, R6]);
        self.push(Instruction::store_reg(Size::Double, R10, offset, pointer));
        if self.random.once_in(5) {
            let number = self.number();
            let size = self.size();
            self.push(Instruction::store_reg(size, R10, offset, number));
        }
        let size = if self.random.once_in(6) {
            self.size()
        } else {
            Size::Double
        };
        self.push(Instruction::load(size, R2, R10, offset));
        if pointer == R6 && self.random.once_in(2) {
            let number = self.number();
            self.push(Instruction::load(Size::Double, number, R2, 8));
        }
    }

    fn counted_loop(&mut self) {
        let times = 1 + self.random.below(12) as i32;
        self.push(Instruction::mov_imm(R8, 0));
        let body = self.inside(|this| {
            if this.random.once_in(2) {
                this.push(Instruction::alu_imm(Width::W64, AluOp::Add, R9, 3));
            }
            let step = this.random.pick(&[1, 1, 1, 2, 0]);
            this.push(Instruction::alu_imm(Width::W64, AluOp::Add, R8, step));
        });
        let back = -(body.len() as i16) - 1;
        self.insns.extend(body);
        self.push(Instruction::branch_imm(
            Width::W64,
            JmpOp::Lt,
            R8,
            times,
            back,
        ));
    }

    /// Any helper that programs of the type have, with arguments of the kinds that it takes, and
    /// now and then others.
    fn any_helper(&mut self) {
        let program_type = self.program_type;
        let helper = loop {
            let helper = &helpers::ALL[self.random.below(helpers::ALL.len())];
            // Legacy loads apart, helpers that call back need functions.
            let calls_back = helper
                .args
                .iter()
                .any(|argument| argument.kind == ArgumentKind::PtrToFunc);
            if !calls_back && (helper.callable_from(program_type) || self.random.once_in(30)) {
                break helper;
            }
        };
        let form = helper.form(program_type);
        // The stack below is written, whatever older kernels want.
        for at in 1..=8 {
            self.push(Instruction::store_imm(Size::Double, R10, -8 * at, 0));
        }
        for (argument, register) in form.args.iter().zip([R1, R2, R3, R4, R5]) {
            let nullable = argument.flags.contains(ArgumentFlags::NULLABLE);
            let kind = if self.random.once_in(25) {
                self.random.pick(&[
                    ArgumentKind::Anything,
                    ArgumentKind::PtrToMem,
                    ArgumentKind::PtrToCtx,
                    ArgumentKind::ConstMapPtr,
                ])
            } else {
                argument.kind
            };
            match kind {
                _ if nullable && self.random.once_in(3) => {
                    self.push(Instruction::mov_imm(register, 0));
                }
                ArgumentKind::PtrToCtx => self.push(Instruction::mov_reg(register, R6)),
                ArgumentKind::ConstMapPtr => {
                    let map = self.random.below(MAPS.len() - 2) as i32;
                    let load = Instruction::load_pseudo(register, ImmediateSource::MapFd, map, 0);
                    self.push(load);
                }
                ArgumentKind::PtrToMem
                | ArgumentKind::PtrToMapKey
                | ArgumentKind::PtrToMapValue
                | ArgumentKind::PtrToStack => {
                    let offset = self.random.pick(&[-64, -64, -64, -48, -16, -8, -4]);
                    self.push(Instruction::mov_reg(register, R10));
                    self.push(Instruction::alu_imm(
                        Width::W64,
                        AluOp::Add,
                        register,
                        offset,
                    ));
                }
                ArgumentKind::MemSize
                | ArgumentKind::MemSizeOrZero
                | ArgumentKind::ConstAllocSizeOrZero => {
                    let size = self.random.pick(&[8, 8, 16, 4, 0, 64, 65, -1]);
                    self.push(Instruction::mov_imm(register, size));
                }
                ArgumentKind::PtrToSockCommon
                | ArgumentKind::PtrToSocket
                | ArgumentKind::PtrToBtfIdSockCommon => {
                    self.push(Instruction::load(Size::Double, register, R6, 168));
                    self.push(Instruction::branch_imm(
                        Width::W64,
                        JmpOp::Ne,
                        register,
                        0,
                        2,
                    ));
                    self.push(Instruction::mov_imm(R0, 1));
                    self.push(Instruction::exit());
                }
                _ => {
                    let value = self.random.pick(&[0, 0, 1, 8, -1]);
                    self.push(Instruction::mov_imm(register, value));
                }
            }
        }
        self.push(Instruction::call_helper(helper.id));
        if self.random.once_in(4) {
            let size = self.size();
            self.push(Instruction::load(size, R7, R0, 0));
        }
        if self.random.once_in(4) {
            let at = -8 * (1 + self.random.below(8) as i16);
            self.push(Instruction::load(Size::Double, R8, R10, at));
        }
    }

    /// Arithmetic with a pointer: the context, the stack, a number or both.
    fn pointer_arithmetic(&mut self) {
        let base = self.random.pick(&[R6, R10, R10]);
        self.push(Instruction::mov_reg(R2, base));
        let op = self
            .random
            .pick(&[AluOp::Add, AluOp::Add, AluOp::Sub, AluOp::And, AluOp::Mul]);
        let width = self
            .random
            .pick(&[Width::W64, Width::W64, Width::W64, Width::W32]);
        match self.random.below(4) {
            0 => {
                let imm = self.constant();
                self.push(Instruction::alu_imm(width, op, R2, imm));
            }
            1 => {
                let number = self.number();
                self.push(Instruction::alu_imm(Width::W64, AluOp::And, number, 15));
                self.push(Instruction::alu_reg(width, op, R2, number));
            }
            2 => self.push(Instruction::alu_imm(width, AluOp::Add, R2, -16)),
            _ => self.push(Instruction::alu_reg(width, op, R2, base)),
        }
        let size = self.size();
        let number = self.number();
        if self.random.once_in(2) {
            let offset = self.random.pick(&[0, -8, 8, 4]);
            self.push(Instruction::store_reg(size, R2, offset, number));
        }
        if self.random.once_in(3) {
            let op = self
                .random
                .pick(&[JmpOp::Eq, JmpOp::Ne, JmpOp::Gt, JmpOp::SLt]);
            let imm = self.constant();
            self.push(Instruction::branch_imm(Width::W64, op, R2, imm, 1));
            self.push(Instruction::alu_imm(Width::W64, AluOp::Add, number, 1));
        }
    }
}
