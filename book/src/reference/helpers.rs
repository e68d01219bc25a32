//! The pages of helper functions.

use super::{Markdown, Page, linux, table};
use ebpf_asm::ProgramType;
use ebpf_asm::helpers::{ALL, Helper, ProgramTypeSet};

/// So many helpers are on a page. A page's name has its first id, which therefore never changes.
const PER_PAGE: usize = 50;

pub(super) fn pages() -> Vec<Page> {
    let mut pages = vec![overview()];
    pages.extend(ALL.chunks(PER_PAGE).map(page));
    pages
}

fn file(first: &Helper) -> String {
    format!("helpers-{}.md", first.id)
}

fn overview() -> Page {
    let mut page = Markdown::page("Helper functions");
    page.block(
        "The functions of the kernel that programs call by number: `call bpf_map_lookup_elem`. Arguments \
         are in `r1` to `r5`, the result is in `r0`; a call leaves nothing in `r1` to `r5`. The list \
         is closed: what is newer are [kernel functions](dialect.md#kernel-functions).",
    );
    page.block(
        "*GPL* is for helpers that only programs with a GPL-compatible licence may call. Which types of \
         programs may call a helper, the tables say for Linux 6.18 and 7.3; older kernels may give it to \
         fewer.",
    );
    for helpers in ALL.chunks(PER_PAGE) {
        let (Some(first), Some(last)) = (helpers.first(), helpers.last()) else {
            continue;
        };
        page.block(&format!("## {} to {}", first.id, last.id));
        let rows: Vec<_> = helpers
            .iter()
            .map(|helper| {
                vec![
                    helper.id.to_string(),
                    format!("[`{0}`]({1}#{0})", helper.name, file(first)),
                    helper.since.to_string(),
                    if helper.gpl_only { "GPL" } else { "" }.to_owned(),
                ]
            })
            .collect();
        page.block(&table(&["id", "name", "Linux", ""], &rows));
    }
    page.into_page("helpers.md")
}

fn page(helpers: &[Helper]) -> Page {
    let first = &helpers[0];
    let last = helpers.last().unwrap_or(first);
    let mut page = Markdown::page(&format!("Helpers {} to {}", first.id, last.id));
    page.block("[All helper functions](helpers.md)");
    for helper in helpers {
        page.block(&format!("## {0} {{#{0}}}", helper.name));
        page.block(&format!("```c\n{};\n```", wrapped(helper.signature)));
        page.block(helper.doc);
        let mut facts = vec![format!("Helper {}", helper.id), linux(helper.since)];
        if helper.gpl_only {
            facts.push("GPL only".into());
        }
        if helper.might_sleep {
            facts.push("sleepable programs only".into());
        }
        page.block(&facts.join(" · "));
        page.block(&format!("Programs: {}.", programs(helper.program_types)));
        for variant in helper.variants {
            let mut words = format!("In {}:", programs(variant.program_types));
            if variant.signature == helper.signature {
                words.push_str(" other kinds of arguments");
            } else {
                words.push_str(&format!(" `{}`", variant.signature));
            }
            if variant.gpl_only != helper.gpl_only {
                words.push_str(match variant.gpl_only {
                    true => ", GPL only",
                    false => ", whatever the licence",
                });
            }
            page.block(&format!("{words}."));
        }
    }
    page.into_page(&file(first))
}

/// A prototype, an argument a line if it is long.
fn wrapped(signature: &str) -> String {
    if signature.len() <= 76 {
        return signature.to_owned();
    }
    let Some((start, arguments)) = signature.split_once('(') else {
        return signature.to_owned();
    };
    format!("{start}(\n    {}", arguments.replace(", ", ",\n    "))
}

/// Types by name, or those that are left out, whichever are fewer.
fn programs(types: ProgramTypeSet) -> String {
    // What `freplace` and `struct_ops` may call depends on what they replace.
    let decided = |ty: &ProgramType| !matches!(ty, ProgramType::Ext | ProgramType::StructOps);
    let all = || ProgramType::ALL.iter().copied().filter(decided);
    let names = |wanted: bool| -> Vec<String> {
        all()
            .filter(|&ty| types.contains(ty) == wanted)
            .map(|ty| format!("`{ty}`"))
            .collect()
    };
    let (with, without) = (names(true), names(false));
    match (with.len(), without.len()) {
        (0, _) => "none of these types".into(),
        (_, 0) => "all types".into(),
        (with_count, without_count) if with_count > 2 * without_count => {
            format!("all types but {}", without.join(", "))
        }
        _ => with.join(", "),
    }
}
