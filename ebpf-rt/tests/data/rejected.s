# Programs that the verifier refuses, each for another reason.
#
# `# <- REASON` stands at the instruction that is refused, with what the kernel says of it;
# kernels differ, and `|` stands between what they say. `#[accepted_by("6.12")]` names the
# kernels of the matrix that take the program. tests/kernel/rejections.rs loads them all.
#[license = "GPL"]
mod rejected {
    static COUNTS: HashMap<u32, u64> = HashMap::with_max_entries(16);
    static RECORDS: Array<Record> = Array::with_max_entries(4);
    static READ_ONLY: Array<Record> = Array::with_max_entries(4);
    static WRITE_ONLY: Array<Record> = Array::with_max_entries(4);
    static CALLS: ProgramArray = ProgramArray::with_max_entries(4);
    static EVENTS: RingBuf<u64> = RingBuf::with_byte_size(4096);
    static BUFFER: PerCpuArray<Path> = PerCpuArray::with_max_entries(1);
    static BUFFERS: HashMap<u32, Path> = HashMap::with_max_entries(16);

    # Registers.

    #[socket_filter]
    fn no_result(ctx: *mut c_void) -> i32 {
        exit                                # <- R0 !read_ok
    }

    #[socket_filter]
    fn lost_in_a_call(ctx: *mut c_void) -> i32 {
        call bpf_get_prandom_u32
        r0 = *(u32 *)(r1 + 0)               # <- R1 !read_ok
        exit
    }

    #[socket_filter]
    fn written_on_one_path_only(ctx: *mut c_void) -> i32 {
        r2 = *(u32 *)(r1 + 0)
        if r2 > 64 goto long
        r3 = 1
        goto out
    long:
        r4 = 2
    out:
        r0 = r3                             # <- R3 !read_ok
        exit
    }

    #[socket_filter]
    fn register_of_the_caller(ctx: *mut c_void) -> i32 {
        r6 = 1
        call reads_r6
        exit
    }

    fn reads_r6() -> u64 {
        r0 = r6                             # <- R6 !read_ok
        exit
    }

    #[socket_filter]
    fn writes_r10(ctx: *mut c_void) -> i32 {
        r0 = 0
        .8byte 0x00000000000000ab7          # <- frame pointer is read only
        exit
    }

    # Null.

    #[socket_filter]
    fn value_not_tested(ctx: *mut c_void) -> i32 {
        r2 = *(u32 *)(r1 + 0)
        *(u32 *)(r10 - 4) = r2
        r2 = r10
        r2 += -4
        r1 = COUNTS ll
        call bpf_map_lookup_elem
        r1 = *(u64 *)(r0 + 0)               # <- R0 invalid mem access 'map_value_or_null'
        r0 = 0
        exit
    }

    #[socket_filter]
    fn arithmetic_before_the_test(ctx: *mut c_void) -> i32 {
        r2 = *(u32 *)(r1 + 0)
        *(u32 *)(r10 - 4) = r2
        r2 = r10
        r2 += -4
        r1 = COUNTS ll
        call bpf_map_lookup_elem
        r0 += 4                             # <- R0 pointer arithmetic on map_value_or_null prohibited
        if r0 == 0 goto out
        r1 = *(u32 *)(r0 + 0)
    out:
        r0 = 0
        exit
    }

    #[raw_tracepoint("sys_enter")]
    fn record_not_tested(ctx: *mut c_void) -> i32 {
        r1 = EVENTS ll
        r2 = 8
        r3 = 0
        call bpf_ringbuf_reserve
        r1 = r0
        *(u64 *)(r1 + 0) = 0                # <- R1 invalid mem access 'mem_or_null' | R1 invalid mem access 'alloc_mem_or_null' | R1 invalid mem access 'ringbuf_mem_or_null'
        r2 = 0
        call bpf_ringbuf_submit
        r0 = 0
        exit
    }

    # Numbers in the place of addresses.

    #[raw_tracepoint("sys_enter")]
    fn kernel_address(ctx: *mut c_void) -> i32 {
        r2 = *(u64 *)(r1 + 0)
        r0 = *(u64 *)(r2 + 104)             # <- R2 invalid mem access 'scalar' | R2 invalid mem access 'inv'
        exit
    }

    #[socket_filter]
    fn constant_address(ctx: *mut c_void) -> i32 {
        r1 = 4096
        *(u8 *)(r1 + 0) = 1                 # <- R1 invalid mem access 'scalar' | R1 invalid mem access 'inv'
        r0 = 0
        exit
    }

    #[socket_filter]
    fn map_itself(ctx: *mut c_void) -> i32 {
        r1 = COUNTS ll
        *(u64 *)(r1 + 0) = 1                # <- R1 invalid mem access 'map_ptr' | only read from bpf_map | only read from bpf_htab
        r0 = 0
        exit
    }

    # The packet.

    #[sk_skb_stream_verdict]
    fn packet_without_a_test(ctx: *mut c_void) -> i32 {
        r2 = *(u32 *)(r1 + 76)
        r0 = *(u8 *)(r2 + 0)                # <- invalid access to packet, off=0 size=1, R2
        exit
    }

    #[sk_skb_stream_verdict]
    fn packet_test_too_short(ctx: *mut c_void) -> i32 {
        r2 = *(u32 *)(r1 + 76)
        r3 = *(u32 *)(r1 + 80)
        r4 = r2
        r4 += 4
        r0 = 0
        if r4 > r3 goto out
        r0 = *(u64 *)(r2 + 0)               # <- invalid access to packet, off=0 size=8, R2
    out:
        exit
    }

    #[sk_skb_stream_verdict]
    fn packet_test_the_wrong_way(ctx: *mut c_void) -> i32 {
        r2 = *(u32 *)(r1 + 76)
        r3 = *(u32 *)(r1 + 80)
        r4 = r2
        r4 += 8
        r0 = 0
        if r4 < r3 goto out
        r0 = *(u64 *)(r2 + 0)               # <- invalid access to packet, off=0 size=8, R2
    out:
        exit
    }

    #[sk_skb_stream_verdict]
    fn end_of_the_packet(ctx: *mut c_void) -> i32 {
        r3 = *(u32 *)(r1 + 80)
        r0 = *(u8 *)(r3 - 1)                # <- R3 invalid mem access 'pkt_end'
        exit
    }

    #[sk_skb_stream_verdict]
    fn arithmetic_on_the_end(ctx: *mut c_void) -> i32 {
        r3 = *(u32 *)(r1 + 80)
        r3 += -8                            # <- R3 pointer arithmetic on pkt_end prohibited
        r0 = 0
        exit
    }

    #[sk_skb_stream_verdict]
    fn packet_at_any_offset(ctx: *mut c_void) -> i32 {
        r6 = r1
        call bpf_get_prandom_u32
        r2 = *(u32 *)(r6 + 76)
        r0 <<= 20
        r2 += r0                            # <- pkt pointer and register with unbounded min value | R2 offset is outside of the packet | R2 has unbounded
        r0 = *(u8 *)(r2 + 0)                # <- invalid access to packet, off=0 size=1, R2
        exit
    }

    #[sk_skb_stream_verdict]
    fn packet_for_a_helper(ctx: *mut c_void) -> i32 {
        r3 = *(u32 *)(r1 + 76)
        r4 = *(u32 *)(r1 + 80)
        r5 = r3
        r5 += 8
        r0 = 0
        if r5 > r4 goto out
        r2 = 0
        r4 = 8
        r5 = 0
        call bpf_skb_store_bytes            # <- helper access to the packet is not allowed
    out:
        exit
    }

    # Values of maps.

    #[socket_filter]
    fn behind_the_value(ctx: *mut c_void) -> i32 {
        *(u32 *)(r10 - 4) = 1
        r2 = r10
        r2 += -4
        r1 = RECORDS ll
        call bpf_map_lookup_elem
        if r0 == 0 goto out
        r0 = *(u64 *)(r0 + 48)              # <- invalid access to map value, value_size=48 off=48 size=8
    out:
        r0 = 0
        exit
    }

    #[socket_filter]
    fn before_the_value(ctx: *mut c_void) -> i32 {
        *(u32 *)(r10 - 4) = 1
        r2 = r10
        r2 += -4
        r1 = RECORDS ll
        call bpf_map_lookup_elem
        if r0 == 0 goto out
        r0 += -8
        r0 = *(u64 *)(r0 + 0)               # <- R0 min value is negative | invalid access to map value
    out:
        r0 = 0
        exit
    }

    #[socket_filter]
    fn index_without_a_bound(ctx: *mut c_void) -> i32 {
        r6 = *(u32 *)(r1 + 0)
        *(u32 *)(r10 - 4) = 1
        r2 = r10
        r2 += -4
        r1 = RECORDS ll
        call bpf_map_lookup_elem
        if r0 == 0 goto out
        r0 += r6
        r0 = *(u8 *)(r0 + 0)                # <- R0 unbounded memory access
    out:
        r0 = 0
        exit
    }

    #[socket_filter]
    fn index_one_too_large(ctx: *mut c_void) -> i32 {
        r6 = *(u32 *)(r1 + 0)
        *(u32 *)(r10 - 4) = 1
        r2 = r10
        r2 += -4
        r1 = RECORDS ll
        call bpf_map_lookup_elem
        if r0 == 0 goto out
        if r6 > 48 goto out
        r0 += r6
        r0 = *(u8 *)(r0 + 0)                # <- R0 max value is outside of the allowed memory range
    out:
        r0 = 0
        exit
    }

    #[socket_filter]
    fn index_may_be_negative(ctx: *mut c_void) -> i32 {
        *(u32 *)(r10 - 4) = 1
        r2 = r10
        r2 += -4
        r1 = RECORDS ll
        call bpf_map_lookup_elem
        if r0 == 0 goto out
        r1 = *(u64 *)(r0 + 0)
        if r1 s> 40 goto out
        r0 += r1                            # <- math between map_value pointer and register with unbounded min value
        r0 = *(u8 *)(r0 + 0)                # <- R0 min value is negative | R0 unbounded memory access
    out:
        r0 = 0
        exit
    }

    #[socket_filter]
    fn writes_a_read_only_map(ctx: *mut c_void) -> i32 {
        *(u32 *)(r10 - 4) = 1
        r2 = r10
        r2 += -4
        r1 = READ_ONLY ll
        call bpf_map_lookup_elem
        if r0 == 0 goto out
        *(u64 *)(r0 + 0) = 1                # <- write into map forbidden
    out:
        r0 = 0
        exit
    }

    #[socket_filter]
    fn reads_a_write_only_map(ctx: *mut c_void) -> i32 {
        *(u32 *)(r10 - 4) = 1
        r2 = r10
        r2 += -4
        r1 = WRITE_ONLY ll
        call bpf_map_lookup_elem
        if r0 == 0 goto out
        r1 = *(u64 *)(r0 + 0)               # <- read from map forbidden
    out:
        r0 = 0
        exit
    }

    #[socket_filter]
    fn looks_up_in_a_program_array(ctx: *mut c_void) -> i32 {
        *(u32 *)(r10 - 4) = 1
        r2 = r10
        r2 += -4
        r1 = CALLS ll
        call bpf_map_lookup_elem            # <- cannot pass map_type 3 into func bpf_map_lookup_elem#1
        r0 = 0
        exit
    }

    # Lengths.

    #[raw_tracepoint("sys_enter")]
    fn length_without_a_bound(ctx: *mut c_void) -> i32 {
        r2 = *(u64 *)(r1 + 8)
        w2 = w2
        r1 = r10
        r1 += -64
        r3 = 0
        call bpf_probe_read_kernel          # <- R2 unbounded memory access, use 'var &= const' or 'if (var < const)' | invalid unbounded
        r0 = 0
        exit
    }

    #[raw_tracepoint("sys_enter")]
    fn length_may_be_negative(ctx: *mut c_void) -> i32 {
        r2 = *(u64 *)(r1 + 8)
        if r2 s> 64 goto out
        r1 = r10
        r1 += -64
        r3 = 0
        call bpf_probe_read_kernel          # <- R2 min value is negative, either use unsigned or 'var &= const'
    out:
        r0 = 0
        exit
    }

    #[raw_tracepoint("sys_enter")]
    fn length_too_large(ctx: *mut c_void) -> i32 {
        r2 = *(u64 *)(r1 + 8)
        if r2 > 65 goto out
        if r2 == 0 goto out
        r1 = r10
        r1 += -64
        r3 = 0
        call bpf_probe_read_kernel          # <- invalid indirect access to stack R1 off=-64 size=65 | invalid write to stack R1 off=-64 size=65 | invalid stack type R1 off=-64 access_size=65
    out:
        r0 = 0
        exit
    }

    #[raw_tracepoint("sys_enter")]
    fn length_of_zero(ctx: *mut c_void) -> i32 {
        *(u64 *)(r10 - 8) = 0
        r1 = r10
        r1 += -8
        r2 = 0
        call bpf_trace_printk               # <- invalid zero-sized read
        r0 = 0
        exit
    }

    #[raw_tracepoint("sys_enter")]
    fn value_too_small_for_a_helper(ctx: *mut c_void) -> i32 {
        *(u32 *)(r10 - 4) = 1
        r2 = r10
        r2 += -4
        r1 = COUNTS ll
        call bpf_map_lookup_elem
        if r0 == 0 goto out
        r1 = r0
        r2 = 16
        call bpf_get_current_comm           # <- invalid access to map value, value_size=8 off=0 size=16
    out:
        r0 = 0
        exit
    }

    # The stack.

    #[socket_filter]
    fn above_the_stack(ctx: *mut c_void) -> i32 {
        *(u64 *)(r10 + 0) = 0               # <- invalid write to stack R10 off=0 size=8 | invalid stack off=0 size=8
        r0 = 0
        exit
    }

    #[socket_filter]
    fn below_the_stack(ctx: *mut c_void) -> i32 {
        r2 = r10
        r2 += -520
        r0 = 0
        *(u64 *)(r2 + 0) = r0               # <- invalid write to stack R2 off=-520 size=8 | invalid stack off=-520 size=8
        exit
    }

    #[accepted_by("6.12", "6.18", "7.3")]
    #[socket_filter]
    fn stack_never_written(ctx: *mut c_void) -> i32 {
        r0 = *(u64 *)(r10 - 8)              # <- invalid read from stack R10 off=-8 size=8 | invalid read from stack off -8+0 size 8 | invalid read from stack R10 off -8+0 size 8
        exit
    }

    #[accepted_by("6.12", "6.18", "7.3")]
    #[socket_filter]
    fn key_never_written(ctx: *mut c_void) -> i32 {
        r2 = r10
        r2 += -4
        r1 = COUNTS ll
        call bpf_map_lookup_elem            # <- invalid indirect read from stack R2 off -4+0 size 4
        r0 = 0
        exit
    }

    #[socket_filter]
    fn across_words_of_the_stack(ctx: *mut c_void) -> i32 {
        r0 = 0
        *(u64 *)(r10 - 12) = r0             # <- misaligned stack access
        exit
    }

    #[socket_filter]
    fn stack_at_any_offset(ctx: *mut c_void) -> i32 {
        r3 = *(u32 *)(r1 + 0)
        r2 = r10
        r2 += r3
        r0 = 0
        *(u8 *)(r2 + 0) = r0                # <- invalid unbounded variable-offset write to stack R2 | R2 unbounded memory access | variable-offset
        exit
    }

    #[socket_filter]
    fn takes_from_the_stack_pointer(ctx: *mut c_void) -> i32 {
        r0 = 8
        r2 = r10
        r2 -= r0                            # <- R2 subtraction from stack pointer prohibited
        exit
    }

    #[socket_filter]
    fn two_large_frames(ctx: *mut c_void) -> i32 {
        *(u64 *)(r10 - 400) = 0
        call large_frame                    # <- combined stack size of 2 calls is 8
        r0 = 0
        exit
    }

    fn large_frame() -> u64 {
        *(u64 *)(r10 - 400) = 0
        r0 = 0
        exit
    }

    # The context.

    #[socket_filter]
    fn behind_the_context(ctx: *mut c_void) -> i32 {
        r0 = *(u32 *)(r1 + 1000)            # <- invalid bpf_context access off=1000 size=4
        exit
    }

    #[socket_filter]
    fn writes_the_context(ctx: *mut c_void) -> i32 {
        r0 = 0
        *(u32 *)(r1 + 0) = r0               # <- invalid bpf_context access off=0 size=4
        exit
    }

    #[socket_filter]
    fn field_with_another_size(ctx: *mut c_void) -> i32 {
        r0 = *(u64 *)(r1 + 0)               # <- invalid bpf_context access off=0 size=8
        exit
    }

    #[socket_filter]
    fn context_moved(ctx: *mut c_void) -> i32 {
        r1 += 4
        r0 = *(u32 *)(r1 + 0)               # <- dereference of modified ctx ptr R1 off=4 disallowed
        exit
    }

    #[socket_filter]
    fn context_at_any_offset(ctx: *mut c_void) -> i32 {
        r2 = *(u32 *)(r1 + 0)
        r2 &= 4
        r1 += r2
        r0 = *(u32 *)(r1 + 0)               # <- variable ctx access var_off=(0x0; 0x4) disallowed
        exit
    }

    # Arithmetic on pointers.

    #[socket_filter]
    fn adds_pointers(ctx: *mut c_void) -> i32 {
        r0 = 0
        r2 = r10
        r2 += r1                            # <- R2 pointer += pointer prohibited
        exit
    }

    #[socket_filter]
    fn takes_a_pointer_from_a_number(ctx: *mut c_void) -> i32 {
        r0 = 5
        r0 -= r1                            # <- R0 tried to subtract pointer from scalar
        exit
    }

    #[socket_filter]
    fn multiplies_a_pointer(ctx: *mut c_void) -> i32 {
        r0 = 0
        r1 *= 2                             # <- R1 pointer arithmetic with *= operator prohibited
        exit
    }

    #[socket_filter]
    fn masks_a_pointer(ctx: *mut c_void) -> i32 {
        r0 = 0
        r1 &= -8                            # <- R1 bitwise operator &= on pointer prohibited
        exit
    }

    #[socket_filter]
    fn adds_too_much(ctx: *mut c_void) -> i32 {
        *(u32 *)(r10 - 4) = 1
        r2 = r10
        r2 += -4
        r1 = RECORDS ll
        call bpf_map_lookup_elem
        if r0 == 0 goto out
        r0 += 1000000000                    # <- map_value pointer and 1000000000 | makes map_value pointer be out of bounds | map_value pointer offset 1000000000 is not allowed
    out:
        r0 = 0
        exit
    }

    # Helpers.

    #[socket_filter]
    fn number_for_a_map(ctx: *mut c_void) -> i32 {
        *(u32 *)(r10 - 4) = 1
        r2 = r10
        r2 += -4
        r1 = 1
        call bpf_map_lookup_elem            # <- R1 type=scalar expected=map_ptr | R1 type=inv expected=map_ptr
        r0 = 0
        exit
    }

    #[socket_filter]
    fn number_for_a_key(ctx: *mut c_void) -> i32 {
        r2 = 1
        r1 = COUNTS ll
        call bpf_map_lookup_elem            # <- R2 type=scalar expected=fp | R2 type=inv expected=fp
        r0 = 0
        exit
    }

    #[sk_skb_stream_verdict]
    fn number_for_the_context(ctx: *mut c_void) -> i32 {
        r1 = 0
        r2 = 0
        call bpf_skb_pull_data              # <- R1 type=scalar expected=ctx | R1 type=inv expected=ctx
        r0 = 0
        exit
    }

    #[socket_filter]
    fn helper_of_other_programs(ctx: *mut c_void) -> i32 {
        r2 = 0
        call bpf_skb_pull_data              # <- unknown func bpf_skb_pull_data#39 | program of this type cannot use helper bpf_skb_pull_data#39
        r0 = 0
        exit
    }

    #[socket_filter]
    fn helper_that_no_kernel_has(ctx: *mut c_void) -> i32 {
        call 9999                           # <- invalid func unknown#9999
        r0 = 0
        exit
    }

    #[proprietary]
    #[raw_tracepoint("sys_enter")]
    fn helper_for_gpl_programs(ctx: *mut c_void) -> i32 {
        *(u64 *)(r10 - 8) = 0
        r1 = r10
        r1 += -8
        r2 = 8
        call bpf_trace_printk               # <- cannot call GPL-restricted function from non-GPL compatible program
        r0 = 0
        exit
    }

    # References.

    #[raw_tracepoint("sys_enter")]
    fn record_not_submitted(ctx: *mut c_void) -> i32 {
        r1 = EVENTS ll
        r2 = 8
        r3 = 0
        call bpf_ringbuf_reserve
        if r0 == 0 goto out
        *(u64 *)(r0 + 0) = 0
    out:
        r0 = 0
        exit                                # <- Unreleased reference id=
    }

    #[sk_skb_stream_verdict]
    fn socket_not_released(ctx: *mut c_void) -> i32 {
        *(u64 *)(r10 - 8) = 0
        *(u64 *)(r10 - 16) = 0
        r2 = r10
        r2 += -16
        r3 = 12
        r4 = -1
        r5 = 0
        call bpf_sk_lookup_tcp
        r0 = 0
        exit                                # <- Unreleased reference id=
    }

    #[sk_skb_stream_verdict]
    fn socket_lost_in_a_tail_call(ctx: *mut c_void) -> i32 {
        r6 = r1
        *(u64 *)(r10 - 8) = 0
        *(u64 *)(r10 - 16) = 0
        r2 = r10
        r2 += -16
        r3 = 12
        r4 = -1
        r5 = 0
        call bpf_sk_lookup_tcp
        r7 = r0
        r1 = r6
        r2 = CALLS ll
        r3 = 0
        call bpf_tail_call                  # <- tail_call would lead to reference leak
        r0 = 0
        if r7 == 0 goto out
        r1 = r7
        call bpf_sk_release
    out:
        r0 = 0
        exit
    }

    #[raw_tracepoint("sys_enter")]
    fn submitted_twice(ctx: *mut c_void) -> i32 {
        r1 = EVENTS ll
        r2 = 8
        r3 = 0
        call bpf_ringbuf_reserve
        if r0 == 0 goto out
        r6 = r0
        r1 = r6
        r2 = 0
        call bpf_ringbuf_submit
        r1 = r6                             # <- R6 !read_ok | R1 type=
        r2 = 0
        call bpf_ringbuf_submit             # <- R1 type=
    out:
        r0 = 0
        exit
    }

    # Structure.

    #[socket_filter]
    fn endless(ctx: *mut c_void) -> i32 {
        r0 = 0
    again:
        r0 += 0                             # <- infinite loop detected at insn 1
        if r0 == 0 goto again
        exit
    }

    #[socket_filter]
    fn nothing_leads_there(ctx: *mut c_void) -> i32 {
        r0 = 0
        goto out
        r0 = 1                              # <- unreachable insn 2
    out:
        exit
    }

    #[socket_filter]
    fn jumps_out(ctx: *mut c_void) -> i32 {
        r0 = 0
        .8byte 0x0000000000640005           # <- jump out of range from insn 1 to 102
        exit
    }

    #[socket_filter]
    fn goes_on_behind_its_end(ctx: *mut c_void) -> i32 {
        goto out
    back:
        exit
    out:
        r0 = 0
        .8byte 0x00000000fffd0015           # <- last insn is not an exit or jmp
    }

    #[socket_filter]
    fn unknown_instruction(ctx: *mut c_void) -> i32 {
        r0 = 0
        .8byte 0x00000000000000ff           # <- unknown opcode ff
        exit
    }

    #[socket_filter]
    fn packet_load_without_the_context(ctx: *mut c_void) -> i32 {
        r6 = 0
        r0 = *(u8 *)skb[0]                  # <- at the time of BPF_LD_ABS|IND R6 != pointer to skb
        exit
    }

    #[accepted_by("5.10", "6.1", "6.12")]
    #[uprobe_session]
    fn result_out_of_range(ctx: *mut c_void) -> i32 {
        r0 = 2
        exit                                # <- At program exit the register R0 has smin=2 smax=2 should have been in [0, 1]
    }

    # Those of a well-known introduction to eBPF, which shows them with the log of its time:
    # a program that reads the path of each openat(2).

    #[raw_tracepoint("sys_enter")]
    fn openat_empty(ctx: *mut c_void) -> i32 {
        exit                                # <- R0 !read_ok
    }

    #[raw_tracepoint("sys_enter")]
    fn openat_dereferences(ctx: *mut c_void) -> i32 {
        r2 = *(u64 *)(r1 + 8)
        if r2 != 257 goto +2
        r1 = *(u64 *)(r1 + 0)
        r1 = *(u64 *)(r1 + 104)             # <- R1 invalid mem access 'scalar' | R1 invalid mem access 'inv'
        r0 = 0
        exit
    }

    #[accepted_by("6.18", "7.3")]
    #[raw_tracepoint("sys_enter")]
    fn openat_without_the_null_check(ctx: *mut c_void) -> i32 {
        r2 = *(u64 *)(r1 + 8)
        if r2 != 257 goto out
        r3 = *(u64 *)(r1 + 0)
        r3 += 104
        r1 = r10
        r1 += -8
        r2 = 8
        call bpf_probe_read
        *(u32 *)(r10 - 12) = 0
        r2 = r10
        r2 += -12
        r1 = BUFFER ll
        call bpf_map_lookup_elem
        r3 = *(u64 *)(r10 - 8)
        r1 = r0
        r2 = 4096
        call bpf_probe_read_str             # <- R1 type=map_value_or_null expected=
    out:
        r0 = 0
        exit
    }

    #[raw_tracepoint("sys_enter")]
    fn openat_without_the_null_check_today(ctx: *mut c_void) -> i32 {
        r2 = *(u64 *)(r1 + 8)
        if r2 != 257 goto out
        r3 = *(u64 *)(r1 + 0)
        r3 += 104
        r1 = r10
        r1 += -8
        r2 = 8
        call bpf_probe_read
        *(u32 *)(r10 - 12) = 0
        r2 = r10
        r2 += -12
        r1 = BUFFERS ll
        call bpf_map_lookup_elem
        r3 = *(u64 *)(r10 - 8)
        r1 = r0
        r2 = 4096
        call bpf_probe_read_str             # <- R1 type=map_value_or_null expected=
    out:
        r0 = 0
        exit
    }

    # All of these know how much the helper returns; Linux 4.14 did not.
    #[accepted_by("5.10", "6.1", "6.12", "6.18", "7.3")]
    #[raw_tracepoint("sys_enter")]
    fn openat_terminates_the_path(ctx: *mut c_void) -> i32 {
        r2 = *(u64 *)(r1 + 8)
        if r2 != 257 goto out
        r3 = *(u64 *)(r1 + 0)
        r3 += 104
        r1 = r10
        r1 += -8
        r2 = 8
        call bpf_probe_read
        *(u32 *)(r10 - 12) = 0
        r2 = r10
        r2 += -12
        r1 = BUFFER ll
        call bpf_map_lookup_elem
        if r0 == 0 goto out
        r6 = r0
        r3 = *(u64 *)(r10 - 8)
        r1 = r6
        r2 = 4096
        call bpf_probe_read_str
        r0 <<= 32
        r0 s>>= 32
        r1 = 1
        if r1 s> r0 goto out
        r6 += r0
        r1 = 0
        *(u8 *)(r6 - 1) = r1                # <- R6 unbounded memory access
    out:
        r0 = 0
        exit
    }

    #[raw_tracepoint("sys_enter")]
    fn openat_terminates_the_path_today(ctx: *mut c_void) -> i32 {
        r2 = *(u64 *)(r1 + 8)
        if r2 != 257 goto out
        *(u32 *)(r10 - 12) = 0
        r2 = r10
        r2 += -12
        r1 = BUFFER ll
        call bpf_map_lookup_elem
        if r0 == 0 goto out
        r7 = *(u64 *)(r0 + 0)
        r6 = r0
        r1 = 1
        if r1 s> r7 goto out
        r6 += r7
        r1 = 0
        *(u8 *)(r6 - 1) = r1                # <- R6 unbounded memory access
    out:
        r0 = 0
        exit
    }
}
