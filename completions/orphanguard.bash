# Completion of orphanguard(1) for bash: its options and their values, then the completion of the command that it runs.
#
# bash-completion finds this file as /usr/share/bash-completion/completions/orphanguard. Where it is not installed, `source` this file in
# ~/.bashrc: only the command's own arguments are then completed as files.

_orphanguard()
{
    local options='--on-exit -g --grace -s --signal --on-orphan --spare --orphan-status -t --timeout -k --kill-after
        --preserve-status -r --rewrite --forward --pdeathsig --group -p --die-with-parent --no-sentinel --no-new-privs
        --map-status --exit-by-signal --report -v --verbose -q --quiet -h --help -V --version'
    local with_value='@(--on-exit|--grace|--signal|--on-orphan|--spare|--orphan-status|--timeout|--kill-after|--rewrite|--forward|--pdeathsig|--group|--map-status|--exit-by-signal|--report|-g|-s|-t|-k|-r)'
    local i=1 last=$COMP_CWORD word start end name prefix
    local cur=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()

    # Bash makes words of their own of = and :, so a value goes on for as long as one of these joins two words.
    while ((i < last)); do
        word=${COMP_WORDS[i]} prefix=''
        case $word in
            --)
                ((i++))
                break
                ;;
            --*)
                name=$word
                start=$((i + 1))
                [[ ${COMP_WORDS[start]} == = ]] && ((start++))
                ;;
            -?*)
                # Letters may stand together; the first that takes a value takes the rest for it, if there is one.
                name=''
                start=$((i + 1))
                while word=${word:1} && [[ $word ]]; do
                    # shellcheck disable=SC2053 # A pattern.
                    if [[ -${word:0:1} == $with_value ]]; then
                        name=-${word:0:1}
                        [[ ${word:1} ]] && start=$i
                        break
                    fi
                done
                ;;
            *) break ;;
        esac
        # shellcheck disable=SC2053 # A pattern.
        if [[ $name != $with_value ]]; then
            ((i++))
            continue
        fi
        end=$start
        while ((end < last)) && [[ ${COMP_WORDS[end + 1]} == +([=:]) ]]; do
            ((end += 2))
        done
        if ((end >= last)); then
            cur=
            for ((i = start; i <= last; i++)); do
                cur+=${COMP_WORDS[i]}
            done
            _orphanguard_value "$name"
            # What readline replaces begins after the last = or :.
            [[ $cur == *[=:]* && $COMP_WORDBREAKS == *[=:]* ]] && prefix=${cur%"${cur##*[=:]}"}
            COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
            return
        fi
        i=$((end + 1))
    done

    if ((i == last)) && [[ $cur == -* && ${COMP_WORDS[i - 1]} != -- ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
    elif declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$i"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$i"
    else
        compopt -o filenames 2>/dev/null
        if ((i == last)); then
            mapfile -t COMPREPLY < <(compgen -c -d -- "$cur")
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        fi
    fi
}

# The values of an option, for what stands in $cur.
_orphanguard_value()
{
    local signals='HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG
        XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN RTMAX'
    # shellcheck disable=SC2086 # Words.
    [[ ${cur##*=} == SIG* ]] && signals=$(printf 'SIG%s ' $signals)
    local words=''
    case $1 in
        --on-exit) words='kill wait leave' ;;
        --on-orphan) words='adopt kill' ;;
        --forward) words='auto command group tree' ;;
        --group) words='auto new same session' ;;
        --exit-by-signal) words='auto raise code' ;;
        -s | --signal) words="$signals 0" ;;
        --pdeathsig) words="$signals none" ;;
        -r | --rewrite)
            if [[ $cur == *=* ]]; then
                # shellcheck disable=SC2086 # Words.
                words=$(printf -- "${cur%%=*}=%s " none $signals)
            else
                # These cannot be caught, and one is the guard's own.
                local from
                for from in $signals; do
                    [[ $from == ?(SIG)@(KILL|STOP|CHLD) ]] || words+="$from= "
                done
                compopt -o nospace 2>/dev/null
            fi
            ;;
        --report)
            if declare -F _filedir >/dev/null; then
                _filedir
            else
                compopt -o filenames 2>/dev/null
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            fi
            return
            ;;
    esac
    [[ $words ]] && mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
} && complete -F _orphanguard orphanguard
