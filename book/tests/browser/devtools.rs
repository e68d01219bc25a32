//! A headless Chromium, driven by the DevTools protocol over its pipe.
//!
//! `--remote-debugging-pipe` takes JSON messages, each ended by a zero byte, on descriptor 3 and
//! writes them to descriptor 4: no port, no WebSocket, and nothing but a JSON library. The crates
//! for the protocol bring an asynchronous runtime or tens of thousands of generated lines.

use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page.
pub(crate) struct Browser {
    process: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    next_id: u64,
    session: Option<String>,
    /// What happened since it was last asked for.
    events: Vec<Value>,
}

impl Browser {
    /// Starts the program; `profile` is a directory for it alone.
    pub(crate) fn start(program: &str, profile: &Path) -> Result<Self, String> {
        // The shell puts the pipe where Chromium looks for it.
        let mut process = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 >/dev/null"#, program])
            .args([
                "--headless=new",
                "--remote-debugging-pipe",
                // Its sandbox does not work for root; the pages are ours.
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-extensions",
                "--no-first-run",
                // Nothing but this machine.
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{program}: {error}"))?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("no pipes".into());
        };
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut message = Vec::new();
            while matches!(output.read_until(0, &mut message), Ok(1..)) {
                let text = message.strip_suffix(&[0]).unwrap_or(&message);
                let sent = serde_json::from_slice(text).map(|value| sender.send(value));
                if !matches!(sent, Ok(Ok(()))) {
                    break;
                }
                message.clear();
            }
        });
        let mut browser = Self {
            process,
            input,
            messages,
            next_id: 1,
            session: None,
            events: Vec::new(),
        };
        browser.open_page()?;
        Ok(browser)
    }

    fn open_page(&mut self) -> Result<(), String> {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }))?;
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", target)?;
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.call(&format!("{domain}.enable"), json!({}))?;
        }
        Ok(())
    }

    /// Calls a method of the protocol and waits for its result.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Result<Value, String> {
        let id = self.next_id;
        self.next_id += 1;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let written = self.write(&message);
        written.map_err(|error| format!("{method}: the browser has ended: {error}"))?;
        let answer = self.wait(method, |message| message["id"] == id)?;
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {error}")),
            None => Ok(answer["result"].clone()),
        }
    }

    fn write(&mut self, message: &Value) -> io::Result<()> {
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input.write_all(&bytes)?;
        self.input.flush()
    }

    /// The next message that fits; events before it are kept.
    fn wait(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Result<Value, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = self
                .messages
                .recv_timeout(left)
                .map_err(|error| format!("{what}: no answer from the browser: {error}"))?;
            if fits(&message) {
                return Ok(message);
            }
            self.events.push(message);
        }
    }

    /// Goes to a page, waits until it is loaded, and gives what happened meanwhile.
    pub(crate) fn visit(&mut self, url: &str) -> Result<Vec<Value>, String> {
        self.events.clear();
        self.call("Page.navigate", json!({ "url": url }))?;
        let loaded = |event: &Value| event["method"] == "Page.loadEventFired";
        if !self.events.iter().any(loaded) {
            self.wait(url, loaded)?;
        }
        // What the page reports late comes before this answer.
        let settled = "new Promise(done => setTimeout(() => requestAnimationFrame(done), 50))";
        self.evaluate(settled)?;
        Ok(std::mem::take(&mut self.events))
    }

    /// The value of an expression in the page.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let parameters =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", parameters)?;
        match result.get("exceptionDetails") {
            Some(details) => Err(format!("an exception in a check: {details}")),
            None => Ok(result["result"]["value"].clone()),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session = None;
        // It may have ended already.
        let _ = self.call("Browser.close", json!({}));
        let _ = self.process.wait();
    }
}
