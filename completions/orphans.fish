# Completion of orphans(1) for fish: its commands, their options, and the numbers of orphans.
# A package puts this file into /usr/share/fish/vendor_completions.d.

# Whether the command is one of these. Without one it is the list, of which an option has come first.
function __orphans_is
    set -l tokens (commandline -opc)
    contains -- "$tokens[2]" check end watch list
    or set tokens[2] list
    contains -- $tokens[2] $argv
end

function __orphans_is_first
    test (count (commandline -opc)) -eq 1
end

# Numbers of orphans, with their commands.
function __orphans_pids
    orphans 2>/dev/null | string match -r '^ *[0-9]+ .*' | string replace -r '^ *([0-9]+) +(.*)' '$1\t$2'
end

complete -c orphans -f

complete -c orphans -n __orphans_is_first -a list -d 'List the orphans'
complete -c orphans -n __orphans_is_first -a check -d 'Tell whether a process is orphaned'
complete -c orphans -n __orphans_is_first -a end -d 'End orphans'
complete -c orphans -n __orphans_is_first -a watch -d 'Wait for new orphans'
complete -c orphans -n '__orphans_is check end' -a '(__orphans_pids)'

complete -c orphans -n '__orphans_is list' -l tree -d 'Show what descends from each, too'
complete -c orphans -n '__orphans_is list' -l json -d 'Print JSON'
complete -c orphans -n '__orphans_is watch' -l json -d 'Print a line of JSON for each'
complete -c orphans -n '__orphans_is watch' -l interval -x -d 'How often to look'
complete -c orphans -n '__orphans_is list end watch' -l user -x -d 'Only the processes of this user' -a '(__fish_complete_users)'
complete -c orphans -n '__orphans_is list end watch' -l older-than -x -d 'Only those that started longer ago'
complete -c orphans -n '__orphans_is list end watch' -l guard -x -d 'Only those of this guard'
complete -c orphans -n '__orphans_is list watch' -l certain -d 'Only the certain ones'
complete -c orphans -n '__orphans_is list watch' -l likely -d 'The likely ones, too'
complete -c orphans -n '__orphans_is end' -l likely -d 'Likely ones, too'
complete -c orphans -n '__orphans_is end' -s g -l grace -x -d 'From SIGTERM to SIGKILL'
complete -c orphans -n '__orphans_is end' -s n -l dry-run -d 'Only show what would be ended'
complete -c orphans -n '__orphans_is end' -s y -l yes -d 'Do not ask'
complete -c orphans -n '__orphans_is end' -s v -l verbose -d 'Narrate each step'
complete -c orphans -n '__orphans_is check' -s v -l verbose -d 'Print the reason'
complete -c orphans -s h -l help -d 'Print the help'
complete -c orphans -n __orphans_is_first -s V -l version -d 'Print the version'
