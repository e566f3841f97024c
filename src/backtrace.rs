//! There are no backtraces.
//!
//! A panic is told in a line that names its place, and aborts: nothing is ever unwound. A stripped binary has no names to show besides. Yet the standard
//! library brings along all that prints a backtrace (a reader of DWARF, a decompressor, a demangler), since it asks the unwinder for the frames and does
//! not know that there are none. The unwinder here knows, and so the optimiser finds the rest unused: 190 KiB of a static binary; one without the
//! C library in it does not load libgcc_s.so.1 at each start.
#![allow(unsafe_code, non_snake_case)]

use std::ffi::c_int;

/// `_URC_END_OF_STACK`
const NO_MORE_FRAMES: c_int = 5;

/// Calls back for no frame.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(_callback: usize, _argument: usize) -> c_int {
    NO_MORE_FRAMES
}

/// The rest of the unwinder, which nobody calls who does not unwind. It stands here because the linker would otherwise take it, and with it a second
/// `_Unwind_Backtrace`, for the thread cancellation of a static C library.
macro_rules! never_called {
    ($($name:ident)*) => {
        $(
            #[unsafe(no_mangle)]
            extern "C" fn $name() -> usize {
                std::process::abort()
            }
        )*
    };
}

never_called! {
    _Unwind_DeleteException
    _Unwind_FindEnclosingFunction
    _Unwind_ForcedUnwind
    _Unwind_GetCFA
    _Unwind_GetDataRelBase
    _Unwind_GetGR
    _Unwind_GetIP
    _Unwind_GetIPInfo
    _Unwind_GetLanguageSpecificData
    _Unwind_GetRegionStart
    _Unwind_GetTextRelBase
    _Unwind_RaiseException
    _Unwind_Resume
    _Unwind_Resume_or_Rethrow
    _Unwind_SetGR
    _Unwind_SetIP
}
