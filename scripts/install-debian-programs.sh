#!/usr/bin/env bash
# Unpacks programs from Debian's packages into target/tools/debian, without installing the packages: no service is
# started, and nothing outside target/ is touched.
#
#     scripts/install-debian-programs.sh prometheus prometheus-redis-exporter
#
# Quick if they are there already. For packages whose programs need only the C library.
set -euo pipefail
cd "$(dirname "$0")/.."
programs=$PWD/target/tools/debian

fail() {
    printf 'install-debian-programs: %s\n' "$*" >&2
    exit 1
}

for package in "$@"; do
    [[ ! -f $programs/$package.installed ]] || continue
    command -v apt-get >/dev/null || fail "$package comes from Debian, and there is no apt-get"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    download() { (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$package" 2>>log); }
    # apt knows no packages until its first update.
    download || { apt-get -qq update 2>>"$work/log" && download; } || { cat "$work/log" >&2; fail "could not fetch $package"; }
    dpkg-deb --extract "$work"/*.deb "$work/files"
    mkdir -p "$programs"
    mv "$work"/files/usr/bin/* "$programs"
    rm -rf "$work"
    touch "$programs/$package.installed" # last: an interrupted install is no install
done
