//! Memory for the case that there is none any more.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, and where that fails a reserve: a job may take its guard's memory away at any time, as each process of a user
/// may set the limits of the others (`RLIMIT_AS`, `RLIMIT_DATA`, prlimit(2)), and a guard that aborts would leak the job.
///
/// The reserve costs nothing while it is not touched. It is a stack: what was taken last can be given back, the rest is lost. What a look at the
/// processes takes for a moment, it gives back in that order.
pub struct WithReserve;

const SIZE: usize = 4 * 1024 * 1024;

#[repr(align(4096))]
struct Reserve(UnsafeCell<[MaybeUninit<u8>; SIZE]>);

// SAFETY: pieces are handed out by an atomic number, each once.
unsafe impl Sync for Reserve {}

static RESERVE: Reserve = Reserve(UnsafeCell::new([MaybeUninit::uninit(); SIZE]));
/// Where the free part of it begins.
static USED: AtomicUsize = AtomicUsize::new(0);

impl Reserve {
    fn start(&self) -> *mut u8 {
        self.0.get().cast()
    }

    fn take(&self, layout: Layout) -> *mut u8 {
        let begin = |used: usize| used.next_multiple_of(layout.align());
        let end = |used: usize| begin(used).checked_add(layout.size()).filter(|&end| end <= SIZE);
        // Its own start is aligned to a page, and nothing here wants more.
        match USED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, end) {
            Ok(used) if layout.align() <= align_of::<Self>() => self.start().wrapping_add(begin(used)),
            _ => ptr::null_mut(),
        }
    }

    fn give_back(&self, memory: *mut u8, layout: Layout) {
        let begin = memory.addr() - self.start().addr();
        let _ = USED.compare_exchange(begin + layout.size(), begin, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn owns(&self, memory: *mut u8) -> bool {
        (self.start()..self.start().wrapping_add(SIZE)).contains(&memory)
    }
}

// SAFETY: the system's allocator does as the trait wants, and so does the reserve: each piece is of the size and alignment asked for, and nobody
// else's. Growing copies into a new piece, as the trait's own `realloc` does.
unsafe impl GlobalAlloc for WithReserve {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let memory = unsafe { System.alloc(layout) };
        if memory.is_null() { RESERVE.take(layout) } else { memory }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if RESERVE.owns(memory) {
            RESERVE.give_back(memory, layout);
        } else {
            // SAFETY: the caller's promise; it is not from the reserve, so it is the system's.
            unsafe { System.dealloc(memory, layout) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_last_can_be_given_back() {
        let layout = |size, align| Layout::from_size_align(size, align).unwrap();
        let (small, large) = (layout(3, 1), layout(SIZE / 2, 64));
        let first = RESERVE.take(small);
        for _ in 0..10 {
            let second = RESERVE.take(large);
            assert!(RESERVE.owns(second) && second.addr().is_multiple_of(64) && second.addr() >= first.addr() + 3);
            assert!(RESERVE.take(large).is_null());
            RESERVE.give_back(second, large);
        }
        // It was not the last one: then it is lost.
        let second = RESERVE.take(small);
        RESERVE.give_back(first, small);
        assert_ne!(RESERVE.take(small), first);
        assert!(!RESERVE.owns(ptr::from_ref(&second).cast_mut().cast()));
    }
}
