#!/usr/bin/env python3
"""What wrappers of commands do, each asked the same: the table of the README.

    cargo build --release && python3 benches/compare.py target/release/orphanguard

Every answer is that of a run on this machine; what is not installed is left out. Needs root, for the PID namespaces.
"""
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import uuid

GUARD = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/orphanguard")
TOKEN = f"COMPARE_TOKEN={uuid.uuid4()}"
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("ORPHANGUARD_")}
ENVIRONMENT.update([TOKEN.split("=", 1)])
# Long enough for an answer on a busy machine; only a "no" waits for it.
PATIENCE = 2.0

# On a machine's own process tree, as a script or a CI job uses them.
PLAIN = {
    "bare": [],
    "orphanguard": [GUARD, "--"],
    "tini -s": ["tini", "-s", "--"],
    "dumb-init": ["dumb-init", "--"],
    "catatonit": ["catatonit", "--"],
    "timeout": ["timeout", "1000"],
    "unshare": ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--"],
}
# As PID 1 of a PID namespace, as a container uses them.
AS_PID_1 = {
    "bare": [],
    "orphanguard": [GUARD, "--"],
    "tini": ["tini", "--"],
    "dumb-init": ["dumb-init", "--"],
    "catatonit": ["catatonit", "--"],
}
NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--"]

# A COMMAND that leaves a process behind: in its own group, or as a daemon does it, by two forks and a session of its own.
LEAVER = """
import os, signal, sys, time
how, tell, polite = sys.argv[1], 3, sys.argv[2:]
r, w = os.pipe()
if os.fork() == 0:
    if how == "daemon":
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
    os.close(r)
    if polite:
        def end(*_):
            time.sleep(0.2)
            os.write(tell, b"ended in peace")
            os._exit(0)
        signal.signal(signal.SIGTERM, end)
    os.write(w, b".")
    os.close(w)
    while True:
        signal.pause()
os.close(w)
os.read(r, 1)
os.close(tell)
if polite != ["stay"]:
    sys.exit(3)
print("ready", flush=True)
while True:
    signal.pause()
"""
# A COMMAND that tells each signal that comes.
LISTENER = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
print("ready", flush=True)
while True:
    print(signal.sigwaitinfo(range(1, 65)).si_signo, flush=True)
"""


class Run:
    """A wrapper over a COMMAND; descriptor 3 is a pipe that its processes hold."""

    def __init__(self, wrapper, command, **more):
        self.end, held = os.pipe()
        argv = wrapper + ["sh", "-c", 'exec 3>&"$0" "$@"', str(held)] + command
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        pass_fds=[held], env=ENVIRONMENT, **more)
        os.close(held)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""

    def line(self, patience=PATIENCE):
        """The next line of standard output; None where none comes."""
        deadline = time.monotonic() + patience
        while "\n" not in self.text:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return None
            self.text += more.decode()
        line, self.text = self.text.split("\n", 1)
        return line

    def ended(self, patience=PATIENCE):
        """What is read from descriptor 3 until all who hold it are gone; None where somebody stays."""
        text, deadline = b"", time.monotonic() + patience
        while select.select([self.end], [], [], max(0, deadline - time.monotonic()))[0]:
            more = os.read(self.end, 65536)
            if not more:
                return text.decode()
            text += more
        return None

    def close(self):
        """Ends everything that this run may have left: only what carries our token."""
        for pid in ours():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        os.close(self.end)


def ours():
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as environ:
                if TOKEN.encode() in environ.read().split(b"\0"):
                    found.append(int(name))
        except OSError:
            pass
    return found


def python(script, *arguments):
    return [sys.executable, "-S", "-E", "-c", script, *arguments]


def leaves(wrapper, how):
    """Whether what COMMAND leaves lives on when the wrapper has ended."""
    run = Run(wrapper, python(LEAVER, how))
    run.process.wait()
    gone = run.ended()
    run.close()
    return "ended" if gone is not None else "lives on"


def in_peace(wrapper, how, by_signal):
    """Whether what COMMAND leaves hears SIGTERM and has the time to end: at COMMAND's end, or at a SIGTERM to the wrapper."""
    run = Run(wrapper, python(LEAVER, how, "stay" if by_signal else "polite"))
    if by_signal:
        run.line(10)
        target = run.process.pid
        if wrapper[:1] == ["unshare"]:
            # What a runtime signals is PID 1 of the namespace.
            target = int(open(f"/proc/{target}/task/{target}/children").read().split()[0])
        os.kill(target, signal.SIGTERM)
    try:
        run.process.wait(8)
        text = run.ended()
    except subprocess.TimeoutExpired:
        text = "does not end"
    run.close()
    return {None: "lives on", "": "SIGKILL at once", "ended in peace": "SIGTERM and time"}.get(text, text)


def killed(wrapper):
    """What lives on when the wrapper that the caller started gets SIGKILL: COMMAND and a daemon of it."""
    run = Run(wrapper, python(LEAVER.replace("os.close(tell)", ""), "daemon", "stay"))
    run.line(10)
    run.process.kill()
    run.process.wait()
    gone = run.ended()
    run.close()
    return "all ended" if gone is not None else "lives on"


def status(wrapper, script):
    run = Run(wrapper, ["sh", "-c", script])
    code = run.process.wait()
    run.close()
    return f"signal {-code}" if code < 0 else str(code)


def missing(wrapper):
    """The exit status where the program is not there."""
    argv = wrapper + ["/nonexistent/program"]
    return str(subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, env=ENVIRONMENT).returncode)


def forwarded(wrapper):
    """How many of the signals that can be caught reach COMMAND, and which do not."""
    asked = [n for n in range(1, 65) if n not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, 32, 33)]
    missing = []
    for number in asked:
        run = Run(wrapper, python(LISTENER))
        run.line(10)
        os.kill(run.process.pid, number)
        if run.line(0.5) != str(number):
            missing.append(number)
        run.close()
    names = [signal.Signals(n).name[3:] for n in missing if n < 32]
    realtime = len([n for n in missing if n > 31])
    if realtime:
        names.append(f"{realtime} of 31 realtime")
    return f"{len(asked) - len(missing)} of {len(asked)}" + (f" (not {', '.join(names)})" if names else "")


def queued(wrapper):
    """How many of 200 realtime signals, sent at once, arrive."""
    run = Run(wrapper, python(LISTENER))
    run.line(10)
    for _ in range(200):
        try:
            os.kill(run.process.pid, 40)
        except OSError:
            break
    count = 0
    while run.line(0.5) == "40":
        count += 1
    run.close()
    return str(count)


def stops(wrapper):
    """Whether the caller sees a stopped job when COMMAND is stopped."""
    run = Run(wrapper, python("import os, signal\nprint('ready', flush=True)\nos.kill(os.getpid(), signal.SIGSTOP)"))
    run.line(10)
    deadline, seen = time.monotonic() + PATIENCE, False
    while not seen and time.monotonic() < deadline:
        pid, what = os.waitpid(run.process.pid, os.WUNTRACED | os.WNOHANG)
        if pid and os.WIFSTOPPED(what):
            seen = True
        elif pid:
            run.process.returncode = what
            break
        time.sleep(0.01)
    run.close()
    return "yes" if seen else "no"


def inherits(wrapper):
    """Whether COMMAND finds the signal mask and the ignored signals of the caller."""
    def prepare():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGUSR2])
    run = Run(wrapper, ["grep", "-E", "SigBlk|SigIgn", "/proc/self/status"], preexec_fn=prepare, restore_signals=True)
    run.process.wait()
    found = dict(line.split(":\t") for line in os.read(run.process.stdout.fileno(), 4096).decode().splitlines())
    run.close()
    blocked = int(found["SigBlk"], 16) == 1 << signal.SIGUSR2 - 1
    ignored = int(found["SigIgn"], 16) == 1 << signal.SIGHUP - 1
    return {(True, True): "both", (True, False): "mask only", (False, True): "ignored only"}.get((blocked, ignored), "neither")


def lets_go(wrapper):
    """Whether a reader sees the end of COMMAND's output when COMMAND closes it, or only when the wrapper ends."""
    run = Run(wrapper, ["sh", "-c", "exec >&-; read line"])
    readable = select.select([run.process.stdout], [], [], PATIENCE)[0]
    run.close()
    return "yes" if readable else "no"


def limited(wrapper):
    """A daemon when the wrapper's own time limit has ended COMMAND."""
    run = Run(wrapper, python(LEAVER.replace("os.close(tell)", ""), "daemon", "stay"))
    code = run.process.wait()
    gone = run.ended()
    run.close()
    return f"{'ended' if gone is not None else 'lives on'}, {code}"


def wrappers(run, count):
    """The processes of the wrapper: those above COMMAND."""
    pids = [run.process.pid]
    while len(pids) < count:
        pid = pids[-1]
        pids.append(int(open(f"/proc/{pid}/task/{pid}/children").read().split()[0]))
    return pids


def spent(wrapper, count):
    """Memory (proportional, and private and written to) and wake-ups in five seconds, while COMMAND sleeps."""
    run = Run(wrapper, python("import sys\nprint('ready', flush=True)\nsys.stdin.read()"))
    run.line(10)
    pids = wrappers(run, count)
    time.sleep(0.5)

    def switches():
        total = 0
        for pid in pids:
            lines = open(f"/proc/{pid}/status").read().splitlines()
            total += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
        return total
    before = switches()
    time.sleep(5)
    woken = switches() - before
    memory = {"Pss": 0, "Private_Dirty": 0}
    for pid in pids:
        for line in open(f"/proc/{pid}/smaps_rollup"):
            name = line.split(":")[0]
            if name in memory:
                memory[name] += int(line.split()[1])
    run.close()
    return f"{memory['Pss']} KiB, {memory['Private_Dirty']} KiB; {woken}"


def row(title, answers):
    print(f"| {title} | " + " | ".join(answers) + " |", flush=True)


def table(columns, rows):
    row("", columns)
    row("---", ["---"] * len(columns))
    for title, ask in rows:
        row(title, [str(ask(name, wrapper)) for name, wrapper in columns.items()])
    print()


def main():
    plain = {name: argv for name, argv in PLAIN.items() if not argv or shutil.which(argv[0])}
    first = {name: NAMESPACE + argv for name, argv in AS_PID_1.items() if not argv or shutil.which(argv[0])}
    limits = {"orphanguard": [GUARD, "--timeout", "1", "--"], "timeout": ["timeout", "1"]}
    print("Each by itself\n")
    table(plain, [
        ("a background process that COMMAND leaves", lambda _, w: leaves(w, "child")),
        ("a daemon (two forks, setsid) that COMMAND leaves", lambda _, w: leaves(w, "daemon")),
        ("which hears SIGTERM and has time", lambda _, w: in_peace(w, "daemon", False)),
        ("COMMAND and its daemon after SIGKILL to the wrapper", lambda _, w: killed(w)),
        ("COMMAND exits 3", lambda _, w: status(w, "exit 3")),
        ("COMMAND dies of SIGTERM", lambda _, w: status(w, "kill -TERM $$")),
        ("COMMAND dies of SIGSEGV", lambda _, w: status(w, "kill -SEGV $$")),
        ("a program that is not there", lambda _, w: missing(w) if w else "–"),
        ("signals that reach COMMAND", lambda _, w: forwarded(w)),
        ("of 200 queued realtime signals", lambda _, w: queued(w)),
        ("a stopped COMMAND is a stopped job", lambda _, w: stops(w)),
        ("signal mask and ignored signals inherited", lambda _, w: inherits(w)),
        ("end of output when COMMAND closes it", lambda _, w: lets_go(w)),
        ("a daemon after the own time limit, status", lambda name, _: limited(limits[name]) if name in limits else "no limit"),
        ("memory (Pss, private dirty); wake-ups in 5 s idle",
         lambda name, w: spent(w, 2 if name == "orphanguard" else 1) if w else "–"),
    ])
    print("As PID 1 of a PID namespace\n")
    table(first, [
        ("a background process that COMMAND leaves", lambda _, w: in_peace(w, "child", False)),
        ("a daemon that COMMAND leaves", lambda _, w: in_peace(w, "daemon", False)),
        ("the same at a SIGTERM to PID 1", lambda _, w: in_peace(w, "daemon", True)),
        ("COMMAND exits 3", lambda _, w: status(w, "exit 3")),
        ("COMMAND dies of SIGTERM", lambda _, w: status(w, 'kill -TERM $$; sleep 0.1; exit 9')),
    ])


if __name__ == "__main__":
    main()
