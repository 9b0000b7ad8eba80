# shellcheck shell=bash
# Sourced by run.sh and serve.sh: a redis-server of our own, with the module, in a temporary directory.
# Whatever ends the script also ends the server, and removes the directory.

cd "${BASH_SOURCE[0]%/*}/.." || exit
release=${CARGO_TARGET_DIR:-target}/release
port='' # where the server listens, once it does
server='' client='' directory=''

fail() {
    printf 'simile: %s\n' "$*" >&2
    exit 1
}

clean_up() {
    trap '' HUP INT TERM # finish this, whatever comes
    for process in $client $server; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    [[ -z $directory ]] || rm -rf "$directory"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# start_server PORT: on this port of the loopback interface; on a free one if it is empty
start_server() {
    directory=$(mktemp -d "${TMPDIR:-/tmp}/simile.XXXXXX")
    for _ in {1..20}; do
        port=${1:-$((10000 + RANDOM % 20000))} # below the ports that systems lend to clients
        redis-server --port "$port" --bind 127.0.0.1 --dir "$directory" --logfile '' \
            --save '' --appendonly no --daemonize no \
            --loadmodule "$(realpath "$release/libsimile.so")" >"$directory/log" 2>&1 &
        server=$!
        if answers; then return; fi
        wait "$server" || true
        server=''
        grep -q 'Address already in use' "$directory/log" || break
        [[ -z $1 ]] || fail "port $1 is in use: choose another with PORT="
    done
    tail -n 15 "$directory/log" >&2
    fail "redis-server did not start; above is the end of its log"
}

# Waits until the server that answers on the port is ours; fails when ours has ended.
answers() {
    while kill -0 "$server" 2>/dev/null; do
        if redis-cli -p "$port" info server 2>/dev/null | grep -q "^process_id:$server"$'\r'; then
            return 0
        fi
        sleep 0.05
    done
    return 1
}
