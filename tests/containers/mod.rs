//! Containers for the tests: images FROM scratch, run by podman and runc, in a storage of their own that goes when the tests end.

pub mod terminal;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::{self, Ended, Pid, Running, start};
use terminal::Terminal;

/// Where everything of podman's is: images, containers, locks, its configuration.
fn storage() -> PathBuf {
    std::env::temp_dir().join(format!("orphanguard-test-{}", std::process::id()))
}

/// Whatever is set where the tests run, this is how podman works here: with runc, without networks, without a service manager.
const CONFIGURATION: &str = r#"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
runtime = "runc"
tmp_dir = "STORAGE/tmp"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
netns = "none"
"#;

const STORAGE_CONFIGURATION: &str = r#"
[storage]
driver = "vfs"
graphroot = "STORAGE/root"
runroot = "STORAGE/run"
"#;

/// `podman ARGUMENTS`, words separated by blanks.
pub fn podman(arguments: &str) -> Command {
    let mut podman = Command::new("podman");
    podman.env("CONTAINERS_CONF", storage().join("containers.conf"));
    podman.env("CONTAINERS_STORAGE_CONF", storage().join("storage.conf"));
    podman.env("CONTAINERS_SHORT_NAME_ALIASES_CONF", storage().join("short-names.conf"));
    podman.args(arguments.split_whitespace()).stdin(Stdio::null());
    podman
}

/// Runs it, which must succeed; its standard output.
fn ask(mut command: Command) -> String {
    done(&mut command).unwrap_or_else(|why| panic!("{why}"))
}

fn done(command: &mut Command) -> Result<String, String> {
    let Output { status, stdout, stderr } =
        command.output().map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).trim_end().to_owned());
    }
    Err(format!("{command:?}: {status}: {}", String::from_utf8_lossy(&stderr).trim_end()))
}

/// The static programs.
pub struct Programs {
    pub orphanguard: PathBuf,
    pub helper: PathBuf,
}

/// Builds them by `cargo static`, in a target directory of the tests' own, so that no other cargo waits for it.
fn build() -> Result<Programs, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("static");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // They would take the place of the flags that make it static.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(variable);
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).arg("static").args(["--locked", "--quiet"]);
    cargo.args(["--bin", "orphanguard", "--example", "helper"]).arg("--target-dir").arg(&target);
    done(&mut cargo)?;
    // In a folder of the target's name.
    let folders = fs::read_dir(&target).map_err(|error| error.to_string())?.flatten();
    let mut releases = folders.map(|folder| folder.path().join("release"));
    let release = releases.find(|release| release.join("orphanguard").exists());
    let release = release.ok_or("cargo static has built no orphanguard")?;
    Ok(Programs { orphanguard: release.join("orphanguard"), helper: release.join("examples/helper") })
}

/// The static programs, once images of them are built and containers can be run. Where they cannot, a line says why; in CI that is a failure.
pub fn programs() -> Option<&'static Programs> {
    static READY: OnceLock<Result<Programs, String>> = OnceLock::new();
    let ready = READY.get_or_init(|| {
        let ready = prepare();
        if let Err(why) = &ready {
            // Past the test harness, which shows what is printed only where a test fails.
            let _ = std::io::stderr().write_all(format!("in_containers: skipped: {why}\n").as_bytes());
        }
        ready
    });
    match ready {
        Ok(programs) => Some(programs),
        Err(why) if common::containers_required() => panic!("{why}"),
        Err(_) => None,
    }
}

fn prepare() -> Result<Programs, String> {
    let version = Command::new("podman").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.map_err(|_| "podman is not installed")?;
    let programs = build()?;

    let storage = storage();
    fs::create_dir(&storage).map_err(|error| format!("cannot make {}: {error}", storage.display()))?;
    // SAFETY: a plain function, for as long as the process lives.
    unsafe { libc::atexit(remove_storage) };
    let here = storage.display().to_string();
    fs::write(storage.join("containers.conf"), CONFIGURATION.replace("STORAGE", &here)).unwrap();
    fs::write(storage.join("storage.conf"), STORAGE_CONFIGURATION.replace("STORAGE", &here)).unwrap();

    // The example, as it is. A folder with the programs stands for the stage that builds them, for no image of Rust can be pulled.
    let pieces = storage.join("pieces");
    fs::create_dir(&pieces).unwrap();
    fs::copy(&programs.orphanguard, pieces.join("orphanguard")).unwrap();
    fs::copy(&programs.helper, pieces.join("helper")).unwrap();
    let mut example = podman("build --quiet --pull=never --tag orphanguard");
    example.arg("--build-context").arg(format!("build={}", pieces.display()));
    example.arg("--file").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/containers/Containerfile")).arg(&pieces);
    done(&mut example)?;

    let mut containerfile = "FROM localhost/orphanguard\nCOPY helper /helper\n".to_owned();
    for (source, file) in others() {
        let name = source.file_name().unwrap().to_string_lossy().into_owned();
        fs::copy(&source, pieces.join(&name)).map_err(|error| format!("{}: {error}", source.display()))?;
        writeln!(containerfile, "COPY {name} {}", file.display()).unwrap();
    }
    fs::write(pieces.join("Containerfile"), containerfile).unwrap();
    done(podman("build --quiet --pull=never --tag job").arg(&pieces))?;
    done(&mut podman("run --rm job /helper exit 0"))?;
    Ok(programs)
}

/// Debian's tini and dumb-init, with what the latter needs to run, and where they go in the image.
fn others() -> Vec<(PathBuf, PathBuf)> {
    let mut files = Vec::new();
    for program in ["/usr/bin/tini-static", "/usr/bin/dumb-init"].map(Path::new) {
        if program.exists() {
            files.push((program.to_owned(), Path::new("/").join(program.file_name().unwrap())));
        }
        let libraries = Command::new("ldd").arg(program).output().map(|output| output.stdout).unwrap_or_default();
        let libraries = String::from_utf8_lossy(&libraries).into_owned();
        let paths = libraries.split_whitespace().filter(|word| word.starts_with('/') && Path::new(word).is_file());
        files.extend(paths.map(|path| (path.into(), path.into())));
    }
    files
}

/// What another init is called in the image, where this machine has it. In CI it must.
pub fn other_init(name: &str) -> Option<String> {
    let has = Path::new("/usr/bin").join(name).exists();
    assert!(has || !common::containers_required(), "/usr/bin/{name} is not installed");
    has.then(|| format!("/{name}"))
}

extern "C" fn remove_storage() {
    let _ = podman("rm --all --force --time 0").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let _ = fs::remove_dir_all(storage());
}

/// A podman that waits for something. Dropped, also by a test that fails, it waits no more.
struct Waiting(Option<Running>);

impl Waiting {
    fn running(&mut self) -> &mut Running {
        self.0.as_mut().unwrap()
    }

    fn end(&mut self) -> Ended {
        self.running().wait();
        self.0.take().unwrap().nobody_left_soon()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(running) = &mut self.0 {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

/// A container that somebody waits for, as `podman run` does. Dropped, it is gone.
pub struct Container {
    pub name: String,
    waiting: Waiting,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// `podman run --name NAME OPTIONS job COMMAND ARGUMENTS`, words separated by blanks.
fn run(options: &str, command: &str) -> (String, Command) {
    let name = format!("c{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    (name.clone(), podman(&format!("run --name {name} {options} job {command}")))
}

impl Container {
    /// Starts a container of the image whose ENTRYPOINT is orphanguard, with this COMMAND. Options of orphanguard are given by `--env`.
    pub fn of(options: &str, command: &str) -> Self {
        let (name, mut command) = run(options, command);
        if options.contains("--interactive") {
            command.stdin(Stdio::piped());
        }
        Self { name, waiting: Waiting(Some(start(&mut command))) }
    }

    /// With the program that misbehaves as its COMMAND.
    pub fn start(options: &str, instructions: &str) -> Self {
        Self::of(options, &format!("/helper {instructions}"))
    }

    /// Starts that on a terminal.
    pub fn on_terminal(size: (u16, u16), instructions: &str) -> (Self, Terminal) {
        let (name, mut command) = run("--interactive --tty", &format!("/helper {instructions}"));
        let terminal = Terminal::start(&mut command, size);
        (Self { name, waiting: Waiting(None) }, terminal)
    }

    pub fn line(&mut self) -> String {
        let line = self.waiting.running().line();
        if line.is_empty() {
            let Ended { status, err, .. } = self.end();
            panic!("no line, but the container's end: {status}: {err}");
        }
        line
    }

    /// The PID, in the container, at the end of the next line, which begins with this word.
    pub fn pid_of(&mut self, word: &str) -> Pid {
        let line = self.line();
        let pid = line.strip_prefix(word).and_then(|pid| pid.trim().parse().ok());
        pid.unwrap_or_else(|| panic!("expected {word} and a PID, got {line:?}"))
    }

    pub fn close_stdin(&mut self) {
        drop(self.waiting.running().stdin.take());
    }

    /// `podman WORDS NAME`
    pub fn podman(&self, words: &str) -> String {
        ask(podman(&format!("{words} {}", self.name)))
    }

    /// `podman exec NAME WORDS`
    pub fn exec(&self, words: &str) {
        ask(podman(&format!("exec {} {words}", self.name)));
    }

    /// PID 1, by the number that it has out here.
    pub fn init(&self) -> Pid {
        self.podman("inspect --format {{.State.Pid}}").parse().unwrap()
    }

    /// `podman stop`, which sends SIGTERM and, so many seconds later, SIGKILL: whether it had to.
    pub fn stop(&self, timeout: u32) -> bool {
        let stop = Waiting(Some(start(&mut podman(&format!("stop --time {timeout} {}", self.name))))).end();
        assert!(stop.status.success(), "{}", stop.err);
        stop.err.contains("SIGKILL")
    }

    /// Waits for the container's end; its exit status is podman's.
    pub fn end(&mut self) -> Ended {
        self.waiting.end()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let quietly = |words: &str| {
            let mut podman = podman(&format!("{words} {}", self.name));
            let _ = podman.stdout(Stdio::null()).stderr(Stdio::null()).status();
        };
        if std::thread::panicking() {
            // From a container that is being stopped podman 4.3 takes everything but its processes.
            quietly("kill --signal KILL");
        }
        quietly("rm --force --time 0");
    }
}

/// A process's arguments.
pub fn arguments(pid: Pid) -> Vec<OsString> {
    use std::os::unix::ffi::OsStringExt;
    let text = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    text.strip_suffix(b"\0").unwrap().split(|&b| b == 0).map(|word| OsString::from_vec(word.to_vec())).collect()
}
