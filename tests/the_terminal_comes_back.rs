//! A terminal that was handed to COMMAND's own group is the caller's again afterwards.

mod common;

use std::io::Write;
use std::process::Command;

use common::leader::on_a_terminal;
use common::orphanguard;

#[test]
fn whether_command_ran_or_could_not_be_run() {
    for (command, status) in [("true", 0), ("/no/such/command", 127), ("/", 126)] {
        let mut script = Command::new("sh");
        script.args(["-c", "\"$@\"; echo $?; read answer; echo got $answer", "sh"]);
        script.arg(orphanguard()).args(["--group", "new", "--", command]);
        let (mut job, mut keyboard) = on_a_terminal(&mut script);
        assert_eq!(job.line(), status.to_string());
        // A process of the background would not be given it.
        keyboard.write_all(b"hello\n").expect("the terminal takes it");
        assert_eq!(job.line(), "got hello", "after {command}");
        job.nobody_left();
    }
}
