//! An interactive shell on a terminal of its own, typed at as a user would, its screen read as text.
//!
//! The shell hands descriptor 9, the write end of a pipe, to all that it starts. Sentinel and guard close that, but keep the terminal as
//! their standard error. So the end-of-file of both, the pipe and the terminal, says that nobody is left.
//!
//! What is typed shows on the screen too: a text that is waited for must not stand in the command that writes it.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::leader::{lead_session, open_terminal};
use super::{
    PATIENCE, Pid, Scratch, children, helper, orphanguard, send, skip, spawn, state, status_field, try_send, wait_for,
    wait_until,
};

pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";
pub const CTRL_Z: &str = "\x1a";
pub const CTRL_BACKSLASH: &str = "\x1c";

/// A shell that has job control, without anybody's configuration. Its prompt is the last status: `<0> `.
#[derive(Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    arguments: &'static [&'static str],
    pub prompt: &'static str,
    /// What is typed first.
    pub setup: &'static str,
}

impl Kind {
    /// How it is typed.
    pub fn line(self) -> String {
        format!("{} {}", self.name, self.arguments.join(" "))
    }
}

pub const BASH: Kind = Kind { name: "bash", arguments: &["--noprofile", "--norc", "-i"], prompt: "<$?> ", setup: ":" };
pub const DASH: Kind = Kind { name: "dash", arguments: &["-i"], prompt: "<$?> ", setup: ":" };
/// It shall tell of jobs at the next prompt as the others do, and not draw the line anew. Its own prompt gets lost where a job changes while
/// it is drawn.
pub const ZSH: Kind = Kind {
    name: "zsh",
    arguments: &["-f", "-i", "+o", "notify", "+o", "promptsp", "+o", "promptcr"],
    prompt: "<%?> ",
    setup: "PS1=; precmd() { printf '<%s> ' $? }",
};
/// It draws its prompt anew with each key, so the status is told beside it, once.
pub const FISH: Kind =
    Kind { name: "fish", arguments: &["--no-config", "-i", "-C", FISH_SETUP], prompt: "", setup: ":" };
const FISH_SETUP: &str = "function fish_prompt; end; function fish_title; end; set fish_greeting;
    function tell --on-event fish_prompt; printf '<%s> ' $status; end";

/// It is taken after all that a terminal sends, where several wait: the kernel hands out the lowest first.
pub const LAST: i32 = 40;

/// What stands before COMMAND: nothing, for the control; and orphanguard.
pub const WRAPPERS: [&str; 4] = ["", "orphanguard -- ", "orphanguard --no-sentinel -- ", "orphanguard --group new -- "];

/// All of them, as far as they are installed.
pub fn shells() -> impl Iterator<Item = Shell> {
    [BASH, DASH, ZSH, FISH].into_iter().filter_map(Shell::start)
}

/// Whether there is such a program; where not, says so.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap();
    let is_installed = std::env::split_paths(&path).any(|folder| folder.join(program).exists());
    if !is_installed {
        skip(&format!("{program} is not installed"));
    }
    is_installed
}

/// The descriptor that all inherit.
const PROOF: RawFd = 9;

pub struct Shell {
    pub name: &'static str,
    child: Child,
    keyboard: File,
    /// Its end-of-file proves that nobody is left.
    proof: PipeReader,
    /// All that has come to the screen, and how much of it was expected already.
    screen: String,
    seen: usize,
    home: Scratch,
}

impl Shell {
    /// A bash, whose prompt is there.
    pub fn bash() -> Self {
        Self::start(BASH).expect("bash is installed")
    }

    /// Such a shell, whose prompt is there; none, where it is not installed.
    pub fn start(kind: Kind) -> Option<Self> {
        Self::start_with(kind, &[])
    }

    /// As [`Self::start`], with these environment variables.
    pub fn start_with(kind: Kind, variables: &[(&str, &str)]) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !is_installed(kind.name) {
            return None;
        }
        let home = Scratch::new(&format!("shell-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        let (keyboard, terminal) = open_terminal();
        // So wide that no shell wraps or scrolls a line while it is typed.
        resize(&keyboard, 50, 500);
        let (proof, inherited) = io::pipe().unwrap();
        let mut command = Command::new(kind.name);
        command.args(kind.arguments).current_dir(home.path()).env_clear();
        let programs = [orphanguard(), helper()].map(|program| program.parent().unwrap().display().to_string());
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", programs.join(":"))).env("HOME", home.path()).env("PS1", kind.prompt);
        command.envs([("TERM", "dumb"), ("LC_ALL", "C.UTF-8"), ("HISTFILE", "/dev/null"), ("LESSHISTFILE", "-")]);
        command.envs(variables.iter().copied());
        command.stdin(terminal.try_clone().unwrap()).stdout(terminal.try_clone().unwrap()).stderr(terminal);
        lead_session(&mut command);
        let inherited_fd = inherited.as_raw_fd();
        let hand_down = move || {
            // Whoever runs the tests in the background, or by nohup(1), has signals ignored that a user's shell has not.
            (1..=64).for_each(|signal| _ = unsafe { libc::signal(signal, libc::SIG_DFL) });
            // Onto itself it would stay closed on exec.
            let done = if inherited_fd == PROOF {
                unsafe { libc::fcntl(PROOF, libc::F_SETFD, 0) }
            } else {
                unsafe { libc::dup2(inherited_fd, PROOF) }
            };
            if done >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
        };
        unsafe { command.pre_exec(hand_down) };
        let child = spawn(&mut command).unwrap();
        let mut shell = Self { name: kind.name, child, keyboard, proof, screen: String::new(), seen: 0, home };
        assert_eq!(shell.prompt(), 0, "{}", shell.screen);
        shell.run(kind.setup);
        Some(shell)
    }

    /// Types a line.
    pub fn line(&mut self, text: &str) {
        self.press(text);
        self.press("\r");
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line, and waits until the prompt is back; what came in between, the line itself too, and the status.
    pub fn run(&mut self, line: &str) -> (String, i32) {
        let from = self.mark();
        self.line(line);
        let status = self.prompt();
        (self.since(from).to_owned(), status)
    }

    /// Types a line that leaves a job in the background, and waits for the prompt and for what the job says, whichever comes first.
    pub fn background<T>(&mut self, line: &str, hear: impl FnOnce(&mut Self) -> T) -> T {
        let from = self.seen;
        self.line(line);
        let _ = self.prompt();
        let prompt = std::mem::replace(&mut self.seen, from);
        let heard = hear(self);
        self.seen = self.seen.max(prompt);
        heard
    }

    /// How much has come so far that was waited for.
    pub fn mark(&self) -> usize {
        self.seen
    }

    /// What has come from a mark on that was waited for.
    pub fn since(&self, mark: usize) -> &str {
        &self.screen[mark..self.seen]
    }

    /// Waits for the text, in what has come since the last thing that was waited for; what stands before it.
    pub fn expect(&mut self, text: &str) -> String {
        self.find(&format!("{text:?}"), |new| {
            let at = new.find(text)?;
            Some((at + text.len(), new[..at].to_owned()))
        })
    }

    /// Waits for the prompt; the status that it tells.
    pub fn prompt(&mut self) -> i32 {
        self.find("a prompt", |new| {
            new.match_indices('<').find_map(|(at, _)| {
                let (status, _) = new[at + 1..].split_once("> ")?;
                Some((at + 1 + status.len() + 2, status.parse().ok()?))
            })
        })
    }

    /// Waits for a line that begins so and ends with a number: `up 4711`.
    pub fn number_after(&mut self, word: &str) -> i32 {
        let word = format!("{word} ");
        self.find(&format!("{word:?} and a number"), |new| {
            new.match_indices(&word).find_map(|(at, _)| {
                let (number, _) = new[at + word.len()..].split_once("\r\n")?;
                Some((at + word.len() + number.len(), number.parse().ok()?))
            })
        })
    }

    fn find<T>(&mut self, what: &str, look: impl Fn(&str) -> Option<(usize, T)>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some((length, found)) = look(&self.screen[self.seen..]) {
                self.seen += length;
                return found;
            }
            let came = self.read(deadline.saturating_duration_since(Instant::now()));
            let (old, new) = self.screen.split_at(self.seen);
            assert!(came, "{what} does not come after\n{old}\nbut\n{new}\nof\n{}", self.processes());
        }
    }

    /// Whether more came in time, and not the terminal's end.
    fn read(&mut self, patience: Duration) -> bool {
        if !wait_readable(self.keyboard.as_raw_fd(), patience) {
            return false;
        }
        let mut buffer = [0; 4096];
        // EIO: nobody has the terminal open any more.
        let count = self.keyboard.read(&mut buffer).unwrap_or(0);
        self.screen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        count > 0
    }

    pub fn pid(&self) -> Pid {
        self.child.id() as Pid
    }

    /// A directory of the shell's own, its current one.
    pub fn home(&self) -> &Scratch {
        &self.home
    }

    /// The only process that the shell has started and that has not ended: what it takes for the job.
    pub fn job(&self) -> Pid {
        wait_for("the shell's only child", || <[Pid; 1]>::try_from(children(self.pid())).ok())[0]
    }

    /// Has the job's COMMAND report [`LAST`], and demands that it reports nothing before: a copy of what the terminal or the shell has sent
    /// would come from orphanguard, and so ahead of what orphanguard is sent after it.
    pub fn reports_nothing_more(&mut self) {
        send(self.job(), LAST);
        let before = self.expect("got 40 ");
        assert!(!before.contains("got"), "{}", self.screen);
    }

    /// The process group that has the terminal.
    pub fn foreground(&self) -> Pid {
        let mut group = 0;
        let asked = unsafe { libc::ioctl(self.keyboard.as_raw_fd(), libc::TIOCGPGRP, &raw mut group) };
        assert_eq!(asked, 0, "{}", io::Error::last_os_error());
        group
    }

    /// Waits until the job that the shell was told to `fg` has the terminal.
    pub fn wait_foreground(&self) {
        wait_until("the job to have the terminal", || self.foreground() != self.pid());
    }

    /// Whether what is typed shows.
    pub fn echoes(&self) -> bool {
        let mut attributes = unsafe { std::mem::zeroed::<libc::termios>() };
        assert_eq!(unsafe { libc::tcgetattr(self.keyboard.as_raw_fd(), &raw mut attributes) }, 0);
        attributes.c_lflag & libc::ECHO != 0
    }

    pub fn resize(&self, rows: u16, columns: u16) {
        resize(&self.keyboard, rows, columns);
    }

    /// The shell's descendants, for a failure to show: `4711 S sleep`.
    fn processes(&self) -> String {
        let mut found = children(self.pid());
        let mut next = 0;
        while let Some(&pid) = found.get(next) {
            found.extend(children(pid));
            next += 1;
        }
        let name = |pid| status_field(pid, "Name").unwrap_or_default();
        found.iter().map(|&pid| format!("{pid} {} {}\n", state(pid).unwrap_or('-'), name(pid))).collect()
    }

    /// Leaves the shell, and demands that nobody is left; what has come to the screen in all.
    pub fn exit(mut self) -> String {
        self.line("exit");
        self.gone();
        std::mem::take(&mut self.screen)
    }

    /// Waits until nobody is left of the shell and all that it has started.
    pub fn gone(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while self.read(deadline.saturating_duration_since(Instant::now())) {}
        assert!(Instant::now() < deadline, "somebody still has the terminal:\n{}", self.screen);
        assert_end(&mut self.proof, &self.screen);
        wait_for("the shell's end", || self.child.try_wait().unwrap())
    }

    /// Hangs the terminal up, as a window does that is closed, and waits until nobody is left of all that has descriptor 9.
    pub fn hang_up(mut self, what: &str) {
        self.keyboard = File::open("/dev/null").unwrap();
        assert_end(&mut self.proof, what);
        wait_for("the shell's end", || self.child.try_wait().unwrap());
    }
}

fn resize(terminal: &File, rows: u16, columns: u16) {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    assert_eq!(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }, 0);
}

fn assert_end(proof: &mut PipeReader, what: &str) {
    assert!(wait_readable(proof.as_raw_fd(), PATIENCE), "somebody is left: {what}");
    let mut text = String::new();
    assert_eq!(proof.read_to_string(&mut text).unwrap(), 0, "{text}");
}

fn wait_readable(fd: RawFd, patience: Duration) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    unsafe { libc::poll(&raw mut poll, 1, patience.as_millis() as i32) > 0 }
}

/// A test that fails leaves nothing behind either, as far as orphanguard works.
impl Drop for Shell {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            for job in children(self.pid()) {
                try_send(job, libc::SIGKILL);
            }
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
