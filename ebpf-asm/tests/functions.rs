//! Functions of an object: pasted ones, callbacks, and what the kernel limits.
#![cfg(all(feature = "text", feature = "listing"))]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod object;

use ebpf_asm::diag::{Diagnostic, Rule};
use ebpf_asm::link::{Linked, link_program};
use ebpf_asm::syntax::{lex, parse_object};
use ebpf_asm::{Code, KernelVersion};

/// Links the first function of an object: a program, if its attribute is that of one.
fn link(source: &str, min_kernel: Option<KernelVersion>) -> Linked {
    let mut diagnostics = Vec::new();
    let tokens = lex(source, &mut diagnostics);
    let parsed = parse_object(&tokens);
    assert_eq!(
        (diagnostics, &parsed.diagnostics),
        (vec![], &vec![]),
        "{source}"
    );
    let object = parsed.tree.unwrap();
    let (scope, functions) = object::functions(&object);
    link_program(&functions, 0, &scope, min_kernel)
}

/// The instructions of an object without mistakes.
fn lines(source: &str) -> Vec<String> {
    let linked = link(source, None);
    assert_eq!(linked.diagnostics, [], "{source}");
    let code = Code::from_vec(linked.insns).with_labels(linked.labels);
    code.plain()
        .to_string()
        .lines()
        .map(|line| line.trim().to_owned())
        .collect()
}

fn errors(source: &str) -> Vec<Diagnostic> {
    link(source, None).diagnostics
}

#[test]
fn a_fragment_is_pasted_at_each_call() {
    let source = "
        mod m {
            #[socket_filter] fn f(ctx: *mut c_void) -> i32 {
                call clamp; call clamp;
            again:
                if r0 == 7 goto again;
                exit;
            }
            #[inline] fn clamp(n: u64) {
                if r1 < 10 goto done;
                r1 = 10;
                call twice;
                exit;
            1:
                if r1 == 3 goto 1b;
            done:
                exit;
            }
            #[inline] fn twice() { r1 += r1; exit; }
        }";
    assert_eq!(
        lines(source),
        [
            "if r1 < 10 goto clamp_1_done",
            "r1 = 10",
            "r1 += r1",
            "goto clamp_1_done",
            "if r1 == 3 goto -1",
            "clamp_1_done:",
            "if r1 < 10 goto again",
            "r1 = 10",
            "r1 += r1",
            "goto again",
            "if r1 == 3 goto -1",
            "again:",
            "clamp_3_done:",
            "if r0 == 7 goto again",
            "exit",
        ]
    );
}

#[test]
fn the_lines_of_a_fragment_are_its_own() {
    let source = "mod m {\n#[p] fn f() { r1 = 1;\ncall g;\ncall g;\nexit; }\n#[inline] fn g() {\nr2 = 5 ll;\n} }";
    let linked = link(source, None);
    let lines: Vec<u32> = linked.spans.iter().map(|span| span.line).collect();
    assert_eq!(lines, [2, 7, 7, 7, 7, 5]);
    assert_eq!(linked.functions.len(), 1);
    assert_eq!(linked.reached, [0, 1]);
}

#[test]
fn an_empty_fragment_takes_no_slot() {
    let source =
        "mod m { #[p] fn f() { goto +1; call g; r1 = 1; exit; } #[inline] fn g() { exit; } }";
    assert_eq!(lines(source), ["goto +1", "r1 = 1", "exit"]);
}

#[test]
fn a_fragment_can_call_and_be_pasted_into_functions() {
    let source = "
        mod m {
            #[p] fn f() { call g; exit; }
            fn g() { call h; exit; }
            #[inline] fn h() { call i; exit; }
            fn i() { call h2; exit; }
            #[inline] fn h2() { r0 = 1; exit; }
        }";
    assert_eq!(
        lines(source),
        ["call pc+1", "exit", "call pc+1", "exit", "r0 = 1", "exit"]
    );
}

#[test]
fn a_name_of_a_label_is_free() {
    let source = "
        mod m {
            #[p] fn f() {
            g_1_a: if r1 == 1 goto g_1_a;
                call g;
                exit;
            }
            #[inline] fn g() { a: if r2 == 2 goto a; exit; }
        }";
    assert_eq!(
        lines(source),
        [
            "g_1_a:",
            "if r1 == 1 goto g_1_a",
            "g_1_a_:",
            "if r2 == 2 goto g_1_a_",
            "exit"
        ]
    );
}

#[test]
fn fragments_in_fragments_have_bounds() {
    let mut doubling = String::from("mod m { #[p] fn f() { call f0; exit; }\n");
    for i in 0..40 {
        doubling += &format!(
            "#[inline] fn f{i}() {{ call f{0}; call f{0}; exit; }}\n",
            i + 1
        );
    }
    doubling += "#[inline] fn f40() { r0 = 0; exit; } }";
    let found = errors(&doubling);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].code, Rule::Pasting);
    assert!(
        found[0].message.contains("a program has at most 1000000"),
        "{found:#?}"
    );

    let mut nested = String::from("mod m { #[p] fn f() { call f0; exit; }\n");
    for i in 0..100_000 {
        nested += &format!("#[inline] fn f{i}() {{ call f{}; exit; }}\n", i + 1);
    }
    nested += "#[inline] fn f100000() { r0 = 0; exit; } }";
    let found = errors(&nested);
    assert!(
        found[0].message.contains("more than 64 deep"),
        "{:#?}",
        found[0]
    );
}

fn chain(functions: usize, body: &str, attribute: &str) -> String {
    let mut source = format!("mod m {{ #[{attribute}] fn f0() {{ {body} call f1; exit; }}\n");
    for i in 1..functions - 1 {
        source += &format!("fn f{i}() {{ {body} call f{}; exit; }}\n", i + 1);
    }
    source + &format!("fn f{}() {{ {body} r0 = 0; exit; }} }}", functions - 1)
}

#[test]
fn sixteen_functions_can_be_active() {
    assert_eq!(errors(&chain(16, "", "kprobe")), []);
    let found = errors(&chain(17, "", "kprobe"));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].code, Rule::CallDepth);
    // The call in `f15`.
    assert_eq!(found[0].span.line, 16);
    assert!(
        found[0].message.contains("`f0` calls `f1` calls"),
        "{found:#?}"
    );
    // A way around a chain that is too deep does not help: the kernel does not follow paths.
    let around = chain(17, "", "p").replace("{  call f1;", "{ if r1 == 1 goto +1; call f1;");
    assert_eq!(errors(&around).len(), 1);
}

const LARGE: &str = "*(u64 *)(r10 - 400) = 0;";

#[test]
fn the_stack_of_a_chain_has_512_bytes() {
    let found = errors(&chain(2, LARGE, "socket_filter"));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].code, Rule::StackSize);
    assert!(
        found[0].message.contains("need 800 bytes of stack"),
        "{found:#?}"
    );
    assert!(
        found[0].message.contains("`f0` (400) calls `f1` (400)"),
        "{found:#?}"
    );
    let note = "combined stack size of 2 calls is 800. Too large";
    assert!(found[0].notes[0].message.contains(note), "{found:#?}");
    assert_eq!(
        errors(&chain(2, "*(u64 *)(r10 - 256) = 0;", "socket_filter")),
        []
    );
    assert_eq!(
        errors(&chain(3, "*(u64 *)(r10 - 176) = 0;", "socket_filter")).len(),
        1
    );
}

#[test]
fn each_function_of_a_probe_may_have_its_own_stack() {
    for attribute in [
        "kprobe",
        "tracepoint",
        "raw_tracepoint",
        "perf_event",
        "unknown",
    ] {
        assert_eq!(errors(&chain(2, LARGE, attribute)), [], "{attribute}");
    }
    for attribute in ["raw_tracepoint_writable", "sk_skb_verdict"] {
        assert_eq!(errors(&chain(2, LARGE, attribute)).len(), 1, "{attribute}");
    }
    // Not in programs with tail calls.
    let body = format!("{LARGE} call bpf_tail_call;");
    let found = errors(&chain(2, &body, "kprobe"));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[1].message.contains("its callers need 400 bytes"),
        "{found:#?}"
    );
    let body = "*(u64 *)(r10 - 160) = 0; call bpf_tail_call;";
    assert_eq!(errors(&chain(2, body, "kprobe")), []);
    assert_eq!(errors(&chain(3, body, "kprobe")).len(), 1);
}

/// What may be dead code, or is taken out by newer kernels, is not counted.
#[test]
fn stack_that_may_not_be_used_is_no_error() {
    let unsure = [
        // Not on every way.
        "if r1 == 0 goto small; *(u64 *)(r10 - 400) = 0; small:",
        "goto +1; *(u64 *)(r10 - 400) = 0;",
        // Registers saved around a call.
        "*(u64 *)(r10 - 400) = r1; call bpf_get_smp_processor_id; r1 = *(u64 *)(r10 - 400);",
        // Offsets that are not known yet.
        "*(u64 *)(r10 - {400}) = 0;",
        // `bpf_throw` may have ended it.
        "if r1 == 0 goto throw; back: *(u64 *)(r10 - 400) = 0; goto on; throw: call kfunc(1, 0); goto back; on:",
    ];
    for body in unsure {
        assert_eq!(errors(&chain(2, body, "socket_filter")), [], "{body}");
    }
    let sure = [
        "if r1 == 0 goto other; *(u64 *)(r10 - 400) = 0; goto on; other: r2 = *(u8 *)(r10 - 500); on:",
        "again: r1 += 1; *(u64 *)(r10 - 400) = 0; if r1 < 9 goto again;",
        "*(u64 *)(r10 - 400) = r1; call bpf_get_smp_processor_id; r2 = *(u64 *)(r10 - 400);",
    ];
    for body in sure {
        assert_eq!(errors(&chain(2, body, "socket_filter")).len(), 1, "{body}");
    }
    // A call that may not happen.
    let around = format!(
        "mod m {{ #[socket_filter] fn f() {{ {LARGE} if r1 == 0 goto out; call g; out: exit; }} fn g() {{ {LARGE} exit; }} }}"
    );
    assert_eq!(errors(&around), []);
    // Of what is called, something may end the program before it comes to the stack.
    let thrown = format!(
        "mod m {{ #[socket_filter] fn f() {{ call g; {LARGE} call h; exit; }} fn g() {{ call kfunc(1, 0); exit; }} fn h() {{ {LARGE} exit; }} }}"
    );
    assert_eq!(errors(&thrown), []);
    assert_eq!(errors(&thrown.replace("call kfunc(1, 0);", "")).len(), 1);
    // It happens elsewhere, so its stack counts in every chain.
    let both = format!(
        "mod m {{ #[socket_filter] fn f() {{ {LARGE} if r1 == 0 goto out; call g; out: call h; exit; }} fn g() {{ {LARGE} exit; }} fn h() {{ call g; exit; }} }}"
    );
    assert_eq!(errors(&both).len(), 1);
}

#[test]
fn tail_calls_and_functions_need_5_10() {
    let source = "mod m { #[xdp] fn f() { call g; exit; } fn g() { call bpf_tail_call; exit; } }";
    assert_eq!(
        link(source, Some(KernelVersion::new(5, 10))).diagnostics,
        []
    );
    let found = link(source, Some(KernelVersion::new(5, 4))).diagnostics;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].code, Rule::NeedsNewerKernel);
    let pasted = source.replace("fn g", "#[inline] fn g");
    assert_eq!(
        link(&pasted, Some(KernelVersion::new(5, 4))).diagnostics,
        []
    );
}

#[test]
fn callbacks_are_seen_along_straight_lines() {
    let callbacks = |body: &str| -> Vec<(usize, &str)> {
        let source = format!(
            "mod m {{ #[p] fn f() {{ {body} exit; }} fn g() {{ exit; }} fn h() {{ exit; }} }}"
        );
        let linked = link(&source, None);
        assert_eq!(linked.diagnostics, [], "{body}");
        linked
            .callbacks
            .iter()
            .map(|c| (c.function, c.helper.name))
            .collect()
    };
    assert_eq!(
        callbacks("r1 = 5; r2 = g ll; call bpf_loop;"),
        [(1, "bpf_loop")]
    );
    assert_eq!(callbacks("r2 = h ll; call 181;"), [(2, "bpf_loop")]);
    assert_eq!(
        callbacks(
            "r6 = g ll; r2 = r6; call bpf_for_each_map_elem; r2 = r6; call bpf_user_ringbuf_drain;"
        ),
        [(1, "bpf_for_each_map_elem"), (1, "bpf_user_ringbuf_drain")]
    );
    assert_eq!(
        callbacks("r2 = g ll; if r1 == 0 goto out; call bpf_timer_set_callback; out:"),
        [(1, "bpf_timer_set_callback")]
    );
    // Where it is not known which function it is, nothing is said.
    for unknown in [
        "r2 = g ll; again: call bpf_loop; if r0 == 0 goto again;",
        "r2 = g ll; call bpf_get_smp_processor_id; call bpf_loop;",
        "r2 = g ll; w2 = w2; call bpf_loop;",
        "r2 = g ll; r2 += 0; call bpf_loop;",
        "r2 = g ll; r1 = atomic_fetch_add((u64 *)(r3 + 0), r1); call bpf_loop;",
        "goto +2; r2 = g ll; call bpf_loop;",
        "r1 = g ll; call bpf_loop;",
    ] {
        assert_eq!(callbacks(unknown), [], "{unknown}");
    }
}

#[test]
fn the_number_of_a_helper_can_be_asked_for() {
    let source = "mod m { #[p] fn f() { call enumval(bpf_func_id.BPF_FUNC_loop); exit; } }";
    let linked = link(source, None);
    assert_eq!(linked.diagnostics, []);
    assert_eq!((linked.insns[0].opcode(), linked.insns[0].src()), (0x85, 0));
    assert_eq!(linked.relocations.len(), 1);
}
