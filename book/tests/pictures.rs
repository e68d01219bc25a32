//! The pictures are those that their sources give.

use book_listings::pictures::{pictures, words};
use book_listings::{book, missing_tool};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    if updates()
        && let Err(words) = draw_what_changed()
    {
        eprintln!("{words}");
        return ExitCode::FAILURE;
    }
    let trials = vec![
        Trial::test("pictures_are_drawn_from_their_sources", drawn),
        Trial::test("bytes_in_pictures_are_true", bytes),
        Trial::ignorable_test("drawn_again_they_say_the_same", again),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn updates() -> bool {
    std::env::var_os("BOOK_UPDATE").is_some_and(|value| value == "1")
}

/// Before any test looks at them.
fn draw_what_changed() -> Result<(), String> {
    for picture in pictures() {
        let path = picture.svg_path();
        if !std::fs::read_to_string(&path).is_ok_and(|svg| svg.contains(&picture.mark())) {
            let about = |error| format!("{}: {error}", path.display());
            std::fs::write(&path, picture.draw()?).map_err(about)?;
        }
    }
    Ok(())
}

fn drawn() -> Result<(), Failed> {
    for picture in pictures() {
        let path = picture.svg_path();
        let mark = picture.mark();
        let svg = std::fs::read_to_string(&path)?;
        if !svg.contains(&mark) {
            return Err(format!(
                "{}: its source has changed; BOOK_UPDATE=1 cargo test -p book-listings --test \
                 pictures draws it",
                path.display()
            )
            .into());
        }
        let line = format!("{{{{#include ../pictures/{}.svg}}}}", picture.name);
        let readme = std::fs::read_to_string(book().join("README.md"))?;
        assert!(
            readme.contains(&line),
            "book/README.md does not name {line}"
        );
        assert!(svg.contains("aria-label=\""), "{}", picture.name);
        // An empty line would end it in Markdown.
        assert!(!svg.contains("\n\n"), "{}", picture.name);
    }
    Ok(())
}

fn bytes() -> Result<(), Failed> {
    let mut count = 0;
    for picture in pictures() {
        for fact in picture.comments("is:") {
            let (text, bytes) = fact.split_once('|').ok_or("is: INSTRUCTION | BYTES")?;
            // A jump needs something to land on.
            let source = format!("{text}\nr0 = 0\nexit\n");
            let code = ebpf_asm::assemble(&source).map_err(|error| error.to_string())?;
            let bytes: Vec<&str> = bytes.split_whitespace().collect();
            let found: Vec<String> = code.to_le_bytes()[..bytes.len()]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(found, bytes, "{text}");
            // The picture says it, slot by slot: the opcode, the constant.
            let svg = std::fs::read_to_string(picture.svg_path())?;
            let words = words(&svg);
            for slot in bytes.chunks(8) {
                for part in [slot[0].to_owned(), slot[4..].join(" ")] {
                    assert!(words.contains(&part), "{text}: {part}");
                }
            }
            count += 1;
        }
    }
    assert!(count > 0);
    Ok(())
}

fn again() -> Result<Completion, Failed> {
    if Command::new("dot").arg("-V").output().is_err() {
        let reason = missing_tool("needs dot: apt-get install graphviz")?;
        return Ok(Completion::ignored_with(reason));
    }
    for picture in pictures() {
        let svg = std::fs::read_to_string(picture.svg_path())?;
        assert_eq!(words(&svg), words(&picture.draw()?), "{}", picture.name);
    }
    Ok(Completion::Completed)
}
