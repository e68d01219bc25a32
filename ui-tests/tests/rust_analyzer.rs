//! What rust-analyzer makes of a block: hover, completion, the way to definitions, renaming.
//!
//! The server is that of the toolchain which runs the tests; where rustup cannot add it, the tests
//! are reported as ignored, with the reason.

mod language_server;

use language_server::{Place, Server};
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex, MutexGuard};

/// The file that the tests ask about. Places in it are named by the text around a `|`.
const SOURCE: &str = r#"
use ebpf_rt::{Array, Code, ebpf, ebpf_asm};

ebpf! {
    #[license = "GPL"]
    pub mod example {
        static COUNTS: Array<u64> = Array::with_max_entries(1);

        #[socket_filter]
        fn filter(ctx: *mut core::ffi::c_void) -> i32 {
            r6 = r1;
            r1 = COUNTS ll;
            call bpf_get_prandom_u32;
            if r0 == 0 goto done;
            call twice;
            lock *(u64 *)(r10 - 8) += r6;
        done:
            r0 = 0;
            exit;
        }

        fn twice() -> i32 {
            r0 = 2;
            exit;
        }
    }
}

pub const CODE: Code = ebpf_asm! {
    w2 = 1;
    if w2 != 1 goto finished;
    w2 = 3;
finished:
    exit;
};

ebpf! {
    #[license = "GPL"]
    pub mod typing {
        #[socket_filter]
        fn filter(ctx: *mut core::ffi::c_void) -> i32 {
            call bpf_get_pran;
            goto las;
        last_label:
            exit;
        }
    }
}
"#;

type Shared = Arc<Mutex<Option<Server>>>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let missing = if arguments.list {
        None
    } else {
        find_server().err()
    };
    let shared: Shared = Arc::new(Mutex::new(None));
    let test = |name: &str, run: fn(&mut Server) -> Result<(), Failed>| {
        let shared = Arc::clone(&shared);
        let name = match &missing {
            Some(reason) => format!("{name} (ignored: {reason})"),
            None => name.to_owned(),
        };
        Trial::test(name, move || {
            let mut server: MutexGuard<'_, Option<Server>> = shared
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            if server.is_none() {
                *server = Some(Server::start(&find_server()?, SOURCE)?);
            }
            match server.as_mut() {
                Some(server) => run(server),
                None => Err("the server is gone".into()),
            }
        })
        .with_ignored_flag(missing.is_some())
    };
    let trials = vec![
        test("hover", hover),
        test("definition", definition),
        test("completion", completion),
        test("references", references),
        test("rename", rename),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The program of the server, installed if it has to be.
fn find_server() -> Result<String, String> {
    let which = || {
        let output = Command::new("rustup")
            .args(["which", "rust-analyzer"])
            .output();
        match output {
            Ok(output) if output.status.success() => {
                Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
            }
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(format!("rustup: {error}")),
        }
    };
    which().or_else(|_| {
        let add = ["component", "add", "rust-analyzer"];
        // Whether it has worked, the next question tells.
        let _ = Command::new("rustup").args(add).output();
        which().map_err(|error| {
            error
                .lines()
                .next()
                .unwrap_or("no rust-analyzer")
                .to_owned()
        })
    })
}

fn expect_hover(server: &mut Server, place: &str, parts: &[&str]) -> Result<(), Failed> {
    let text = server.hover(Place::at(SOURCE, place))?;
    for part in parts {
        if !text.contains(part) {
            return Err(format!("hover at {place}: no {part:?} in {text:?}").into());
        }
    }
    Ok(())
}

fn hover(server: &mut Server) -> Result<(), Failed> {
    expect_hover(server, "|r6 = r1", &["r6", "Kept over calls"])?;
    expect_hover(server, "(r1|0 - 8)", &["The frame pointer"])?;
    expect_hover(server, "|w2 = 1", &["lower 32 bits"])?;
    expect_hover(server, "|lock *(u64", &["in one step"])?;
    expect_hover(
        server,
        "call bpf_get_pr|andom_u32;",
        &["pseudo-random", "u32 bpf_get_prandom_u32(void)"],
    )?;
    expect_hover(server, "    ex|it;\n};", &["Ends the function"])?;
    expect_hover(server, "r1 = COU|NTS ll", &["COUNTS", "Array"])
}

fn definition(server: &mut Server) -> Result<(), Failed> {
    for (use_of, defined) in [
        ("goto do|ne;", "        |done:"),
        ("goto finis|hed;", "|finished:\n"),
        ("call tw|ice;", "fn |twice()"),
        ("r1 = COU|NTS ll", "static |COUNTS"),
    ] {
        let places = server.definition(Place::at(SOURCE, use_of))?;
        let expected = Place::at(SOURCE, defined);
        if !places.contains(&expected) {
            return Err(format!("{use_of}: {expected:?} is not in {places:?}").into());
        }
    }
    Ok(())
}

fn completion(server: &mut Server) -> Result<(), Failed> {
    let labels = server.completion(Place::at(SOURCE, "call bpf_get_pran|;"))?;
    if !labels.iter().any(|label| label == "bpf_get_prandom_u32") {
        return Err(format!("no helper among {labels:?}").into());
    }
    let labels = server.completion(Place::at(SOURCE, "goto las|;"))?;
    if !labels.iter().any(|label| label == "last_label") {
        return Err(format!("no label among {labels:?}").into());
    }
    Ok(())
}

fn references(server: &mut Server) -> Result<(), Failed> {
    for (place, others) in [
        ("        do|ne:", vec!["goto |done;", "        |done:"]),
        ("static COU|NTS", vec!["static |COUNTS", "r1 = |COUNTS ll"]),
    ] {
        let places = server.references(Place::at(SOURCE, place))?;
        for other in others {
            let expected = Place::at(SOURCE, other);
            if !places.contains(&expected) {
                return Err(format!("{place}: {expected:?} is not in {places:?}").into());
            }
        }
    }
    Ok(())
}

fn rename(server: &mut Server) -> Result<(), Failed> {
    for (place, others) in [
        ("goto do|ne;", vec!["goto |done;", "        |done:"]),
        ("        do|ne:", vec!["goto |done;", "        |done:"]),
        ("static COU|NTS", vec!["static |COUNTS", "r1 = |COUNTS ll"]),
        ("r1 = COU|NTS ll", vec!["static |COUNTS", "r1 = |COUNTS ll"]),
    ] {
        let mut edits = server.rename(Place::at(SOURCE, place), "renamed")?;
        edits.sort();
        let mut expected: Vec<Place> = others.iter().map(|text| Place::at(SOURCE, text)).collect();
        expected.sort();
        if edits != expected {
            return Err(format!("rename at {place}: {edits:?}, expected {expected:?}").into());
        }
    }
    Ok(())
}
