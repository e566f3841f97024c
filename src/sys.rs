//! System calls that nix lacks, one a function. The only `unsafe` of the library.
//!
//! Each function is a thin, safe name for one call; what it does is in the manual page that it names. Signals and masks
//! go to the kernel directly, not through the C library, which hides signals 32 and 33 from us: COMMAND shall get
//! back also what was inherited of those.
#![allow(unsafe_code)]

pub mod reserve;

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use crate::entry::Entry;
use crate::signal::{Signal, SignalSet};
use crate::status::Change;

/// A process number, as the kernel types it.
pub type Pid = libc::pid_t;

/// The size of the kernel's own `sigset_t`, which is what the raw calls take (sigprocmask(2), "C library/kernel differences").
const KERNEL_SIGSET: usize = size_of::<u64>();

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// One too long for it is as long as there is.
fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: c_long::from(duration.subsec_nanos() as i32),
    }
}

fn check_long(result: c_long) -> io::Result<c_int> {
    check(result as c_int)
}

// ---- arguments and environment ------------------------------------------------------------------------------------

/// A NULL-terminated array of C strings that lives as long as the process: `argv`, or the rest of it.
#[derive(Clone, Copy)]
pub struct CStrings {
    first: *const *const c_char,
}

impl CStrings {
    /// The `argv` that `main` got.
    ///
    /// # Safety
    /// `first` points to an array of pointers to C strings, ended by NULL, all of which stay as they are while the process lives.
    pub unsafe fn new(first: *const *const c_char) -> Self {
        Self { first }
    }

    /// The process's environment, in the order in which it came; names and values are bytes.
    pub fn environment() -> Self {
        unsafe extern "C" {
            static environ: *const *const c_char;
        }
        // SAFETY: the C library sets `environ` before `main`, and nothing here changes the environment.
        Self { first: unsafe { environ } }
    }

    /// These words, for a test: they live as long as the process.
    #[cfg(test)]
    pub(crate) fn leaked(words: &[&str]) -> Self {
        let mut pointers: Vec<*const c_char> =
            words.iter().map(|word| std::ffi::CString::new(*word).unwrap().into_raw().cast_const()).collect();
        pointers.push(ptr::null());
        Self { first: pointers.leak().as_ptr() }
    }

    /// The strings without the first `n`; `n` is at most their number.
    #[must_use]
    pub fn skip(self, n: usize) -> Self {
        debug_assert!(n <= self.count());
        // SAFETY: the array has at least `n` entries before its NULL, so the pointer stays inside it.
        Self { first: unsafe { self.first.add(n) } }
    }

    /// How many there are.
    pub fn count(self) -> usize {
        self.count_up_to(usize::MAX)
    }

    fn count_up_to(self, most: usize) -> usize {
        (0..most).find(|&n| self.at(n).is_null()).unwrap_or(most)
    }

    fn at(self, n: usize) -> *const c_char {
        if self.first.is_null() {
            return ptr::null();
        }
        // SAFETY: callers stop at the first NULL, so `n` is inside the array.
        let place = unsafe { self.first.add(n) };
        // SAFETY: as above; the array is never changed.
        unsafe { *place }
    }

    /// The first string, if there is one.
    pub fn first(self) -> Option<&'static CStr> {
        let string = self.at(0);
        // SAFETY: not NULL, so it is a C string that lives as long as the process (see `new`).
        (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) })
    }

    /// All of them in order.
    pub fn iter(self) -> impl Iterator<Item = &'static CStr> {
        let mut rest = self;
        std::iter::from_fn(move || {
            let string = rest.first()?;
            rest = rest.skip(1);
            Some(string)
        })
    }
}

/// An environment to be handed to exec: entries of ours, and some that end with the PID of the process that calls exec.
pub struct Environment<'a> {
    entries: Vec<*const c_char>,
    of_process: [Option<Entry>; 2],
    lifetime: PhantomData<&'a CStr>,
}

impl<'a> Environment<'a> {
    /// These entries, and after them those whose value, so far, will be followed by the process's own PID.
    pub fn new(entries: impl Iterator<Item = &'a CStr>, of_process: [Option<Entry>; 2]) -> Self {
        let mut pointers = Vec::with_capacity(CStrings::environment().count() + of_process.len() + 1);
        pointers.extend(entries.map(CStr::as_ptr));
        Self { entries: pointers, of_process, lifetime: PhantomData }
    }

    /// All entries, ended by NULL, with this PID where one belongs. Allocates nothing. To be called once; they stand in `self`, which must stay
    /// where it is as long as they are used.
    fn finish(&mut self, pid: Pid) -> *const *const c_char {
        for entry in self.of_process.iter_mut().flatten() {
            *entry = entry.clone().number(pid as u64);
            self.entries.push(entry.as_c_str().as_ptr());
        }
        self.entries.push(ptr::null());
        self.entries.as_ptr()
    }
}

// ---- processes ----------------------------------------------------------------------------------------------------

/// fork(2): `None` in the child, the child's PID in the parent.
///
/// It asks the kernel itself. The C library's fork takes and renews the locks of parts that nothing here uses: three pages more that the
/// child must copy, some 10 µs.
///
/// # Errors
/// As fork(2): no memory, or too many processes.
pub fn fork() -> io::Result<Option<Pid>> {
    let signal = c_long::from(libc::SIGCHLD);
    // clone(2): on s390x the stack comes first and the flags second.
    let (first, second) = if cfg!(target_arch = "s390x") { (0, signal) } else { (signal, 0) };
    // SAFETY: the process has one thread, so the child may go on as the parent would, on its copy of the stack. Nobody has registered a
    // handler for forks, and what the C library remembers of its thread's number serves mutexes and cancellation, which nothing here uses.
    let pid = check_long(unsafe { libc::syscall(libc::SYS_clone, first, second, 0, 0, 0) })?;
    Ok((pid != 0).then_some(pid))
}

/// Makes a process that shares our memory until it calls exec or leaves, while we wait (clone(2), `CLONE_VM | CLONE_VFORK`): its
/// PID. It runs `child`, and where that returns, exits with the code that it gives.
///
/// `child` must not allocate, lock, or unwind. Our process has one thread and all signals blocked, so nothing else runs in our memory
/// meanwhile: it is a call on another stack that ends in another process.
///
/// # Errors
/// As clone(2).
pub fn vfork(stack: &mut [MaybeUninit<u8>], child: &mut dyn FnMut() -> u8) -> io::Result<Pid> {
    clone_waiting(libc::SIGCHLD, stack, child)
}

/// As [`vfork`], but a child of our parent (`CLONE_PARENT`).
///
/// # Errors
/// As clone(2); EINVAL for the PID 1 of a PID namespace.
pub fn vfork_sibling(stack: &mut [MaybeUninit<u8>], child: &mut dyn FnMut() -> u8) -> io::Result<Pid> {
    clone_waiting(libc::CLONE_PARENT, stack, child)
}

fn clone_waiting(flags: c_int, stack: &mut [MaybeUninit<u8>], mut child: &mut dyn FnMut() -> u8) -> io::Result<Pid> {
    extern "C" fn run(child: *mut c_void) -> c_int {
        // SAFETY: it is the reference below, whose owner waits.
        let child = unsafe { &mut *child.cast::<&mut dyn FnMut() -> u8>() };
        c_int::from(child())
    }
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | flags;
    let top = stack.as_mut_ptr_range().end.map_addr(|address| address & !0xf);
    // SAFETY: the stack is ours for the whole call and we wait in it (CLONE_VFORK); its top is aligned as every ABI wants.
    check(unsafe { libc::clone(run, top.cast(), flags, (&raw mut child).cast()) })
}

/// execvpe(3): searches PATH, runs a script without `#!` by sh; returns only if it failed, with the error number. `pid` is the PID of
/// this process, for the environment.
pub fn exec(argv: CStrings, environment: &mut Environment<'_>, pid: Pid) -> i32 {
    let file = argv.at(0);
    let environment = environment.finish(pid);
    // SAFETY: both are NULL-terminated arrays of C strings, and the file is the first of them.
    unsafe { libc::execvpe(file, argv.first, environment) };
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL)
}

/// _exit(2): no destructors, no buffers.
pub fn exit_now(code: u8) -> ! {
    // SAFETY: always allowed.
    unsafe { libc::_exit(c_int::from(code)) }
}

/// waitpid(2) for any child, without waiting: `Ok(None)` where children live but none has changed.
///
/// # Errors
/// ECHILD where there are no children.
pub fn wait_any() -> io::Result<Option<(Pid, Change)>> {
    let mut status = 0;
    let flags = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED | libc::__WALL;
    // SAFETY: `status` is an int that the call fills in.
    let pid = check(unsafe { libc::waitpid(-1, &raw mut status, flags) })?;
    Ok((pid != 0).then(|| (pid, Change::from_wait_status(status))))
}

/// waitpid(2) for one child until it has ended.
///
/// # Errors
/// ECHILD where it is no child of ours.
pub fn wait_for(pid: Pid) -> io::Result<Change> {
    let mut status = 0;
    // SAFETY: `status` is an int that the call fills in.
    check(unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) })?;
    Ok(Change::from_wait_status(status))
}

/// Whether `pid` is a child of ours that is not reaped (0: whether there is any).
pub fn is_child(pid: Pid) -> bool {
    end_of(pid).is_some()
}

/// Whether a child of ours has ended and is not reaped.
pub fn has_ended(child: Pid) -> bool {
    end_of(child) == Some(true)
}

/// Whether this child (0: any) has ended, by a waitid(2) that leaves everything as it is; `None` where there is no such child.
fn end_of(pid: Pid) -> Option<bool> {
    let kind = if pid == 0 { libc::P_ALL } else { libc::P_PID };
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the call fills in the struct.
    let waited = unsafe { libc::waitid(kind, pid as libc::id_t, info.as_mut_ptr(), flags) };
    // SAFETY: all of it is numbers, for which zero is a value, and zero it stays where none has ended.
    let info = unsafe { info.assume_init() };
    (waited == 0).then_some(info.si_signo != 0)
}

/// What the kernel sends us when our parent's thread ends (`PR_SET_PDEATHSIG`); nix has no realtime signals.
pub fn set_parent_death_signal(signal: Signal) {
    // SAFETY: takes a number, touches no memory.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal.number()) };
}

/// Time since boot, suspended time included, from the clock that process start times are read from (proc_pid_stat(5), field 22).
pub fn time_since_boot() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // Where the C library's struct is the kernel's, ask the kernel: the two pages of the vDSO cost more, once, than the call that it
    // saves (some 5 µs).
    #[cfg(target_pointer_width = "64")]
    // SAFETY: `time` is a timespec that the call fills in; the clock exists since Linux 2.6.39.
    unsafe {
        libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_BOOTTIME, &raw mut time)
    };
    #[cfg(not(target_pointer_width = "64"))]
    // SAFETY: as above.
    unsafe {
        libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time)
    };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The same in clock ticks, the unit of process start times.
pub fn ticks_since_boot() -> u64 {
    let (since_boot, ticks) = (time_since_boot(), ticks_per_second());
    since_boot.as_secs() * ticks + u64::from(since_boot.subsec_nanos()) * ticks / 1_000_000_000
}

/// How many clock ticks a second has, the unit of process start times (getauxval(3)).
pub fn ticks_per_second() -> u64 {
    // SAFETY: takes a number.
    (unsafe { libc::getauxval(libc::AT_CLKTCK) }).max(1) as u64
}

/// How many bytes a page has, the unit of memory in `/proc/PID/stat` (sysconf(3)).
pub fn page_size() -> u64 {
    // SAFETY: takes a number.
    (unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).max(1) as u64
}

/// User time, system time and the largest resident set in KiB of all our children that are reaped, and of theirs (getrusage(2)).
pub fn children_usage() -> (Duration, Duration, u64) {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call fills in the struct.
    unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) };
    // SAFETY: all of it is numbers, for which zero is a value, and it is filled in.
    let usage = unsafe { usage.assume_init() };
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    (time(usage.ru_utime), time(usage.ru_stime), usage.ru_maxrss as u64)
}

/// PTRACE_DETACH: lets a process go that has made its parent its tracer (`PTRACE_TRACEME`, ptrace(2)), with the signal that it was to get.
pub fn detach(pid: Pid, signal: Option<Signal>) {
    let signal = signal.map_or(0, Signal::number) as usize;
    // SAFETY: takes numbers.
    unsafe { libc::ptrace(libc::PTRACE_DETACH, pid, ptr::null_mut::<c_void>(), signal) };
}

/// Numbers, zero at first, that we share with the processes that we fork (mmap(2), `MAP_SHARED`); never unmapped.
///
/// # Errors
/// ENOMEM
pub fn shared_numbers<const N: usize>() -> io::Result<&'static [AtomicU32; N]> {
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    let length = size_of::<[AtomicU32; N]>();
    // SAFETY: a new mapping, at no place in particular.
    let at = unsafe { libc::mmap(ptr::null_mut(), length, access, flags, -1, 0) };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeros, as many as there is room for, in a mapping which is never unmapped, and used by atomic operations alone.
    Ok(unsafe { &*at.cast() })
}

// ---- signals ------------------------------------------------------------------------------------------------------

/// Sets the signal mask and gives the one before (rt_sigprocmask(2)), 32 and 33 included.
pub fn set_signal_mask(mask: SignalSet) -> SignalSet {
    let mut before = SignalSet::default();
    // SAFETY: both are sets of the kernel's size.
    unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const mask.0, &raw mut before.0, KERNEL_SIGSET)
    };
    before
}

/// The signals that wait for us (rt_sigpending(2)).
pub fn pending_signals() -> SignalSet {
    let mut pending = SignalSet::default();
    // SAFETY: a set of the kernel's size.
    unsafe { libc::syscall(libc::SYS_rt_sigpending, &raw mut pending.0, KERNEL_SIGSET) };
    pending
}

/// The kernel's `struct sigaction`; its handler comes first on every architecture but MIPS. A word to spare for the others' layouts.
type KernelSigaction = [usize; 5];

/// Sets a signal to its default action, or to be ignored (rt_sigaction(2)); gives whether it was ignored before.
pub fn set_ignored(signal: Signal, ignored: bool) -> bool {
    let action: KernelSigaction = [if ignored { libc::SIG_IGN } else { libc::SIG_DFL }, 0, 0, 0, 0];
    let mut before: KernelSigaction = [0; 5];
    // SAFETY: both buffers are at least as large as the kernel's struct; zero flags and an empty mask are valid.
    unsafe {
        libc::syscall(libc::SYS_rt_sigaction, signal.number(), action.as_ptr(), before.as_mut_ptr(), KERNEL_SIGSET)
    };
    before[0] == libc::SIG_IGN
}

/// A descriptor from which every blocked signal is read (signalfd(2)); never blocks, closed on exec.
///
/// # Errors
/// As signalfd(2): no descriptor or no memory left.
pub fn signalfd() -> io::Result<OwnedFd> {
    let all = SignalSet::ALL;
    let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    // SAFETY: a set of the kernel's size.
    let fd = check_long(unsafe { libc::syscall(libc::SYS_signalfd4, -1, &raw const all.0, KERNEL_SIGSET, flags) })?;
    above_stderr(owned(fd))
}

/// A signal as it came: which, how (`si_code`), from whom, with which value (sigaction(2)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct SignalInfo {
    /// The signal's number.
    pub number: u32,
    /// `si_code`: above zero from the kernel, `SI_USER` and below from a process.
    pub code: i32,
    /// The sender's PID; 0 where there is none, or none that we can see.
    pub sender: Pid,
    /// The sender's user.
    pub user: u32,
    /// `si_value` of sigqueue(3).
    pub value: u64,
}

/// How many signals one call of [`read_signals`] gives at most.
pub const SIGNALS_AT_ONCE: usize = 8;

/// Takes signals from a [`signalfd`]; an empty list where none waits.
pub fn read_signals(fd: BorrowedFd<'_>) -> impl Iterator<Item = SignalInfo> + use<> {
    let mut buffer = [const { MaybeUninit::<libc::signalfd_siginfo>::uninit() }; SIGNALS_AT_ONCE];
    // SAFETY: the buffer is ours and as long as said.
    let got = unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), size_of_val(&buffer)) };
    let count = usize::try_from(got).unwrap_or(0) / size_of::<libc::signalfd_siginfo>();
    buffer.into_iter().take(count).map(|info| {
        // SAFETY: the kernel has filled in the first `count`.
        let info = unsafe { info.assume_init() };
        SignalInfo {
            number: info.ssi_signo,
            code: info.ssi_code,
            sender: info.ssi_pid as Pid,
            user: info.ssi_uid,
            value: info.ssi_ptr,
        }
    })
}

/// kill(2): to a process, or to a process group where `pid` is negative. `None` only asks whether that is allowed.
///
/// # Errors
/// ESRCH where there is none, EPERM where it is not allowed.
pub fn kill(pid: Pid, signal: Option<Signal>) -> io::Result<()> {
    // SAFETY: takes numbers.
    check(unsafe { libc::kill(pid, signal.map_or(0, Signal::number)) }).map(drop)
}

/// rt_sigqueueinfo(2): passes a signal that came by sigqueue(3) on with its value and its first sender.
///
/// # Errors
/// As kill(2), and EAGAIN where too many signals are queued.
pub fn queue_signal(pid: Pid, info: &SignalInfo) -> io::Result<()> {
    let queued = Queued::from(info);
    // SAFETY: the struct is as long as the kernel's siginfo (128 bytes) or longer.
    check_long(unsafe { libc::syscall(libc::SYS_rt_sigqueueinfo, pid, queued.number, &raw const queued) }).map(drop)
}

/// The head of the kernel's `siginfo_t` in the form that sigqueue(3) fills in.
#[repr(C)]
struct Queued {
    number: c_int,
    errno: c_int,
    code: c_int,
    #[cfg(target_pointer_width = "64")]
    padding: c_int,
    sender: Pid,
    user: u32,
    value: usize,
    rest: [usize; 14],
}

impl From<&SignalInfo> for Queued {
    fn from(info: &SignalInfo) -> Self {
        Self {
            number: info.number as c_int,
            errno: 0,
            code: info.code,
            #[cfg(target_pointer_width = "64")]
            padding: 0,
            sender: info.sender,
            user: info.user,
            value: info.value as usize,
            rest: [0; 14],
        }
    }
}

/// pidfd_open(2): a descriptor that means this very process, also after its number is given to another.
///
/// # Errors
/// ESRCH where there is none; ENOSYS before Linux 5.3, EPERM under some seccomp filters.
pub fn pidfd_open(pid: Pid) -> io::Result<OwnedFd> {
    // SAFETY: takes numbers.
    above_stderr(owned(check_long(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?))
}

/// pidfd_send_signal(2): as kill(2), or, where `queued` is a signal that came by sigqueue(3), with its value and its first sender.
///
/// # Errors
/// ESRCH where the process has ended and is reaped, EPERM where it is not allowed, EAGAIN where too many signals are queued.
pub fn pidfd_kill(pidfd: BorrowedFd<'_>, signal: Signal, queued: Option<&SignalInfo>) -> io::Result<()> {
    let (fd, number) = (pidfd.as_raw_fd(), signal.number());
    let queued = queued.map(Queued::from);
    let info = queued.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the struct is as long as the kernel's siginfo or longer; a NULL siginfo means that of kill(2).
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, number, info, 0) };
    check_long(result).map(drop)
}

/// A timer that sends us `signal` after that long, also while we are stopped (timer_create(2)).
///
/// The C library's functions would bring its threads along, 85 KiB of a static binary, for timers that start one.
#[cfg(target_pointer_width = "64")]
pub fn signal_after(signal: Signal, delay: Duration) {
    let event = timer_event(signal);
    let mut timer: c_int = 0;
    let clock = libc::CLOCK_MONOTONIC;
    // SAFETY: the event is the kernel's own struct, and its timers are ints.
    if unsafe { libc::syscall(libc::SYS_timer_create, clock, &raw const event, &raw mut timer) } != 0 {
        return;
    }
    let setting = libc::itimerspec { it_interval: timespec(Duration::ZERO), it_value: timespec(delay) };
    // SAFETY: the timer was made above; the old setting is not asked for.
    unsafe { libc::syscall(libc::SYS_timer_settime, timer, 0, &raw const setting, ptr::null::<c_void>()) };
}

/// A timer that sends us `signal` after that long, also while we are stopped (timer_create(2)). By the C library, which knows in which of two forms
/// the kernel takes the time.
#[cfg(not(target_pointer_width = "64"))]
pub fn signal_after(signal: Signal, delay: Duration) {
    let mut event = timer_event(signal);
    let mut timer: libc::timer_t = ptr::null_mut();
    // SAFETY: both structs are ours.
    if unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer) } != 0 {
        return;
    }
    let setting = libc::itimerspec { it_interval: timespec(Duration::ZERO), it_value: timespec(delay) };
    // SAFETY: the timer was made above; the old setting is not asked for.
    unsafe { libc::timer_settime(timer, 0, &raw const setting, ptr::null_mut()) };
}

fn timer_event(signal: Signal) -> libc::sigevent {
    // SAFETY: all of it is numbers and an unused pointer, for which zero is a value.
    let mut event: libc::sigevent = unsafe { MaybeUninit::zeroed().assume_init() };
    event.sigev_notify = libc::SIGEV_SIGNAL;
    event.sigev_signo = signal.number();
    event
}

// ---- descriptors --------------------------------------------------------------------------------------------------

fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: every caller has it from the kernel a moment ago, so nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// The descriptor, moved above 2 where 0, 1 or 2 was closed and it landed there: COMMAND shall find it closed, and no message shall
/// be written into it.
///
/// # Errors
/// EMFILE where no descriptor is left.
pub fn above_stderr(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(fd);
    }
    // SAFETY: takes numbers; the descriptor is open.
    let moved = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, libc::STDERR_FILENO + 1) })?;
    Ok(owned(moved))
}

/// Not in the libc crate for glibc; asm-generic/fcntl.h.
const F_SETSIG: c_int = 10;

/// Has the kernel send `signal` to us whenever something can be read from `fd`, or its other end has gone (fcntl(2), `F_SETSIG`).
pub fn signal_when_readable(fd: BorrowedFd<'_>, signal: Signal) {
    let fd = fd.as_raw_fd();
    // SAFETY: takes numbers.
    unsafe { libc::fcntl(fd, F_SETSIG, signal.number()) };
    // SAFETY: takes numbers.
    unsafe { libc::fcntl(fd, libc::F_SETOWN, std::process::id()) };
    // SAFETY: takes numbers.
    unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_ASYNC) };
}

/// A socket on which the kernel tells of every process that forks, execs or ends (linux/cn_proc.h, netlink(7)), once it has acknowledged; never
/// blocks, closed on exec.
///
/// # Errors
/// EPERM where that is not for us, EPROTONOSUPPORT where the kernel was built without.
pub fn process_events() -> io::Result<OwnedFd> {
    /// `struct nlmsghdr`, `struct cn_msg` and `enum proc_cn_mcast_op` in a row.
    #[repr(C)]
    struct Request {
        length: u32,
        kind: u16,
        flags: u16,
        sequence: u32,
        port: u32,
        id: [u32; 2],
        message_sequence: u32,
        acknowledge: u32,
        payload_length: u16,
        payload_flags: u16,
        operation: u32,
    }
    /// `CN_IDX_PROC`, which is the multicast group's number too, and `CN_VAL_PROC`.
    const PROC: u32 = 1;
    /// `PROC_CN_MCAST_LISTEN`
    const LISTEN: u32 = 1;
    let flags = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes numbers.
    let socket = owned(check(unsafe { libc::socket(libc::AF_NETLINK, flags, libc::NETLINK_CONNECTOR) })?);
    let fd = socket.as_raw_fd();
    let mut address = MaybeUninit::<libc::sockaddr_nl>::zeroed();
    // SAFETY: all of it is numbers, for which zero is a value.
    let address = unsafe { address.assume_init_mut() };
    address.nl_family = libc::AF_NETLINK as u16;
    address.nl_groups = PROC;
    let size = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
    // SAFETY: the address is ours and as long as said.
    check(unsafe { libc::bind(fd, ptr::from_ref(address).cast(), size) })?;
    let request = Request {
        length: size_of::<Request>() as u32,
        kind: libc::NLMSG_DONE as u16,
        flags: 0,
        sequence: 0,
        port: 0,
        id: [PROC, PROC],
        message_sequence: 0,
        acknowledge: 0,
        payload_length: size_of::<u32>() as u16,
        payload_flags: 0,
        operation: LISTEN,
    };
    // SAFETY: the request is ours and as long as said, without padding.
    let sent = unsafe { libc::send(fd, (&raw const request).cast(), size_of::<Request>(), 0) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(socket) }
}

/// recv(2): how many bytes of the next message there were room for.
///
/// # Errors
/// EAGAIN where none waits, ENOBUFS where some were lost.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is ours and as long as said.
    let got = unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
    usize::try_from(got).map_err(|_| io::Error::last_os_error())
}

/// Closes every descriptor from `first` to `last` (close_range(2)).
///
/// # Safety
/// Nothing uses any of them any more.
///
/// # Errors
/// ENOSYS before Linux 5.9.
pub unsafe fn close_range(first: RawFd, last: RawFd) -> io::Result<()> {
    // SAFETY: the caller's promise.
    check_long(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) }).map(drop)
}

/// Closes one descriptor, open or not.
///
/// # Safety
/// Nothing uses it any more.
pub unsafe fn close(fd: RawFd) {
    // SAFETY: the caller's promise.
    unsafe { libc::close(fd) };
}

/// write(2) to standard error; how much was written.
///
/// # Errors
/// As write(2); EBADF where it is closed.
pub fn write_stderr(bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the bytes are ours and as long as said.
    let wrote = unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
    usize::try_from(wrote).map_err(|_| io::Error::last_os_error())
}

/// ppoll(2): waits until one of the descriptors is ready, or so long; a negative descriptor is passed over.
///
/// # Errors
/// EINVAL where there are more descriptors than we may have open (`RLIMIT_NOFILE`), which others can change (prlimit(2)).
pub fn poll(descriptors: &mut [libc::pollfd], wait: Option<Duration>) -> io::Result<()> {
    let wait = wait.map(timespec);
    let wait = wait.as_ref().map_or(ptr::null(), ptr::from_ref);
    let count = descriptors.len() as libc::nfds_t;
    // SAFETY: as many pollfds as said; no mask is given.
    check(unsafe { libc::ppoll(descriptors.as_mut_ptr(), count, wait, ptr::null()) }).map(drop)
}

/// Whether the process of a pidfd surely has not ended (pidfd_open(2)): no, where nobody can tell, see [`poll`].
pub fn is_alive(pidfd: BorrowedFd<'_>) -> bool {
    let mut polled = [libc::pollfd { fd: pidfd.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
    poll(&mut polled, Some(Duration::ZERO)).is_ok() && polled[0].revents == 0
}

/// Waits until a message of less than a page can be written to standard error, at most so long (poll(2)).
pub fn stderr_is_writable(wait: Duration) -> bool {
    let mut poll = libc::pollfd { fd: libc::STDERR_FILENO, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one pollfd, ours.
    unsafe { libc::poll(&raw mut poll, 1, wait.as_millis() as c_int) > 0 }
}

/// How many columns the terminal on standard output has (ioctl_tty(2), `TIOCGWINSZ`); `None` where it is none, or does not know.
pub fn terminal_width() -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the struct is the one that this request fills in.
    let got = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) };
    (got == 0 && size.ws_col > 0).then_some(usize::from(size.ws_col))
}

// ---- names --------------------------------------------------------------------------------------------------------

/// fnmatch(3): whether the whole name matches the glob.
pub fn fnmatch(glob: &CStr, name: &CStr) -> bool {
    // SAFETY: both are C strings.
    unsafe { libc::fnmatch(glob.as_ptr(), name.as_ptr(), 0) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_lives_one_that_has_ended_and_none_are_told_apart() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = child.id() as Pid;
        assert!(is_child(pid) && !has_ended(pid));
        child.kill().unwrap();
        while !has_ended(pid) {
            std::thread::yield_now();
        }
        assert!(is_child(pid));
        child.wait().unwrap();
        assert!(!is_child(pid) && !has_ended(pid));
    }
}
