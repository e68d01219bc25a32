//! The pictures: drawn by Graphviz from text, as SVG that takes the colours of the page.
//!
//! A source is in `pictures`: `NAME.dot`, or `NAME.s` for the control-flow graph of a program.
//! `BOOK_UPDATE=1 cargo test -p book-listings --test pictures` draws `NAME.svg` beside it.
//! Lines of comment at the top say what a reader hears who cannot see it (`alt:`), and which
//! bytes in it have to be true (`is: INSTRUCTION | BYTES`).

use crate::{book, read};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A picture's source.
#[derive(Debug)]
pub struct Picture {
    /// The name of its files.
    pub name: String,
    /// The text that it is drawn from.
    pub source: String,
    /// Whether the source is a program.
    pub is_program: bool,
}

/// All pictures, by name.
///
/// # Panics
/// If the directory cannot be read.
#[must_use]
pub fn pictures() -> Vec<Picture> {
    let entries = std::fs::read_dir(book().join("pictures")).expect("the pictures");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry of the directory").path())
        .collect();
    paths.sort();
    let picture = |path: PathBuf| {
        let ending = path.extension()?.to_str()?;
        matches!(ending, "dot" | "s").then(|| Picture {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            source: read(&path),
            is_program: ending == "s",
        })
    };
    paths.into_iter().filter_map(picture).collect()
}

impl Picture {
    /// The drawing.
    #[must_use]
    pub fn svg_path(&self) -> PathBuf {
        book().join("pictures").join(format!("{}.svg", self.name))
    }

    /// What a line of comment at the top says.
    pub fn comments(&self, word: &str) -> impl Iterator<Item = &str> {
        self.source.lines().filter_map(move |line| {
            let comment = line
                .strip_prefix("// ")
                .or_else(|| line.strip_prefix("# "))?;
            Some(comment.strip_prefix(word)?.trim())
        })
    }

    /// A mark in the drawing that says from which source it is.
    #[must_use]
    pub fn mark(&self) -> String {
        // FNV-1a: the standard library's hash may change.
        let hash = self
            .source
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        format!("<!-- drawn from {hash:016x} -->")
    }

    /// The source in Graphviz's language.
    ///
    /// # Errors
    /// What is wrong with a program.
    fn dot(&self) -> Result<String, String> {
        if !self.is_program {
            return Ok(self.source.clone());
        }
        let code = ebpf_asm::assemble(&self.source).map_err(|error| error.to_string())?;
        Ok(code.to_dot())
    }

    /// Draws it.
    ///
    /// # Errors
    /// If there is no alternative text, or Graphviz does not draw it.
    pub fn draw(&self) -> Result<String, String> {
        let about = |error: std::io::Error| format!("dot: {error}");
        let alt = self.comments("alt:").next().ok_or("there is no alt text")?;
        let mut dot = Command::new("dot")
            .arg("-Tsvg")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(about)?;
        let source = self.dot()?;
        if let Some(mut stdin) = dot.stdin.take() {
            stdin.write_all(source.as_bytes()).map_err(about)?;
        }
        let output = dot.wait_with_output().map_err(about)?;
        if !output.status.success() {
            return Err(format!("dot: {}", output.status));
        }
        let svg = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
        themed(&svg, alt, &self.mark()).ok_or_else(|| "dot wrote no SVG".into())
    }
}

/// What Graphviz wrote, for a page: without head and names, in the page's colours, no larger
/// than the page, and without the empty lines that end HTML in Markdown.
fn themed(svg: &str, alt: &str, mark: &str) -> Option<String> {
    let (_, rest) = svg.split_once("<svg")?;
    let (attributes, content) = rest.split_once('>')?;
    let value = |name: &str| {
        let (_, rest) = attributes.split_once(&format!("{name}=\""))?;
        Some(rest.split_once('"')?.0)
    };
    let width: f64 = value("width")?.trim_end_matches("pt").parse().ok()?;
    let alt = alt.replace('&', "&amp;").replace('"', "&quot;");
    let mut text = format!(
        "<svg class=\"picture\" role=\"img\" aria-label=\"{alt}\" viewBox=\"{}\" \
         style=\"width: {:.0}px; max-width: 100%; height: auto\" xmlns=\"http://www.w3.org/2000/svg\">\n{mark}\n",
        value("viewBox")?,
        width * 1.25,
    );
    for line in content.lines().map(str::trim_end) {
        let dropped = line.is_empty()
            || line.starts_with("<!--")
            || line.starts_with("<title>")
            || line.contains("fill=\"white\" stroke=\"transparent\"");
        if !dropped {
            text.push_str(&recoloured(&without_id(line)));
            text.push('\n');
        }
    }
    Some(text)
}

/// Nodes are numbered in each drawing, and a page may have several.
fn without_id(line: &str) -> String {
    match line.split_once(" id=\"") {
        Some((before, rest)) => {
            let after = rest.split_once('"').map_or("", |(_, after)| after);
            format!("{before}{after}")
        }
        None => line.to_owned(),
    }
}

/// Black is the page's colour; the sources' three fills shine through on light and dark.
fn recoloured(line: &str) -> String {
    const FILLS: &[(&str, &str)] = &[
        (
            "fill=\"#eeeeee\"",
            "fill=\"currentColor\" fill-opacity=\"0.08\"",
        ),
        ("fill=\"#ddddff\"", "fill=\"#3b82f6\" fill-opacity=\"0.25\""),
        ("fill=\"#ffdddd\"", "fill=\"#ef4444\" fill-opacity=\"0.25\""),
        ("stroke=\"transparent\"", "stroke=\"none\""),
        ("\"black\"", "\"currentColor\""),
        ("<text ", "<text fill=\"currentColor\" "),
    ];
    let replaced = |line: String, (from, to): &(&str, &str)| line.replace(from, to);
    FILLS.iter().fold(line.to_owned(), replaced)
}

/// The words of a drawing, in order of the alphabet: what does not depend on fonts and on
/// Graphviz's version.
#[must_use]
pub fn words(svg: &str) -> Vec<String> {
    let texts = svg.split("<text ").skip(1);
    let mut words: Vec<String> = texts
        .filter_map(|text| Some(text.split_once('>')?.1.split_once('<')?.0.to_owned()))
        .collect();
    words.sort();
    words
}
