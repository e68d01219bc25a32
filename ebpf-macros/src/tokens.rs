//! The macro front end: from Rust's token stream to the token list of `ebpf-asm`, and back for
//! the parts that are shaped like Rust.

use ebpf_asm::diag::Span as Place;
use ebpf_asm::syntax::ast::TokenRange;
use ebpf_asm::syntax::{Delimiter, TokenKind, TokenList};
use proc_macro2::{Delimiter as RustDelimiter, Group, Spacing, Span, TokenStream, TokenTree};
use std::fmt::Write;

/// A token list with what it was made from.
pub(crate) struct Tokens {
    pub(crate) list: TokenList,
    origin: Origin,
}

enum Origin {
    /// The macro's own input.
    Macro(Vec<Tree>),
    /// A text file: everything is at the place of its name.
    Text { span: Span },
}

/// What is behind a token of the list.
enum Tree {
    Leaf(TokenTree),
    /// The whole group stands behind its opening token.
    Open(Group),
    Close(Span),
    End(Span),
}

impl Tokens {
    pub(crate) fn new(stream: TokenStream) -> Self {
        Self::read(stream, in_rust_analyzer())
    }

    /// Whether the expansion is for an editor and not for rustc.
    pub(crate) fn for_editor(&self) -> bool {
        self.is_macro() && in_rust_analyzer()
    }

    /// `in_editor`: whether it is rust-analyzer that made the stream.
    pub(crate) fn read(stream: TokenStream, in_editor: bool) -> Self {
        let mut builder = Builder {
            list: TokenList::new(false),
            trees: Vec::new(),
            text: String::new(),
            in_editor,
            after_operator: false,
        };
        builder.stream(stream);
        builder.finish()
    }

    /// The tokens of a text file whose name stands at `span`.
    pub(crate) fn of_text(list: TokenList, span: Span) -> Self {
        Self {
            list,
            origin: Origin::Text { span },
        }
    }

    /// Whether these are the macro's own tokens and not those of a file.
    pub(crate) fn is_macro(&self) -> bool {
        matches!(self.origin, Origin::Macro(_))
    }

    /// Rust's span of a token.
    pub(crate) fn span_at(&self, position: u32) -> Span {
        match &self.origin {
            Origin::Macro(trees) => trees[(position as usize).min(trees.len() - 1)].span(),
            Origin::Text { span } => *span,
        }
    }

    /// Rust's spans of the first and last token of a place.
    pub(crate) fn spans(&self, place: Place) -> (Span, Span) {
        let last = place.end.saturating_sub(1).max(place.start);
        (self.span_at(place.start), self.span_at(last))
    }

    /// The place with line and column.
    pub(crate) fn located(&self, place: Place) -> Place {
        if !self.is_macro() {
            return place;
        }
        let start = self.span_at(place.start).start();
        Place {
            line: u32::try_from(start.line).unwrap_or(0),
            column: u32::try_from(start.column).map_or(0, |column| column + 1),
            ..place
        }
    }

    /// The text of the last block in braces, with the number of its first line: one question to
    /// rustc, whatever the number of lines. Editors may not answer it.
    pub(crate) fn block_text(&self) -> Option<(u32, String)> {
        let Origin::Macro(trees) = &self.origin else {
            return None;
        };
        let mut block = None;
        let mut position = 0;
        while let Some(tree) = trees.get(position) {
            position += 1;
            let Tree::Open(group) = tree else { continue };
            if group.delimiter() == RustDelimiter::Brace {
                block = Some(group);
            }
            if let TokenKind::Open { close, .. } = self.list.get(position as u32 - 1).kind {
                position = close as usize + 1;
            }
        }
        let span = block?.span();
        let first = u32::try_from(span.start().line).ok()?;
        Some((first, span.source_text()?))
    }

    /// The Rust tokens of a stretch.
    pub(crate) fn stream(&self, range: TokenRange) -> TokenStream {
        let trees = match &self.origin {
            Origin::Macro(trees) => trees,
            Origin::Text { span } => {
                let text = self.list.render(range.start, range.end);
                // What Rust cannot read either becomes an error of rustc's at the name.
                let stream: TokenStream = text.parse().unwrap_or_default();
                return respanned(stream, *span);
            }
        };
        let mut stream = TokenStream::new();
        let mut position = range.start;
        while position < range.end {
            match &trees[position as usize] {
                Tree::Leaf(tree) => stream.extend([tree.clone()]),
                Tree::Open(group) => {
                    stream.extend([TokenTree::Group(group.clone())]);
                    if let TokenKind::Open { close, .. } = self.list.get(position).kind {
                        position = close;
                    }
                }
                Tree::Close(_) | Tree::End(_) => {}
            }
            position += 1;
        }
        stream
    }

    /// The name at a position, as the user wrote it, with its span.
    pub(crate) fn ident(&self, position: u32) -> proc_macro2::Ident {
        match &self.origin {
            Origin::Macro(trees) => match &trees[position as usize] {
                Tree::Leaf(TokenTree::Ident(ident)) => ident.clone(),
                tree => proc_macro2::Ident::new("_invalid", tree.span()),
            },
            Origin::Text { span } => {
                let text = self.list.text_at(position);
                match syn::parse_str::<proc_macro2::Ident>(text) {
                    Ok(mut ident) => {
                        ident.set_span(*span);
                        ident
                    }
                    Err(_) => proc_macro2::Ident::new("_invalid", *span),
                }
            }
        }
    }
}

/// The same tokens at one place.
fn respanned(stream: TokenStream, span: Span) -> TokenStream {
    stream
        .into_iter()
        .map(|mut tree| {
            if let TokenTree::Group(group) = &tree {
                let inner = respanned(group.stream(), span);
                tree = TokenTree::Group(Group::new(group.delimiter(), inner));
            }
            tree.set_span(span);
            tree
        })
        .collect()
}

impl Tree {
    fn span(&self) -> Span {
        match self {
            Self::Leaf(tree) => tree.span(),
            Self::Open(group) => group.span_open(),
            Self::Close(span) | Self::End(span) => *span,
        }
    }
}

struct Builder {
    list: TokenList,
    trees: Vec<Tree>,
    text: String,
    /// Whether fragments of `macro_rules!` come in parentheses, as rust-analyzer has them.
    in_editor: bool,
    /// Whether an operand may come next.
    after_operator: bool,
}

/// Whether this runs in rust-analyzer's server of macros, which sets this variable for itself.
fn in_rust_analyzer() -> bool {
    std::env::var_os("RUST_ANALYZER_INTERNALS_DO_NOT_USE").is_some()
}

impl Builder {
    fn finish(mut self) -> Tokens {
        let end = match self.trees.last() {
            Some(tree) => tree.span(),
            None => Span::call_site(),
        };
        self.trees.push(Tree::End(end));
        let place = self.place();
        self.list.finish(place);
        Tokens {
            list: self.list,
            origin: Origin::Macro(self.trees),
        }
    }

    /// The place of the next token: its position in the list. Lines and columns are looked up
    /// when something asks for them, since asking rustc about each token costs time.
    fn place(&self) -> Place {
        let position = self.list.len();
        Place {
            start: position,
            end: position + 1,
            line: 0,
            column: 0,
        }
    }

    fn stream(&mut self, stream: TokenStream) {
        for tree in stream {
            self.tree(tree);
        }
    }

    fn tree(&mut self, tree: TokenTree) {
        match tree {
            TokenTree::Group(group) => self.group(group),
            TokenTree::Ident(ident) => {
                self.text.clear();
                // Writing to a string cannot fail.
                let _ = write!(self.text, "{ident}");
                self.push(TokenKind::Word, Tree::Leaf(TokenTree::Ident(ident)));
            }
            TokenTree::Literal(literal) => {
                self.text.clear();
                let _ = write!(self.text, "{literal}");
                let kind = match self.text.as_bytes() {
                    [b'b', b'\'', ..] => TokenKind::Byte,
                    [b'0'..=b'9', ..] if !is_float(&self.text) => TokenKind::Number,
                    _ => TokenKind::Literal,
                };
                self.push(kind, Tree::Leaf(TokenTree::Literal(literal)));
            }
            TokenTree::Punct(punct) => {
                self.text.clear();
                self.text.push(punct.as_char());
                let kind = TokenKind::Punct {
                    character: punct.as_char(),
                    joint: punct.spacing() == Spacing::Joint,
                };
                self.push(kind, Tree::Leaf(TokenTree::Punct(punct)));
            }
        }
    }

    fn push(&mut self, kind: TokenKind, tree: Tree) -> u32 {
        let place = self.place();
        self.after_operator =
            matches!(kind, TokenKind::Punct { character, .. } if "=+-<>&|^%/,".contains(character));
        self.trees.push(tree);
        self.list.push(kind, &self.text, place, false)
    }

    fn group(&mut self, group: Group) {
        let delimiter = match group.delimiter() {
            RustDelimiter::Parenthesis if self.is_fragment(&group) => {
                if is_transparent(&group) {
                    return self.stream(group.stream());
                }
                Delimiter::Invisible
            }
            RustDelimiter::Parenthesis => Delimiter::Parenthesis,
            RustDelimiter::Bracket => Delimiter::Bracket,
            RustDelimiter::Brace => Delimiter::Brace,
            RustDelimiter::None if is_transparent(&group) => return self.stream(group.stream()),
            RustDelimiter::None => Delimiter::Invisible,
        };
        let (content, close_span) = (group.stream(), group.span_close());
        self.text.clear();
        let kind = TokenKind::Open {
            delimiter,
            close: 0,
        };
        let open = self.push(kind, Tree::Open(group));
        self.stream(content);
        self.text.clear();
        let close = self.push(TokenKind::Close(delimiter), Tree::Close(close_span));
        self.list.close(open, close);
    }
}

impl Builder {
    /// Whether parentheses are those that rust-analyzer puts around `$e:expr`: where an operand
    /// stands the language has none but those of `(s8)`.
    fn is_fragment(&self, group: &Group) -> bool {
        let is_cast = || matches!(group.stream().to_string().trim(), "s8" | "s16" | "s32");
        self.in_editor && self.after_operator && !is_cast()
    }
}

/// `1.5`, `1e3`: digits that are no integer.
fn is_float(text: &str) -> bool {
    !text.starts_with("0x")
        && (text.contains('.') || text.contains(['e', 'E']) && !text.ends_with("byte"))
}

/// Whether the invisible brackets that `macro_rules!` puts around a fragment can be left out:
/// a single token or a negative number means the same without them, and an item has to be
/// read as one. Anything else is an expression that must stay whole.
fn is_transparent(group: &Group) -> bool {
    let mut trees = group.stream().into_iter();
    let (first, second, third) = (trees.next(), trees.next(), trees.next());
    match (first, second, third) {
        (Some(TokenTree::Group(_)), None, None) => false,
        (Some(_), None, None) => true,
        (Some(TokenTree::Punct(minus)), Some(TokenTree::Literal(_)), None) => {
            minus.as_char() == '-'
        }
        (Some(TokenTree::Punct(hash)), Some(TokenTree::Group(_)), _) => hash.as_char() == '#',
        (Some(TokenTree::Ident(word)), Some(TokenTree::Ident(_)), Some(_)) => {
            matches!(
                word.to_string().as_str(),
                "fn" | "static" | "const" | "mod" | "use" | "pub"
            )
        }
        _ => false,
    }
}
