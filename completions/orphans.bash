# Completion of orphans(1) for bash: its commands, their options, and the numbers of orphans.
#
# bash-completion finds this file as /usr/share/bash-completion/completions/orphans. Where it is not installed, `source` this file in
# ~/.bashrc.

_orphans()
{
    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=list words='' pids=''
    COMPREPLY=()
    # Bash makes a word of its own of the = between an option and its value.
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[1]} == @(list|check|end|watch) ]]; then
        command=${COMP_WORDS[1]}
    fi
    case $before in
        --user)
            mapfile -t COMPREPLY < <(compgen -u -- "$cur")
            return
            ;;
        --older-than | --guard | --interval | --grace) return ;;
        -*) [[ $command == end && $before == -*([nvy])g ]] && return ;;
    esac
    case $command in
        list) words='--tree --json --user --older-than --guard --certain --likely' ;;
        check) words='-v --verbose' pids=1 ;;
        end) words='--likely --user --older-than --guard -g --grace -n --dry-run -y --yes -v --verbose' pids=1 ;;
        watch) words='--json --interval --user --older-than --guard --certain --likely' ;;
    esac
    words+=' -h --help'
    ((COMP_CWORD == 1)) && words+=' -V --version list check end watch'
    if [[ $cur != -* ]]; then
        # Options only where they are asked for.
        words=$(compgen -W "$words" -X '-*')
        [[ $pids ]] && words+=" $(orphans 2>/dev/null | awk '$1 ~ /^[0-9]+$/ { print $1 }')"
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
} && complete -F _orphans orphans
