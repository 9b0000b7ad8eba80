#!/usr/bin/env bash
# Installs the missing system packages for building, for running a server, for what runs under valgrind, or for the
# tests of the site or of containers.
#
#     scripts/install-packages.sh [build] [serve] [valgrind] [site] [containers]
#
# Quick and silent if everything is installed. Without the rights to install, it prints the line to type.
set -euo pipefail
shopt -s nullglob # a pattern without matches expands to nothing

fail() {
    printf 'simile: %s\n' "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null
}

# bindgen reads the server's header with libclang, and needs the headers that come with clang.
have_libclang() {
    local libraries=(/usr/lib/llvm-*/lib/libclang*.so* /usr/lib/*/libclang*.so* /usr/lib{,64}/libclang*.so*)
    local headers=(/usr/lib/llvm-*/lib/clang/*/include/stddef.h /usr/lib{,64}/clang/*/include/stddef.h)
    [[ -n ${LIBCLANG_PATH:-} ]] || ((${#libraries[@]} && ${#headers[@]}))
}

missing=()
for purpose in "$@"; do
    case $purpose in
    build)
        have cargo || fail "cargo is missing: Rust comes from your package manager or from rustup"
        have cc || missing+=(gcc libc6-dev)
        have_libclang || missing+=(libclang-dev)
        ;;
    serve)
        { have redis-server && have redis-cli; } || missing+=(redis-server)
        ;;
    valgrind)
        have valgrind || missing+=(valgrind)
        ;;
    site)
        have chromium || missing+=(chromium)
        ;;
    containers)
        # An engine, the parts that its networks need, and what makes a Debian to start from.
        { have podman && have runc && have mmdebstrap && [[ -x /usr/lib/podman/netavark && -x /usr/lib/podman/aardvark-dns ]]; } ||
            missing+=(--no-install-recommends podman runc mmdebstrap netavark aardvark-dns catatonit iptables)
        ;;
    *) fail "install-packages.sh knows build, serve, valgrind, site and containers, not $purpose" ;;
    esac
done
((${#missing[@]})) || exit 0

have apt-get || fail "these packages are missing (Debian's names): ${missing[*]}"
install=(apt-get install -y "${missing[@]}")
root=()
if ((EUID != 0)); then
    root=(sudo)
    if ! sudo -n true 2>/dev/null; then
        fail "${missing[*]} must be installed first; type: sudo ${install[*]}"
    fi
fi

printf 'Installing %s ...\n' "${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() {
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null
}
# apt knows no packages until its first update.
quietly "${install[@]}" || { quietly apt-get update && quietly "${install[@]}"; } || {
    tail -n 20 "$log" >&2
    fail "this failed: ${install[*]}"
}
