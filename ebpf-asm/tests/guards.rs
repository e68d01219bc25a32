//! What the oldest kernel lacks, and load-time constants that keep programs away from it.
#![cfg(feature = "text")]

use ebpf_asm::KernelVersion;
use ebpf_asm::diag::{Rule, Severity};
use ebpf_asm::link::{ObjectFunction, Scope, Symbol, link_program};
use ebpf_asm::object::Linkage;
use ebpf_asm::syntax::ast::Item;
use ebpf_asm::syntax::{lex, parse_object};

/// Links the first function of an object in which `NEW` and `OTHER` are load-time constants and
/// `CONFIG` is a map: the columns of what is too new, and the notes.
fn lacks(functions: &str, oldest: KernelVersion) -> Vec<(u32, Vec<String>)> {
    let source = format!("mod m {{\n{functions}\n}}");
    let mut diagnostics = Vec::new();
    let tokens = lex(&source, &mut diagnostics);
    let parsed = parse_object(&tokens);
    diagnostics.extend(parsed.diagnostics);
    let object = parsed.tree.expect("an object");
    let mut scope = Scope::default();
    for (index, name) in ["NEW", "OTHER"].into_iter().enumerate() {
        let constant = Symbol::LoadTimeConstant(index as u16);
        scope.symbols.insert(name.to_owned(), constant);
    }
    scope.symbols.insert("CONFIG".to_owned(), Symbol::Map(0));
    let mut functions = Vec::new();
    for item in &object.items {
        let Item::Function(function) = item else {
            panic!("{item:?}")
        };
        if !functions.is_empty() {
            let symbol = Symbol::Function(functions.len());
            scope.symbols.insert(function.name.text.clone(), symbol);
        }
        functions.push(ObjectFunction {
            name: &function.name.text,
            linkage: match function.visibility.is_empty() {
                true => Linkage::Static,
                false => Linkage::Global,
            },
            inline: false,
            program_type: None,
            body: &function.body,
        });
    }
    let linked = link_program(&functions, 0, &scope, Some(oldest));
    diagnostics.extend(linked.diagnostics);
    let errors = diagnostics
        .into_iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error);
    errors
        .map(|error| {
            assert_eq!(error.code, Rule::NeedsNewerKernel, "{error:?}");
            let notes = error.notes.iter().map(|note| note.to_string());
            (error.span.line - 1, notes.collect())
        })
        .collect()
}

/// The lines, counted from 1, that are too new for Linux 5.10.
fn lines(functions: &str) -> Vec<u32> {
    let found = lacks(functions, KernelVersion::new(5, 10));
    found.into_iter().map(|(line, _)| line).collect()
}

/// A program whose line 2 calls what is too new.
fn guarded(before: &str, after: &str) -> Vec<u32> {
    lines(&format!(
        "fn f() {{ r9 = r1; {before}\ncall bpf_loop;\n{after} }}"
    ))
}

#[test]
fn without_a_guard_it_is_an_error() {
    assert_eq!(guarded("", "exit;"), [2]);
    // A jump on something else is no guard.
    assert_eq!(guarded("if r9 == 0 goto old;", "old: r0 = 0; exit;"), [2]);
    assert_eq!(
        guarded("r1 = 1; if r1 == 0 goto old;", "old: r0 = 0; exit;"),
        [2],
        "decided, but by nothing that a load can change"
    );
    // Not known when it is loaded.
    assert_eq!(
        guarded(
            "r1 = NEW; r1 += r9; if r1 == 0 goto old;",
            "old: r0 = 0; exit;"
        ),
        [2]
    );
    assert_eq!(
        guarded("r1 = NEW; if r1 == r9 goto old;", "old: r0 = 0; exit;"),
        [2]
    );
    assert_eq!(
        guarded(
            "r1 = NEW; call 5; if r1 == 0 goto old;",
            "old: r0 = 0; exit;"
        ),
        [2],
        "a helper's call leaves nothing of r1"
    );
    assert_eq!(
        guarded(
            "r0 = NEW; call 5; if r0 == 0 goto old;",
            "old: r0 = 0; exit;"
        ),
        [2]
    );
    // The guard can be passed by.
    assert_eq!(
        guarded(
            "r1 = NEW; if r9 == 5 goto new; if r1 == 0 goto old; new:",
            "old: r0 = 0; exit;"
        ),
        [2]
    );
    // Both ways of the guard lead there.
    assert_eq!(
        guarded("r1 = NEW; if r1 == 0 goto old; r2 = 1; old:", "exit;"),
        [2]
    );
}

#[test]
fn behind_a_guard_it_is_none() {
    for (before, after) in [
        ("r1 = NEW; if r1 == 0 goto old;", "old: r0 = 0; exit;"),
        ("r1 = NEW ll; if r1 == 0 goto old;", "old: r0 = 0; exit;"),
        ("w1 = NEW; if w1 != 1 goto old;", "old: r0 = 0; exit;"),
        ("r1 = 5; if r1 == NEW goto old;", "old: r0 = 0; exit;"),
        (
            "r1 = NEW; r1 &= 4; if r1 == 0 goto old;",
            "old: r0 = 0; exit;",
        ),
        (
            "r1 = NEW; r2 = r1; if r2 & 1 goto new; goto old; new:",
            "old: r0 = 0; exit;",
        ),
        (
            "r1 = NEW; r2 = 517; if r1 < r2 goto old;",
            "old: r0 = 0; exit;",
        ),
        (
            "r1 = NEW; r2 = OTHER; r1 += r2; if r1 == 0 goto old;",
            "old: r0 = 0; exit;",
        ),
        // Saved over a call, and on the stack.
        (
            "r6 = NEW; call 5; if r6 == 0 goto old;",
            "old: r0 = 0; exit;",
        ),
        (
            "r1 = NEW; *(u64 *)(r10 - 8) = r1; call 5; r2 = *(u64 *)(r10 - 8); if r2 == 0 goto old;",
            "old: r0 = 0; exit;",
        ),
        (
            "*(u64 *)(r10 - 8) = NEW; r2 = *(u64 *)(r10 - 8); if r2 == 0 goto old;",
            "old: r0 = 0; exit;",
        ),
        // Read-only data are constants as well.
        (
            "r1 = CONFIG ll; r1 += 4; r2 = *(u8 *)(r1 + 0); if r2 == 0 goto old;",
            "old: r0 = 0; exit;",
        ),
        // One of two guards, and two that lead to the same place.
        (
            "r1 = NEW; if r1 == 0 goto old; if r9 == 0 goto old;",
            "old: r0 = 0; exit;",
        ),
        (
            "r1 = NEW; if r1 == 1 goto new; r2 = OTHER; if r2 != 1 goto old; new:",
            "old: r0 = 0; exit;",
        ),
        // After other branches and in a loop.
        (
            "r6 = NEW; if r9 == 1 goto a; r7 = 1; a: if r6 == 0 goto old;",
            "if r0 > 9 goto a; old: r0 = 0; exit;",
        ),
    ] {
        assert_eq!(guarded(before, after), [0; 0], "{before}");
    }
}

#[test]
fn functions_are_followed() {
    // The call is guarded.
    let body = "fn f() { r1 = NEW; if r1 == 0 goto old;\ncall g; old: r0 = 0; exit; }";
    assert_eq!(
        lines(&format!("{body}\nfn g() {{ call bpf_loop; exit; }}")),
        [0; 0]
    );
    // And here one of two is not.
    assert_eq!(
        lines(
            "fn f() { r1 = NEW; if r1 == 0 goto old;\ncall g; old: call g; exit; }\nfn g() { call bpf_loop; exit; }"
        ),
        [3]
    );
    // The constant is an argument, or a result.
    assert_eq!(
        lines(
            "fn f() { r1 = NEW; call g; exit; }\nfn g() { if r1 == 0 goto old;\ncall bpf_loop;\nold: r0 = 0; exit; }"
        ),
        [0; 0]
    );
    assert_eq!(
        lines(
            "fn f() { call g; if r0 == 0 goto old;\ncall bpf_loop;\nold: r0 = 0; exit; }\nfn g() { r0 = NEW; exit; }"
        ),
        [0; 0]
    );
    // Behind the call of a function that does not come back to it.
    assert_eq!(
        lines("fn f() { call g;\ncall bpf_loop; exit; }\nfn g() { r0 = NEW; exit; }"),
        [2]
    );
    // A callback that a helper gets behind a guard.
    assert_eq!(
        lines(
            "fn f() { r2 = g ll; r6 = NEW; if r6 == 0 goto old; call bpf_loop; old: r0 = 0; exit; }\nfn g() { call bpf_strncmp; exit; }"
        ),
        [1; 1],
        "the address of a function needs Linux 5.13 itself"
    );
}

#[test]
fn global_functions_are_checked_on_their_own_before_6_8() {
    let source = "fn f() { r1 = NEW; if r1 == 0 goto old;\ncall g; old: r0 = 0; exit; }\npub fn g() { call bpf_wq_none; exit; }"
        .replace("bpf_wq_none", "bpf_cgrp_storage_get");
    let lacks = |major, minor| lacks(&source, KernelVersion::new(major, minor)).len();
    assert_eq!(lacks(6, 1), 1);
    assert_eq!(lacks(6, 8), 0);
}

#[test]
fn opcodes_that_a_kernel_does_not_know_are_refused_everywhere() {
    let guarded = |instruction: &str, major, minor| {
        let source = format!(
            "fn f() {{ r1 = NEW; if r1 == 0 goto old;\n{instruction};\nold: r0 = 0; exit; }}"
        );
        let mut found = lacks(&source, KernelVersion::new(major, minor));
        assert!(found.len() <= 1, "{found:?}");
        found.pop()
    };
    // The same opcode as the division without sign: the verifier looks at it when it comes to it.
    for instruction in ["r1 s/= 2", "r1 = (s8)r1", "r1 = 0"] {
        assert_eq!(guarded(instruction, 5, 10), None, "{instruction}");
    }
    for instruction in [
        "gotol old",
        "r1 = bswap16 r1",
        "r1 = *(s8 *)(r10 - 8)",
        "may_goto old",
    ] {
        let (line, notes) = guarded(instruction, 6, 1).expect(instruction);
        assert_eq!(line, 2);
        assert!(
            notes[0].contains("opcodes of all instructions"),
            "{notes:?}"
        );
    }
    // Before 5.12 the operation of an atomic access was no field.
    let exchange = "r2 = xchg_64(r10 - 8, r2)";
    assert!(guarded(exchange, 5, 10).is_some());
    let acquire = "r1 = load_acquire((u64 *)(r10 - 8))";
    assert!(guarded(acquire, 5, 10).is_some());
    assert!(guarded(acquire, 6, 1).is_none());
}

#[test]
fn what_the_kernel_says_is_constant_too() {
    let out = "out: r0 = 0; exit;";
    assert_eq!(guarded("r1 = 1; if r1 == 0 goto out;", out), [2]);
    assert_eq!(guarded("r1 = exists(a.b); if r1 == 0 goto out;", out), []);
    assert_eq!(guarded("if r1 != enumval(a.b) goto out;", out), [2]);
}
