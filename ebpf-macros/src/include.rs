//! `include_ebpf!("path.s")`: an object or a sequence from a text file.

use crate::check;
use crate::code::{constant, split_crate_path};
use crate::emit::{self, Values};
use crate::object::Expansion;
use crate::report::compile_error;
use crate::tokens::Tokens;
use ebpf_asm::diag::{Diagnostic, Diagnostics, Severity};
use ebpf_asm::link::{Linked, TextConstants};
use ebpf_asm::syntax::ast::{ConstItem, Item, Source};
use ebpf_asm::syntax::{lex, parse_source};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use std::path::{Path, PathBuf};

pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let (krate, input) = split_crate_path(input);
    let name: syn::LitStr = match syn::parse2(input) {
        Ok(name) => name,
        Err(error) => {
            let message = "expected the path of a text file, as a string";
            return compile_error(message, (error.span(), error.span()));
        }
    };
    let span = name.span();
    let path = resolve(&name.value(), span);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            let message = format!(
                "cannot read `{}`: {error}\nnote: the path is relative to the file that the macro is in",
                path.display()
            );
            return compile_error(&message, (span, span));
        }
    };
    let file = TextFile {
        krate: &krate,
        text: &text,
        name: name.value(),
        path,
        span,
    };
    file.expand()
}

/// The path is relative to the source file, as with `include_str!`.
fn resolve(name: &str, span: Span) -> PathBuf {
    let name = Path::new(name);
    if name.is_absolute() {
        return name.into();
    }
    if let Some(folder) = span.local_file().as_deref().and_then(Path::parent) {
        let joined = folder.join(name);
        return std::path::absolute(&joined).unwrap_or(joined);
    }
    // An editor does not say which file the macro is in: the one place in the package where
    // such a file lies is the best guess then.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = package.unwrap_or_default();
    let mut folders = vec![(package.clone(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let candidate = folder.join(name);
        if candidate.is_file() {
            return candidate;
        }
        let hidden = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with('.') || name == "target"
        };
        let inside = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let inside = inside.map(|entry| entry.path());
        let inside = inside.filter(|path| depth < 5 && path.is_dir() && !hidden(path));
        folders.extend(inside.map(|path| (path, depth + 1)));
    }
    package.join(name)
}

struct TextFile<'a> {
    krate: &'a TokenStream,
    text: &'a str,
    name: String,
    path: PathBuf,
    span: Span,
}

impl TextFile<'_> {
    fn expand(&self) -> TokenStream {
        let mut diagnostics = Vec::new();
        let list = lex(self.text, &mut diagnostics);
        let tokens = Tokens::of_text(list, self.span);
        let mut parsed = parse_source(&tokens.list);
        diagnostics.append(&mut parsed.diagnostics);
        match parsed.tree {
            None => {
                let errors = self.errors(diagnostics);
                quote!(#(#errors)*)
            }
            Some(Source::Sequence(sequence)) => {
                let constants = TextConstants::default();
                let linked = constants.link(&tokens.list, &sequence, &mut diagnostics);
                self.sequence(diagnostics, &linked)
            }
            Some(Source::Object(object)) => {
                let mut constants = TextConstants::default();
                let items: Vec<ConstItem> = object
                    .items
                    .iter()
                    .filter_map(|item| match item {
                        Item::Const(item) => Some(item.clone()),
                        _ => None,
                    })
                    .collect();
                diagnostics.extend(constants.define(&tokens.list, &items));
                let expansion = Expansion::new(self.krate, &tokens, &object);
                let evaluate = |linked: &mut Linked| constants.put(&tokens.list, linked);
                let path = self.shown_path();
                let module = expansion.finish(
                    diagnostics,
                    |diagnostics| self.errors(diagnostics),
                    evaluate,
                    Values::Done,
                    &quote!(#path),
                    Some(self.text),
                );
                let tracked = self.tracked();
                quote!(#module #tracked)
            }
        }
    }

    fn sequence(&self, diagnostics: Vec<Diagnostic>, linked: &Linked) -> TokenStream {
        let krate = self.krate;
        let mut diagnostics = diagnostics;
        if diagnostics.is_empty() {
            diagnostics.extend(check::sequence(linked, true));
        }
        let errors = self.errors(diagnostics);
        if !errors.is_empty() {
            return quote! {{
                #(#errors;)*
                #krate::Code::from_static(&[])
            }};
        }
        let slots = emit::slots(krate, linked, &Values::Done, &self.name);
        let tracked = self.tracked();
        constant(krate, &slots, linked, &tracked)
    }

    /// The path as `file!()` would have it, which compiler options can change: what ends up in
    /// the binary does not tell about the machine it was built on.
    fn shown_path(&self) -> String {
        let source = self.span.file();
        let shown = match Path::new(&source).parent() {
            Some(folder) => folder.join(&self.name),
            None => PathBuf::from(&self.name),
        };
        shown.to_string_lossy().into_owned()
    }

    /// Makes cargo rebuild when the file changes.
    fn tracked(&self) -> TokenStream {
        let path = self.path.to_string_lossy();
        quote!(
            const _: &[u8] = ::core::include_bytes!(#path);
        )
    }

    /// A file has no spans: each error stands at its name and shows the file's line.
    fn errors(&self, diagnostics: Vec<Diagnostic>) -> Vec<TokenStream> {
        let mut seen = Vec::new();
        for diagnostic in diagnostics {
            if diagnostic.severity == Severity::Error && !seen.contains(&diagnostic) {
                seen.push(diagnostic);
            }
        }
        let all = Diagnostics::new(seen, self.text, &self.name);
        all.iter()
            .map(|diagnostic| {
                let one = Diagnostics::new(vec![diagnostic.clone()], self.text, &self.name);
                let message = one.to_string();
                let message = message.strip_prefix("error").unwrap_or(&message);
                let message = message.replacen('[', "", 1).replacen(']', "", 1);
                compile_error(&message, (self.span, self.span))
            })
            .collect()
    }
}
