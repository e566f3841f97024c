//! The completions, asked in real shells: they offer what the program has, no more and no less, and after the options what the command's own
//! completion offers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use orphanguard::cli::{OPTIONS, Spec};
use orphanguard::signal::Signal;

/// A shell: its name, and what it offers at the end of each line; `None` where it is not installed.
struct Shell {
    name: &'static str,
    ask: fn(&[String]) -> Option<Vec<Vec<String>>>,
}

const SHELLS: [Shell; 3] =
    [Shell { name: "bash", ask: bash }, Shell { name: "zsh", ask: zsh }, Shell { name: "fish", ask: fish }];

fn completions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("completions")
}

/// Asks each shell what it offers at the end of each line, and hands the answers on: the words alone, each once.
fn in_each_shell(lines: &[String], check: impl Fn(&str, &[BTreeSet<String>])) {
    for shell in SHELLS {
        let Some(answers) = (shell.ask)(lines) else { continue };
        assert_eq!(answers.len(), lines.len(), "{}", shell.name);
        let words = |answer: Vec<String>| answer.iter().map(|word| word.trim().to_owned()).collect();
        let answers: Vec<BTreeSet<String>> = answers.into_iter().map(words).collect();
        check(shell.name, &answers);
    }
}

/// What ends an answer in the output of the scripts below.
const END: &str = "@END@";

fn answers_of(command: &mut Command) -> Vec<Vec<String>> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut answers: Vec<Vec<String>> =
        text.split(&format!("{END}\n")).map(|answer| answer.lines().map(Into::into).collect()).collect();
    assert_eq!(answers.pop(), Some(Vec::new()), "{text}{}", String::from_utf8_lossy(&output.stderr));
    answers
}

fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

// ---- bash ---------------------------------------------------------------------------------------------------------

const BASH_COMPLETION: &str = "/usr/share/bash-completion/bash_completion";

/// Sets what readline would, calls the function that is registered, and prints what it replies.
const BASH_SCRIPT: &str = r#"
    [[ $1 ]] && source "$1"
    source "$2/orphanguard.bash"
    shift 2
    compopt() { :; }
    function=$(complete -p orphanguard) function=${function#*-F } function=${function%% *}
    for case; do
        mapfile -t -d $'\x1f' COMP_WORDS < <(printf %s "$case")
        COMP_LINE=${COMP_WORDS[0]} COMP_WORDS=("${COMP_WORDS[@]:1}")
        COMP_POINT=${#COMP_LINE} COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_TYPE=9 COMP_KEY=9
        COMPREPLY=()
        "$function" orphanguard "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
        ((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}"
        echo @END@
    done
"#;

fn bash(lines: &[String]) -> Option<Vec<Vec<String>>> {
    if !Path::new(BASH_COMPLETION).exists() {
        println!("skipped: bash-completion is not installed");
        return None;
    }
    Some(ask_bash(BASH_COMPLETION, lines))
}

fn ask_bash(bash_completion: &str, lines: &[String]) -> Vec<Vec<String>> {
    let mut command = Command::new("bash");
    command.args(["--norc", "--noprofile", "-c", BASH_SCRIPT, "bash", bash_completion]).arg(completions());
    command.args(lines.iter().map(|line| {
        let words = as_readline_splits(line);
        format!("{line}\x1f{}\x1f", words.join("\x1f"))
    }));
    answers_of(&mut command)
}

/// The words of COMP_WORDS: what COMP_WORDBREAKS separates, and a run of `=` and `:` is a word, too.
fn as_readline_splits(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in line.split(' ') {
        let mut word = String::new();
        let is_break = |c: char| c == '=' || c == ':';
        for character in part.chars() {
            if word.chars().next_back().is_some_and(|last| is_break(last) != is_break(character)) {
                words.push(std::mem::take(&mut word));
            }
            word.push(character);
        }
        words.push(word);
    }
    words
}

// ---- zsh ----------------------------------------------------------------------------------------------------------

/// A zsh on a pseudo-terminal of its own, whose completion system writes down what it would add instead of adding it.
const ZSH_SCRIPT: &str = r#"
    zmodload zsh/zpty
    zpty shell zsh -f -i
    zpty -w shell "source $1; print REA''DY"
    zpty -r shell shown '*READY*'
    file=$2
    shift 2
    for line; do
        : > $file
        zpty -w -n shell $'\C-u'"$line"$'\t'
        zpty -r shell shown '*@DONE@*'
        cat $file
        print @END@
    done
    zpty -d shell
"#;

fn zsh_settings(file: &Path) -> String {
    let (folder, file) = (completions(), file.display());
    format!(
        r#"
        PROMPT=
        fpath=({} $fpath)
        autoload -Uz compinit
        compinit -u -D
        bindkey -e
        zstyle ':completion:*' insert-tab false
        unsetopt beep
        compadd() {{
            # These calls only ask.
            if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
            local -a hits
            builtin compadd -A hits "$@"
            (( $#hits )) && print -rl -- $hits >> {file}
            (( $#hits ))
        }}
        ask() {{ zle complete-word; print -n @DONE@ }}
        zle -N ask
        bindkey '^I' ask
        "#,
        folder.display()
    )
}

/// How many have been asked so far: each writes to a folder of its own.
static ZSHS: AtomicU32 = AtomicU32::new(0);

fn zsh(lines: &[String]) -> Option<Vec<Vec<String>>> {
    if !is_installed("zsh") {
        return None;
    }
    let number = ZSHS.fetch_add(1, Ordering::Relaxed);
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("zsh-{}-{number}", std::process::id()));
    fs::create_dir_all(&place).unwrap();
    let (settings, file) = (place.join("settings"), place.join("offered"));
    fs::write(&settings, zsh_settings(&file)).unwrap();
    let mut command = Command::new("zsh");
    command.args(["-f", "-c", ZSH_SCRIPT, "zsh"]).arg(settings).arg(file).args(lines);
    let answers = answers_of(command.env("TERM", "dumb").env("HOME", &place));
    fs::remove_dir_all(&place).unwrap();
    Some(answers)
}

// ---- fish ---------------------------------------------------------------------------------------------------------

fn fish(lines: &[String]) -> Option<Vec<Vec<String>>> {
    if !is_installed("fish") {
        return None;
    }
    let script = "
        source $argv[1]/orphanguard.fish
        for line in $argv[2..-1]
            complete -C $line
            echo @END@
        end";
    let mut command = Command::new("fish");
    let home = env!("CARGO_TARGET_TMPDIR");
    command.args(["--private", "-c", script]).arg(completions()).args(lines);
    let mut answers = answers_of(command.env("HOME", home).env("XDG_CONFIG_HOME", home).env("XDG_DATA_HOME", home));
    for word in answers.iter_mut().flatten() {
        // Behind a tab it says what the word means.
        word.truncate(word.find('\t').unwrap_or(word.len()));
    }
    Some(answers)
}

// ---- what is asked ------------------------------------------------------------------------------------------------

/// Of `--signal=TERM`, `HUP=TERM` and `TERM` each shell offers another part, and with or without the `=` that follows.
fn values(answer: &BTreeSet<String>) -> BTreeSet<String> {
    answer.iter().map(|word| word.trim_end_matches('=').rsplit('=').next().unwrap().to_owned()).collect()
}

fn set<'w>(words: impl IntoIterator<Item = &'w str>) -> BTreeSet<String> {
    words.into_iter().map(Into::into).collect()
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.into()).collect()
}

/// A value that the option takes.
fn example(spec: &Spec) -> Option<&'static str> {
    Some(match (spec.long, spec.value?) {
        (_, _) if !spec.words.is_empty() => spec.words[0],
        (_, "DURATION") => "5s",
        (_, "SIGNAL") => "TERM",
        (_, "PATTERN") => "cc*",
        (_, "CODE") => "3",
        (_, "FILE") => "report.json",
        ("map-status", _) => "143=0",
        ("rewrite", _) => "HUP=none",
        other => panic!("no example for {other:?}"),
    })
}

/// Every way to write each option, with its value where it takes one.
fn ways() -> Vec<(&'static Spec, String)> {
    let ways = OPTIONS.iter().flat_map(|spec| {
        let (long, letter) = (format!("--{}", spec.long), spec.short.map(|short| format!("-{short}")));
        let forms = match example(spec) {
            None => vec![Some(long), letter],
            Some(value) => vec![
                Some(format!("{long} {value}")),
                Some(format!("{long}={value}")),
                letter.clone().map(|letter| format!("{letter} {value}")),
                letter.map(|letter| format!("{letter}{value}")),
            ],
        };
        forms.into_iter().flatten().map(move |form| (spec, form))
    });
    ways.collect()
}

/// The names of all signals that have one.
fn signals() -> BTreeSet<String> {
    let named = Signal::all().filter(|signal| !signal.is_realtime()).map(|signal| signal.to_string());
    named.chain(["RTMIN".into(), "RTMAX".into()]).collect()
}

#[test]
fn every_option_is_offered_and_no_other() {
    let mut expected = set(["--help", "-h", "--version", "-V"]);
    for spec in OPTIONS {
        expected.insert(format!("--{}", spec.long));
        expected.extend(spec.short.map(|short| format!("-{short}")));
    }
    in_each_shell(&lines(&["orphanguard -", "orphanguard --"]), |shell, answers| {
        let offered: BTreeSet<String> = answers.iter().flatten().cloned().collect();
        assert_eq!(offered, expected, "{shell}");
    });
}

#[test]
fn the_words_of_an_option_are_offered_and_no_others() {
    let specs: Vec<&Spec> = OPTIONS.iter().filter(|spec| !spec.words.is_empty()).collect();
    let asked = specs
        .iter()
        .flat_map(|spec| [format!("orphanguard --{} ", spec.long), format!("orphanguard -v --{}=", spec.long)])
        .collect::<Vec<_>>();
    in_each_shell(&asked, |shell, answers| {
        for (spec, answers) in specs.iter().zip(answers.chunks(2)) {
            for answer in answers {
                assert_eq!(values(answer), set(spec.words.iter().copied()), "{shell}: --{}", spec.long);
            }
        }
    });
}

#[test]
fn signals_are_offered_where_an_option_takes_one() {
    let asked =
        lines(&["orphanguard --signal ", "orphanguard -s ", "orphanguard --signal=", "orphanguard --pdeathsig "]);
    in_each_shell(&asked, |shell, answers| {
        for (answer, none) in answers.iter().zip(["0", "0", "0", "none"]) {
            let mut expected = signals();
            expected.insert(none.into());
            assert_eq!(values(answer), expected, "{shell}");
        }
    });
    let asked = lines(&["orphanguard --signal SIGK", "orphanguard -s KI"]);
    in_each_shell(&asked, |shell, answers| {
        assert_eq!(answers, [set(["SIGKILL"]), set(["KILL"])], "{shell}");
    });
}

#[test]
fn both_halves_of_a_rewrite_are_signals() {
    let from = lines(&["orphanguard --rewrite ", "orphanguard -r ", "orphanguard --rewrite="]);
    in_each_shell(&from, |shell, answers| {
        let mut expected = signals();
        expected.retain(|signal| !["KILL", "STOP", "CHLD"].contains(&signal.as_str()));
        for answer in answers {
            assert_eq!(values(answer), expected, "{shell}");
        }
    });
    let to = lines(&[
        "orphanguard -r HUP=",
        "orphanguard --rewrite HUP=",
        "orphanguard --rewrite=HUP=",
        "orphanguard -rHUP=",
    ]);
    in_each_shell(&to, |shell, answers| {
        let mut expected = signals();
        expected.insert("none".into());
        for answer in answers {
            assert_eq!(values(answer), expected, "{shell}");
        }
    });
    in_each_shell(&lines(&["orphanguard -r HUP=TER", "orphanguard --rewrite=HUP=no"]), |shell, answers| {
        assert_eq!([values(&answers[0]), values(&answers[1])], [set(["TERM"]), set(["none"])], "{shell}");
    });
}

#[test]
fn a_report_goes_to_a_file() {
    let folder = completions();
    let begin = format!("{}/orphanguard.f", folder.display());
    let asked = [format!("orphanguard --report {begin}"), format!("orphanguard --report={begin}")];
    in_each_shell(&asked, |shell, answers| {
        for answer in answers {
            let names: Vec<&str> = answer.iter().map(|path| path.rsplit('/').next().unwrap()).collect();
            assert_eq!(names, ["orphanguard.fish"], "{shell}");
        }
    });
}

#[test]
fn nothing_is_offered_for_a_value_that_nobody_can_guess() {
    let specs = OPTIONS.iter().filter(|spec| matches!(spec.value, Some("DURATION" | "CODE" | "PATTERN")));
    let mut asked: Vec<String> = specs.map(|spec| format!("orphanguard --{} ", spec.long)).collect();
    asked.push("orphanguard --map-status ".into());
    in_each_shell(&asked, |shell, answers| {
        for (line, answer) in asked.iter().zip(answers) {
            assert!(answer.is_empty(), "{shell}: {line}: {answer:?}");
        }
    });
}

#[test]
fn behind_each_option_and_its_value_there_is_another_option() {
    // A shell may offer an option once only, so another one is asked for.
    let other = |spec: &Spec| if spec.long == "on-exit" { ("--forw", "--forward") } else { ("--on-e", "--on-exit") };
    let asked: Vec<String> = ways().iter().map(|(spec, way)| format!("orphanguard {way} {}", other(spec).0)).collect();
    in_each_shell(&asked, |shell, answers| {
        for (((spec, way), answer), line) in ways().iter().zip(answers).zip(&asked) {
            assert_eq!(*answer, set([other(spec).1]), "{shell}: {way}: {line}");
        }
    });
}

#[test]
fn behind_each_option_and_its_value_there_is_the_commands_own_completion() {
    let mut begins: Vec<String> = ways().into_iter().map(|(_, way)| format!("orphanguard {way} timeout")).collect();
    begins.push("orphanguard timeout".into());
    begins.push("orphanguard -- timeout".into());
    begins.push("orphanguard --on-exit=wait -r HUP=none -vg 5 -- timeout".into());
    // An option of timeout(1) that we have not, and at last one of ours that it has not.
    let mut asked: Vec<String> = begins.iter().map(|begin| format!("{begin} --foreg")).collect();
    asked.extend(["orphanguard timeout --on-e".into(), "orphanguard -v -- timeout --on-e".into()]);
    in_each_shell(&asked, |shell, answers| {
        for (begin, answer) in begins.iter().zip(answers) {
            assert_eq!(*answer, set(["--foreground"]), "{shell}: {begin}");
        }
        assert_eq!(answers[begins.len()..], [set([]), set([])], "{shell}");
    });
}

#[test]
fn the_command_itself_is_a_program() {
    let asked = lines(&["orphanguard timeou", "orphanguard -g 5s timeou", "orphanguard -- timeou"]);
    in_each_shell(&asked, |shell, answers| {
        for answer in answers {
            assert!(answer.contains("timeout"), "{shell}: {answer:?}");
        }
    });
}

#[test]
fn bash_does_without_bash_completion() {
    let file = completions().join("orphanguard.f");
    let asked = [
        "orphanguard --on-e".into(),
        "orphanguard -r HUP=TER".into(),
        "orphanguard -v timeou".into(),
        format!("orphanguard -g 5s cat {}", file.display()),
        format!("orphanguard --report {}", file.display()),
    ];
    let answers = ask_bash("", &asked);
    assert_eq!(answers[..2], [["--on-exit"], ["TERM"]]);
    assert!(answers[2].contains(&"timeout".into()));
    for answer in &answers[3..] {
        assert_eq!(*answer, [format!("{}ish", file.display())]);
    }
}
