//! What is public in a crate, as rustdoc's JSON has it.

use super::example::Examples;
use crate::Result;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The public items of a crate.
pub(super) struct Surface {
    items: BTreeMap<String, Item>,
    methods: Vec<Method>,
}

/// An item that has an example of its own.
struct Item {
    kind: &'static str,
    place: String,
    examples: usize,
}

/// A method, which is in an example of its page.
struct Method {
    path: String,
    place: String,
    shown: bool,
    /// Name and words: methods that a macro writes for many types have the same, and one of them
    /// has to be shown.
    same: (String, String),
    /// The types that it takes and gives, by number: one of their pages can show it, as that of
    /// `KprobePoint` shows `attach_to`.
    types: Vec<u64>,
}

/// How much there is.
pub(super) struct Count {
    pub(super) items: usize,
    methods: usize,
    examples: usize,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            items,
            methods,
            examples,
        } = self;
        write!(
            f,
            "{items} items and {methods} methods, {examples} examples of items"
        )
    }
}

/// Structs whose fields say everything: the kernel's own, made by a macro. Their module has the
/// example.
const GENERATED: &[&str] = &["ebpf_rt::context::"];

/// Reads the JSON from the crate down.
struct Walk<'a> {
    index: &'a serde_json::Map<String, Value>,
    surface: Surface,
    seen: BTreeSet<u64>,
    /// The examples of each page, by the item's number.
    pages: BTreeMap<u64, Examples>,
}

impl Surface {
    pub(super) fn parse(json: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let index = json["index"].as_object().ok_or("no `index` in the JSON")?;
        let root = json["root"].as_u64().ok_or("no `root` in the JSON")?;
        let mut walk = Walk {
            index,
            surface: Self {
                items: BTreeMap::new(),
                methods: Vec::new(),
            },
            seen: BTreeSet::new(),
            pages: BTreeMap::new(),
        };
        walk.item(root, "", None);
        for method in &mut walk.surface.methods {
            let mut pages = method.types.iter().filter_map(|id| walk.pages.get(id));
            method.shown |= pages.any(|page| page.show(&method.same.0));
        }
        Ok(walk.surface)
    }

    /// What has no example, a line each.
    pub(super) fn lacking(&self) -> Vec<String> {
        let shown: BTreeSet<_> = self
            .methods
            .iter()
            .filter(|method| method.shown)
            .map(|method| &method.same)
            .collect();
        let items = self.items.iter().filter(|(path, item)| {
            let generated = GENERATED
                .iter()
                .any(|generated| path.starts_with(generated));
            item.examples == 0 && !(generated && item.kind == "struct")
        });
        let items = items.map(|(path, item)| format!("{}: {} {path}", item.place, item.kind));
        let methods = self
            .methods
            .iter()
            .filter(|method| !method.shown && !shown.contains(&method.same));
        let methods = methods.map(|method| format!("{}: method {}", method.place, method.path));
        items.chain(methods).collect()
    }

    pub(super) fn count(&self) -> Count {
        Count {
            items: self.items.len(),
            methods: self.methods.len(),
            examples: self.items.values().map(|item| item.examples).sum(),
        }
    }
}

impl Walk<'_> {
    fn get(&self, id: u64) -> Option<&Value> {
        self.index.get(&id.to_string())
    }

    /// An item under a path; `name` is the one that a re-export gives it.
    fn item(&mut self, id: u64, path: &str, name: Option<&str>) {
        let Some(item) = self.get(id).cloned() else {
            return; // another crate's
        };
        if item["visibility"] != "public" || item["crate_id"] != 0 {
            return;
        }
        let Some((kind, inner)) = item["inner"]
            .as_object()
            .and_then(|inner| inner.iter().next())
        else {
            return;
        };
        let name = name.or(item["name"].as_str()).unwrap_or_default();
        if kind == "use" {
            self.reexport(inner, path);
            return;
        }
        if !self.seen.insert(id) {
            return;
        }
        let path = match path {
            "" => name.to_owned(),
            _ => format!("{path}::{name}"),
        };
        let kind = match kind.as_str() {
            "module" => "module",
            "struct" => "struct",
            "enum" => "enum",
            "union" => "union",
            "trait" => "trait",
            "function" => "function",
            "macro" => "macro",
            "proc_macro" => "macro",
            _ => return,
        };
        let own = Examples::of(docs(&item));
        self.surface.items.insert(
            path.clone(),
            Item {
                kind,
                place: place(&item),
                examples: own.count(),
            },
        );
        for id in ids(&inner["items"]) {
            if kind == "module" {
                self.item(id, &path, None);
            }
        }
        let methods = match kind {
            "trait" => ids(&inner["items"]),
            "struct" | "enum" | "union" => self.inherent(inner),
            _ => Vec::new(),
        };
        self.methods(id, &path, own, &methods, kind == "trait");
    }

    fn reexport(&mut self, inner: &Value, path: &str) {
        let Some(id) = inner["id"].as_u64() else {
            return;
        };
        if inner["is_glob"] == true {
            let items = self
                .get(id)
                .map(|item| ids(&item["inner"]["module"]["items"]));
            for id in items.unwrap_or_default() {
                self.item(id, path, None);
            }
        } else {
            self.item(id, path, inner["name"].as_str());
        }
    }

    /// The items of a type's own implementations.
    fn inherent(&self, inner: &Value) -> Vec<u64> {
        let impls = ids(&inner["impls"])
            .into_iter()
            .filter_map(|id| self.get(id));
        impls
            .map(|item| &item["inner"]["impl"])
            .filter(|inner| inner["trait"].is_null())
            .flat_map(|inner| ids(&inner["items"]))
            .collect()
    }

    fn methods(
        &mut self,
        id: u64,
        path: &str,
        mut page: Examples,
        methods: &[u64],
        of_trait: bool,
    ) {
        let methods: Vec<Value> = methods
            .iter()
            .filter_map(|id| self.get(*id))
            .filter(|item| of_trait || item["visibility"] == "public")
            .cloned()
            .collect();
        for item in &methods {
            page.append(&Examples::of(docs(item)));
        }
        for item in methods
            .iter()
            .filter(|item| !item["inner"]["function"].is_null())
        {
            let name = item["name"].as_str().unwrap_or_default();
            self.surface.methods.push(Method {
                path: format!("{path}::{name}"),
                place: place(item),
                shown: page.show(name),
                same: (name.to_owned(), docs(item).to_owned()),
                types: types(&item["inner"]["function"]["sig"]),
            });
        }
        self.pages.insert(id, page);
    }
}

fn docs(item: &Value) -> &str {
    item["docs"].as_str().unwrap_or_default()
}

fn ids(list: &Value) -> Vec<u64> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(Value::as_u64).collect()
}

/// The types in a signature, but for that of errors.
fn types(signature: &Value) -> Vec<u64> {
    match signature {
        Value::Array(values) => values.iter().flat_map(types).collect(),
        Value::Object(fields) => {
            let path = &fields.get("resolved_path").unwrap_or(&Value::Null);
            let is_error = path["path"]
                .as_str()
                .is_some_and(|path| path.ends_with("Error"));
            let this = path["id"].as_u64().filter(|_| !is_error);
            this.into_iter()
                .chain(fields.values().flat_map(types))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// `src/lib.rs:12`.
fn place(item: &Value) -> String {
    let span = &item["span"];
    match (span["filename"].as_str(), span["begin"][0].as_u64()) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        _ => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Surface;
    use serde_json::{Value, json};

    fn item(name: &str, docs: &str, inner: &Value) -> Value {
        json!({
            "crate_id": 0, "name": name, "visibility": "public", "docs": docs, "inner": inner,
            "span": { "filename": "src/lib.rs", "begin": [1, 1] },
        })
    }

    /// A crate with a struct whose one method is in no example, and in one.
    fn lacking(type_docs: &str, method_docs: &str) -> Vec<String> {
        let json = json!({
            "root": 0,
            "index": {
                "0": item("c", "```\n```", &json!({ "module": { "items": [1] } })),
                "1": item("S", type_docs, &json!({ "struct": { "impls": [2] } })),
                "2": { "inner": { "impl": { "trait": null, "items": [3] } } },
                "3": item("m", method_docs, &json!({ "function": {} })),
            },
        });
        Surface::parse(&json.to_string()).unwrap().lacking()
    }

    #[test]
    fn types_and_methods_are_looked_for() {
        let both = ["src/lib.rs:1: struct c::S", "src/lib.rs:1: method c::S::m"];
        assert_eq!(lacking("A type.", "A method."), both);
        assert_eq!(lacking("```\nS;\n```", ""), both[1..]);
        assert_eq!(lacking("", "```\ns.m();\n```"), both[..1]);
        assert_eq!(lacking("```\ns.m();\n```", ""), [""; 0]);
    }

    #[test]
    fn what_is_private_is_not_looked_at() {
        let private = json!({
            "crate_id": 0, "name": "f", "visibility": "crate", "docs": "", "inner": { "function": {} },
        });
        let json = json!({
            "root": 0,
            "index": {
                "0": item("c", "```\n```", &json!({ "module": { "items": [1] } })),
                "1": private,
            },
        });
        let lacking = Surface::parse(&json.to_string()).unwrap().lacking();
        assert_eq!(lacking, [""; 0]);
    }
}
