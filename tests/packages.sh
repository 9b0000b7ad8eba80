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

# loads_it DIRECTORY TOOL: a server that starts from the redis.conf there has the module, a scope works, and the tool
# reaches it
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
    [[ $("$2" --url "redis://127.0.0.1:$port" query fruit 'round and red') == "1.0000  apple" ]] ||
        fail "the tool does not find what was recorded"
    kill "$server"
    wait "$server" || true
    server=''
}

# needs_glibc FILE: it asks for no release of glibc above the one that the archive's README promises
needs_glibc() {
    local newest promised=2.34
    newest=$(objdump --dynamic-syms "$1" | grep -oP '\(?GLIBC_\K[0-9.]+' | sort -Vu | tail -n 1)
    [[ -n $newest ]] || fail "$1 names no release of glibc"
    [[ $(printf '%s\n' "$newest" "$promised" | sort -V | tail -n 1) == "$promised" ]] ||
        fail "$1 needs glibc $newest, and packaging/README.md promises $promised"
    grep -qF "glibc $promised or newer" packaging/README.md || fail "packaging/README.md does not promise $promised"
}

# has_tool PROGRAM SHARE: the tool runs, and talks TLS; its manual and its completions know its subcommands
has_tool() {
    [[ $("$1" --version) == "simile "* ]] || fail "$1 does not run"
    # A tool without TLS refuses such an address before it tries to connect.
    local answer
    answer=$("$1" info fruit --url rediss://127.0.0.1:1 2>&1) || true
    [[ $answer == *'no answer from'* ]] || fail "$1 does not talk TLS: $answer"
    local page=$2/man/man1/simile-load.1
    [[ -f $page ]] || page=$page.gz
    zcat --force "$page" | grep restart >/dev/null || fail "the manual does not know --restart"
    # In bash, as if somebody typed `simile lo` and TAB.
    local words
    words=$(bash -c 'source "$1"; COMP_WORDS=(simile lo); COMP_CWORD=1; _simile simile lo simile; echo "${COMPREPLY[@]}"' \
        bash "$2/bash-completion/completions/simile")
    [[ $words == load ]] || fail "bash completes 'simile lo' to '$words'"
}

cd "${BASH_SOURCE[0]%/*}/.."
basename "$tarball"
mkdir "$directory/unpacked"
tar -C "$directory/unpacked" -xzf "$tarball"
unpacked=$(echo "$directory/unpacked"/*)
for file in simile.so bin/simile redis.conf README.md LICENSE-MIT LICENSE-APACHE SHA256SUMS; do
    [[ -f $unpacked/$file ]] || fail "$file is missing"
done
(cd "$unpacked" && sha256sum --quiet --check SHA256SUMS) || fail "a checksum is wrong"
(cd "$unpacked" && find . -type f ! -name SHA256SUMS -printf '%P\n' | sort) >"$directory/files"
cut -c 67- "$unpacked/SHA256SUMS" | sort | cmp -s - "$directory/files" || fail "SHA256SUMS does not name every file"
for file in simile.so bin/simile; do
    ! readelf --sections "$unpacked/$file" | grep -q '\.debug_info' || fail "$file is not stripped"
    needs_glibc "$unpacked/$file"
done
for phrase in 'Not on Alpine' /usr/local/lib/redis/modules; do
    grep -qF "$phrase" "$unpacked/README.md" || fail "the archive's README does not say: $phrase"
done
has_tool "$unpacked/bin/simile" "$unpacked/share"
loads_it "$unpacked" "$unpacked/bin/simile"

basename "$package"
((EUID == 0)) || fail "installing needs root: sudo tests/packages.sh $1 $2"
! dpkg-query -W -f='${Status}\n' redis-simile 2>/dev/null | grep -q '^install' || fail "redis-simile is installed already"
is_installed=yes
dpkg --install "$package" >"$directory/log" 2>&1 || fail "the package could not be installed"
grep -q 'include /etc/redis/simile.conf' "$directory/log" || fail "the package does not say how to load it"
echo 'include /etc/redis/simile.conf' >"$directory/redis.conf"
maintainer=$(dpkg-query -W -f='${Maintainer}' redis-simile)
[[ -n $maintainer && $maintainer != *example* ]] || fail "the maintainer is missing or a placeholder: '$maintainer'"
# From the package itself: some systems are told to install no manual.
dpkg-deb --extract "$package" "$directory/extracted"
has_tool /usr/bin/simile "$directory/extracted/usr/share"
loads_it "$directory" simile
dpkg --purge redis-simile >/dev/null
is_installed=''
for file in /usr/lib/redis/modules/simile.so /etc/redis/simile.conf /usr/bin/simile /usr/share/man/man1/simile.1.gz; do
    [[ ! -e $file ]] || fail "$file is left behind"
done
echo "2 passed, 0 failed"
