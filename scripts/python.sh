#!/bin/sh
# The Python package in clients/python.
#
#     scripts/python.sh types            checks its types
#     scripts/python.sh wheel DIRECTORY  builds it there, as a wheel and its source
set -eu
cd "$(dirname "$0")/.."
scripts/install-clients.sh check
installed=$PWD/target/clients
case $1 in
types)
    cd clients/python
    PYTHONPATH="$installed/python-tools:$installed/python" PYTHONDONTWRITEBYTECODE=1 \
        python3 -m mypy --no-error-summary --cache-dir "$installed/mypy-cache" --python-executable "$(command -v python3)"
    ;;
wheel)
    mkdir -p "$2"
    directory=$(cd "$2" && pwd)
    cd clients/python
    PYTHONPATH=$installed/python-tools python3 -m hatchling build --directory "$directory"
    ;;
*)
    printf 'python.sh knows types and wheel, not %s\n' "$1" >&2
    exit 1
    ;;
esac
