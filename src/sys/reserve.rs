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

/// To end 2000 processes that hang below one another takes 1.1 MiB, of which most is kept for each, and 2000 strays take 0.4. More of it would have a
/// start under a small `ulimit -d` or `-v` fail, for it counts there, touched or not.
const SIZE: usize = 2 * 1024 * 1024;

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

    /// What was taken last grows and shrinks where it is, as far as there is room: it would leave a hole each time otherwise.
    fn resize(&self, memory: *mut u8, layout: Layout, size: usize) -> bool {
        let begin = memory.addr() - self.start().addr();
        let end = begin.checked_add(size).filter(|&end| end <= SIZE);
        let is_last =
            |end| USED.compare_exchange(begin + layout.size(), end, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        end.is_some_and(is_last)
    }

    fn owns(&self, memory: *mut u8) -> bool {
        (self.start()..self.start().wrapping_add(SIZE)).contains(&memory)
    }
}

// SAFETY: the system's allocator does as the trait wants, and so does the reserve: each piece is of the size and alignment asked for, and nobody
// else's. What is resized stays where it is, if nobody has what it grows into, or is copied into a new piece.
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

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !RESERVE.owns(memory) {
            // SAFETY: the caller's promise; it is not from the reserve, so it is the system's.
            let resized = unsafe { System.realloc(memory, layout, size) };
            if !resized.is_null() {
                return resized;
            }
        } else if RESERVE.resize(memory, layout, size) {
            return memory;
        }
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else { return ptr::null_mut() };
        // SAFETY: the caller's promise: the new size is not zero.
        let new = unsafe { self.alloc(wanted) };
        if !new.is_null() {
            // SAFETY: both are that long, and the new one is nobody else's.
            unsafe { ptr::copy_nonoverlapping(memory, new, layout.size().min(size)) };
            // SAFETY: the caller's promise.
            unsafe { self.dealloc(memory, layout) };
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_last_can_be_given_back_or_resized() {
        let layout = |size, align| Layout::from_size_align(size, align).unwrap();
        let (small, large) = (layout(3, 1), layout(SIZE / 2, 64));
        let first = RESERVE.take(small);
        for _ in 0..10 {
            let second = RESERVE.take(large);
            assert!(RESERVE.owns(second) && second.addr().is_multiple_of(64) && second.addr() >= first.addr() + 3);
            assert!(RESERVE.take(large).is_null());
            RESERVE.give_back(second, large);
        }
        let second = RESERVE.take(small);
        assert!(RESERVE.resize(second, small, SIZE / 2) && RESERVE.take(large).is_null());
        assert!(!RESERVE.resize(second, layout(SIZE / 2, 1), SIZE) && !RESERVE.resize(first, small, 4));
        assert!(RESERVE.resize(second, layout(SIZE / 2, 1), 3));
        RESERVE.give_back(second, small);
        // It was not the last one: then it is lost.
        let second = RESERVE.take(small);
        RESERVE.give_back(first, small);
        assert_ne!(RESERVE.take(small), first);
        assert!(!RESERVE.owns(ptr::from_ref(&second).cast_mut().cast()));
    }
}
