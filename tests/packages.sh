#!/usr/bin/env bash
# The results of `make dist` and `make deb`, as users have them: unpacked or installed, and loaded by a real server.
#
#     tests/packages.sh TARBALL DEB
#
# Installs the package on this machine, which needs root, and removes it at the end.
set -euo pipefail
tarball=$(realpath "$1") package=$(realpath "$2")
directory=$(mktemp -d) server='' is_installed=''

fail() {
    printf 'packages: %s\n' "$*" >&2
    [[ ! -f $directory/log ]] || tail -n 20 "$directory/log" >&2
    exit 1
}

clean_up() {
    [[ -z $server ]] || kill "$server" 2>/dev/null || true
    [[ -z $is_installed ]] || dpkg --purge redis-simile >/dev/null
    rm -rf "$directory"
}
trap clean_up EXIT

# loads_it DIRECTORY: a server that starts from the redis.conf there has the module, and a scope works
loads_it() {
    local port
    for _ in {1..10}; do
        port=$((10000 + RANDOM % 20000)) # below the ports that systems lend to clients
        (cd "$1" && exec redis-server redis.conf --port "$port" >"$directory/log" 2>&1) &
        server=$!
        for _ in {1..100}; do
            kill -0 "$server" 2>/dev/null || break
            if redis-cli -p "$port" info server 2>/dev/null | grep -q "^process_id:$server"$'\r'; then break 2; fi
            sleep 0.05
        done
        grep -q 'Address already in use' "$directory/log" || fail "redis-server did not start from $1/redis.conf"
    done
    local list
    list=$(redis-cli -p "$port" module list | paste -sd ' ')
    echo "  MODULE LIST: $list"
    [[ $list == "name simile ver "* ]] || fail "the module is not in MODULE LIST"
    [[ $(redis-cli -p "$port" sim.create fruit) == OK ]] || fail "SIM.CREATE does not work"
    redis-cli -p "$port" sim.record fruit apple text looks 'round and red' >/dev/null
    [[ $(redis-cli -p "$port" sim.classify fruit text looks 'round and red' | paste -sd ' ') == "apple 1" ]] ||
        fail "SIM.CLASSIFY does not find what was recorded"
    kill "$server"
    wait "$server" || true
    server=''
}

basename "$tarball"
mkdir "$directory/unpacked"
tar -C "$directory/unpacked" -xzf "$tarball"
unpacked=$(echo "$directory/unpacked"/*)
for file in simile.so redis.conf README.md LICENSE-MIT LICENSE-APACHE SHA256SUMS; do
    [[ -f $unpacked/$file ]] || fail "$file is missing"
done
(cd "$unpacked" && sha256sum --quiet --check SHA256SUMS) || fail "a checksum is wrong"
! readelf --sections "$unpacked/simile.so" | grep -q '\.debug_info' || fail "simile.so is not stripped"
loads_it "$unpacked"

basename "$package"
((EUID == 0)) || fail "installing needs root: sudo tests/packages.sh $1 $2"
! dpkg-query -W -f='${Status}\n' redis-simile 2>/dev/null | grep -q '^install' || fail "redis-simile is installed already"
is_installed=yes
dpkg --install "$package" >"$directory/log" 2>&1 || fail "the package could not be installed"
grep -q 'include /etc/redis/simile.conf' "$directory/log" || fail "the package does not say how to load it"
echo 'include /etc/redis/simile.conf' >"$directory/redis.conf"
loads_it "$directory"
dpkg --purge redis-simile >/dev/null
is_installed=''
for file in /usr/lib/redis/modules/simile.so /etc/redis/simile.conf; do
    [[ ! -e $file ]] || fail "$file is left behind"
done
echo "2 passed, 0 failed"
