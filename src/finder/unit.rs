//! Which unit of systemd a process belongs to, from its control group.

use crate::voice::readable;

/// What kind of unit it is, as far as it matters who starts its processes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// systemd starts the first process of a service itself; all others descend from it.
    Service,
    /// systemd starts nothing in a scope: it is a frame around processes that others started (a login, a terminal's tab).
    Scope,
}

/// A unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unit {
    /// Its name, as `systemctl` takes it.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Its control group's path: two users may have units of the same name.
    path: Vec<u8>,
}

impl Unit {
    /// Reads `/proc/PID/cgroup` (cgroups(7)). `None` where no unit is named: no systemd, or a cgroup namespace that hides it; and for
    /// `init.scope`, in which a service manager itself lives.
    pub fn parse(text: &[u8]) -> Option<Self> {
        text.split(|&b| b == b'\n').find_map(|line| {
            let mut fields = line.splitn(3, |&b| b == b':');
            let (hierarchy, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            // The one of version 2, or the one of version 1 that systemd keeps for itself.
            let is_systemds = controllers == b"name=systemd" || (hierarchy == b"0" && controllers.is_empty());
            if is_systemds { Self::of_path(path) } else { None }
        })
    }

    /// The innermost unit: a service may have groups of its own below it (delegation), a user's manager has units below its own.
    fn of_path(path: &[u8]) -> Option<Self> {
        let (mut end, mut found) = (0, None);
        for part in path.split_inclusive(|&b| b == b'/') {
            end += part.len();
            let name = part.strip_suffix(b"/").unwrap_or(part);
            let kind = match name {
                [_, .., b'.', b's', b'e', b'r', b'v', b'i', b'c', b'e'] => Kind::Service,
                [_, .., b'.', b's', b'c', b'o', b'p', b'e'] => Kind::Scope,
                _ => continue,
            };
            found = Some(Self { name: readable(name), kind, path: path[..end - (part.len() - name.len())].to_vec() });
        }
        found.filter(|unit| unit.name != "init.scope")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> Option<(String, Kind)> {
        Unit::parse(text.as_bytes()).map(|unit| (unit.name, unit.kind))
    }

    #[test]
    fn both_versions_of_control_groups_name_the_unit() {
        let ssh = Some(("ssh.service".to_string(), Kind::Service));
        assert_eq!(unit("0::/system.slice/ssh.service\n"), ssh);
        assert_eq!(unit("12:pids:/\n1:name=systemd:/system.slice/ssh.service\n0::/\n"), ssh);
        assert_eq!(unit("5:memory:/system.slice/ssh.service\n"), None);
    }

    #[test]
    fn the_innermost_unit_counts() {
        let path = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-7.scope\n";
        assert_eq!(unit(path), Some(("vte-spawn-7.scope".into(), Kind::Scope)));
        let delegated = "0::/system.slice/agent.service/job/42\n";
        assert_eq!(unit(delegated), Some(("agent.service".into(), Kind::Service)));
        assert_eq!(Unit::parse(delegated.as_bytes()), Unit::parse(b"0::/system.slice/agent.service/job/43\n"));
    }

    #[test]
    fn units_of_one_name_in_two_places_differ() {
        let of = |user| Unit::parse(format!("0::/user@{user}.service/app.service").as_bytes()).unwrap();
        assert_eq!(of(1).name, of(2).name);
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn where_there_is_none_there_is_none() {
        for text in [
            "",
            "0::/\n",
            "0::/user.slice\n",
            "0::/init.scope\n",
            "0::/user@1.service/init.scope\n",
            "x",
            "0::/.service",
        ] {
            assert_eq!(unit(text), None, "{text:?}");
        }
    }
}
