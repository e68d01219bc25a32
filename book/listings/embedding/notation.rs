//! Listing: the answer to an exercise, rules as text.

// ANCHOR: file
use ebpf_asm::vm::Vm;

#[expect(dead_code, reason = "these are other rules")]
mod rules;

use rules::{CHARACTER, READ, Rule, WRITE};

const BLOCK: i32 = 1;
const MKNOD: i32 = 1;

// ANCHOR: parse
/// Reads `c 1:3 rw`, preceded by `!` if it denies.
fn parse(text: &str) -> Option<Rule> {
    let (allow, text) = match text.strip_prefix('!') {
        Some(rest) => (false, rest),
        None => (true, text),
    };
    let mut words = text.split_whitespace();
    let kind = match words.next()? {
        "a" => None,
        "b" => Some(BLOCK),
        "c" => Some(CHARACTER),
        _ => return None,
    };
    let number = |word: &str| match word {
        "*" => Some(None),
        number => number.parse().ok().map(Some),
    };
    let (major, minor) = words.next()?.split_once(':')?;
    let mut access = 0;
    for letter in words.next()?.chars() {
        access |= match letter {
            'r' => READ,
            'w' => WRITE,
            'm' => MKNOD,
            _ => return None,
        };
    }
    Some(Rule {
        allow,
        kind,
        major: number(major)?,
        minor: number(minor)?,
        access,
    })
}
// ANCHOR_END: parse

// ANCHOR: main
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rules: Option<Vec<Rule>> = ["c *:* r", "!c 1:5 r", "a *:* m"]
        .map(parse)
        .into_iter()
        .collect();
    let code = rules::filter(&rules.ok_or("not a rule")?)?;
    let mut vm = Vm::new();
    let program = vm.load_code("devices", &code);
    for (name, access, kind, minor) in [
        ("read c 1:3", READ, CHARACTER, 3),
        ("read c 1:5", READ, CHARACTER, 5),
        ("mknod b 1:3", MKNOD, BLOCK, 3),
        ("write b 1:3", WRITE, BLOCK, 3),
    ] {
        let request = [access << 16 | kind, 1, minor];
        let mut context = request.map(i32::to_ne_bytes).concat();
        let allowed = vm.run(program, &mut context)? != 0;
        println!("{name}: {allowed}");
    }
    Ok(())
}
// ANCHOR_END: main
// ANCHOR_END: file
