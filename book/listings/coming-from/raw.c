#include <linux/bpf.h>

/* r0 = pid_tgid >> 32; *(u32 *)(r10 - 4) = w0; … */
struct bpf_insn count[] = {
	{ .code = BPF_JMP | BPF_CALL,
	  .imm = BPF_FUNC_get_current_pid_tgid },
	{ .code = BPF_ALU64 | BPF_RSH | BPF_K,
	  .dst_reg = BPF_REG_0, .imm = 32 },
	{ .code = BPF_STX | BPF_MEM | BPF_W,
	  .dst_reg = BPF_REG_10, .src_reg = BPF_REG_0, .off = -4 },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_X,
	  .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10 },
	{ .code = BPF_ALU64 | BPF_ADD | BPF_K,
	  .dst_reg = BPF_REG_2, .imm = -4 },
	{ .code = BPF_LD | BPF_IMM | BPF_DW,
	  .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = 3 },
	{ 0 },
	{ .code = BPF_JMP | BPF_CALL,
	  .imm = BPF_FUNC_map_lookup_elem },
	{ .code = BPF_JMP | BPF_JEQ | BPF_K,
	  .dst_reg = BPF_REG_0, .off = 2, .imm = 0 },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
	  .dst_reg = BPF_REG_1, .imm = 1 },
	{ .code = BPF_STX | BPF_ATOMIC | BPF_DW,
	  .dst_reg = BPF_REG_0, .src_reg = BPF_REG_1, .imm = BPF_ADD },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
	  .dst_reg = BPF_REG_0, .imm = 0 },
	{ .code = BPF_JMP | BPF_EXIT },
};
