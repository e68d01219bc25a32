//! Programs with functions: callbacks, global ones, chains of calls; and what needs a shape of
//! its own: locks, timers, loops that never end, legacy packet loads.

use super::generate::{Builder, LOCKS, MAPS, TIMERS, VALUE};
use super::{Random, Sample};
use ebpf_asm::ProgramType;
use ebpf_asm::isa::{
    AluOp, Decoded, Form, ImmediateSource, Insn, Instruction, JmpOp, PacketSize, Register, Size,
    Width, decode_all,
};

use Register::{R0, R1, R2, R3, R4, R6, R7, R8, R9, R10};

/// Programs with a loop that are this short end soon, or are soon found not to.
pub(super) const SHORT_LOOP: usize = 9;

/// A program of a shape that pieces do not make.
pub(super) fn special(random: &mut Random) -> Sample {
    let mut builder = Builder {
        random,
        insns: Vec::new(),
        program_type: ProgramType::SocketFilter,
        functions: Vec::new(),
        global: None,
    };
    match builder.random.below(3) {
        0 => builder.loop_forever(),
        1 => builder.deep_chain(),
        _ => builder.wide_chain(),
    }
    Sample {
        program_type: builder.program_type,
        attach_type: None,
        insns: builder.insns,
        maps: MAPS.to_vec(),
        gpl: true,
        global: None,
    }
}

impl Builder<'_> {
    /// Puts functions behind the program; the slot of the global one, and what it takes.
    pub(super) fn lay_out(&mut self) -> Option<(u32, u8)> {
        let mut starts = Vec::new();
        for function in core::mem::take(&mut self.functions) {
            starts.push(self.insns.len());
            self.insns.extend(function);
        }
        let places: Vec<(usize, usize)> = decode_all(&self.insns)
            .filter_map(|(slot, decoded)| {
                let Decoded::Known(instruction) = decoded else {
                    return None;
                };
                let named = matches!(
                    instruction.form(),
                    Form::CallLocal | Form::LoadImm64(ImmediateSource::Function)
                );
                named.then(|| (slot, instruction.imm() as usize))
            })
            .collect();
        for (slot, function) in places {
            let distance = starts[function] as i32 - slot as i32 - 1;
            self.insns[slot] = self.insns[slot].with_imm(distance);
        }
        let (function, parameters) = self.global?;
        Some((starts[function] as u32, parameters))
    }

    fn load_function(&mut self, register: Register, body: Vec<Insn>) {
        self.functions.push(body);
        let function = self.functions.len() as i32 - 1;
        let load = Instruction::load_pseudo(register, ImmediateSource::Function, function, 0);
        self.push(load);
    }

    /// What a callback does: with what it is given, and with numbers of its own.
    fn body(&mut self, parameters: &[Register], results: &[i32]) -> Vec<Insn> {
        self.inside(|this| {
            for register in [R6, R7, R8, R9] {
                let value = this.constant();
                this.push(Instruction::mov_imm(register, value));
            }
            if this.random.once_in(2) {
                let from = this.random.pick(parameters);
                let size = this.size();
                let offset = this.random.pick(&[0, 0, 4, 8, 40, 44, -8, -16]);
                if this.random.once_in(3) {
                    this.push(Instruction::store_reg(size, from, offset, R7));
                } else {
                    this.push(Instruction::load(size, R7, from, offset));
                }
            }
            match this.random.below(5) {
                0 => this.arithmetic(),
                1 => this.branch_on_number(),
                2 => this.stack(),
                _ => {}
            }
            if this.random.once_in(6) {
                let from = this.random.pick(&[R1, R2, R3, R4, R7]);
                this.push(Instruction::mov_reg(R0, from));
                if !this.random.once_in(4) {
                    this.push(Instruction::alu_imm(Width::W64, AluOp::And, R0, 1));
                }
            } else {
                let result = this.random.pick(results);
                this.push(Instruction::mov_imm(R0, result));
            }
            this.push(Instruction::exit());
        })
    }

    /// A helper that calls back.
    pub(super) fn callback(&mut self) {
        match self.random.below(3) {
            0 => {
                let body = self.body(&[R1, R2, R2, R3], &[0, 0, 1, 1, 2]);
                let times = self.random.pick(&[0, 1, 1, 2, 8]);
                self.push(Instruction::mov_imm(R1, times));
                if self.random.once_in(3) {
                    self.push(Instruction::mov_reg(R1, R7));
                }
                self.load_function(R2, body);
                self.hand_over();
                self.push(Instruction::mov_imm(R4, 0));
                self.push(Instruction::call_helper(181));
            }
            1 => {
                let map = self.random.pick(&[0, 1, 1, 0, 2]);
                let body = self.body(&[R1, R2, R3, R3, R4, R2], &[0, 0, 1, 1, 2]);
                self.push(Instruction::load_pseudo(R1, ImmediateSource::MapFd, map, 0));
                self.load_function(R2, body);
                self.hand_over();
                self.push(Instruction::mov_imm(R4, 0));
                self.push(Instruction::call_helper(164));
            }
            _ => {
                let body = self.body(&[R1, R2, R3, R3, R2], &[0, 0, 0, 1]);
                self.look_up_at(TIMERS);
                let call = self.inside(|this| {
                    this.push(Instruction::mov_reg(R1, R0));
                    if this.random.once_in(10) {
                        this.push(Instruction::mov_reg(R1, R10));
                    }
                    this.load_function(R2, body);
                    this.push(Instruction::call_helper(170));
                });
                self.unless_null_mostly(call);
            }
        }
        if self.random.once_in(5) {
            let lost = self.random.pick(&[R1, R2, R6, R7]);
            self.push(Instruction::mov_reg(R8, lost));
        }
    }

    /// What a callback is handed over, in `r3`.
    fn hand_over(&mut self) {
        if self.random.once_in(3) {
            self.push(Instruction::mov_imm(R3, 0));
            return;
        }
        self.push(Instruction::store_imm(Size::Double, R10, -16, 1));
        self.push(Instruction::mov_reg(R3, R10));
        self.push(Instruction::alu_imm(Width::W64, AluOp::Add, R3, -16));
    }

    fn look_up_at(&mut self, map: i32) {
        let key = self.random.pick(&[0, 1, 5]);
        self.push(Instruction::store_imm(Size::Word, R10, -4, key));
        self.push(Instruction::mov_reg(R2, R10));
        self.push(Instruction::alu_imm(Width::W64, AluOp::Add, R2, -4));
        self.push(Instruction::load_pseudo(R1, ImmediateSource::MapFd, map, 0));
        self.push(Instruction::call_helper(1));
    }

    fn unless_null_mostly(&mut self, body: Vec<Insn>) {
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

    /// A value is changed under its lock.
    pub(super) fn lock(&mut self) {
        self.look_up_at(LOCKS);
        let body = self.inside(|this| {
            this.push(Instruction::mov_reg(R8, R0));
            this.push(Instruction::mov_reg(R1, R0));
            if !this.random.once_in(12) {
                this.push(Instruction::call_helper(93));
            }
            if this.random.once_in(8) {
                let helper = this.random.pick(&[5, 7, 8, 93]);
                this.push(Instruction::mov_reg(R1, R8));
                this.push(Instruction::call_helper(helper));
            }
            let offset = this.random.pick(&[4, 8, 8, 16, 40, VALUE as i16]);
            this.push(Instruction::store_imm(Size::Word, R8, offset, 1));
            if !this.random.once_in(8) {
                this.push(Instruction::mov_reg(R1, R8));
                if this.random.once_in(15) {
                    this.push(Instruction::alu_imm(Width::W64, AluOp::Add, R1, 8));
                }
                this.push(Instruction::call_helper(94));
            }
            this.push(Instruction::mov_imm(R8, 0));
        });
        self.unless_null_mostly(body);
    }

    /// A global function, and a call of it.
    pub(super) fn global_function(&mut self) {
        if self.global.is_some() {
            return;
        }
        let parameters = self.random.below(4) as u8;
        let body = self.body(&[R1, R2, R10], &[0, 1, 2, -1]);
        for register in [R1, R2, R3].into_iter().take(usize::from(parameters)) {
            let from = self.random.pick(&[R7, R8, R9, R7, R8, R9, R6, R10]);
            if !self.random.once_in(20) {
                self.push(Instruction::mov_reg(register, from));
            }
        }
        self.functions.push(body);
        let function = self.functions.len() - 1;
        self.global = Some((function, parameters));
        self.push(Instruction::call_local(function as i32));
        if self.random.once_in(2) {
            self.push(Instruction::mov_reg(R7, R0));
        }
    }

    /// A legacy packet load, where it is right and where it is not.
    pub(super) fn packet_load(&mut self) {
        if self.random.once_in(5) {
            let value = self.random.pick(&[R10, R7]);
            self.push(Instruction::mov_reg(R6, value));
        }
        let size = self
            .random
            .pick(&[PacketSize::Byte, PacketSize::Half, PacketSize::Word]);
        let offset = self.random.pick(&[0, 12, 23, -1]);
        self.push(Instruction::packet_absolute(size, offset));
        self.push(Instruction::mov_reg(R7, R0));
    }

    /// A loop that ends at once, or never.
    fn loop_forever(&mut self) {
        let value = self.random.below(8) as i32;
        self.push(Instruction::mov_imm(R0, value));
        match self.random.below(4) {
            // Back to itself.
            0 => {
                let ops = [JmpOp::Eq, JmpOp::Ne, JmpOp::Lt, JmpOp::Ge, JmpOp::SGt];
                let op = self.random.pick(&ops);
                let to = self.random.below(8) as i32;
                self.push(Instruction::branch_imm(Width::W64, op, R0, to, -1));
            }
            // Around something that changes nothing, or something.
            1 => {
                let by = self.random.pick(&[0, 0, 0, 1]);
                let to = self.random.below(8) as i32;
                self.push(Instruction::alu_imm(Width::W64, AluOp::Add, R0, by));
                self.push(Instruction::branch_imm(Width::W64, JmpOp::Lt, R0, to, -2));
            }
            // On one side of a branch only.
            2 => {
                self.push(Instruction::load(Size::Word, R2, R1, 0));
                let to = self.random.below(100) as i32;
                self.push(Instruction::branch_imm(Width::W64, JmpOp::Ne, R2, to, 1));
                self.push(Instruction::goto(-1));
            }
            // In a branch that is dead, or alive.
            _ => {
                let to = self.random.below(8) as i32;
                self.push(Instruction::branch_imm(Width::W64, JmpOp::Ne, R0, to, 1));
                self.push(Instruction::goto(-1));
            }
        }
        self.push(Instruction::exit());
    }

    /// Functions that call each other, deeper than kernels allow or not.
    fn deep_chain(&mut self) {
        let depth = self.random.pick(&[5, 6, 7, 8, 9, 15, 16, 17, 17, 18, 20]);
        for _ in 0..depth {
            let again = self.random.once_in(30);
            self.push(Instruction::call_local(if again { -1 } else { 1 }));
            self.push(Instruction::exit());
        }
        self.push(Instruction::mov_imm(R0, 0));
        self.push(Instruction::exit());
    }

    /// Functions that share a stack, larger than it or not.
    fn wide_chain(&mut self) {
        let types = [
            ProgramType::SocketFilter,
            ProgramType::Xdp,
            ProgramType::SchedCls,
            ProgramType::Tracepoint,
        ];
        self.program_type = self.random.pick(&types);
        let depth = 1 + self.random.below(3);
        for _ in 0..depth {
            self.use_stack();
            self.push(Instruction::call_local(1));
            self.push(Instruction::exit());
        }
        self.use_stack();
        self.push(Instruction::mov_imm(R0, 0));
        self.push(Instruction::exit());
    }

    fn use_stack(&mut self) {
        let most = self.random.pick(&[64, 128, 200, 256, 264, 400, 512]);
        self.push(Instruction::store_imm(Size::Double, R10, -most, 0));
    }
}
