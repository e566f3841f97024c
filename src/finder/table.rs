//! The list and the tree, for people.

use std::collections::{BTreeMap, BTreeSet};

use crate::finder::columns;
use crate::finder::orphan::Orphan;
use crate::finder::reason;
use crate::finder::scan::{self, Details};
use crate::finder::snapshot::{Process, Snapshot};
use crate::finder::users::Users;
use crate::sys::Pid;
use crate::voice::readable;

/// What is deeper in a tree is not drawn further to the right.
const DEEPEST: usize = 30;

/// A line of the table: a reason that stands above those it is the reason for, or a process.
enum Line {
    Reason(String),
    Process(Box<Cells>),
}

struct Cells {
    pid: String,
    adopter: String,
    age: String,
    cpu: String,
    memory: String,
    user: String,
    command: String,
}

/// What a table is made of.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    /// All processes.
    pub snapshot: &'a Snapshot,
    /// Who is who.
    pub users: &'a Users,
    /// How many columns there are, where that is limited.
    pub width: Option<usize>,
}

impl Table<'_> {
    /// A line for each, below its reason.
    pub fn list(&self, orphans: &[Orphan<'_>]) -> String {
        let mut lines = Vec::new();
        let mut above = None;
        for orphan in orphans {
            head(&mut lines, &mut above, orphan);
            lines.push(Line::Process(Box::new(self.cells(orphan.process, &orphan.details, ""))));
        }
        self.print(&lines)
    }

    /// The same, with all that descends from each below it. An orphan that descends from another one stands there.
    pub fn tree(&self, orphans: &[Orphan<'_>]) -> String {
        let by_pid: BTreeMap<Pid, &Orphan<'_>> = orphans.iter().map(|orphan| (orphan.process.pid, orphan)).collect();
        let children = self.snapshot.children();
        let mut lines = Vec::new();
        let mut above = None;
        let mut seen = BTreeSet::new();
        for orphan in orphans.iter().filter(|orphan| !self.descends_from_another(orphan, &by_pid)) {
            head(&mut lines, &mut above, orphan);
            self.branch(&mut lines, orphan, &by_pid, &children, &mut seen);
        }
        self.print(&lines)
    }

    fn descends_from_another(&self, orphan: &Orphan<'_>, by_pid: &BTreeMap<Pid, &Orphan<'_>>) -> bool {
        self.snapshot.ancestors(orphan.process.pid).any(|ancestor| by_pid.contains_key(&ancestor))
    }

    /// An orphan and all that descends from it. No recursion: a chain of processes may be as long as there are numbers.
    fn branch(
        &self,
        lines: &mut Vec<Line>,
        root: &Orphan<'_>,
        by_pid: &BTreeMap<Pid, &Orphan<'_>>,
        children: &BTreeMap<Pid, Vec<Pid>>,
        seen: &mut BTreeSet<Pid>,
    ) {
        let mut stack = vec![(root.process, 0)];
        while let Some((process, depth)) = stack.pop() {
            // Who has ended since is left out; what was below him belongs to somebody else by now. Nobody is shown twice.
            let own = by_pid.get(&process.pid);
            let details = own.map(|own| own.details.clone()).or_else(|| scan::details(process));
            let Some(details) = details.filter(|_| seen.insert(process.pid)) else { continue };
            let indent =
                if depth == 0 { String::new() } else { format!("{} \\_ ", "    ".repeat((depth - 1).min(DEEPEST))) };
            let mut cells = self.cells(process, &details, &indent);
            if let Some(own) = own.filter(|own| own.reason != root.reason) {
                cells.command.push_str(&format!("  [{}: {}]", reason::word(own.kind()), own.reason));
            }
            lines.push(Line::Process(Box::new(cells)));
            let below = children.get(&process.pid).into_iter().flatten().rev();
            let below =
                below.filter(|&&pid| pid != self.snapshot.me).filter_map(|pid| self.snapshot.processes.get(pid));
            stack.extend(below.filter(|child| !child.stat.is_zombie()).map(|child| (child, depth + 1)));
        }
    }

    fn cells(&self, process: &Process, details: &Details, indent: &str) -> Cells {
        let units = self.snapshot.units;
        Cells {
            pid: process.pid.to_string(),
            adopter: reason::title(self.snapshot, process.stat.parent),
            age: columns::duration(self.snapshot.age(process)),
            cpu: columns::duration(units.duration(process.cpu_ticks)),
            memory: columns::size(process.memory_pages * units.page),
            user: self.users.name(details.user),
            command: format!("{indent}{}", command(process, details)),
        }
    }

    fn print(&self, lines: &[Line]) -> String {
        if lines.is_empty() {
            return String::new();
        }
        let head = Cells {
            pid: "PID".into(),
            adopter: "ADOPTER".into(),
            age: "AGE".into(),
            cpu: "CPU".into(),
            memory: "MEMORY".into(),
            user: "USER".into(),
            command: "COMMAND".into(),
        };
        let rows = || {
            let rows =
                lines.iter().filter_map(|line| if let Line::Process(cells) = line { Some(&**cells) } else { None });
            rows.chain([&head])
        };
        let width = |cell: fn(&Cells) -> &str| rows().map(|row| cell(row).chars().count()).max().unwrap_or(0);
        let (pid, adopter, age) = (width(|c| &c.pid).max(7), width(|c| &c.adopter), width(|c| &c.age));
        let (cpu, memory, user) = (width(|c| &c.cpu), width(|c| &c.memory), width(|c| &c.user));
        let row = |c: &Cells| {
            format!(
                "{:>pid$} {:<adopter$} {:>age$} {:>cpu$} {:>memory$} {:<user$} {}",
                c.pid, c.adopter, c.age, c.cpu, c.memory, c.user, c.command
            )
        };
        let mut text = String::new();
        for line in std::iter::once(row(&head)).chain(lines.iter().map(|line| match line {
            Line::Reason(reason) => reason.clone(),
            Line::Process(cells) => row(cells),
        })) {
            match self.width {
                Some(width) => text.extend(line.chars().take(width)),
                None => text.push_str(&line),
            }
            text.push('\n');
        }
        text
    }
}

/// A reason stands above the first of those that have it.
fn head<'o>(lines: &mut Vec<Line>, above: &mut Option<&'o str>, orphan: &'o Orphan<'_>) {
    if above.replace(&orphan.reason) != Some(&orphan.reason) {
        lines.push(Line::Reason(format!("{}: {}", reason::word(orphan.kind()), orphan.reason)));
    }
}

/// Its command line; `[name]` where there is none to be read, as ps(1) has it.
pub fn command(process: &Process, details: &Details) -> String {
    if details.arguments.iter().all(Vec::is_empty) {
        return format!("[{}]", readable(&process.name));
    }
    details.arguments.iter().map(|word| readable(word)).collect::<Vec<_>>().join(" ")
}
