//! What the UAPI header says about helpers: ids, names, prototypes.

use crate::Result;
use std::collections::HashMap;

pub(crate) struct Header {
    /// Ids and names (with `bpf_`), by ascending id, without number 0.
    pub(crate) helpers: Vec<(u32, String)>,
    /// The prototypes of each name; a few are described once per program type.
    pub(crate) prototypes: HashMap<String, Vec<String>>,
    /// The names of the program types without their prefix; the index is the number.
    pub(crate) program_types: Vec<String>,
}

pub(crate) fn parse(text: &str) -> Result<Header> {
    Ok(Header {
        helpers: helpers(text)?,
        prototypes: prototypes(text)?,
        program_types: program_types(text)?,
    })
}

/// Reads the lines `FN(name, id, …)` of the mapper macro.
fn helpers(text: &str) -> Result<Vec<(u32, String)>> {
    let (_, mapper) = text
        .split_once("#define ___BPF_FUNC_MAPPER(")
        .ok_or("the header has no list of helpers (___BPF_FUNC_MAPPER)")?;
    let mut helpers = Vec::new();
    for line in mapper.lines().skip(1) {
        if let Some(entry) = line.trim_start().strip_prefix("FN(") {
            let mut fields = entry.split(',').map(str::trim);
            let (Some(name), Some(Ok(id))) = (fields.next(), fields.next().map(str::parse)) else {
                return Err(format!(
                    "the header's list of helpers has a strange line: {line}"
                ));
            };
            if id != 0 {
                helpers.push((id, format!("bpf_{name}")));
            }
        }
        // The macro ends with the first line that is not continued.
        if !line.trim_end().ends_with('\\') {
            break;
        }
    }
    helpers.sort_unstable();
    Ok(helpers)
}

/// Reads the prototypes from the comment that describes the helpers. They are the only lines
/// there that start in the comment's first column.
fn prototypes(text: &str) -> Result<HashMap<String, Vec<String>>> {
    let (_, comment) = text
        .split_once("Start of BPF helper function descriptions:")
        .ok_or("the header has no descriptions of helpers")?;
    let (comment, _) = comment
        .split_once("*/")
        .ok_or("the header's descriptions of helpers do not end")?;
    let mut prototypes: HashMap<String, Vec<String>> = HashMap::new();
    for line in comment.lines() {
        let Some(line) = line.strip_prefix(" * ") else {
            continue;
        };
        if line.starts_with(char::is_whitespace) || !line.ends_with(')') {
            continue;
        }
        let Some((before, _)) = line.split_once('(') else {
            continue;
        };
        let name = before.rsplit([' ', '*']).next().unwrap_or_default();
        if name.starts_with("bpf_") {
            prototypes
                .entry(name.to_owned())
                .or_default()
                .push(line.to_owned());
        }
    }
    Ok(prototypes)
}

/// Reads `enum bpf_prog_type`, whose constants count up from 0.
fn program_types(text: &str) -> Result<Vec<String>> {
    let (_, list) = text
        .split_once("enum bpf_prog_type {")
        .ok_or("the header has no enum bpf_prog_type")?;
    let (list, _) = list
        .split_once('}')
        .ok_or("the header's enum bpf_prog_type does not end")?;
    Ok(list
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("BPF_PROG_TYPE_"))
        .filter_map(|line| line.split(',').next())
        .map(str::to_owned)
        .collect())
}

/// The types and names of a prototype's parameters, without a final `...`.
pub(crate) fn parameters(prototype: &str) -> Result<Vec<(String, String)>> {
    let strange = || format!("cannot read the prototype `{prototype}`");
    let list = prototype
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .ok_or_else(strange)?;
    if list == "void" {
        return Ok(Vec::new());
    }
    list.split(',')
        .map(str::trim)
        .filter(|parameter| *parameter != "...")
        .map(|parameter| {
            let start = parameter
                .rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .ok_or_else(strange)?;
            let (c_type, name) = parameter.split_at(start + 1);
            Ok((c_type.trim_end().to_owned(), name.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "\
enum bpf_prog_type {
\tBPF_PROG_TYPE_UNSPEC,
\tBPF_PROG_TYPE_XDP, /* at the driver */
\t__MAX_BPF_PROG_TYPE
};
/* Start of BPF helper function descriptions:
 *
 * void *bpf_first(struct bpf_map *map, const void *key)
 * \tDescription
 * \t\tSee **bpf_second**\\ ().
 * u32 bpf_second(void)
 * long bpf_third(const char *fmt, u32 fmt_size, ...)
 */
#define ___BPF_FUNC_MAPPER(FN, ctx...)\t\\
\tFN(unspec, 0, ##ctx)\t\\
\tFN(first, 1, ##ctx)\t\\
\tFN(second, 2, ##ctx)\t\\
\t/* integer ids end here */
#define OTHER FN(fourth, 4, ##ctx)
";

    #[test]
    fn reads_ids_prototypes_and_types() {
        let header = parse(HEADER).unwrap();
        assert_eq!(
            header.helpers,
            [(1, "bpf_first".to_owned()), (2, "bpf_second".to_owned())]
        );
        assert_eq!(header.prototypes.len(), 3);
        assert_eq!(header.prototypes["bpf_second"], ["u32 bpf_second(void)"]);
        assert_eq!(header.program_types, ["UNSPEC", "XDP"]);
    }

    #[test]
    fn splits_parameters() {
        let header = parse(HEADER).unwrap();
        let of = |name| parameters(&header.prototypes[name][0]).unwrap();
        let pair = |c_type: &str, name: &str| (c_type.to_owned(), name.to_owned());
        assert_eq!(
            of("bpf_first"),
            [pair("struct bpf_map *", "map"), pair("const void *", "key")]
        );
        assert_eq!(of("bpf_second"), []);
        assert_eq!(
            of("bpf_third"),
            [pair("const char *", "fmt"), pair("u32", "fmt_size")]
        );
    }

    #[test]
    fn other_files_are_refused() {
        assert!(parse("int main(void);").is_err());
    }
}
