//! Bad input: each is an error on the token at fault, and nothing else is one.

use proc_macro2::{TokenStream, TokenTree};

/// An error of an expansion: line, column (from 1), message.
type Found = (usize, usize, String);

/// The `compile_error!`s in generated code.
fn errors(stream: TokenStream) -> Vec<Found> {
    let mut found = Vec::new();
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    for (i, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Ident(ident) if ident == "compile_error" => {
                let start = ident.span().start();
                let text = trees[i + 2].to_string();
                let literal: syn::LitStr =
                    syn::parse_str(text.trim_matches(['{', '}', ' '])).unwrap();
                found.push((start.line, start.column + 1, literal.value()));
            }
            TokenTree::Group(group) => found.extend(errors(group.stream())),
            _ => {}
        }
    }
    found
}

/// The generated code parses: an item list, or an expression.
fn assert_rust(stream: &TokenStream, expression: bool) {
    if expression {
        syn::parse2::<syn::Expr>(stream.clone()).unwrap();
    } else {
        syn::parse2::<syn::File>(stream.clone()).unwrap();
    }
}

fn object(source: &str) -> Vec<Found> {
    let expanded = crate::object::expand(format!("[ebpf_rt] {source}").parse().unwrap());
    assert_rust(&expanded, false);
    // The crate's path stands before the source in the same line.
    shift(errors(expanded))
}

fn sequence(source: &str) -> Vec<Found> {
    let expanded = crate::code::expand(format!("[ebpf_rt] {source}").parse().unwrap());
    assert_rust(&expanded, true);
    shift(errors(expanded))
}

fn shift(found: Vec<Found>) -> Vec<Found> {
    let width = "[ebpf_rt] ".len();
    found
        .into_iter()
        .map(|(line, column, message)| {
            let column = if line == 1 { column - width } else { column };
            (line, column, message)
        })
        .collect()
}

#[track_caller]
fn expect(source: &str, found: &[Found], expected: &[Expected]) {
    let places: Vec<_> = found
        .iter()
        .map(|(line, column, _)| (*line, *column))
        .collect();
    let wanted: Vec<_> = expected.iter().map(|e| (e.0, e.1)).collect();
    assert_eq!(places, wanted, "{source}\n{found:#?}");
    for ((_, _, message), (_, _, code, part)) in found.iter().zip(expected) {
        assert!(
            message.starts_with(&format!("{code}: ")),
            "{source}: {message}"
        );
        assert!(message.contains(part), "{source}: {message}");
    }
}

/// Sequences with one mistake: source, column (all in line 1), code, part of the message.
const SEQUENCES: &[(&str, usize, &str, &str)] = &[
    // The language's own registers and words.
    ("r11 = 5; exit", 1, "BPF0013", "there is no register `r11`"),
    ("r1 = r17; exit", 6, "BPF0013", "`r0` to `r10`"),
    ("r1 += w11; exit", 7, "BPF0013", "`w0` to `w10`"),
    ("R1 = 5; exit", 1, "BPF0014", "write `r1`"),
    ("EXIT", 1, "BPF0014", "write `exit`"),
    ("r1 = W2; exit", 6, "BPF0014", "write `w2`"),
    ("r10 = 5; exit", 1, "BPF0020", "frame pointer"),
    ("r10 += 8; exit", 1, "BPF0020", "copy it first"),
    ("r1 = w2; exit", 6, "BPF0015", "`w1 = w2`"),
    ("w1 += r2; exit", 7, "BPF0015", "write `w2`"),
    ("if r1 == w2 goto +0; exit", 10, "BPF0015", "write `r2`"),
    ("*(u64 *)(r10 - 8) = w1; exit", 21, "BPF0015", "write `r1`"),
    // Constants.
    (
        "r1 = 0x1ffffffff; exit",
        6,
        "BPF0021",
        "`r1 = 0x1ffffffff ll`",
    ),
    ("r1 = 0xffffffff; exit", 6, "BPF0022", "write `-1`"),
    ("r1 += 0x80000000; exit", 7, "BPF0022", "-2147483648"),
    (
        "w1 = 0x100000000; exit",
        6,
        "BPF0021",
        "does not fit a 32-bit constant",
    ),
    ("r1 = 5ll; exit", 6, "BPF0004", "write `5 ll`"),
    ("r1 = 5u32; exit", 6, "BPF0004", "no suffix"),
    ("r1 = 017; exit", 6, "BPF0003", "`0o17` if it is octal"),
    ("r1 = 'a'; exit", 6, "BPF0010", "write `b'a'`"),
    ("r1 = 1.5; exit", 6, "BPF0010", "not an integer"),
    ("r1 = \"x\"; exit", 6, "BPF0010", "not an integer"),
    ("r1 = Foo::BAR; exit", 6, "BPF0010", "write `{Foo::BAR}`"),
    ("r1 = u32::MAX; exit", 6, "BPF0010", "write `{u32::MAX}`"),
    ("r1 += i8::MIN; exit", 7, "BPF0010", "write `{i8::MIN}`"),
    (
        "r1 = (r2); exit",
        7,
        "BPF0010",
        "values stand without parentheses",
    ),
    ("r1 = A + 8; exit", 8, "BPF0010", "`{NAME + 8}`"),
    ("r1 = {}; exit", 6, "BPF0010", "no expression"),
    ("r1 <<= 64; exit", 8, "BPF0024", "0 to 63"),
    ("w1 s>>= 32; exit", 9, "BPF0024", "0 to 31"),
    ("r1 /= 0; exit", 7, "BPF0025", "division by zero"),
    ("w1 s%= 0; exit", 8, "BPF0025", "division by zero"),
    ("r1 = *(u32 *)(r2 + 40000); exit", 20, "BPF0023", "16 bits"),
    ("*(u8 *)(r10 - 1) = 300; exit", 20, "BPF0021", "one byte"),
    // Jumps and labels.
    ("goto +40000; exit", 6, "BPF0026", "out of the function"),
    ("goto -2; exit", 6, "BPF0026", "out of the function"),
    ("goto +1; r1 = 5 ll; exit", 6, "BPF0026", "second half"),
    ("goto 3; exit", 6, "BPF0010", "write `+3`"),
    (
        "goto dnoe; done: exit",
        6,
        "BPF0030",
        "did you mean `done`?",
    ),
    ("1: r0 = 0; goto 1f; exit", 17, "BPF0030", "after this jump"),
    ("a: r0 = 0; a: exit", 12, "BPF0031", "first defined"),
    ("0: r0 = 0; exit", 1, "BPF0005", "cannot be a label"),
    (
        "goto end; exit; end:",
        6,
        "BPF0026",
        "no instruction follows",
    ),
    // Tied operands.
    ("r1 = bswap16 r2; exit", 14, "BPF0016", "must be `r1`"),
    ("r1 = -r2; exit", 7, "BPF0016", "must be `r1`"),
    (
        "r2 = atomic_fetch_add((u64 *)(r1 + 8), r3); exit",
        40,
        "BPF0016",
        "must be `r2`",
    ),
    (
        "r1 = cmpxchg_64(r2 + 0, r1, r3); exit",
        1,
        "BPF0016",
        "`r0`",
    ),
    ("r1 = *(u8 *)skb[10]; exit", 1, "BPF0016", "`r0`"),
    // Calls and symbols.
    (
        "call map_lookup_elem; exit",
        6,
        "BPF0033",
        "did you mean `bpf_map_lookup_elem`?",
    ),
    (
        "call bpf_map_lokup_elem; exit",
        6,
        "BPF0033",
        "did you mean `bpf_map_lookup_elem`?",
    ),
    (
        "call r1; exit",
        6,
        "BPF0010",
        "no kernel calls through a register",
    ),
    ("callx r1; exit", 1, "BPF0012", "no kernel accepts it"),
    ("call -10; exit", 6, "BPF0021", "`call pc-10`"),
    (
        "bpf_ktime_get_ns: call bpf_ktime_get_ns; exit",
        24,
        "BPF0034",
        "another name",
    ),
    // Shapes.
    ("r1 = r2 + r3; exit", 9, "BPF0010", "two instructions"),
    ("r1 == 5; exit", 4, "BPF0010", "`if … goto`"),
    ("if r1 = 5 goto +0; exit", 7, "BPF0010", "equality is `==`"),
    ("mov r1, 5; exit", 1, "BPF0012", "`r1 = 10`"),
    ("r0 = 5 exit", 8, "BPF0011", "expected `;` before `exit`"),
    ("*(int *)(r10 - 4) = 5; exit", 3, "BPF0018", "`u32`"),
    ("r1 = *(s64 *)(r2 + 0); exit", 8, "BPF0018", "write `u64`"),
    (
        "lock *(u16 *)(r1 + 0) += r2; exit",
        8,
        "BPF0018",
        "four or eight bytes",
    ),
    ("*(u64 *)(r1 + 0) += r2; exit", 18, "BPF0010", "write `lock"),
    ("r0 = (u8)r1; exit", 7, "BPF0018", "`r1 &= 0xff`"),
    (
        "ll: exit; r1 = ll",
        16,
        "BPF0017",
        "belongs to the language",
    ),
    ("#[cfg(x)] r0 = 1; exit", 1, "BPF0054", "load-time constant"),
    (".4byte 5; exit", 1, "BPF0012", "`.8byte 0x…`"),
    (
        "ld_pseudo r1, 7, 42; exit",
        15,
        "BPF0021",
        "no pseudo source 7",
    ),
];

#[test]
fn mistakes_in_sequences() {
    for &(source, column, code, part) in SEQUENCES {
        expect(source, &sequence(source), &[(1, column, code, part)]);
    }
}

/// An error that is expected: line, column, code, part of the message.
type Expected = (usize, usize, &'static str, &'static str);

/// Objects with mistakes; lines and columns as an editor counts them.
const OBJECTS: &[(&str, &[Expected])] = &[
    ("mod a {}", &[(1, 5, "BPF0051", "#[license = \"GPL\"]")]),
    (
        "#[licence = \"GPL\"] mod a {}",
        &[(1, 3, "BPF0052", "license")],
    ),
    (
        "#[license = \"GPL\"] #[license = \"MIT\"] mod a {}",
        &[(1, 22, "BPF0052", "given twice")],
    ),
    ("#[license = \"\"] mod a {}", &[(1, 13, "BPF0053", "empty")]),
    (
        "#[license = 5] mod a {}",
        &[(1, 13, "BPF0052", "a string is wanted")],
    ),
    (
        "#[license = \"GPL\"] #[min_kernel = \"five\"] mod a {}",
        &[(1, 35, "BPF0052", "not a kernel version")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[inline(never)] fn f() { exit } #[inline] pub fn g() { exit } }",
        &[
            (1, 30, "BPF0052", "write `#[inline]`"),
            (1, 78, "BPF0046", "leave `pub` out"),
        ],
    ),
    (
        "#[license = \"GPL\"] mod a { #[inline] #[socket_filter] fn f(c: *mut u8) -> i32 { exit } }",
        &[(1, 58, "BPF0046", "cannot be pasted")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[socket_filter] fn f(c: *mut u8) -> i32 { r2 = g ll; call bpf_loop; r2 = h ll; call bpf_loop; exit } fn g(a: u32) -> i32 { exit } fn h(a: u32, b: *mut u8) { exit } }",
        &[
            (
                1,
                82,
                "BPF0045",
                "`bpf_loop` calls `g` with 2 arguments, and `g` has 1 parameters\nnote: `g` is defined at line 1, column 143\nhelp: write `fn g(index: u64, ctx: *mut c_void) -> i64`",
            ),
            (1, 108, "BPF0045", "a number back from `h`"),
        ],
    ),
    (
        "struct A;",
        &[(1, 1, "BPF0010", "`#[license = \"GPL\"] pub mod name { … }`")],
    ),
    (
        "#[license = \"GPL\"] mod a {} mod b {}",
        &[(1, 29, "BPF0010", "another block")],
    ),
    (
        "#[target = \"usr\"] mod a { }",
        &[
            (1, 12, "BPF0053", "no such target"),
            (1, 23, "BPF0051", "no licence"),
        ],
    ),
    (
        "#[target = \"user\"] #[license = \"GPL\"] mod a { }",
        &[(1, 32, "BPF0053", "needs no licence")],
    ),
    (
        "#[target = \"user\"] mod a { static M: X = y(); const P: u32; #[socket_filter] fn f(ctx: *mut u8) -> i32 { exit } }",
        &[
            (1, 35, "BPF0050", "only the kernel has maps"),
            (1, 53, "BPF0050", "`P` has no value"),
            (1, 81, "BPF0052", "program of the kernel"),
        ],
    ),
    (
        "#[target = \"user\"] mod a { extern \"user\" { fn f(a: u64) -> u64; } }",
        &[(1, 47, "BPF0033", "#[helper = 1]")],
    ),
    (
        "#[target = \"user\"] mod a { extern \"user\" { #[helper = 1] fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8); } fn f() { exit } }",
        &[
            (1, 63, "BPF0058", "five registers"),
            (1, 111, "BPF0037", "defined twice"),
        ],
    ),
    (
        "#[target = \"user\"] mod a { fn f() { call bpf_ktime_get_ns; exit } }",
        &[(1, 42, "BPF0033", "no function or helper")],
    ),
    (
        "#[license = \"GPL\"] mod a { extern \"user\" { #[helper = 1] fn f(); } }",
        &[(1, 35, "BPF0050", "#[target = \"user\"]")],
    ),
    (
        "#[target = \"user\"] mod a { extern \"C\" { #[helper = 1] fn f(); } }",
        &[(1, 35, "BPF0050", "behind `extern`")],
    ),
    (
        "#[target = \"user\"] mod a { extern \"user\" { fn f() { exit } } }",
        &[(1, 51, "BPF0010", "the host has the function")],
    ),
    (
        "#[license = \"GPL\"] mod a { struct B; fn f() -> i32 { exit } }",
        &[(1, 28, "BPF0050", "define types outside")],
    ),
    (
        "#[license = \"GPL\"] mod a { static mut M: X = y(); }",
        &[(1, 35, "BPF0050", "leave `mut` out")],
    ),
    (
        "#[license = \"GPL\"] mod a { static M = y(); }",
        &[(1, 37, "BPF0010", "type of `M` is missing")],
    ),
    (
        "#[license = \"GPL\"] mod a { static M: X; }",
        &[(1, 35, "BPF0010", "sizes are never guessed")],
    ),
    (
        "#[license = \"GPL\"] mod a { static M: X = y(); const M: u32 = 1; }",
        &[(1, 53, "BPF0037", "first defined at line 1, column 45")],
    ),
    (
        "#[license = \"GPL\"] mod a { static Loader: X = y(); }",
        &[(1, 35, "BPF0037", "the macro uses itself")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[socket_filter] fn größe(ctx: *mut u8) -> i32 { exit } }",
        &[(
            1,
            48,
            "BPF0056",
            "does not take the name of the program `größe`",
        )],
    ),
    (
        "#[license = \"GPL\"] mod a { const P: f32; }",
        &[(1, 37, "BPF0057", "`f32`")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[cfg(x)] const P: u32; }",
        &[(1, 44, "BPF0054", "`#[cfg]`")],
    ),
    (
        "#[license = \"GPL\"] mod a { fn f<T>() { exit } }",
        &[(1, 32, "BPF0055", "generic")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[cfg(x)] fn f() -> i32 { exit } }",
        &[(1, 41, "BPF0054", "subprograms")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[kprob] fn f(ctx: *mut u8) -> i32 { exit } }",
        &[(1, 30, "BPF0052", "kprobe")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[tracepont(\"a\", \"b\")] fn f(ctx: *mut u8) -> i32 { exit } }",
        &[(1, 30, "BPF0052", "tracepoint")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[tracepoint] fn f(ctx: *mut u8) -> i32 { exit } }",
        &[(1, 30, "BPF0052", "#[tracepoint(\"category\", \"name\")]")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[tracepoint(\"a\", \"b\", \"c\")] fn f(ctx: *mut u8) -> i32 { exit } }",
        &[(1, 51, "BPF0052", "2 string(s)")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[raw_tracepoint(nme = \"b\")] fn f(ctx: *mut u8) -> i32 { exit } }",
        &[(1, 45, "BPF0052", "name")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[socket_filter] #[raw_tracepoint(\"b\")] fn f(ctx: *mut u8) -> i32 { exit } }",
        &[(1, 47, "BPF0052", "one kind")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[socket_filter] fn f() -> i32 { exit } }",
        &[(1, 48, "BPF0058", "one argument")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[socket_filter] fn f(ctx: *mut u8) { exit } }",
        &[(1, 48, "BPF0058", "returns an integer")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[socket_filter] fn f(ctx: *mut u8) -> i32 { r0 = 0; } }",
        &[(1, 73, "BPF0040", "`exit;`")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[socket_filter] fn f(ctx: *mut u8) -> i32 { } }",
        &[(1, 48, "BPF0041", "no instructions")],
    ),
    (
        "#[license = \"GPL\"] mod a { unsafe fn f() -> i32 { exit } }",
        &[(1, 28, "BPF0058", "`unsafe`")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[socket_filter] fn f(ctx: *mut u8) -> i32 { call g; exit } fn g() -> i32 { call f; exit } }",
        &[(1, 109, "BPF0038", "is a program")],
    ),
    (
        "#[license = \"GPL\"] mod a { #[socket_filter] fn f(ctx: *mut u8) -> i32 { call g; exit } fn g() -> i32 { call g; exit } }",
        &[(1, 109, "BPF0042", "`g` calls `g`")],
    ),
    (
        "#[license = \"GPL\"] mod a { static COUNTS: X = y(); #[socket_filter] fn f(ctx: *mut u8) -> i32 { r1 = COUNTS; exit } }",
        &[(1, 102, "BPF0038", "`r1 = COUNTS ll`")],
    ),
    (
        "#[license = \"GPL\"] mod a { const P: u32; #[socket_filter] fn f(ctx: *mut u8) -> i32 { r1 = -P; exit } }",
        &[(1, 92, "BPF0038", "load time")],
    ),
    (
        "#[license = \"GPL\"] #[min_kernel = \"5.10\"] mod a { #[socket_filter] fn f(ctx: *mut u8) -> i32 { call bpf_loop; r1 s/= 2; exit } }",
        &[
            (1, 101, "BPF0060", "Linux 5.17"),
            (1, 111, "BPF0060", "Linux 6.6"),
        ],
    ),
    (
        "#[license = \"GPL\"] mod a { #[weak] extern \"kernel\" { #[strong] fn f(); #[weak] fn f(a: u8); } }",
        &[
            (1, 30, "BPF0052", "has no attribute `weak`"),
            (
                1,
                56,
                "BPF0052",
                "there is no attribute or option `strong` here",
            ),
            (1, 83, "BPF0037", "`f` is defined twice"),
        ],
    ),
    (
        "#[license = \"GPL\"] mod a { extern \"kernel\" { fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8); fn g(a u8); fn h(self); #[cfg(any())] static v: u8; } }",
        &[
            (1, 49, "BPF0058", "five registers carry them"),
            (1, 97, "BPF0058", "cannot be read"),
            (1, 109, "BPF0058", "no `self`"),
            (1, 139, "BPF0054", "cannot have `#[cfg]`"),
        ],
    ),
    (
        "#[license = \"GPL\"]\nmod a {\n    #[socket_filter]\n    fn f(ctx: *mut u8) -> i32 {\n        r11 = 1;\n        r1 = w2;\n        goto nowhere;\n        r1 /= 0;\n        call nothing;\n        exit;\n    }\n}",
        &[
            (5, 9, "BPF0013", "`r11`"),
            (6, 14, "BPF0015", "mixes"),
            (7, 14, "BPF0030", "`nowhere`"),
            (8, 15, "BPF0025", "zero"),
            (9, 14, "BPF0033", "`nothing`"),
        ],
    ),
    // Of its callers a global function knows nothing but its types.
    (
        "#[license = \"GPL\"]\nmod a {\n    #[socket_filter]\n    fn f(ctx: *mut u8) -> i32 {\n        r1 = 1;\n        call g;\n        r0 = 0;\n        exit;\n    }\n    pub fn g(a: u64) -> i32 {\n        r0 = *(u8 *)(r1 + 0);\n        exit;\n    }\n}",
        &[(11, 9, "BPF0111", "a number")],
    ),
    (
        "#[license = \"GPL\"]\nmod a {\n    #[socket_filter]\n    fn f(ctx: *mut u8) -> i32 {\n        r1 = 1;\n        call g;\n        r0 = 0;\n        exit;\n    }\n    pub fn g(a: u64) -> i32 {\n        r0 = r2;\n        exit;\n    }\n}",
        &[(11, 9, "BPF0110", "`r2` is read before")],
    ),
    // A callback gets what its helper gives it.
    (
        "#[license = \"GPL\"]\n#[min_kernel = \"6.8\"]\nmod a {\n    #[socket_filter]\n    fn f(ctx: *mut u8) -> i32 {\n        r1 = 4;\n        r2 = g ll;\n        r3 = 0;\n        r4 = 0;\n        call bpf_loop;\n        r0 = 0;\n        exit;\n    }\n    fn g(index: u64, ctx: *mut u8) -> i32 {\n        r0 = 2;\n        exit;\n    }\n}",
        &[(16, 9, "BPF0142", "returns 2")],
    ),
];

#[test]
fn mistakes_in_objects() {
    for (source, expected) in OBJECTS {
        expect(source, &object(source), expected);
    }
}

/// Attributes with one mistake: the attribute, the column in it (from 1), part of the message.
const ATTRIBUTES: &[(&str, usize, &str)] = &[
    ("socket_filter(\"a\")", 15, "takes no arguments"),
    (
        "raw_tracepoint_writable",
        1,
        "#[raw_tracepoint_writable(\"name\")]",
    ),
    ("kprobe", 1, "#[kprobe(\"symbol\")]"),
    ("kprobe(\"\")", 8, "not the name of a function"),
    ("kprobe(\"a/b\")", 8, "not the name of a function"),
    ("kprobe(\"a\", \"b\")", 13, "1 string(s): symbol"),
    ("kprobe(\"a\", offset = \"4\")", 13, "a number of bytes"),
    ("kprobe(\"a\", offset = 4, offset = 8)", 25, "given twice"),
    ("kprobe(\"a\", offst = 4)", 13, "offset"),
    (
        "kprobe(\"a\", offset = 0x1ffffffffffffffff)",
        22,
        "too large",
    ),
    ("kretprobe(\"a\", offset = 4)", 16, "there is no attribute"),
    ("kprobe_multi", 1, "#[kprobe_multi(\"pattern\")]"),
    ("kretprobe_multi(5)", 17, "expected a string"),
    ("kprobe_session(\"a\", \"b\")", 21, "1 string(s): pattern"),
    (
        "uprobe(\"libc.so.6\")",
        1,
        "#[uprobe(\"path\", \"symbol\")]",
    ),
    ("uprobe(offset = 4)", 1, "#[uprobe(\"path\", \"symbol\")]"),
    ("uprobe(\"\", \"malloc\")", 8, "not the path of a file"),
    (
        "uretprobe(\"a\", \"b\", offset = 4)",
        1,
        "a symbol or an offset in the file",
    ),
    (
        "uprobe_multi(\"a\", symbol = \"b\")",
        19,
        "there is no attribute",
    ),
    ("uprobe_session = \"a\"", 1, "parentheses"),
    (
        "usdt(\"a\", \"b\")",
        1,
        "#[usdt(\"path\", \"provider\", \"name\")]",
    ),
    ("usdt(\"a\", \"b\", provider = \"c\")", 16, "given twice"),
    ("ksyscall(\"execve\")", 1, "#[kprobe(\"__x64_sys_execve\")]"),
    (
        "kretsyscall(\"execve\")",
        1,
        "#[kretprobe(\"__x64_sys_execve\")]",
    ),
    ("raw_tp(\"sys_enter\")", 1, "#[raw_tracepoint(\"name\")]"),
    ("btf_tracepoint(\"a\")", 1, "#[tp_btf(\"name\")]"),
    ("perf_event(frequency = 4)", 12, "takes no arguments"),
    ("sk_skb_verdict(5)", 16, "takes no arguments"),
    ("sk_skb", 1, "there is no attribute"),
    ("fentry(\"a\", \"b\")", 13, "1 string(s): function"),
    ("fentry(\"a/b\")", 8, "not the name of a function"),
    ("fexit(\"a\", sleepable = true)", 12, "word of its own"),
    ("lsm(\"a\", sleepable, sleepable)", 21, "given twice"),
    ("lsm_cgroup(\"a\", sleepable)", 17, "there is no attribute"),
    ("tp_btf(5)", 8, "expected a string"),
    ("freplace(sleepable)", 10, "there is no attribute"),
    (
        "struct_ops(\"tcp_congestion_ops\")",
        1,
        "#[struct_ops(\"ops\", \"member\")]",
    ),
];

#[test]
fn mistakes_in_attributes() {
    let before = "#[license = \"GPL\"] mod a { #[";
    for &(attribute, column, part) in ATTRIBUTES {
        let source = format!("{before}{attribute}] fn f(ctx: *mut u8) -> i32 {{ exit }} }}");
        let column = before.len() + column;
        expect(&source, &object(&source), &[(1, column, "BPF0052", part)]);
    }
}

/// Attributes, the kind in the object, the handle in the skeleton.
const KINDS: &[(&str, &str, &str)] = &[
    ("socket_filter", "SocketFilter", "SocketFilter"),
    (
        "raw_tracepoint_writable(\"n\")",
        "RawTracepointWritable { name : \"n\" , }",
        "RawTracepoint",
    ),
    (
        "kprobe(\"f\")",
        "Kprobe { symbol : \"f\" , offset : 0u64 }",
        "Kprobe",
    ),
    (
        "kprobe(offset = 0x10, symbol = \"f\")",
        "Kprobe { symbol : \"f\" , offset : 16u64 }",
        "Kprobe",
    ),
    (
        "kretprobe(\"f\")",
        "Kretprobe { symbol : \"f\" , }",
        "Kprobe",
    ),
    (
        "kprobe_multi(\"vfs_*\")",
        "KprobeMulti { pattern : \"vfs_*\" , }",
        "KprobeMulti",
    ),
    (
        "kretprobe_multi(\"f\")",
        "KretprobeMulti { pattern : \"f\" , }",
        "KprobeMulti",
    ),
    (
        "kprobe_session(\"f\")",
        "KprobeSession { pattern : \"f\" , }",
        "KprobeMulti",
    ),
    (
        "uprobe(\"/bin/a\", \"f\", offset = 4)",
        "Uprobe { path : \"/bin/a\" , symbol : \"f\" , offset : 4u64 }",
        "Uprobe",
    ),
    (
        "uprobe",
        "Uprobe { path : \"\" , symbol : \"\" , offset : 0u64 }",
        "Uprobe",
    ),
    (
        "uretprobe(\"a\", offset = 64)",
        "Uretprobe { path : \"a\" , symbol : \"\" , offset : 64u64 }",
        "Uprobe",
    ),
    (
        "uprobe_multi(\"a\", pattern = \"f*\")",
        "UprobeMulti { path : \"a\" , pattern : \"f*\" , }",
        "UprobeMulti",
    ),
    (
        "uretprobe_multi",
        "UretprobeMulti { path : \"\" , pattern : \"\" , }",
        "UprobeMulti",
    ),
    (
        "uprobe_session(\"a\", \"f\")",
        "UprobeSession { path : \"a\" , pattern : \"f\" , }",
        "UprobeMulti",
    ),
    (
        "usdt(\"a\", \"p\", \"n\")",
        "Usdt { path : \"a\" , provider : \"p\" , name : \"n\" , }",
        "Usdt",
    ),
    ("perf_event", "PerfEvent", "PerfEvent"),
    ("sk_skb_stream_parser", "SkSkbStreamParser", "SkSkb"),
    ("sk_skb_stream_verdict", "SkSkbStreamVerdict", "SkSkb"),
    ("sk_skb_verdict", "SkSkbVerdict", "SkSkb"),
    (
        "fentry(\"vfs_unlink\")",
        "Fentry { function : \"vfs_unlink\" , sleepable : false }",
        "Fentry",
    ),
    (
        "fexit(sleepable, function = \"f\")",
        "Fexit { function : \"f\" , sleepable : true }",
        "Fexit",
    ),
    (
        "fmod_ret",
        "FmodRet { function : \"\" , sleepable : false }",
        "FmodRet",
    ),
    (
        "tp_btf(\"sched_switch\")",
        "BtfTracepoint { name : \"sched_switch\" , }",
        "BtfTracepoint",
    ),
    (
        "lsm(sleepable)",
        "Lsm { hook : \"\" , sleepable : true }",
        "Lsm",
    ),
    (
        "lsm_cgroup(\"socket_bind\")",
        "LsmCgroup { hook : \"socket_bind\" , }",
        "LsmCgroup",
    ),
    (
        "iter(\"task\")",
        "Iter { target : \"task\" , sleepable : false }",
        "Iter",
    ),
    (
        "freplace(\"rule\")",
        "Extension { function : \"rule\" , }",
        "Extension",
    ),
    (
        "struct_ops(\"tcp_congestion_ops\", \"ssthresh\", sleepable)",
        "StructOps { ops : \"tcp_congestion_ops\" , member : \"ssthresh\" , sleepable : true }",
        "StructOps",
    ),
];

#[test]
fn attributes_become_kinds_and_handles() {
    for (attribute, kind, handle) in KINDS {
        let source = format!(
            "[ebpf_rt] #[license = \"GPL\"] mod a {{ #[{attribute}] fn f(ctx: *mut u8) -> i32 {{ r0 = 0; exit }} }}"
        );
        let expanded = crate::object::expand(source.parse().unwrap());
        assert_eq!(errors(expanded.clone()), [], "{attribute}");
        let text = expanded.to_string();
        assert!(text.contains(&format!("ProgramKind :: {kind} ,")), "{text}");
        assert!(
            text.contains(&format!("f : ebpf_rt :: programs :: {handle}")),
            "{text}"
        );
    }
}

/// Maps that no program names, by the kind of map and of program: whether that is a warning.
#[test]
fn unused_maps_are_those_that_need_a_name() {
    let cases = [
        ("HashMap<u32, u64>", "socket_filter", true),
        ("bpf::maps::Rodata<[u32; 4]>", "socket_filter", true),
        ("SockMap", "socket_filter", true),
        ("SockMap", "sk_skb_verdict", false),
        ("::bpf::SockHash<u32>", "sk_skb_stream_parser", false),
        (
            "StructOps",
            "struct_ops(\"tcp_congestion_ops\", \"init\")",
            false,
        ),
        ("MyTable", "socket_filter", false),
    ];
    for (ty, attribute, warned) in cases {
        let source = format!(
            "[ebpf_rt] #[license = \"GPL\"] mod a {{ static M: {ty} = x(); #[{attribute}] fn f(c: *mut u8) -> i32 {{ r0 = 0; exit }} }}"
        );
        let expanded = crate::object::expand(source.parse().unwrap());
        assert_eq!(errors(expanded.clone()), [], "{ty}");
        let text = expanded.to_string();
        assert_eq!(
            text.contains("static M : () = ()"),
            warned,
            "{ty} with {attribute}"
        );
    }
    // Raw names are names.
    let source = "[ebpf_rt] #[license = \"GPL\"] mod a { static r#type: Array<u64> = x(); #[socket_filter] fn f(c: *mut u8) -> i32 { r1 = r#type ll; r0 = 0; exit } }";
    let text = crate::object::expand(source.parse().unwrap()).to_string();
    assert!(!text.contains("static r#type : () = ()"));
}

#[test]
fn relaxed_code_wraps() {
    assert_eq!(sequence("#![relaxed] r1 = 0xffffffff; exit"), []);
    let program = "fn f(ctx: *mut u8) -> i32 { r0 = 0xffffffff; exit }";
    let on_function =
        format!("#[license = \"GPL\"] mod a {{ #[relaxed] #[socket_filter] {program} }}");
    assert_eq!(object(&on_function), []);
    let on_object =
        format!("#[license = \"GPL\"] #[relaxed] mod a {{ #[socket_filter] {program} }}");
    assert_eq!(object(&on_object), []);
    let nowhere = format!("#[license = \"GPL\"] mod a {{ #[socket_filter] {program} }}");
    assert_eq!(object(&nowhere).len(), 1);
}

#[test]
fn an_object_with_errors_keeps_its_items() {
    let source = "[ebpf_rt] #[license = \"GPL\"] pub mod a { static M: X = y(); #[socket_filter] fn f(ctx: *mut u8) -> i32 { r11 = 1; exit } }";
    let expanded = crate::object::expand(source.parse().unwrap()).to_string();
    for kept in [
        "pub mod a",
        "pub struct Skeleton",
        "pub M : X",
        "pub f :",
        "pub fn load",
    ] {
        assert!(expanded.contains(kept), "{kept} is missing");
    }
}

#[test]
fn fragments_are_operands_in_the_editor_too() {
    use ebpf_asm::syntax::{ParseOptions, parse_sequence};
    // What rust-analyzer makes of `r1 = $a; r2 = (s8)r3; …` with expressions for the fragments.
    let source =
        "r1 = (4 * 4); r2 = (s8)r3; r3 += (5); r4 = *(u8 *)(r1 + (2 + 6)); if r1 > (A) goto +0;";
    let problems = |source: &str, in_editor| {
        let tokens = crate::tokens::Tokens::read(source.parse().unwrap(), in_editor);
        let parsed = parse_sequence(&tokens.list, ParseOptions::default());
        parsed.diagnostics.len()
    };
    assert_eq!(problems(source, true), 0);
    assert_eq!(
        problems(source, false),
        4,
        "in rustc parentheses are no operands"
    );
    let facts = "r1 = offsetof(a.b[2].c); r1 += sizeof(a); if r1 == exists(a) goto +0; *(u8 *)(r1 + offsetof(a.b)) = enumval(a.b); call enumval(a.b)";
    assert_eq!(problems(facts, true), 0);
    assert_eq!(problems(facts, false), 0);
}

/// The examples in the explanation of each code: those that fail do so with this code and no
/// other, those that do not are accepted.
#[test]
fn explanations_hold() {
    use ebpf_asm::diag::Rule;
    // About a text's size or shape that no short example has, or what only a file can have.
    const WITHOUT_BAD_EXAMPLE: &[Rule] = &[
        Rule::UnknownSymbol,
        Rule::JumpRange,
        Rule::UnusedLabel,
        Rule::UnreadableListing,
        // What depends on a map, rustc decides.
        Rule::MapValueBounds,
        Rule::MapKind,
        Rule::SpinLock,
        // No kind of program here has such a hook.
        Rule::ReturnRange,
        // About maps.
        Rule::MayLeaveMemory,
    ];
    for &rule in Rule::ALL {
        let mut bad = 0;
        let mut good = 0;
        let explanation = rule.explanation();
        assert!(
            !explanation.starts_with('#') && explanation.len() > 80,
            "{rule}"
        );
        let blocks = explanation.split("```");
        for block in blocks.skip(1).step_by(2) {
            let (language, source) = block.split_once('\n').expect("a language");
            let (language, fails) = match language.split_once(',') {
                Some((language, "fails")) => (language, true),
                _ => (language, false),
            };
            let found: Vec<String> = match language {
                "bpf" => sequence(source).into_iter().map(|f| f.2).collect(),
                "ebpf" => object(source).into_iter().map(|f| f.2).collect(),
                "text" => match ebpf_asm::assemble(source) {
                    Ok(_) => Vec::new(),
                    Err(diagnostics) => diagnostics.iter().map(|d| d.to_text()).collect(),
                },
                "check" => predictions(source),
                other => panic!("{rule}: a block of {other}"),
            };
            if fails {
                bad += 1;
                assert!(!found.is_empty(), "{rule}: this is accepted:\n{source}");
                for message in &found {
                    assert!(message.starts_with(rule.as_str()), "{rule}: {message}");
                }
            } else {
                good += 1;
                assert_eq!(found, [""; 0], "{rule}: the cure has errors");
            }
        }
        let has_bad = !WITHOUT_BAD_EXAMPLE.contains(&rule);
        assert_eq!(bad > 0, has_bad, "{rule}: an example that fails");
        assert!(good > 0 || !has_bad, "{rule}: an example that does not");
    }
}

/// The rows are of line, column, code and message.
const PREDICTIONS: &[(u32, u32, &str, &str)] = &[
    (
        9,
        5,
        "BPF0200",
        "the size in `r2` may be negative, as far as kernels know",
    ),
    (
        11,
        5,
        "BPF0201",
        "the size in `r2` has no upper bound that kernels know",
    ),
    (
        10,
        5,
        "BPF0203",
        "the size in `r2` may be 0, as far as kernels know, and the helper takes at least 1 byte",
    ),
    (
        10,
        5,
        "BPF0204",
        "as far as kernels know, this writes something between `r10 -8` and `r10 +7`: the frame is the 512 bytes before `r10`",
    ),
    (
        8,
        5,
        "BPF0205",
        "`r2` has no lower bound that kernels know, and is added to a pointer to the stack",
    ),
    (
        13,
        5,
        "BPF0206",
        "on a path that leads here `r2` was not compared with the end of the packet",
    ),
    (
        9,
        5,
        "BPF0207",
        "`r7`, a pointer to a socket, was not compared with 0 on a path that leads here",
    ),
    (
        7,
        5,
        "BPF0208",
        "the kernel walks through every round of this loop, about 1200002 instructions, and gives up after 1000000",
    ),
    (
        9,
        5,
        "BPF0209",
        "`r0` holds nothing on a path that leads here",
    ),
    (
        10,
        5,
        "BPF0210",
        "`r7` holds a number on a path that leads here",
    ),
    (
        3,
        5,
        "BPF0211",
        "the loop comes back here with everything as it was, as far as kernels know",
    ),
    (
        5,
        5,
        "BPF0212",
        "as far as kernels know, the program may return something else than 0 to 1, which is what `cgroup_sock` programs return",
    ),
    (
        19,
        5,
        "BPF0213",
        "a reference is not given back on a path that leads here",
    ),
    (
        10,
        5,
        "BPF0214",
        "8 bytes of the stack, at an offset that may be no multiple of 8, as far as kernels know",
    ),
    (
        2,
        5,
        "BPF0215",
        "on a path that leads here nothing was written at `r10 -8` or below, where kernels before 6.8 do not allow to read",
    ),
];

/// Where the first example of each prediction is warned about, and with which words.
#[test]
fn predictions_stand_at_their_instruction() {
    use ebpf_asm::diag::Rule;
    // `MayLeaveMemory` is about maps: `predict.rs` of ebpf-asm has its row.
    let is_here = |rule: &&Rule| **rule as u16 >= 200 && **rule != Rule::MayLeaveMemory;
    for rule in Rule::ALL.iter().filter(is_here) {
        let explanation = rule.explanation();
        let example = explanation.split("```check,fails\n").nth(1);
        let source = example.and_then(|text| text.split("```").next());
        let diagnostics = predicted(source.expect("an example that fails"));
        let first = diagnostics.iter().next().expect("a prediction");
        let (line, column) = (first.span.line, first.span.column);
        let message = first.message.as_str();
        let found = (line, column, first.code.as_str(), message);
        assert!(PREDICTIONS.contains(&found), "{found:?}");
    }
}

/// What the checker says about a text whose first line names its type, and perhaps its oldest
/// kernel.
fn predictions(source: &str) -> Vec<String> {
    predicted(source).iter().map(|d| d.to_text()).collect()
}

fn predicted(source: &str) -> ebpf_asm::Diagnostics {
    use ebpf_asm::{AssembleOptions, KernelVersion, ProgramType, check_text};
    let first = source
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("# "));
    let first = first.expect("a type");
    let (name, oldest) = first.split_once(", Linux ").unwrap_or((first, "5.10"));
    let program_type = ProgramType::from_name(name).expect("a type");
    let options = AssembleOptions::default();
    let diagnostics = check_text(source, &options, |program| {
        program.program_type = Some(program_type);
        program.gpl_compatible = Some(true);
        program.min_kernel = KernelVersion::parse(oldest).expect("a version");
    });
    assert!(!diagnostics.has_errors(), "{diagnostics}");
    diagnostics
}
