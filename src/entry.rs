//! An entry of an environment whose value is made of numbers, as text that needs no heap and no formatting.
//!
//! COMMAND's environment is made right after the fork, when each page that is touched for the first time is a page fault: the heap's
//! and those of the standard library's formatting are six, some 20 µs.

use std::ffi::CStr;

/// The longest name, two PIDs and a time in clock ticks.
const ROOM: usize = 64;

/// `NAME=`, and what is put after it; what does not fit is left out.
#[derive(Clone, Debug)]
pub struct Entry {
    text: [u8; ROOM],
    used: usize,
}

impl Entry {
    /// An entry of this name, with no value yet.
    pub fn new(name_and_equals: &[u8]) -> Self {
        Self { text: [0; ROOM], used: 0 }.bytes(name_and_equals)
    }

    /// These bytes after what there is.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        for &byte in bytes {
            self.push(byte);
        }
        self
    }

    /// This number after what there is.
    #[must_use]
    pub fn number(self, mut number: u64) -> Self {
        let mut digits = [0; 20];
        let mut first = digits.len();
        while first == digits.len() || number > 0 {
            first -= 1;
            digits[first] = b'0' + (number % 10) as u8;
            number /= 10;
        }
        self.bytes(&digits[first..])
    }

    fn push(&mut self, byte: u8) {
        // The last byte stays NUL.
        if self.used < ROOM - 1 {
            self.text[self.used] = byte;
            self.used += 1;
        }
    }

    /// The whole entry.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Entry;

    #[test]
    fn numbers_are_decimal() {
        let entry = Entry::new(b"ID=").number(4711).bytes(b".").number(u64::MAX).number(0);
        assert_eq!(entry.as_c_str(), c"ID=4711.184467440737095516150");
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let entry = (0..10).fold(Entry::new(b"ID="), |entry, _| entry.number(u64::MAX));
        assert_eq!(entry.as_c_str().to_bytes().len(), 63);
    }
}
