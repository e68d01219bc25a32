//! What holds for every instruction, every byte, every text.
#![cfg(all(feature = "text", feature = "listing"))]

use ebpf_asm::isa::{Decoded, Field, Form, Insn, Instruction, Register, TABLE, decode, decode_all};
use ebpf_asm::syntax::ast::{Statement, Target};
use ebpf_asm::syntax::{ParseOptions, lex, parse_sequence};
use ebpf_asm::{Code, Diagnostics, assemble, import};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases in every run; `PROPTEST_CASES` asks for another number of them.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0xebbf),
        ..ProptestConfig::default()
    }
}

/// Numbers with the edges of all fields among them.
fn imm() -> impl Strategy<Value = i32> {
    prop_oneof![
        Just(0),
        -3..3,
        28..68,
        Just(i32::MIN),
        Just(i32::MAX),
        -129..-126,
        254..258,
        -32770..-32766,
        65534..65538,
        any::<i32>(),
    ]
}

fn offset() -> impl Strategy<Value = i16> {
    prop_oneof![
        Just(0),
        -8_i16..8,
        Just(i16::MIN),
        Just(i16::MAX),
        any::<i16>()
    ]
}

fn register() -> impl Strategy<Value = Register> {
    (0..11_u8).prop_map(|index| Register::from_index(index).expect("below 11"))
}

fn instruction() -> impl Strategy<Value = Instruction> {
    let operands = (
        register(),
        register(),
        offset(),
        imm(),
        prop_oneof![Just(0), imm()],
    );
    (0..TABLE.len(), operands).prop_map(|(row, (dst, src, offset, imm, high))| {
        Instruction::from_parts(TABLE[row].form, dst, src, offset, imm, high)
    })
}

/// Any slot: an instruction, half of one, nonsense.
fn slot() -> impl Strategy<Value = Insn> {
    let odd =
        (0..TABLE.len(), any::<u8>(), offset(), imm()).prop_map(|(row, regs, offset, imm)| {
            Insn::from_fields(TABLE[row].opcode, regs & 0xf, regs >> 4, offset, imm)
        });
    prop_oneof![
        3 => instruction().prop_map(|instruction| instruction.encode()[0]),
        1 => odd,
        1 => any::<[u8; 8]>().prop_map(Insn::from_le_bytes),
    ]
}

/// Code of any slots, with labels that are names or nearly so.
fn code() -> impl Strategy<Value = Code> {
    let whole = instruction().prop_map(|instruction| instruction.encode().to_vec());
    let any = slot().prop_map(|slot| vec![slot]);
    let near = (instruction(), -6_i16..6).prop_map(|(instruction, distance)| {
        // Jumps of a program mostly stay in it.
        let form = instruction.form();
        let (dst, src) = (
            instruction.dst().unwrap_or_default(),
            instruction.src().unwrap_or_default(),
        );
        let imm = match form {
            Form::CallLocal | Form::GotoLong => i32::from(distance),
            _ => instruction.imm(),
        };
        Instruction::from_parts(form, dst, src, distance, imm, 0)
            .encode()
            .to_vec()
    });
    let slots = proptest::collection::vec(prop_oneof![whole, any, near], 0..30);
    let names = prop_oneof![
        "[a-z_]{1,4}",
        "r[0-9]{1,2}",
        "exit|goto|pc|ll|bpf_map_lookup_elem",
        "\\PC{0,3}"
    ];
    let labels = proptest::collection::vec((0..40_u32, names), 0..6);
    (slots, labels).prop_map(|(slots, labels)| Code::from_vec(slots.concat()).with_labels(labels))
}

/// Every instruction with every operand at the edges of every field.
#[test]
fn the_language_says_what_it_claims_to_at_the_edges() {
    #[rustfmt::skip] // The edges of a field are a line.
    let imms = [
        0, 1, -1, i32::MIN, i32::MAX,
        31, 32, 33, 63, 64, 65,
        -128, -129, 127, 128, 255, 256,
        -32768, -32769, 32767, 32768, 65535, 65536,
    ];
    let offsets = [0, 1, -1, i16::MIN, i16::MAX];
    let registers = [Register::R0, Register::R1, Register::R10];
    let (mut said, mut unsaid) = (0, 0);
    for row in &TABLE {
        let operand = |field| field == Field::Operand;
        let registers_of = |field| {
            if operand(field) {
                &registers[..]
            } else {
                &registers[..1]
            }
        };
        let offsets = if operand(row.offset) {
            &offsets[..]
        } else {
            &offsets[..1]
        };
        let imms = if operand(row.imm) {
            &imms[..]
        } else {
            &imms[..1]
        };
        for &dst in registers_of(row.dst) {
            for &src in registers_of(row.src) {
                for (&offset, &imm) in offsets
                    .iter()
                    .flat_map(|o| imms.iter().map(move |i| (o, i)))
                {
                    let instruction = Instruction::from_parts(row.form, dst, src, offset, imm, imm);
                    let text = instruction.to_string();
                    let expected = instruction.is_in_dialect().then_some(instruction);
                    assert_eq!(parse(&text), expected, "{text}");
                    assert_eq!(
                        decode(&instruction.encode()),
                        Some(Decoded::Known(instruction))
                    );
                    *if expected.is_some() {
                        &mut said
                    } else {
                        &mut unsaid
                    } += 1;
                }
            }
        }
    }
    assert!(said > 5000 && unsaid > 5000, "{said} {unsaid}");
}

/// What a text says, if it is one instruction of the language. Jumps are not resolved.
fn parse(text: &str) -> Option<Instruction> {
    let mut diagnostics = Vec::new();
    let tokens = lex(text, &mut diagnostics);
    let parsed = parse_sequence(&tokens, ParseOptions::default());
    if !diagnostics.is_empty() || !parsed.diagnostics.is_empty() {
        return None;
    }
    let [Statement::Instruction(node)] = &parsed.tree.statements[..] else {
        return None;
    };
    let (mut offset, mut imm) = (node.offset, node.imm);
    match &node.target {
        Target::None => {}
        Target::Distance { slots, .. } => match node.form {
            Form::GotoLong | Form::CallLocal => imm = *slots,
            _ => offset = i16::try_from(*slots).ok()?,
        },
        _ => return None,
    }
    Some(Instruction::from_parts(
        node.form,
        node.dst,
        node.src,
        offset,
        imm,
        node.imm_high,
    ))
}

/// Whatever is wrong with a text is said about a place in it.
fn check_answer(text: &str, answer: Result<Code, Diagnostics>) -> Result<(), TestCaseError> {
    let Err(errors) = answer else { return Ok(()) };
    prop_assert!(errors.has_errors(), "{text:?}: an error without an error");
    for error in &errors {
        let (start, end) = (error.span.start as usize, error.span.end as usize);
        prop_assert!(text.get(start..end).is_some(), "{text:?}: {error:?}");
        prop_assert!(
            error.span.line >= 1 && error.span.column >= 1,
            "{text:?}: {error:?}"
        );
    }
    // Showing them must not fail either.
    prop_assert!(!errors.to_string().is_empty());
    Ok(())
}

/// The language's own words, and some that are nearly its own.
#[rustfmt::skip]
const VOCABULARY: &[&str] = &[
    "r0", "r1", "r2", "r10", "r11", "w0", "w3", "R1", "=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=",
    "s>>=", "s/=", "s%=", "==", "!=", "<", "<=", ">", ">=", "s<", "s<=", "s>", "s>=", "&", "+", "-", "*", "/", "!", "~",
    "(", ")", "[", "]", "{", "}", "(u8 *)", "(u32 *)", "(u64 *)", "(s8)", "(s32 *)", "(r1 + 8)", "(r10 - 8)", "*(u32 *)(r1 + 0)",
    "skb[10]", "skb[r1 + 2]", "0", "1", "10", "-1", "64", "017", "5ll", "0xffffffff", "0x1122334455667788", "1.5", "b'a'", "'a'", "\"s\"",
    "ll", "if", "goto", "gotol", "gotox", "may_goto", "call", "callx", "exit", "lock", "ld_pseudo", "store_release", "load_acquire",
    "addr_space_cast", "atomic_fetch_add", "atomic64_xchg", "cmpxchg_64", "xchg32_32", "be16", "le32", "bswap64", "kfunc", "kernel-function#7",
    "bpf_map_lookup_elem", "bpf_map_lookup_elem#1", "pc+1", "pc-1", "+1", "-1", "1f", "1b", "1:", "a", "b", "a:", "b:", "done:", "l_%=:", "l_%=",
    "const", "A", ": u32 =", ".8byte", ".", ",", ";", ";", ";", "\n", "\n", "\n", "\r\n", "\t", "#", "//", "/*", "*/", "#[cfg(x)]", "::", "é", "\u{feff}", "\0",
    "r1 = 1\n", "r0 = A\n", "goto a\n", "call a\n", "const A = 5\n", "{A + 1}", "{(1", "exit\n",
    // What listings have.
    "0:", "1:", "7: (85)", "(18)", "b7 00 00 00 00 00 00 00", "95 00", "<a>", "<a>:", "0000000000000018 <b>:", "; x = 1;\n", "from 1 to 2:", "R1=ctx()",
    "fn a:", "program p: socket_filter", "Disassembly of section x:\n",
];

fn soup() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(VOCABULARY);
    let gap = prop_oneof![4 => Just(" "), 1 => Just("")];
    proptest::collection::vec((word, gap), 0..40).prop_map(|words| {
        words
            .into_iter()
            .flat_map(|(word, gap)| [word, gap])
            .collect()
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn decode_inverts_encode(instruction in instruction()) {
        let decoded = decode(&instruction.encode());
        prop_assert_eq!(decoded, Some(Decoded::Known(instruction)));
    }

    #[test]
    fn encode_inverts_decode(slots in proptest::collection::vec(slot(), 0..20)) {
        let again: Vec<Insn> = decode_all(&slots).flat_map(|(_, decoded)| decoded.encode().to_vec()).collect();
        prop_assert_eq!(again, slots);
    }

    #[test]
    fn bytes_survive_every_form(bytes in any::<[u8; 8]>()) {
        let insn = Insn::from_le_bytes(bytes);
        prop_assert_eq!(insn.to_le_bytes(), bytes);
        let again = Insn::from_fields(insn.opcode(), insn.dst(), insn.src(), insn.offset(), insn.imm());
        prop_assert_eq!(again, insn);
    }

    #[test]
    fn the_language_says_what_it_claims_to(instruction in instruction()) {
        let text = instruction.to_string();
        if instruction.is_in_dialect() {
            prop_assert_eq!(parse(&text), Some(instruction), "{}", text);
        } else {
            prop_assert_eq!(parse(&text), None, "{}", text);
        }
    }

    #[test]
    fn text_of_instructions_assembles_to_their_bytes(instruction in instruction()) {
        let landing = instruction.jump_distance().is_none_or(|distance| (-4..4).contains(&distance));
        prop_assume!(landing);
        let padding = "exit\n".repeat(4);
        let assembled = assemble(&format!("{padding}{instruction}\n{padding}"));
        let mut expected = vec![Instruction::exit().encode()[0]; 4];
        expected.extend_from_slice(&instruction.encode());
        expected.extend([Instruction::exit().encode()[0]; 4]);
        match assembled {
            Ok(code) => {
                prop_assert!(instruction.is_in_dialect(), "{} assembles", instruction);
                prop_assert_eq!(code.insns(), &expected[..]);
            }
            Err(errors) => prop_assert!(!instruction.is_in_dialect(), "{}", errors),
        }
    }

    #[test]
    fn listings_are_read_back(code in code()) {
        for listing in [code.to_string(), code.plain().to_string()] {
            let again = import::listing(&listing);
            prop_assert!(again.is_ok(), "{}\n{:?}", listing, again);
            let again = again.unwrap();
            prop_assert_eq!(&again, &code, "{}", listing);
            prop_assert_eq!(again.to_string(), code.to_string());
        }
    }

    #[test]
    fn the_text_of_a_listing_assembles(code in code()) {
        let text = code.plain().to_string();
        let again = assemble(&text);
        prop_assert!(again.is_ok(), "{}\n{}", text, again.unwrap_err());
        prop_assert_eq!(again.unwrap(), code, "{}", text);
    }

    #[test]
    fn any_text_gets_an_answer(text in "\\PC*") {
        check_answer(&text, assemble(&text))?;
        check_answer(&text, import::listing(&text))?;
    }

    #[test]
    fn the_languages_own_words_get_an_answer(text in soup()) {
        check_answer(&text, assemble(&text))?;
        check_answer(&text, import::listing(&text))?;
    }
}
