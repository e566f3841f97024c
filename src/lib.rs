//! orphanguard runs a command so that no process of it is left behind.
//!
//! Every module is one idea; the arrows go down: [`run`] → [`cli`], [`sentinel`], [`guard`] → [`plan`], [`launch`], [`ending`],
//! [`terminal`] → [`tree`], [`signal`], [`status`], [`inherited`] → [`sys`].

#[cfg(not(target_os = "linux"))]
compile_error!("orphanguard needs Linux: subreapers, signalfd and /proc exist nowhere else");

pub mod board;
pub mod channel;
pub mod cli;
pub mod delivery;
pub mod direct;
pub mod duration;
pub mod early;
pub mod ending;
pub mod entry;
pub mod environment;
pub mod exit;
pub mod fate;
pub mod finder;
pub mod guard;
pub mod inherited;
pub mod job;
pub mod launch;
pub mod moment;
pub mod nearest;
pub mod pattern;
pub mod place;
pub mod plan;
pub mod progress;
pub mod report;
pub mod sentinel;
pub mod signal;
pub mod spare;
pub mod status;
pub mod strangers;
pub mod summary;
pub mod sweep;
pub mod sys;
pub mod terminal;
pub mod timer;
pub mod tracing;
pub mod tree;
pub mod voice;
pub mod waiting;

use std::io::Write;

use cli::{Request, Verbosity};
use job::Job;
use signal::SignalSet;
use status::{Exit, FAILED};
use sys::CStrings;
use voice::{Voice, readable, reason};

/// The whole program: reads the command line, runs the job, and says how to end.
pub fn run(argv: CStrings) -> Exit {
    let job = match cli::parse(argv, CStrings::environment()) {
        Ok(Request::Run(options, command)) => Job::prepare(options, command),
        Ok(Request::Print(text)) => return print(&text),
        Err(message) => Err(message),
    };
    match job {
        Ok(job) if job.is_init() || job.options.no_sentinel => guard::run(&job, None, sys::signalfd()),
        Ok(job) => sentinel::run(&job),
        Err(message) => {
            // Nobody may read what we say: SIGPIPE must not take the place of our status.
            sys::set_signal_mask(SignalSet::ALL);
            // It repeats what it was given, line breaks too.
            Voice::new(Verbosity::Normal).error(format_args!("{}", readable(message.as_bytes())));
            Exit::Code(FAILED)
        }
    }
}

fn print(text: &str) -> Exit {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Exit::Code(0),
        Err(error) => {
            Voice::new(Verbosity::Normal).error(format_args!("cannot write to standard output: {}", reason(&error)));
            Exit::Code(FAILED)
        }
    }
}
