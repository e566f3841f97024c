//! Users' names, from `/etc/passwd`. A user who stands elsewhere (a directory service) goes by the number.

use std::collections::BTreeMap;
use std::fs;

use crate::voice::readable;

/// Who is who.
#[derive(Debug, Default)]
pub struct Users {
    names: BTreeMap<u32, String>,
}

impl Users {
    /// This machine's.
    pub fn of_this_machine() -> Self {
        Self::parse(&fs::read("/etc/passwd").unwrap_or_default())
    }

    /// Reads passwd(5). Where two have one number, the first counts, as it does for the C library.
    fn parse(text: &[u8]) -> Self {
        let mut names = BTreeMap::new();
        for line in text.split(|&b| b == b'\n') {
            let mut fields = line.split(|&b| b == b':');
            if let (Some(name), Some(number)) = (fields.next(), fields.nth(1))
                && let Some(number) = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok())
            {
                names.entry(number).or_insert_with(|| readable(name));
            }
        }
        Self { names }
    }

    /// The name, or the number where there is none.
    pub fn name(&self, user: u32) -> String {
        self.names.get(&user).cloned().unwrap_or_else(|| user.to_string())
    }

    /// The user of this name or number.
    pub fn find(&self, word: &str) -> Option<u32> {
        let named = self.names.iter().find(|(_, name)| *name == word).map(|(&number, _)| number);
        named.or_else(|| word.bytes().all(|b| b.is_ascii_digit()).then(|| word.parse().ok()).flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_found_both_ways() {
        let users = Users::parse(b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nci:x:1000:1000\nbroken\n:::\n");
        assert_eq!((users.name(0), users.name(1000), users.name(7)), ("root".into(), "ci".into(), "7".into()));
        assert_eq!((users.find("ci"), users.find("0"), users.find("7")), (Some(1000), Some(0), Some(7)));
        assert_eq!(
            (users.find(""), users.find("nobody"), users.find("-1"), users.find("+7")),
            (None, None, None, None)
        );
        assert_eq!(users.find("99999999999"), None);
    }
}
