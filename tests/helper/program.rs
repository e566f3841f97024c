//! A program that misbehaves on demand, for the tests.
//!
//! Its arguments are instructions, carried out in order; `[ … ]` holds the instructions of another process. At the end of its
//! instructions a process exits 0. Nothing here ends by itself after a while: whoever starts it ends it.
//!
//! | instruction | what it does |
//! | --- | --- |
//! | `exit N` | exits |
//! | `die SIG` | dies of the signal, by number |
//! | `child [ … ]` | forks a process for these instructions |
//! | `thread-child [ … ]` | forks it from a second thread, which lives on |
//! | `sibling [ … ]` | makes it with CLONE_PARENT: a child of our parent |
//! | `setsid`, `setpgid` | leads a session, a process group of its own |
//! | `ignore SIG`, `ignore all` | ignores the signal, or all that can be ignored |
//! | `default SIG` | gives the signal its default action |
//! | `stop` | stops itself by SIGSTOP |
//! | `hold` | sleeps for ever |
//! | `reap` | waits for all children |
//! | `await-stdin` | waits for end-of-file on standard input |
//! | `say TEXT` | writes `TEXT PID` and a newline to standard output |
//! | `close FD` | closes the descriptor |
//! | `chain` | forks and calls setsid again and again, each parent exiting at once; for ever |
//! | `storm N` | forks as fast as it can, children too, until N are made in all; they sleep for ever |
//! | `on SIG exit N` | from now on the signal makes it exit N |
//! | `report SIG…` then `.` | blocks the signals and writes a line for each that comes: `got NUMBER CODE SENDER VALUE`; for ever, but USR1 reports nothing more and exits 0 where it is not in the list |
//! | `block SIG`, `await SIG` | blocks the signal; waits until it comes, blocked |
//! | `send SIG PID` | sends the signal |
//! | `size` | writes the size of the terminal on standard input: `size ROWS COLUMNS` |
//! | `orphans N` | makes N children of a process that exits at once; they end with it, waiting for the last |
//! | `name WORD` | from now on `report` begins its lines with this word instead of `got` |
//! | `mask all`, `mask none` | blocks every signal that can be blocked, or none |
//! | `become-root` | takes all three user IDs of root, as a set-user-ID program of root's may |
//! | `leaderless [ … ]` | a second thread carries out these instructions while the first one ends |
//! | `churn` | makes children that make a child and exit, and reaps them, as fast as it can; for ever |
//! | `canaries N` | keeps N children with a child each, always ending the oldest and making another, until TERM comes; then writes `unhurt COUNT`, or at once `hit PID STATUS` where a signal that is not its own reaches one |
//! | `starve RESOURCE N` | sets this limit of its guard, by number, and of what stands behind that (prlimit(2)) |
//! | `traceme` | makes its parent its tracer (ptrace(2)) |
//! | `attach` | tries to attach to its parent as a tracer, and says `attached` or `refused` |
//! | `shout SIG N` | sends its parent the signal N times |
//! | `blank`, `unblank` | makes its environment and its arguments read as empty in `/proc`, as in the midst of execve(2), and as before |
//! | `exec PROGRAM ARG…` | becomes this program |
#![allow(unsafe_code, clippy::pedantic, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::io::{Read, Write};
use std::ptr;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    run(&arguments);
    std::process::exit(0);
}

fn run(instructions: &[String]) {
    let mut rest = instructions;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        let mut next = || -> String {
            let (word, after) = rest.split_first().expect("the instruction needs a word");
            rest = after;
            word.clone()
        };
        match word.as_str() {
            "exit" => std::process::exit(number(&next())),
            "die" => die(number(&next())),
            "child" => {
                let block = block(&mut rest);
                fork(&block, 0);
            }
            "sibling" => {
                let block = block(&mut rest);
                fork(&block, libc::CLONE_PARENT);
            }
            "thread-child" => {
                let block = block(&mut rest);
                let (tell, told) = std::sync::mpsc::channel();
                std::thread::spawn(move || {
                    fork(&block, 0);
                    tell.send(()).unwrap();
                    hold();
                });
                told.recv().unwrap();
            }
            "setsid" => _ = unsafe { libc::setsid() },
            "setpgid" => _ = unsafe { libc::setpgid(0, 0) },
            "ignore" => match next().as_str() {
                "all" => (1..=64).for_each(|signal| _ = action(signal, libc::SIG_IGN)),
                signal => _ = action(number(signal), libc::SIG_IGN),
            },
            "default" => _ = action(number(&next()), libc::SIG_DFL),
            "stop" => _ = unsafe { libc::raise(libc::SIGSTOP) },
            "hold" => hold(),
            "reap" => while unsafe { libc::wait(ptr::null_mut()) } > 0 {},
            "await-stdin" => _ = std::io::stdin().read_to_end(&mut Vec::new()),
            "say" => say(&format!("{} {}", next(), std::process::id())),
            "close" => _ = unsafe { libc::close(number(&next())) },
            "chain" => chain(),
            "storm" => storm(number(&next())),
            "on" => {
                let signal = number(&next());
                assert_eq!(next(), "exit");
                exit_on(signal, number(&next()));
            }
            "report" => {
                let mut signals = Vec::new();
                loop {
                    match next().as_str() {
                        "." => break,
                        signal => signals.push(number(signal)),
                    }
                }
                report(&signals);
            }
            "block" => {
                let set = bit(number(&next()));
                unsafe {
                    libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, &raw const set, ptr::null::<u64>(), 8)
                };
            }
            "await" => wait_for_signal(number(&next())),
            "send" => {
                let signal = number(&next());
                let pid = number(&next());
                assert_eq!(unsafe { libc::kill(pid, signal) }, 0, "{}", std::io::Error::last_os_error());
            }
            "size" => {
                let mut size = unsafe { std::mem::zeroed::<libc::winsize>() };
                unsafe { libc::ioctl(0, libc::TIOCGWINSZ, &raw mut size) };
                say(&format!("size {} {}", size.ws_row, size.ws_col));
            }
            "orphans" => orphans(number(&next())),
            "name" => NAME.set(next()).expect("one name"),
            "mask" => mask(if next() == "all" { u64::MAX } else { 0 }),
            "become-root" => become_root(),
            "leaderless" => {
                let block = block(&mut rest);
                std::thread::spawn(move || {
                    run(&block);
                    std::process::exit(0);
                });
                unsafe { libc::syscall(libc::SYS_exit, 0) };
            }
            "churn" => churn(),
            "canaries" => canaries(number(&next())),
            "starve" => {
                let resource = number(&next());
                starve(resource, number(&next()) as u64);
            }
            "traceme" => _ = unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) },
            "attach" => {
                let parent = unsafe { libc::getppid() };
                let attached = unsafe { libc::ptrace(libc::PTRACE_SEIZE, parent, 0, 0) } == 0;
                say(&format!("{} {}", if attached { "attached" } else { "refused" }, std::process::id()));
            }
            "shout" => {
                let (signal, times) = (number(&next()), number(&next()));
                for _ in 0..times {
                    unsafe { libc::kill(libc::getppid(), signal) };
                    std::thread::yield_now();
                }
            }
            "blank" => blank(true),
            "unblank" => blank(false),
            "exec" => exec(rest),
            other => panic!("unknown instruction {other}"),
        }
    }
}

fn number(word: &str) -> i32 {
    word.parse().unwrap_or_else(|_| panic!("{word} is not a number"))
}

/// A signal's place in the kernel's set.
fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// The instructions up to the bracket that closes the one that comes now.
fn block(rest: &mut &[String]) -> Vec<String> {
    assert_eq!(rest[0], "[");
    let mut depth = 0;
    for (at, word) in rest.iter().enumerate() {
        match word.as_str() {
            "[" => depth += 1,
            "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let block = rest[1..at].to_vec();
            *rest = &rest[at + 1..];
            return block;
        }
    }
    panic!("a [ is not closed");
}

fn fork(instructions: &[String], flags: i32) {
    // CLONE_PARENT goes without an exit signal of its own: the child takes its creator's.
    let signal = if flags == 0 { libc::SIGCHLD } else { 0 };
    let clone = || unsafe { libc::syscall(libc::SYS_clone, flags | signal, 0, 0, 0, 0) };
    let mut pid = clone();
    // No number is left for it this moment.
    while pid < 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN) {
        std::thread::yield_now();
        pid = clone();
    }
    assert!(pid >= 0, "cannot fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        run(instructions);
        std::process::exit(0);
    }
}

fn hold() -> ! {
    loop {
        unsafe { libc::pause() };
    }
}

fn die(signal: i32) -> ! {
    action(signal, libc::SIG_DFL);
    mask(0);
    unsafe { libc::kill(libc::getpid(), signal) };
    std::process::exit(99);
}

fn mask(set: u64) {
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &set, ptr::null::<u64>(), 8) };
}

fn action(signal: i32, handler: usize) -> i64 {
    let action: [usize; 4] = [handler, 0, 0, 0];
    unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, action.as_ptr(), ptr::null::<usize>(), 8) }
}

static EXIT_CODES: [std::sync::atomic::AtomicI32; 65] = [const { std::sync::atomic::AtomicI32::new(0) }; 65];

fn exit_on(signal: i32, code: i32) {
    extern "C" fn handle(signal: i32) {
        unsafe { libc::_exit(EXIT_CODES[signal as usize].load(std::sync::atomic::Ordering::Relaxed)) };
    }
    EXIT_CODES[signal as usize].store(code, std::sync::atomic::Ordering::Relaxed);
    unsafe { libc::signal(signal, handle as extern "C" fn(i32) as usize) };
}

fn say(line: &str) {
    let mut out = std::io::stdout();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn chain() -> ! {
    loop {
        match unsafe { libc::fork() } {
            0 => _ = unsafe { libc::setsid() },
            _ => unsafe { libc::_exit(0) },
        }
    }
}

/// A counter that all of the storm's processes share says when it is large enough.
fn storm(most: i32) -> ! {
    let counter = unsafe {
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        &*libc::mmap(ptr::null_mut(), 4096, access, flags, -1, 0).cast::<std::sync::atomic::AtomicI32>()
    };
    loop {
        if counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= most {
            hold();
        }
        unsafe { libc::fork() };
    }
}

static NAME: std::sync::OnceLock<String> = std::sync::OnceLock::new();

fn report(signals: &[i32]) -> ! {
    let set: u64 = signals.iter().chain([&libc::SIGUSR1]).fold(0, |set, &signal| set | bit(signal));
    mask(set);
    say(&format!("ready {}", std::process::id()));
    loop {
        let mut info = [0i32; 32];
        let signal =
            unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, &set, info.as_mut_ptr(), ptr::null::<u8>(), 8) } as i32;
        if signal < 0 {
            continue;
        }
        if signal == libc::SIGUSR1 && !signals.contains(&signal) {
            std::process::exit(0);
        }
        let name = NAME.get().map_or("got", String::as_str);
        say(&format!("{name} {signal} {} {} {}", info[2], info[4], info[6]));
    }
}

/// Orphans that end: each is a child of a process that exits at once, and exits as soon as it is an orphan.
fn orphans(count: i32) {
    for _ in 0..count {
        let mut pipe = [0; 2];
        unsafe {
            libc::pipe(pipe.as_mut_ptr());
            let parent = libc::fork();
            if parent == 0 {
                if libc::fork() == 0 {
                    libc::close(pipe[1]);
                    // End-of-file: the parent has ended.
                    libc::read(pipe[0], [0u8; 1].as_mut_ptr().cast(), 1);
                    libc::_exit(0);
                }
                libc::_exit(0);
            }
            libc::close(pipe[0]);
            libc::close(pipe[1]);
            libc::waitpid(parent, ptr::null_mut(), 0);
        }
    }
}

fn become_root() {
    let done = unsafe { libc::setresuid(0, 0, 0) };
    assert_eq!(done, 0, "cannot become root: {}", std::io::Error::last_os_error());
}

fn churn() -> ! {
    loop {
        let child = unsafe { libc::fork() };
        if child == 0 {
            unsafe { libc::fork() };
            unsafe { libc::_exit(0) };
        }
        unsafe { libc::waitpid(child, ptr::null_mut(), 0) };
    }
}

/// Each has a child of its own. The signal that ends them is USR1; any other came from somebody who meant another process.
fn canaries(count: i32) {
    mask(bit(libc::SIGTERM) | bit(libc::SIGUSR1));
    say(&format!("canaries {}", std::process::id()));
    let mut alive = std::collections::VecDeque::new();
    let mut made = 0;
    let mut is_over = false;
    loop {
        let mut pending = 0u64;
        unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut pending, 8) };
        is_over |= pending & bit(libc::SIGTERM) != 0;
        if is_over && alive.is_empty() {
            return println!("unhurt {made}");
        }
        if !is_over {
            let child = unsafe { libc::fork() };
            if child == 0 {
                canary();
            }
            // None where there is no number left: the job has them all.
            made += i32::from(child > 0);
            alive.extend(Some(child).filter(|&child| child > 0));
        }
        if is_over || alive.len() > count as usize {
            let oldest = alive.pop_front().unwrap();
            let status = end_by_its_signal(oldest);
            if status != 0 {
                return println!("hit {oldest} {status:#x}");
            }
        }
    }
}

fn canary() -> ! {
    let child = unsafe { libc::fork() };
    if child == 0 {
        mask(0);
        hold();
    }
    // All but its own signal act as they do by default.
    mask(bit(libc::SIGUSR1));
    wait_for_signal(libc::SIGUSR1);
    let is_unhurt = child < 0 || end_by_its_signal(child) == libc::SIGUSR1;
    unsafe { libc::_exit(i32::from(!is_unhurt)) }
}

/// The status with which it ends, or stops.
fn end_by_its_signal(pid: i32) -> i32 {
    let mut status = 0;
    unsafe { libc::kill(pid, libc::SIGUSR1) };
    unsafe { libc::waitpid(pid, &raw mut status, libc::WUNTRACED) };
    status
}

/// The parent, and whatever runs above that under a name of orphanguard's.
fn starve(resource: i32, most: u64) {
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    let mut pid = unsafe { libc::getppid() };
    loop {
        let done = unsafe { libc::prlimit(pid, resource as _, &raw const limit, ptr::null_mut()) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim();
        let name = std::fs::read_to_string(format!("/proc/{parent}/comm")).unwrap_or_default();
        if name.trim() != "orphanguard" {
            return;
        }
        pid = parent.parse().unwrap();
    }
}

fn wait_for_signal(signal: i32) {
    let set = bit(signal);
    let (info, timeout) = (ptr::null::<u8>(), ptr::null::<u8>());
    while unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, &raw const set, info, timeout, 8) } < 0 {}
}

/// By `PR_SET_MM_MAP` of prctl(2), which wants all that `/proc/self/stat` has: the text is in its fields 26 and 27, the stack in 28, data and heap in
/// 45 to 47, arguments and environment in 48 to 51.
fn blank(is_blank: bool) {
    #[repr(C)]
    struct Map {
        places: [u64; 11],
        auxiliary: usize,
        auxiliary_size: u32,
        program: i32,
    }
    static FIELDS: std::sync::OnceLock<Vec<u64>> = std::sync::OnceLock::new();
    let fields = FIELDS.get_or_init(|| {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(1);
        [0; 4].into_iter().chain(fields.map(|field| field.parse::<i64>().unwrap_or(-1) as u64)).collect()
    });
    let field = |number: usize| fields[number];
    let heap_end = unsafe { libc::sbrk(0) } as u64;
    let ends = if is_blank { [field(48), field(50)] } else { [field(49), field(51)] };
    let code_and_data = [field(26), field(27), field(45), field(46)];
    let heap_and_stack = [field(47), heap_end, field(28)];
    let words = [field(48), ends[0], field(50), ends[1]];
    let places = [code_and_data.as_slice(), &heap_and_stack, &words].concat().try_into().unwrap();
    let map = Map { places, auxiliary: 0, auxiliary_size: 0, program: -1 };
    let (option, size) = (libc::PR_SET_MM_MAP, size_of::<Map>());
    let done = unsafe { libc::prctl(libc::PR_SET_MM, option, &raw const map, size, 0) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

/// By execv(3) itself: std's way would give the program another signal mask, and SIGPIPE its default action.
fn exec(words: &[String]) -> ! {
    let words: Vec<_> = words.iter().map(|word| std::ffi::CString::new(word.as_str()).unwrap()).collect();
    let pointers: Vec<_> = words.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect();
    unsafe { libc::execv(pointers[0], pointers.as_ptr()) };
    panic!("cannot run {:?}: {}", words[0], std::io::Error::last_os_error());
}
