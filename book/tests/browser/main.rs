//! The built book in a browser: every page, on a narrow and on a wide screen, in the light and
//! in the dark theme. No error on the console, no request that fails or leaves the machine, no
//! dead link or anchor, the dialect highlighted, everything readable.
//!
//! `BOOK_SCREENSHOTS=DIRECTORY` keeps a picture of each page.

mod devtools;
mod server;

use book_listings::{built, missing_tool};
use devtools::Browser;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// In pixels: a telephone, and a window.
const WIDTHS: [u32; 2] = [400, 1100];
const THEMES: [(&str, &str); 2] = [("light", "light"), ("dark", "ayu")];
/// The least contrast of text: what WCAG wants of large text, and what the themes of mdBook have
/// for code.
const LEAST_CONTRAST: &str = "3";

fn main() -> ExitCode {
    let trial = Trial::ignorable_test("the_book_in_a_browser", every_page);
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

/// What a page has, whatever the screen.
struct Page {
    ids: BTreeSet<String>,
    links: BTreeSet<String>,
}

fn every_page() -> Result<Completion, Failed> {
    let Some(chromium) = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok())
    else {
        let reason = missing_tool("needs Chromium: apt-get install chromium")?;
        return Ok(Completion::ignored_with(reason));
    };
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let directory = match built(&scratch.join("book-in-browser"))? {
        Ok(directory) => directory,
        Err(reason) => return Ok(Completion::ignored_with(reason)),
    };
    let site = server::serve(&directory)?;
    let mut browser = Browser::start(chromium, &scratch.join("chromium"))?;
    let mut problems = Vec::new();
    let mut pages = BTreeMap::new();
    let mut totals = [0, 0];
    for path in html_files(&directory)? {
        for width in WIDTHS {
            for (scheme, theme) in THEMES {
                let url = format!("{site}/{path}");
                let report = look(&mut browser, &url, &path, width, scheme, &mut problems)?;
                let here = format!("{path}, {width} wide, {scheme}");
                let themes = report["theme"].as_str().unwrap_or_default();
                if !themes.split(' ').any(|name| name == theme) {
                    problems.push(format!("{here}: the theme is {themes}"));
                }
                let found = report["problems"].as_array().into_iter().flatten();
                problems.extend(found.map(|problem| format!("{here}: {problem}")));
                for (total, what) in totals.iter_mut().zip(["dialect", "pictures"]) {
                    *total += report[what].as_u64().unwrap_or_default();
                }
                pages.insert(path.clone(), page(&report));
            }
        }
    }
    problems.extend(dead_links(&site, &pages));
    // A check that looks at nothing finds nothing.
    if totals.contains(&0) || pages.len() < 20 {
        problems.push(format!("{} pages, {totals:?}", pages.len()));
    }
    if problems.is_empty() {
        return Ok(Completion::Completed);
    }
    Err(problems.join("\n").into())
}

/// Visits a page; what the browser complains about are problems.
fn look(
    browser: &mut Browser,
    url: &str,
    path: &str,
    width: u32,
    scheme: &str,
    problems: &mut Vec<String>,
) -> Result<Value, String> {
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false }),
    )?;
    browser.call(
        "Emulation.setEmulatedMedia",
        json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
    )?;
    let events = browser.visit(url)?;
    let site = url.strip_suffix(path).unwrap_or(url);
    let found = events.iter().filter_map(|event| complaint(event, site));
    problems.extend(found.map(|words| format!("{path}, {width} wide, {scheme}: {words}")));
    let check = include_str!("check.js").replace("LEAST_CONTRAST", LEAST_CONTRAST);
    let report = browser.evaluate(&check)?;
    if let Some(directory) = std::env::var_os("BOOK_SCREENSHOTS") {
        let name = path.trim_end_matches(".html").replace('/', "-");
        let file = PathBuf::from(directory).join(format!("{name}-{width}-{scheme}.png"));
        screenshot(browser, width, &file)?;
    }
    Ok(report)
}

/// What an event says that should not be.
fn complaint(event: &Value, site: &str) -> Option<String> {
    let parameters = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(parameters["exceptionDetails"].to_string()),
        "Runtime.consoleAPICalled" => matches!(
            parameters["type"].as_str(),
            Some("error" | "warning" | "assert")
        )
        .then(|| parameters["args"].to_string()),
        "Log.entryAdded" => matches!(
            parameters["entry"]["level"].as_str(),
            Some("error" | "warning")
        )
        .then(|| parameters["entry"].to_string()),
        "Network.loadingFailed" if parameters["canceled"] != true => Some(parameters.to_string()),
        "Network.requestWillBeSent" => {
            let url = parameters["request"]["url"].as_str()?;
            let ours = url.starts_with(site) || url.starts_with("data:");
            (!ours).then(|| format!("a request to {url}"))
        }
        "Network.responseReceived" => {
            let response = &parameters["response"];
            (response["status"].as_u64()? >= 400).then(|| format!("{}", response["url"]))
        }
        _ => None,
    }
}

/// The upper part of the page: whole pages can be taller than pictures may be.
fn screenshot(browser: &mut Browser, width: u32, file: &Path) -> Result<(), String> {
    const TALLEST: u64 = 3000;
    let height = browser.evaluate("document.documentElement.scrollHeight")?;
    let height = height.as_u64().unwrap_or(TALLEST).min(TALLEST);
    let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
    let parameters = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
    let picture = browser.call("Page.captureScreenshot", parameters)?;
    let data = picture["data"].as_str().ok_or("no picture")?;
    let bytes = base64(data).ok_or("the picture is not in base 64")?;
    std::fs::write(file, bytes).map_err(|error| format!("{}: {error}", file.display()))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in text.trim_end_matches('=').as_bytes().chunks(4) {
        let mut bits = 0u32;
        for byte in group {
            bits = bits << 6 | DIGITS.iter().position(|digit| digit == byte)? as u32;
        }
        bits <<= 6 * (4 - group.len());
        bytes.extend(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn page(report: &Value) -> Page {
    let strings = |what: &str| {
        let list = report[what].as_array().into_iter().flatten();
        list.filter_map(|value| value.as_str().map(str::to_owned))
            .collect()
    };
    Page {
        ids: strings("ids"),
        links: strings("links"),
    }
}

/// The pages below a directory, but for the one that stands for all that do not exist: its links
/// are made for whatever was asked for.
fn html_files(directory: &Path) -> std::io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(at) = directories.pop() {
        for entry in std::fs::read_dir(&at)? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|ending| ending == "html") {
                let name = path.strip_prefix(directory).unwrap_or(&path);
                found.insert(name.to_string_lossy().into_owned());
            }
        }
    }
    for name in ["404.html", "toc.html"] {
        found.remove(name);
    }
    Ok(found)
}

/// Links as the browser resolves them.
fn dead_links(site: &str, pages: &BTreeMap<String, Page>) -> Vec<String> {
    let mut dead = BTreeSet::new();
    for (path, page) in pages {
        for link in &page.links {
            let Some(target) = link.strip_prefix(site) else {
                if !link.starts_with("https://") {
                    dead.insert(format!("{path}: {link}"));
                }
                continue;
            };
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = file.trim_start_matches('/');
            let alive = pages
                .get(file)
                .is_some_and(|page| anchor.is_empty() || page.ids.contains(anchor));
            if !alive {
                dead.insert(format!("{path}: {link} leads nowhere"));
            }
        }
    }
    dead.into_iter().collect()
}
