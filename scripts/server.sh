# shellcheck shell=bash
# Sourced by run.sh and serve.sh: starts a redis-server with the module in a temporary directory.
# However the script ends, the server is stopped and the directory removed.

cd "${BASH_SOURCE[0]%/*}/.." || exit
release=${CARGO_TARGET_DIR:-target}/release
port='' # the port of the server, once it listens
server='' client='' directory=''

fail() {
    printf 'simile: %s\n' "$*" >&2
    exit 1
}

clean_up() {
    trap '' HUP INT TERM # finish cleaning up, whatever signal comes
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

# start_server PORT: on this port of the loopback interface, or on a free one if PORT is empty
start_server() {
    directory=$(mktemp -d "${TMPDIR:-/tmp}/simile.XXXXXX")
    for _ in {1..20}; do
        port=${1:-$((10000 + RANDOM % 20000))} # below the ephemeral ports of clients
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
    fail "redis-server did not start; the end of its log is above"
}

# Waits until our server answers on the port; fails if it has ended.
answers() {
    while kill -0 "$server" 2>/dev/null; do
        if redis-cli -p "$port" info server 2>/dev/null | grep -q "^process_id:$server"$'\r'; then
            return 0
        fi
        sleep 0.05
    done
    return 1
}
