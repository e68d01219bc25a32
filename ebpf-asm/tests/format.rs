//! The formatter: what it changes, and what it must not.
#![cfg(feature = "text")]

use ebpf_asm::format::{SourceForm, body, file, object};
use ebpf_asm::{AssembleOptions, assemble_with};
use proptest::prelude::*;

fn formatted(source: &str) -> String {
    let once = body(source, "    ", SourceForm::Macro).expect("tokens");
    let twice = body(&once, "    ", SourceForm::Macro).expect("tokens");
    assert_eq!(once, twice, "formatting again changes {once}");
    once
}

#[test]
fn statements_labels_and_comments_get_their_places() {
    let source = "
    // first

r0   =   0 ;r1=-5;   // five
        /* own
           line */


    loop:  r0+=1; // more
    w1 = - w1;
    if r0<{ LIMIT * 2 } goto loop;
    exit
    ";
    let expected = "
        // first

        r0 = 0;
        r1 = -5;  // five
        /* own
           line */

    loop:
        r0 += 1;  // more
        w1 = -w1;
        if r0 < { LIMIT * 2 } goto loop;
        exit;
    ";
    assert_eq!(formatted(source), expected);
}

#[test]
fn comments_keep_a_column_that_they_share() {
    let source = "
        r0 = 0;             // a
        r1 = 1;             // b

        exit;               // c
    ";
    assert_eq!(formatted(source), source);
    // A statement that has grown over it moves all of its paragraph.
    let grown = source.replace("r0 = 0;  ", "r0 = 0x1234567812345678 ll;");
    let expected = "
        r0 = 0x1234567812345678 ll;  // a
        r1 = 1;                      // b

        exit;  // c
    ";
    assert_eq!(formatted(&grown), expected);
}

#[test]
fn what_a_comment_interrupts_stays_as_it_is() {
    let source = "
        r0 =   /* odd */ 5;
        r1 =   // very odd
            6;
        exit;
    ";
    assert_eq!(formatted(source), source);
}

#[test]
fn a_block_on_one_line_stays_on_it() {
    assert_eq!(formatted("r0=0;exit"), " r0 = 0; exit ");
    assert_eq!(formatted(" r0 = 0; exit; "), " r0 = 0; exit; ");
    assert_eq!(formatted(""), "");
}

#[test]
fn spaces_are_those_of_the_listing() {
    for text in [
        "lock *(u64 *)(r0 + 0) += r1;",
        "r2 = atomic_fetch_add((u64 *)(r1 - 8), r2);",
        "r0 = cmpxchg_64(r1 + 8, r0, r2);",
        "r1 = load_acquire((u32 *)(r2 + 4));",
        "store_release((u8 *)(r2 + 4), w3);",
        "r1 s>>= 3;",
        "if r1 s<= -4 goto +3;",
        "if w1 & 1 goto done;",
        "r1 = (s8)r2;",
        "r1 = *(s16 *)(r2 + 0);",
        "r0 = *(u8 *)skb[30];",
        "r0 = *(u16 *)skb[r1];",
        "r1 = bswap16 r1;",
        "r1 s/= r2;",
        "r1 = COUNTS + 8 ll;",
        "goto pc+3;",
        "call bpf_map_lookup_elem;",
        "call pc-2;",
        "goto 1b;",
        ".8byte 0x95;",
        "ld_pseudo r1, 2, 42, 16;",
        "*(u32 *)(r10 - {size_of::<u32>()}) = -LIMIT;",
        "r1 = -{LIMIT};",
        "r1 = offsetof(task_struct.pid);",
    ] {
        assert_eq!(formatted(text).trim(), text);
        let squeezed = text
            .replace(" + ", "+")
            .replace(" - ", "-")
            .replace(", ", ",");
        assert_eq!(formatted(&squeezed).trim(), text);
    }
}

#[test]
fn functions_of_objects_are_formatted_and_nothing_else() {
    let source = "#[license=\"GPL\"]
    mod m {
      static   A: Array<u64> = Array::with_max_entries( 1 );
      extern \"kernel\" { fn f( a: i32 ); }
        #[socket_filter]
        fn filter( ctx: *mut c_void )->i32 {
      r0=0; // nothing
      exit
        }
        fn   g() -> i32 { r0=0;exit }
    }
";
    let expected = "#[license=\"GPL\"]
    mod m {
      static   A: Array<u64> = Array::with_max_entries( 1 );
      extern \"kernel\" { fn f( a: i32 ); }
        #[socket_filter]
        fn filter( ctx: *mut c_void )->i32 {
            r0 = 0;  // nothing
            exit;
        }
        fn   g() -> i32 { r0 = 0; exit }
    }
";
    let once = object(source, "", SourceForm::Macro).expect("tokens");
    assert_eq!(once, expected);
    assert_eq!(object(&once, "", SourceForm::Macro).expect("tokens"), once);
}

#[test]
fn text_files_keep_their_line_ends_and_constants_stand_at_the_left() {
    let source =
        "# what it is\nconst LIMIT : u32=4 ;\nr0=0 # zero\nif r0<LIMIT goto done\ndone : exit\n";
    let expected = "# what it is\nconst LIMIT : u32 = 4;\n    r0 = 0  # zero\n    if r0 < LIMIT goto done\ndone:\n    exit\n";
    let once = file(source).expect("tokens");
    assert_eq!(once, expected.replace("LIMIT : u32", "LIMIT: u32"));
    assert_eq!(file(&once).expect("tokens"), once);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let diagnostics = body("r0 = 0; /* no end", "", SourceForm::Macro).expect_err("no end");
    assert_eq!(diagnostics.as_slice()[0].code, "BPF0002");
}

/// Texts of instructions, from facts that were not made by the formatter.
fn instructions() -> Vec<&'static str> {
    include_str!("data/isa.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .skip(1)
        .filter_map(|line| line.split('\t').nth(2))
        .filter(|text| assembled(text).is_some())
        .collect()
}

fn assembled(text: &str) -> Option<Vec<u8>> {
    let code = assemble_with(text, &AssembleOptions::default()).ok()?;
    Some(code.to_le_bytes())
}

#[test]
fn every_instruction_keeps_its_bytes_and_its_canonical_text() {
    let texts = instructions();
    assert!(texts.len() > 130, "{}", texts.len());
    for text in texts {
        let once = file(text).expect("tokens");
        assert_eq!(assembled(&once), assembled(text), "{once}");
        assert_eq!(once.trim(), text);
    }
}

proptest! {
    #[test]
    fn white_space_and_comments_change_no_byte(
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0..6_usize), 1..12),
    ) {
        const BEHIND: [&str; 6] = ["\n", ";\n", " // a\n", ";  # b\n\n\n", "; /* c */", "\n\n /* d\n e */\n"];
        let texts = instructions();
        let mut source = String::new();
        for (text, behind) in &picks {
            source.push_str(&text.get(&texts).replace(' ', "  "));
            source.push_str(BEHIND[*behind]);
        }
        let once = file(&source).expect("tokens");
        prop_assert_eq!(assembled(&once), assembled(&source), "{}\n{}", source, once);
        prop_assert_eq!(file(&once).expect("tokens"), once.clone());
        // No comment gets lost.
        for mark in ["// a", "# b", "/* c */", "/* d\n e */"] {
            prop_assert_eq!(once.matches(mark).count(), source.matches(mark).count(), "{}", once);
        }
    }

    #[test]
    fn no_text_makes_it_panic(source in "[ -~\n]{0,60}|[r01a-f;:*(){}#/ \n=+-]{0,60}") {
        // What is no program may look different the second time (`:` and `:a` on two lines).
        if let Ok(once) = file(&source) {
            let again = file(&once).expect("still tokens");
            prop_assert!(assembled(&source).is_none() || again == once, "{}", again);
        }
        if let Ok(once) = body(&source, "", SourceForm::Macro) {
            prop_assert!(body(&once, "", SourceForm::Macro).is_ok(), "{}", once);
        }
    }
}
