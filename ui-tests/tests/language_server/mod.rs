//! As much of a client of a language server as the tests need.

use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// How long the server may take to get ready, macros built, and to answer.
const PATIENCE: Duration = Duration::from_secs(600);

/// Line and character, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    line: u64,
    character: u64,
}

impl Place {
    /// The place of the `|` in a text that the source has once without it.
    pub(crate) fn at(source: &str, marked: &str) -> Self {
        let (before, after) = marked.split_once('|').expect("a mark");
        let text = format!("{before}{after}");
        let mut found = source.match_indices(&text).map(|(at, _)| at);
        let at = found
            .next()
            .unwrap_or_else(|| panic!("{marked} is not in the source"));
        assert_eq!(found.next(), None, "{marked} is there twice");
        let before = &source[..at + before.len()];
        Self {
            line: before.matches('\n').count() as u64,
            character: before.rsplit('\n').next().unwrap_or_default().len() as u64,
        }
    }

    fn of(value: &Value) -> Option<Self> {
        Some(Self {
            line: value["line"].as_u64()?,
            character: value["character"].as_u64()?,
        })
    }

    fn to_json(self) -> Value {
        json!({ "line": self.line, "character": self.character })
    }
}

/// A server with one file open.
pub(crate) struct Server {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    folder: PathBuf,
    uri: String,
    requests: u64,
}

impl Server {
    /// Starts it on a package with this file, and waits until it has read everything.
    pub(crate) fn start(program: &str, source: &str) -> Result<Self, String> {
        let folder = package(source).map_err(|error| format!("the package: {error}"))?;
        let mut child = Command::new(program)
            .current_dir(&folder)
            // What cargo says to its tests is not meant for the cargo that the server runs.
            .env_remove("CARGO")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{program}: {error}"))?;
        let input = child.stdin.take().ok_or("no pipe")?;
        let output = child.stdout.take().ok_or("no pipe")?;
        let (sender, messages) = mpsc::channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = read_message(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let root = format!("file://{}", folder.display());
        let mut server = Self {
            child,
            input,
            messages,
            uri: format!("{root}/src/lib.rs"),
            folder,
            requests: 0,
        };
        let target = server.folder.join("target");
        server.request(
            "initialize",
            json!({
                "processId": std::process::id(),
                "rootUri": root,
                "capabilities": {
                    "experimental": { "serverStatusNotification": true },
                    "textDocument": {
                        "hover": { "contentFormat": ["markdown"] },
                        "definition": { "linkSupport": false },
                    },
                },
                "initializationOptions": {
                    "checkOnSave": false,
                    "cachePriming": { "enable": false },
                    "cargo": { "targetDir": target, "buildScripts": { "enable": true } },
                    "procMacro": { "enable": true },
                },
            }),
        )?;
        server.notify("initialized", json!({}))?;
        let document = json!({
            "uri": server.uri, "languageId": "rust", "version": 1, "text": source,
        });
        server.notify("textDocument/didOpen", json!({ "textDocument": document }))?;
        server.wait_until_ready()?;
        Ok(server)
    }

    /// The text that is shown at a place.
    pub(crate) fn hover(&mut self, place: Place) -> Result<String, String> {
        let answer = self.ask("textDocument/hover", place, json!({}))?;
        let text = answer["contents"]["value"].as_str();
        text.map(str::to_owned)
            .ok_or_else(|| format!("no hover: {answer}"))
    }

    /// Where the name at a place is defined.
    pub(crate) fn definition(&mut self, place: Place) -> Result<Vec<Place>, String> {
        let answer = self.ask("textDocument/definition", place, json!({}))?;
        let places = answer.as_array().into_iter().flatten();
        Ok(places
            .filter(|found| found["uri"] == *self.uri)
            .filter_map(|found| Place::of(&found["range"]["start"]))
            .collect())
    }

    /// Where the name at a place stands, its definition among them.
    pub(crate) fn references(&mut self, place: Place) -> Result<Vec<Place>, String> {
        let more = json!({ "context": { "includeDeclaration": true } });
        let answer = self.ask("textDocument/references", place, more)?;
        let places = answer.as_array().into_iter().flatten();
        Ok(places
            .filter(|found| found["uri"] == *self.uri)
            .filter_map(|found| Place::of(&found["range"]["start"]))
            .collect())
    }

    /// What is offered at a place.
    pub(crate) fn completion(&mut self, place: Place) -> Result<Vec<String>, String> {
        let answer = self.ask("textDocument/completion", place, json!({}))?;
        let items = answer["items"].as_array().or(answer.as_array());
        let labels = items.into_iter().flatten().filter_map(|item| {
            let label = item["label"].as_str()?;
            Some(label.split([' ', '(']).next().unwrap_or(label).to_owned())
        });
        Ok(labels.collect())
    }

    /// Where the name at a place would be replaced.
    pub(crate) fn rename(&mut self, place: Place, name: &str) -> Result<Vec<Place>, String> {
        let answer = self.ask("textDocument/rename", place, json!({ "newName": name }))?;
        let mut edits = Vec::new();
        for change in answer["documentChanges"].as_array().into_iter().flatten() {
            edits.extend(change["edits"].as_array().cloned().unwrap_or_default());
        }
        if let Some(changes) = answer["changes"].as_object() {
            for of_file in changes.values() {
                edits.extend(of_file.as_array().cloned().unwrap_or_default());
            }
        }
        Ok(edits
            .iter()
            .filter_map(|edit| Place::of(&edit["range"]["start"]))
            .collect())
    }

    fn ask(&mut self, method: &str, place: Place, more: Value) -> Result<Value, String> {
        let mut parameters = json!({
            "textDocument": { "uri": self.uri },
            "position": place.to_json(),
        });
        if let (Some(all), Some(more)) = (parameters.as_object_mut(), more.as_object()) {
            all.extend(more.clone());
        }
        // While it reads files anew it takes back what it was asked.
        for _ in 0..20 {
            match self.request(method, parameters.clone()) {
                Err(error) if error.contains("-32801") => {
                    std::thread::sleep(Duration::from_millis(200));
                }
                answer => return answer,
            }
        }
        Err(format!("{method}: the content changes all the time"))
    }

    fn request(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({
            "jsonrpc": "2.0", "id": id, "method": method, "params": parameters,
        }))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let message = self.receive(deadline)?;
            if message["id"] == id && message.get("method").is_none() {
                return match message.get("error") {
                    Some(error) => Err(format!("{method}: {error}")),
                    None => Ok(message["result"].clone()),
                };
            }
        }
    }

    fn notify(&mut self, method: &str, parameters: Value) -> Result<(), String> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": parameters }))
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let message = self.receive(deadline)?;
            let status = &message["params"];
            if message["method"] == "experimental/serverStatus" && status["quiescent"] == true {
                return match status["health"].as_str() {
                    Some("error") => Err(format!("the server says: {}", status["message"])),
                    _ => Ok(()),
                };
            }
        }
    }

    /// The next message; requests of the server get an empty answer.
    fn receive(&mut self, deadline: Instant) -> Result<Value, String> {
        let left = deadline.saturating_duration_since(Instant::now());
        let message = self
            .messages
            .recv_timeout(left)
            .map_err(|error| format!("no message of the server: {error}"))?;
        if let (Some(id), Some(_)) = (message.get("id"), message.get("method")) {
            self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": null }))?;
        }
        Ok(message)
    }

    fn send(&mut self, message: &Value) -> Result<(), String> {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len())
            .and_then(|()| self.input.flush())
            .map_err(|error| format!("writing to the server: {error}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has nothing to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_message(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if let Some(number) = line.strip_prefix("Content-Length: ") {
            length = number.parse().ok()?;
        }
    }
    let mut text = vec![0; length];
    output.read_exact(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// A package with this library, which depends on the workspace's runtime and, as far as they are
/// known, on the same versions of everything else.
fn package(source: &str) -> std::io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rust_analyzer");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::create_dir_all(folder.join("src"))?;
    let runtime = workspace.join("ebpf-rt").canonicalize()?;
    let manifest = format!(
        "[package]\nname = \"example\"\nedition = \"2024\"\n\n[dependencies]\nebpf-rt = {{ path = {runtime:?} }}\n\n[workspace]\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/lib.rs"), source)?;
    if let Ok(lock) = fs::read(workspace.join("Cargo.lock")) {
        fs::write(folder.join("Cargo.lock"), lock)?;
    }
    Ok(folder)
}
