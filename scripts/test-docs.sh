#!/usr/bin/env bash
# make test-docs: builds the site and looks at every page in Chromium, and loads the files of docs/monitoring/ into
# redis_exporter and Prometheus. MODULE is the module to monitor: the one that was built.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-packages.sh serve site
scripts/install-debian-programs.sh prometheus prometheus-redis-exporter
scripts/install-node-packages.sh target/site-tests tests/site/package.json
export SOURCE_URL=https://example.org/simile
scripts/docs.sh
# Node looks for packages in the directory of the program and those above it.
cp tests/site/pages.test.js target/site-tests
BOOK=$PWD/target/book node --test target/site-tests/pages.test.js
MODULE=${MODULE:-$PWD/target/release/libsimile.so} PROGRAMS=$PWD/target/tools/debian \
    python3 -B tests/monitoring/test_monitoring.py
