//! A guest: its first file system, and QEMU without the help of the processor.

use super::build::Build;
use super::cpio::Archive;
use super::results::{self, Results};
use super::series::Kernel;
use crate::Result;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const QEMU: &str = "qemu-system-x86_64";
/// A test that takes longer is stuck. Guests on a busy machine are slow.
const TEST_SECONDS: u64 = 240;
/// Between two lines of the results.
const PATIENCE: Duration = Duration::from_secs(TEST_SECONDS + 60);
/// How long a kernel that has called itself stuck may go on, so that it tells more.
const GRACE: Duration = Duration::from_secs(20);

/// What goes into every guest: the first process, a shell, and the tests.
pub(crate) fn common(build: &Build, busybox: &Path) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    archive.device("/dev/console", 5, 1);
    let read = |path: &Path| fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    archive.file("/init", 0o755, &read(&build.init)?);
    archive.file("/bin/busybox", 0o755, &read(busybox)?);
    let applets = crate::debian::run(Command::new(busybox).arg("--list"))?;
    for applet in applets.lines().filter(|name| *name != "busybox") {
        archive.symlink(&format!("/bin/{applet}"), "busybox");
    }
    let users =
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n";
    archive.file("/etc/passwd", 0o644, users.as_bytes());
    archive.file("/etc/hosts", 0o644, b"127.0.0.1 localhost\n::1 localhost\n");
    archive.directory("/root");
    for binary in &build.binaries {
        archive.copy(binary)?;
    }
    for suite in &build.suites {
        archive.copy(&suite.binary)?;
        archive.directory(&suite.directory.to_string_lossy());
        // What tests read: expected output, data.
        for data in ["listings", "tests"] {
            let data = suite.directory.join(data);
            if data.is_dir() && !archive.has(&data) {
                archive.copy(&data)?;
            }
        }
    }
    Ok(archive.finish())
}

/// What only this kernel's guest has: its modules and configuration, and what is to be done.
fn special(kernel: &Kernel, steps: &str) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    let mut plan = String::new();
    for module in &kernel.modules {
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        let path = format!("/lib/modules/{}", name.trim_end_matches(".xz"));
        archive.file(&path, 0o644, &uncompressed(module)?);
        plan.push_str(&format!("module\t{path}\n"));
    }
    if let Some(config) = &kernel.config {
        let text = fs::read(config).map_err(|error| format!("{}: {error}", config.display()))?;
        archive.file(&format!("/boot/config-{}", kernel.release), 0o644, &text);
    }
    if kernel.series.tracefs {
        plan.push_str("tracefs\n");
    }
    plan.push_str(steps);
    archive.file("/etc/plan", 0o644, plan.as_bytes());
    Ok(archive.finish())
}

fn uncompressed(path: &Path) -> Result<Vec<u8>> {
    if path.extension().is_none_or(|extension| extension != "xz") {
        return fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    }
    let output = Command::new("xz").arg("-dc").arg(path).output();
    match output {
        Ok(output) if output.status.success() => Ok(output.stdout),
        Ok(output) => Err(format!(
            "xz: {}: {}",
            path.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Err(format!("xz: {error}")),
    }
}

/// The steps of the plan for these tests.
pub(crate) fn steps(build: &Build, wanted: impl Fn(&str) -> bool) -> String {
    let mut steps = String::new();
    for suite in &build.suites {
        for test in &suite.tests {
            let name = format!("{} {test}", suite.name);
            if wanted(&name) {
                steps.push_str(&format!(
                    "test\t{name}\t{}\t{}\t{TEST_SECONDS}\n",
                    suite.binary.display(),
                    suite.directory.display()
                ));
            }
        }
    }
    steps
}

/// QEMU with this kernel; the caller adds the serial ports.
fn qemu(kernel: &Kernel, initramfs: &Path) -> Command {
    let mut command = Command::new(QEMU);
    command.args(["-nodefaults", "-no-user-config", "-no-reboot"]);
    // One thread for both processors: with two, a processor may still see code that the other has
    // replaced (trace points are switched so), and oopses at a breakpoint or jumps in a circle.
    command.args(["-accel", "tcg,thread=single", "-smp", "2", "-m", "2048"]);
    command.args(["-cpu", kernel.series.cpu, "-display", "none"]);
    command.arg("-kernel").arg(&kernel.image);
    command.arg("-initrd").arg(initramfs);
    // An oops ends the guest at once instead of leaving locks behind it; the limits for stalls
    // are generous, since the processors of the guest may have to wait for those of the host.
    let words = "console=ttyS0 loglevel=5 panic=-1 oops=panic mitigations=off nokaslr \
                 watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120";
    let words = format!("{words} {}", kernel.series.command_line);
    command.arg("-append").arg(words.trim_end());
    command
}

/// Where a guest's files lie while it runs, and its console afterwards.
struct Place {
    initramfs: PathBuf,
    console: PathBuf,
    results: PathBuf,
}

impl Place {
    fn new(build: &Build, kernel: &Kernel, common: &[u8], steps: &str) -> Result<Self> {
        let base = build.init.parent().unwrap_or(Path::new("."));
        let directory = base.join("guests").join(kernel.series.label);
        fs::create_dir_all(&directory)
            .map_err(|error| format!("{}: {error}", directory.display()))?;
        let place = Self {
            initramfs: directory.join("initramfs"),
            console: directory.join("console"),
            results: directory.join("results"),
        };
        let write = || {
            let mut file = File::create(&place.initramfs)?;
            file.write_all(common)?;
            Ok(file)
        };
        let failed = |error: std::io::Error| format!("{}: {error}", place.initramfs.display());
        let mut file = write().map_err(failed)?;
        file.write_all(&special(kernel, steps)?).map_err(failed)?;
        for path in [&place.console, &place.results] {
            File::create(path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(place)
    }
}

/// Runs the steps in a guest and looks at what comes of it.
pub(crate) fn run(
    build: &Build,
    kernel: &Kernel,
    common: &[u8],
    steps: &str,
    mut each: impl FnMut(&str),
) -> Result<Results> {
    let place = Place::new(build, kernel, common, steps)?;
    let mut command = qemu(kernel, &place.initramfs);
    for file in [&place.console, &place.results] {
        command.args(["-serial", &format!("file:{}", file.display())]);
    }
    let mut seen = Results::default();
    let mut guest = Guest::start(&mut command)?;
    let mut file = File::open(&place.results)
        .map_err(|error| format!("{}: {error}", place.results.display()))?;
    let mut at = 0;
    let mut last = Instant::now();
    let mut console = Console::default();
    let ending = loop {
        let status = guest.status()?;
        for line in new_lines(&mut file, &mut at)? {
            last = Instant::now();
            seen.line(&line);
            each(&line);
        }
        match status {
            Some(status) if status.success() => break None,
            Some(status) => break Some(format!("{QEMU}: {status}: {}", guest.complaint())),
            None if last.elapsed() > PATIENCE => {
                let seconds = PATIENCE.as_secs();
                break Some(format!("the guest hangs: nothing for {seconds} seconds"));
            }
            None if console.is_stuck(&place.console) => {
                break Some("the guest is stuck".to_owned());
            }
            None => std::thread::sleep(Duration::from_millis(100)),
        }
    };
    drop(guest);
    let _ = fs::remove_file(&place.initramfs);
    let console = fs::read(&place.console).unwrap_or_default();
    seen.end(ending, &String::from_utf8_lossy(&console));
    Ok(seen)
}

/// A shell in a guest, at the terminal.
pub(crate) fn shell(build: &Build, kernel: &Kernel, common: &[u8]) -> Result<()> {
    let place = Place::new(build, kernel, common, "shell\n")?;
    let mut command = qemu(kernel, &place.initramfs);
    command.args(["-serial", "mon:stdio"]);
    command.args(["-serial", &format!("file:{}", place.results.display())]);
    println!("Linux {}: exit or Ctrl-A X ends it", kernel.release);
    for suite in &build.suites {
        println!("  {}: {}", suite.name, suite.binary.display());
    }
    let status = command.status();
    let _ = fs::remove_file(&place.initramfs);
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{QEMU}: {status}")),
        Err(error) => Err(format!("{QEMU}: {error}")),
    }
}

/// Installs QEMU and xz (which modules are packed with) if they are not there and this is root on
/// Debian.
pub(crate) fn ensure_tools() -> Result<()> {
    const TOOLS: [(&str, &str); 2] = [(QEMU, "qemu-system-x86"), ("xz", "xz-utils")];
    let missing = || {
        let is_missing = |tool: &str| {
            let mut command = Command::new(tool);
            command.arg("--version").stdout(Stdio::null());
            !command.status().is_ok_and(|status| status.success())
        };
        TOOLS.into_iter().filter(move |(tool, _)| is_missing(tool))
    };
    let packages: Vec<&str> = missing().map(|(_, package)| package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    println!("installing {}", packages.join(" and "));
    let mut install = Command::new("apt-get");
    install.args(["install", "-qy", "--no-install-recommends"]);
    crate::debian::run(Command::new("apt-get").args(["update", "-q"]))
        .and_then(|_| crate::debian::run(install.args(&packages)))
        .map_err(|error| format!("{error}\nhelp: install {}", packages.join(" and ")))?;
    match missing().next() {
        None => Ok(()),
        Some((tool, _)) => Err(format!("{tool} does not run")),
    }
}

/// Looks at a growing console from time to time.
#[derive(Default)]
struct Console {
    looked: Option<Instant>,
    stuck: Option<Instant>,
}

impl Console {
    fn is_stuck(&mut self, path: &Path) -> bool {
        if let Some(since) = self.stuck {
            return since.elapsed() > GRACE;
        }
        let is_due = self
            .looked
            .is_none_or(|last| last.elapsed() > Duration::from_secs(2));
        if is_due {
            self.looked = Some(Instant::now());
            let text = fs::read(path).unwrap_or_default();
            if results::says_it_is_stuck(&String::from_utf8_lossy(&text)) {
                self.stuck = Some(Instant::now());
            }
        }
        false
    }
}

/// QEMU at work; it ends with this value.
struct Guest(Child);

impl Guest {
    fn start(command: &mut Command) -> Result<Self> {
        let command = command.stdin(Stdio::null()).stderr(Stdio::piped());
        let child = command
            .spawn()
            .map_err(|error| format!("{QEMU}: {error}"))?;
        Ok(Self(child))
    }

    fn status(&mut self) -> Result<Option<ExitStatus>> {
        self.0
            .try_wait()
            .map_err(|error| format!("{QEMU}: {error}"))
    }

    fn complaint(&mut self) -> String {
        let mut text = String::new();
        if let Some(stderr) = &mut self.0.stderr {
            let _ = stderr.read_to_string(&mut text);
        }
        text.trim().to_owned()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The whole lines that have come since.
fn new_lines(file: &mut File, at: &mut u64) -> Result<Vec<String>> {
    let failed = |error: std::io::Error| format!("the results: {error}");
    file.seek(SeekFrom::Start(*at)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed)?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    let whole = bytes
        .get(..end.map_or(0, |end| end + 1))
        .unwrap_or_default();
    *at += whole.len() as u64;
    let text = String::from_utf8_lossy(whole);
    Ok(text
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect())
}
