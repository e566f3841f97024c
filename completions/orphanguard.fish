# Completion of orphanguard(1) for fish: its options and their values, then the completion of the command that it runs.
# A package puts this file into /usr/share/fish/vendor_completions.d.

# What stands after orphanguard's own options, a word a line ended by NUL; fails where there is none yet.
function __orphanguard_command
    set -l tokens (commandline -opc) (commandline -ct)
    set -e tokens[1]
    set -l options on-exit= g/grace= s/signal= on-orphan= spare=+ orphan-status= t/timeout= k/kill-after= preserve-status
    set -a options r/rewrite=+ forward= pdeathsig= group= p/die-with-parent no-sentinel no-new-privs map-status=+
    set -a options exit-by-signal= report= v/verbose q/quiet h/help V/version
    argparse -s $options -- $tokens 2>/dev/null
    # What is left is the command; an option that is being typed is not.
    if test -n "$argv"
        and not string match -qr '^-' -- $argv[1]
        string join0 -- $argv
        return 0
    end
    return 1
end

function __orphanguard_no_command
    not __orphanguard_command >/dev/null
end

function __orphanguard_complete_command
    set -l command (__orphanguard_command | string split0)
    __fish_complete_subcommand --commandline $command
end

# Names of signals, but for those that match the arguments.
function __orphanguard_signals
    set -l prefix
    string match -qr '(^|=|^-[sr])SIG' -- (commandline -ct)
    and set prefix SIG
    for signal in HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU \
            URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN RTMAX
        contains -- $signal $argv
        or printf '%s\tSignal\n' "$prefix$signal"
    end
end

function __orphanguard_rewrite
    # After a letter, fish completes the value with what stands before it.
    set -l from (commandline -ct | string replace -r '^(--rewrite=|-r)' '' | string match -r '^[^=]*=')
    if set -q from[1]
        printf '%s\n' $from[1](__orphanguard_signals)
        printf '%snone\tDrop it\n' $from[1]
    else
        # These cannot be caught, and one is the guard's own.
        __orphanguard_signals KILL STOP CHLD | string replace \t =\t
    end
end

complete -c orphanguard -x -a '(__orphanguard_complete_command)'

complete -c orphanguard -n __orphanguard_no_command -l on-exit -x -d 'What to do with the processes that COMMAND leaves' \
    -a "kill\t'End them' wait\t'Stay until the last has ended' leave\t'Let them go'"
complete -c orphanguard -n __orphanguard_no_command -s g -l grace -x -d 'From the polite signal to SIGKILL'
complete -c orphanguard -n __orphanguard_no_command -s s -l signal -x -d 'The polite signal' \
    -a "(__orphanguard_signals) 0\t'No signal'"
complete -c orphanguard -n __orphanguard_no_command -l on-orphan -x -d 'What to do with what is orphaned while COMMAND runs' \
    -a "adopt\t'Keep it until COMMAND ends' kill\t'End it then and there'"
complete -c orphanguard -n __orphanguard_no_command -l spare -x -d 'Never end a process of that name'
complete -c orphanguard -n __orphanguard_no_command -l orphan-status -x -d 'Exit so where a success left processes'
complete -c orphanguard -n __orphanguard_no_command -s t -l timeout -x -d 'End the job after that long'
complete -c orphanguard -n __orphanguard_no_command -s k -l kill-after -x -d 'From the limit\'s signal to SIGKILL'
complete -c orphanguard -n __orphanguard_no_command -l preserve-status -d 'Exit as COMMAND did also where it timed out'
complete -c orphanguard -n __orphanguard_no_command -s r -l rewrite -x -d 'Forward another signal than the one that comes' \
    -a '(__orphanguard_rewrite)'
complete -c orphanguard -n __orphanguard_no_command -l forward -x -d 'Who gets forwarded signals' \
    -a "auto\t'What a terminal sends to the group, all else to COMMAND' command\tCOMMAND group\t'Its process group' tree\t'Every descendant'"
complete -c orphanguard -n __orphanguard_no_command -l pdeathsig -x -d 'What COMMAND gets when its guard dies' \
    -a "(__orphanguard_signals) none\t'No signal'"
complete -c orphanguard -n __orphanguard_no_command -l group -x -d 'COMMAND\'s process group' \
    -a "auto\t'The caller\'s with a terminal, a new one without' new\t'A new one, which gets the terminal' same\t'The caller\'s' session\t'A new session, which has no terminal'"
complete -c orphanguard -n __orphanguard_no_command -s p -l die-with-parent -d 'End the job when the caller dies'
complete -c orphanguard -n __orphanguard_no_command -l no-sentinel -d 'One process instead of two'
complete -c orphanguard -n __orphanguard_no_command -l no-new-privs -d 'COMMAND gains no privileges'
complete -c orphanguard -n __orphanguard_no_command -l map-status -x -d 'Exit with another status than COMMAND'
complete -c orphanguard -n __orphanguard_no_command -l exit-by-signal -x -d 'How to end where COMMAND died of a signal' \
    -a "auto\t'Raise, but as PID 1 code' raise\t'Die of the same signal' code\t'Exit 128+n'"
complete -c orphanguard -n __orphanguard_no_command -l report -r -F -d 'Write a JSON report'
complete -c orphanguard -n __orphanguard_no_command -s v -l verbose -d 'Narrate each step'
complete -c orphanguard -n __orphanguard_no_command -s q -l quiet -d 'Say nothing but errors'
complete -c orphanguard -n __orphanguard_no_command -s h -l help -d 'Print the help'
complete -c orphanguard -n __orphanguard_no_command -s V -l version -d 'Print the version'
