#!/usr/bin/env bash
# make try-commands: runs every short command of README.md and CONTRIBUTING.md once, in a clean clone of the last
# commit, and names those that fail or do not end. Those that take long, or more than a clone, are listed as skipped.
# From nothing it builds everything: half an hour. MINUTES=30 limits one command, SERVERS= narrows `make test`.
#
#     scripts/try-commands.sh [command ...]
#
# With arguments: only these commands, in this order.
set -euo pipefail
cd "${BASH_SOURCE[0]%/*}/.."
repository=$PWD directory=$(mktemp -d "${TMPDIR:-/tmp}/simile-commands.XXXXXX")
job='' # the group of the command that runs
clean_up() {
    [[ -z $job ]] || kill -KILL -- "-$job" 2>/dev/null || true
    rm -rf "$directory"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
# As on a user's machine: no directory of ours, no module of ours, and not the options of the make that runs this.
unset CARGO_TARGET_DIR SIMILE_MODULE MAKEFLAGS MAKELEVEL MFLAGS INPUT PORT DATA

# Prints the commands of the pages: those in `...`, and those in blocks, indented or behind a `$ `.
documented_commands() {
    grep -ohE '`[^`]+`|^(    |\$ )[^`]+' README.md CONTRIBUTING.md |
        sed -E 's/^(`|    |\$ )//; s/`$//; s/ +#.*//; s/ +$//' |
        grep -E '^([A-Z_]+=[^ ]+ )*((make|cargo) [a-z]|tests/[a-z/]+\.sh$|\.ci/run$)' |
        awk '!seen[$0]++'
}

# Prints why a command is not run; nothing if it is run.
reason_to_skip() {
    case $1 in
    *make\ soak* | *make\ bench* | *make\ eval* | make\ docs | make\ test-docs | make\ deb | tests/soak/*) echo 'takes long' ;;
    *cargo\ fuzz* | cargo\ install*) echo 'builds a tool, takes long' ;;
    make\ test-packages) echo 'installs a package on this machine' ;;
    make\ test-containers) echo 'needs a container engine, takes long' ;;
    .ci/run) echo 'only runs other commands' ;;
    *INPUT=path) echo 'needs texts of your own' ;;
    make\ try-commands*) echo 'is this one' ;;
    esac
}

# Runs a command; its output goes to the log. `make serve` ends with Ctrl-C, once it is up.
run_command() {
    set -m # a process group of its own, which does not ignore SIGINT
    timeout "${MINUTES:-30}m" bash -c "$1" >../log 2>&1 </dev/null &
    job=$!
    set +m
    if [[ $1 == 'make serve' ]]; then
        until grep -q 'Ctrl-C stops it' ../log || ! kill -0 "$job" 2>/dev/null; do sleep 0.2; done
        kill -INT -- "-$job" 2>/dev/null || true
        wait "$job" || true
        job=''
        grep -q 'Ctrl-C stops it' ../log
        return
    fi
    local status=0
    wait "$job" || status=$?
    job=''
    [[ $status != 124 ]] || echo "not done after ${MINUTES:-30} minutes" >>../log
    return "$status"
}

commands=("$@")
if ((!$#)); then mapfile -t commands < <(documented_commands); fi
((${#commands[@]})) || { echo 'try-commands: the pages name no command' >&2; exit 1; }
git clone --quiet "$repository" "$directory/simile"
cd "$directory/simile"
failed=() skipped=()
for command in "${commands[@]}"; do
    reason=$(reason_to_skip "$command")
    if [[ -n $reason ]]; then
        skipped+=("$command: $reason")
        continue
    fi
    begin=$SECONDS
    # Where the page has a name of the reader's choice, one that exists.
    if run_command "${command/name_of_the_test/replies_the_new_count_in_each_band}"; then
        printf 'ok      %4d s  %s\n' $((SECONDS - begin)) "$command"
    else
        printf 'FAILED  %4d s  %s\n' $((SECONDS - begin)) "$command"
        tail -n 25 ../log | sed 's/^/        /'
        failed+=("$command")
    fi
done
((!${#skipped[@]})) || printf 'skipped         %s\n' "${skipped[@]}"
if ((${#failed[@]})); then
    printf 'try-commands: these fail or do not end: %s\n' "$(IFS=';'; echo "${failed[*]}")" >&2
    exit 1
fi
