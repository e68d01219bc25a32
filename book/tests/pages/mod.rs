//! The pages that mdBook made: their anchors and links.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// A page: what it links to, and what can be linked to in it.
pub(crate) struct Page {
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

/// Reads all pages of a directory.
pub(crate) fn read(directory: &Path) -> io::Result<BTreeMap<PathBuf, Page>> {
    let mut pages = BTreeMap::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            pages.append(&mut read(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "html") {
            let text = std::fs::read_to_string(&path)?;
            let mut links = values(&text, "href");
            links.extend(values(&text, "src"));
            let anchors = values(&text, "id").into_iter().collect();
            pages.insert(path, Page { links, anchors });
        }
    }
    Ok(pages)
}

/// The values of an attribute, in all tags.
fn values(html: &str, attribute: &str) -> Vec<String> {
    let start = format!(" {attribute}=\"");
    let tags = html.split('<').skip(1).map(|tag| {
        // Text between tags may contain anything.
        tag.split_once('>').map_or("", |(tag, _)| tag)
    });
    tags.flat_map(|tag| {
        let rests = tag.split(start.as_str()).skip(1);
        rests.filter_map(|rest| Some(rest.split_once('"')?.0.replace("&amp;", "&")))
    })
    .collect()
}

/// The links that lead nowhere. Those to other sites are not followed.
pub(crate) fn dead_links(pages: &BTreeMap<PathBuf, Page>) -> Vec<String> {
    let mut dead = Vec::new();
    for (path, page) in pages {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Its links are made for whatever directory is asked for.
        if name == "404.html" {
            continue;
        }
        for link in &page.links {
            if !is_alive(pages, path, page, link) {
                dead.push(format!("{name}: {link}"));
            }
        }
    }
    dead
}

fn is_alive(pages: &BTreeMap<PathBuf, Page>, path: &Path, page: &Page, link: &str) -> bool {
    if link.starts_with("https://") {
        return true;
    }
    let (file, anchor) = match link.split_once('#') {
        Some((file, anchor)) => (file, Some(anchor)),
        None => (link, None),
    };
    if file.is_empty() {
        return anchor.is_some_and(|anchor| anchor.is_empty() || page.anchors.contains(anchor));
    }
    let target = resolved(path.parent().unwrap_or(Path::new("")), file);
    match (pages.get(&target), anchor) {
        (Some(target), Some(anchor)) => target.anchors.contains(anchor),
        (Some(_), None) => true,
        (None, anchor) => anchor.is_none() && target.is_file(),
    }
}

/// Where a link leads from a directory, without `..`.
fn resolved(directory: &Path, link: &str) -> PathBuf {
    let mut target = directory.to_owned();
    for part in link.split('/') {
        match part {
            ".." => {
                target.pop();
            }
            "." => {}
            _ => target.push(part),
        }
    }
    target
}
