#!/bin/sh
# Builds the Python package, installs the wheel into fresh environments that hold nothing else, and uses it there on the
# server at a port of this machine.
#
#     tests/clients/wheel.sh PORT
#
# `make test` runs it. pip installs redis-py and valkey-py by name, as the package's extras ask for them.
set -eu
port=$1
cd "$(dirname "$0")/../.."
# Nothing from outside of the environment.
unset PYTHONPATH PYTHONHOME
directory=$(mktemp -d "${TMPDIR:-/tmp}/simile-wheel.XXXXXX")
trap 'rm -rf "$directory"' EXIT

fail() {
    printf 'wheel: %s\n' "$*" >&2
    exit 1
}

python3 -c 'import ensurepip, venv' 2>/dev/null ||
    fail "python3 cannot make environments; install that with: sudo apt-get install -y python3-venv"
scripts/python.sh wheel "$directory/built"
wheel=$(echo "$directory"/built/*.whl)
source=$(echo "$directory"/built/*.tar.gz)

# The environment of this name, with the wheel and, if there is one, an extra.
environment() {
    python3 -m venv "$directory/$1" || fail "could not make an environment"
    "$directory/$1/bin/pip" install --quiet --disable-pip-version-check "$wheel${2:+[$2]}" ||
        fail "could not install $wheel${2:+[$2]}"
}

# By itself: it can be imported, is typed, and refuses what is no client.
environment bare
"$directory/bare/bin/python" - <<'END' || fail 'the package does not work without a client'
import importlib.metadata
import pathlib
import simile
assert importlib.metadata.version("simile-redis") == simile.__version__
assert (pathlib.Path(simile.__file__).parent / "py.typed").exists()
try:
    simile.Scope("redis://localhost", "errors")
    raise SystemExit("a string was taken for a client")
except TypeError as error:
    assert "redis.client.Redis" in str(error), error
END

# With a client of each library.
for library in redis valkey; do
    environment "$library" "$library"
    "$directory/$library/bin/python" - "$library" "$port" <<'END' || fail "the package does not work with $library"
import asyncio
import importlib.util
import sys
from simile import AsyncScope, Match, Scope, Text
library, port = sys.argv[1], int(sys.argv[2])
other = {"redis": "valkey", "valkey": "redis"}[library]
assert importlib.util.find_spec(other) is None, f"{other} is installed too"
name = library.title()
client = getattr(importlib.import_module(library), name)(port=port)
scope = Scope(client, "wheel")
scope.create(bands=4, rows=1, shingle="WORDS 1", mask=True, interval=0)
scope.record("issue-1", Text("message", "connection to db-7 refused"))
assert scope.pipeline(transaction=True).count("message", "issue-1").execute() == [[1]]

async def classify():
    client = getattr(importlib.import_module(f"{library}.asyncio"), name)(port=port)
    try:
        return await AsyncScope(client, "wheel").classify(Text("message", "connection to db-1 refused"))
    finally:
        await client.aclose()

assert asyncio.run(classify()) == [Match(b"issue-1", 1.0)]
scope.drop()
client.close()
END
done

# A type checker sees the package's types there, with only one of the libraries. (An ignore that is not needed is an error.)
cat >"$directory/typed.py" <<'END'
from redis import Redis
from simile import Scope, Text
scope = Scope(Redis(), "wheel")
score: float = scope.classify(Text("message", "refused"))[0].score
wrong: str = scope.classify(Text("message", "refused"))  # type: ignore[assignment]
END
PYTHONPATH=target/clients/python-tools python3 -m mypy --strict --no-error-summary --cache-dir "$directory/mypy" \
    --python-executable "$directory/redis/bin/python" "$directory/typed.py" || fail 'the types of the package are not seen'

# The source builds the same wheel.
mkdir "$directory/source"
tar xzf "$source" -C "$directory/source" --strip-components=1
(
    tools=$PWD/target/clients/python-tools
    cd "$directory/source" &&
        PYTHONPATH=$tools python3 -m hatchling build --target wheel --directory "$directory/rebuilt" >/dev/null 2>&1
) || fail 'the source does not build'
cmp "$wheel" "$(echo "$directory"/rebuilt/*.whl)" || fail 'the source builds another wheel'
echo "wheel: built, installed and used with redis and valkey"
