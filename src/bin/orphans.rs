//! The finder.
fn main() {}
