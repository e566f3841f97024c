//! Every option is also read from its variable, for images whose command line is fixed.

mod common;

use common::{Ended, code, guarded, run, send, start};

/// `VARIABLE=value … orphanguard OPTIONS -- helper INSTRUCTIONS`.
fn with(variables: &[(&str, &str)], options: &str, instructions: &str) -> Ended {
    run(guarded(options, instructions).envs(variables.iter().copied()))
}

#[test]
fn a_value_comes_from_its_variable_and_the_command_line_wins() {
    let map = [("ORPHANGUARD_MAP_STATUS", "3=4")];
    assert_eq!(code(with(&map, "", "exit 3").status), 4);
    assert_eq!(code(with(&map, "--map-status 3=5", "exit 3").status), 5);
}

#[test]
fn the_values_of_a_repeatable_option_are_separated_by_commas() {
    let map = [("ORPHANGUARD_MAP_STATUS", "3=4,5=6")];
    assert_eq!(code(with(&map, "", "exit 3").status), 4);
    assert_eq!(code(with(&map, "", "exit 5").status), 6);
}

#[test]
fn a_switch_is_on_off_or_not_set_at_all() {
    for (word, quiet) in [("1", true), ("yes", true), ("TRUE", true), ("0", false), ("off", false), ("", false)] {
        let ended = with(&[("ORPHANGUARD_QUIET", word)], "", "child [ hold ] exit 0");
        assert_eq!(ended.err.is_empty(), quiet, "{word:?}: {}", ended.err);
    }
}

#[test]
fn one_verbosity_on_the_command_line_overrules_the_variable_of_the_other() {
    let ended = with(&[("ORPHANGUARD_QUIET", "1")], "--verbose", "exit 0");
    assert!(ended.err.contains("exited 0"), "{}", ended.err);
    let ended = with(&[("ORPHANGUARD_VERBOSE", "1")], "--quiet", "exit 0");
    assert_eq!(ended.err, "");
}

#[test]
fn a_wrong_value_names_the_variable_as_its_source() {
    let ended = with(&[("ORPHANGUARD_GRACE", "soon")], "", "exit 0");
    assert_eq!(code(ended.status), 125);
    assert!(ended.err.starts_with("orphanguard: ORPHANGUARD_GRACE: 'soon': "), "{}", ended.err);
}

#[test]
fn the_mark_of_the_spared_is_no_pattern_but_what_begins_like_it_is() {
    let name = std::env::temp_dir().join(format!("1spared.{}", std::process::id()));
    std::os::unix::fs::symlink(common::helper(), &name).unwrap();
    let mut command = common::guarding("", &name);
    command.args(["child", "[", "say", "stray", "hold", "]", "exit", "0"]);
    let mut job = start(command.env("ORPHANGUARD_SPARE", "1spared*"));
    let stray = job.pid_of("stray");
    std::fs::remove_file(name).unwrap();
    let status = job.wait();
    assert_eq!(code(status), 0);
    assert!(matches!(common::state(stray), Some('R' | 'S')));
    send(stray, libc::SIGKILL);
    job.nobody_left_soon();

    let ended = with(&[("ORPHANGUARD_SPARE", "1")], "", "child [ hold ] exit 0");
    assert!(ended.err.contains("ended 1 orphan"), "{}", ended.err);
}
