#!/usr/bin/env bash
# Random commands and damaged payloads with the module under AddressSanitizer: any error ends the server,
# and with it the test. On Valkey, whose memory comes from the C library, so that the sanitizer sees each
# block. Needs clang's runtime (libclang-rt-14-dev or later); the build takes some minutes.
#
#     tests/soak/asan.sh [test ...]
set -euo pipefail
cd "$(dirname "$0")/../.."
runtime=$(find /usr/lib -name 'libclang_rt.asan-x86_64.so' | sort -V | tail -n 1)
[ -n "$runtime" ] || { echo "asan: clang's runtime is missing: apt-get install libclang-rt-dev" >&2; exit 1; }
scripts/install-servers.sh valkey-9.1
target=$PWD/target/asan
mkdir -p "$target"
cc -shared -fPIC -o "$target/no_deepbind.so" tests/soak/no_deepbind.c -ldl
# The sanitizer is unstable in rustc; with a --target, build scripts do without it.
RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_TARGET_DIR=$target \
    cargo build --release --lib --target x86_64-unknown-linux-gnu

export SERVERS=valkey-9.1 SIMILE_MODULE=$target/x86_64-unknown-linux-gnu/release/libsimile.so
export SIMILE_PRELOAD=$target/no_deepbind.so:$runtime
# Leaks are left to valgrind. A server that reads a damaged length asks for more memory than there is; the
# allocation fails, and the server goes on.
export ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0:abort_on_error=1:allocator_may_return_null=1
[ $# -gt 0 ] || set -- random_commands_do_no_harm::valkey no_payload_breaks_anything::valkey statistics::
cargo test --test server -- --nocapture --test-threads=1 "$@"
