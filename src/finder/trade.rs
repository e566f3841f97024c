//! Programs that are known by their names for what they do with other people's children. Which process is a subreaper (prctl(2),
//! `PR_SET_CHILD_SUBREAPER`) stands nowhere in `/proc`.

/// A guard that has a sentinel calls itself this.
pub const GUARD: &[u8] = b"og-guard";

/// Inits that start one process and adopt all others.
const ONE_CHILD: [&[u8]; 7] =
    [GUARD, b"tini", b"tini-static", b"docker-init", b"dumb-init", b"catatonit", b"podman-init"];

/// Whether its first child is the one that it has started, and all others are adopted. A name has at most 15 bytes.
pub fn starts_one_child(name: &[u8]) -> bool {
    ONE_CHILD.contains(&name)
}

/// Whether it manages services. As PID 1 it may have another name.
pub fn is_systemd(name: &[u8]) -> bool {
    name == b"systemd"
}

/// The parent of a container, which its creator leaves behind on purpose, and which adopts the container.
pub fn is_container_shim(name: &[u8]) -> bool {
    name.starts_with(b"containerd-shim") || name.starts_with(b"conmon")
}

/// Whether its business is to adopt.
pub fn adopts(name: &[u8]) -> bool {
    starts_one_child(name) || is_systemd(name) || is_container_shim(name)
}
