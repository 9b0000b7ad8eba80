#!/usr/bin/env bash
# make test-docs: builds the site, and looks at every page in Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-packages.sh site
scripts/install-node-packages.sh target/site-tests tests/site/package.json
export SOURCE_URL=https://example.org/simile
scripts/docs.sh
# Node looks for packages in the directory of the program and those above it.
cp tests/site/pages.test.js target/site-tests
BOOK=$PWD/target/book node --test target/site-tests/pages.test.js
