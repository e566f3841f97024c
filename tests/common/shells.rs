//! Asks real shells what they offer: bash, zsh and fish, as far as they are installed, with the files of `completions/`.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A shell: its name, and what it offers for a program at the end of each line; `None` where it is not installed.
struct Shell {
    name: &'static str,
    ask: fn(&str, &[String]) -> Option<Answers>,
}

/// What was offered at the end of each line, a word each.
type Answers = Vec<Vec<String>>;

const SHELLS: [Shell; 3] =
    [Shell { name: "bash", ask: bash }, Shell { name: "zsh", ask: zsh }, Shell { name: "fish", ask: fish }];

pub fn completions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("completions")
}

/// Asks each shell what it offers for this program at the end of each line, and hands the answers on: the words alone, each once.
pub fn in_each_shell(program: &str, lines: &[String], check: impl Fn(&str, &[BTreeSet<String>])) {
    for shell in SHELLS {
        let Some(answers) = (shell.ask)(program, lines) else { continue };
        assert_eq!(answers.len(), lines.len(), "{}", shell.name);
        let words = |answer: Vec<String>| answer.iter().map(|word| word.trim().to_owned()).collect();
        let answers: Vec<BTreeSet<String>> = answers.into_iter().map(words).collect();
        check(shell.name, &answers);
    }
}

/// What ends an answer in the output of the scripts below.
const END: &str = "@END@";

fn answers_of(command: &mut Command) -> Answers {
    // Completions may call the programs.
    let programs = Path::new(env!("CARGO_BIN_EXE_orphans")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let output = command.env("PATH", path).stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut answers: Answers =
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
    program=$3
    source "$2/$program.bash"
    shift 3
    compopt() { :; }
    function=$(complete -p "$program") function=${function#*-F } function=${function%% *}
    for case; do
        mapfile -t -d $'\x1f' COMP_WORDS < <(printf %s "$case")
        COMP_LINE=${COMP_WORDS[0]} COMP_WORDS=("${COMP_WORDS[@]:1}")
        COMP_POINT=${#COMP_LINE} COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_TYPE=9 COMP_KEY=9
        COMPREPLY=()
        "$function" "$program" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
        ((${#COMPREPLY[@]})) && printf '%s\n' "${COMPREPLY[@]}"
        echo @END@
    done
"#;

fn bash(program: &str, lines: &[String]) -> Option<Answers> {
    if !Path::new(BASH_COMPLETION).exists() {
        println!("skipped: bash-completion is not installed");
        return None;
    }
    Some(ask_bash(BASH_COMPLETION, program, lines))
}

pub fn ask_bash(bash_completion: &str, program: &str, lines: &[String]) -> Answers {
    let mut command = Command::new("bash");
    command.args(["--norc", "--noprofile", "-c", BASH_SCRIPT, "bash", bash_completion]);
    command.arg(completions()).arg(program);
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

fn zsh(_program: &str, lines: &[String]) -> Option<Answers> {
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

fn fish(program: &str, lines: &[String]) -> Option<Answers> {
    if !is_installed("fish") {
        return None;
    }
    let script = "
        source $argv[1]/$argv[2].fish
        for line in $argv[3..-1]
            complete -C $line
            echo @END@
        end";
    let mut command = Command::new("fish");
    let home = env!("CARGO_TARGET_TMPDIR");
    command.args(["--private", "-c", script]).arg(completions()).arg(program).args(lines);
    let mut answers = answers_of(command.env("HOME", home).env("XDG_CONFIG_HOME", home).env("XDG_DATA_HOME", home));
    for word in answers.iter_mut().flatten() {
        // Behind a tab it says what the word means.
        word.truncate(word.find('\t').unwrap_or(word.len()));
    }
    Some(answers)
}

/// Of `--signal=TERM`, `HUP=TERM` and `TERM` each shell offers another part, and with or without the `=` that follows.
pub fn values(answer: &BTreeSet<String>) -> BTreeSet<String> {
    answer.iter().map(|word| word.trim_end_matches('=').rsplit('=').next().unwrap().to_owned()).collect()
}

pub fn set<'w>(words: impl IntoIterator<Item = &'w str>) -> BTreeSet<String> {
    words.into_iter().map(Into::into).collect()
}

pub fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.into()).collect()
}
