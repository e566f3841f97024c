//! Shell globs over process names: `sccache*`, `[gG]radle`, `?`.

use std::ffi::{CStr, CString};

use crate::sys;

/// A glob as fnmatch(3) reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern(CString);

impl Pattern {
    /// Takes any text but the empty one, which no process's name is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(glob: &[u8]) -> Result<Self, String> {
        if glob.is_empty() {
            return Err("an empty pattern matches nothing; give a name or a glob such as sccache*".into());
        }
        CString::new(glob).map(Self).map_err(|_| "it has a NUL byte".into())
    }

    /// Whether the whole name matches.
    ///
    /// The kernel keeps 15 bytes of a name (proc_pid_comm(5)): a longer literal is compared by its first 15.
    pub fn matches(&self, name: &[u8]) -> bool {
        const KEPT: usize = 15;
        let glob = self.0.to_bytes();
        let literal = !glob.iter().any(|b| b"*?[\\".contains(b));
        if literal && glob.len() > KEPT {
            return &glob[..KEPT] == name;
        }
        CString::new(name).is_ok_and(|name| sys::fnmatch(self.glob(), &name))
    }

    fn glob(&self) -> &CStr {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(glob: &str, name: &str) -> bool {
        Pattern::new(glob.as_bytes()).unwrap().matches(name.as_bytes())
    }

    #[test]
    fn globs_match_whole_names() {
        assert!(matches("sccache*", "sccache"));
        assert!(matches("sccache*", "sccache-dist"));
        assert!(matches("[gG]radle?", "Gradle1"));
        assert!(!matches("sccache", "sccache-dist"));
        assert!(!matches("cache", "sccache"));
    }

    #[test]
    fn a_name_longer_than_the_kernel_keeps_still_matches() {
        assert!(matches("a-very-long-process-name", "a-very-long-pro"));
        assert!(!matches("a-very-long-process-name", "a-very-long-pr"));
    }

    #[test]
    fn an_empty_pattern_is_refused() {
        assert!(Pattern::new(b"").is_err());
    }
}
