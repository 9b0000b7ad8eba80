#!/usr/bin/env bash
# Installs what is missing of the system's packages: what building needs, what running a server needs.
#
#     scripts/install-packages.sh [build] [serve] [soak]
#
# Quick, and silent, when everything is there. Without the rights to install, it says what to type.
set -euo pipefail
shopt -s nullglob # a pattern that finds nothing is nothing

fail() {
    printf 'simile: %s\n' "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null
}

# bindgen reads the server's header by libclang, and needs the headers that come with clang.
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
    soak)
        have valgrind || missing+=(valgrind)
        ;;
    *) fail "install-packages.sh knows build, serve and soak, not $purpose" ;;
    esac
done
((${#missing[@]})) || exit 0

have apt-get || fail "these are missing (under Debian's names for them): ${missing[*]}"
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
# A package manager that was never updated knows no packages.
quietly "${install[@]}" || { quietly apt-get update && quietly "${install[@]}"; } || {
    tail -n 20 "$log" >&2
    fail "this failed: ${install[*]}"
}
