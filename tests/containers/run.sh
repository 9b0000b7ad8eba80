#!/usr/bin/env bash
# make test-containers: builds the Dockerfile, and runs docker-compose.yml with podman, as a user has them.
#
#     tests/containers/run.sh
#
# As root on Debian 12; elsewhere it says why it is skipped. Ten minutes, most of which compile, and 5 GB of disk. All
# that it makes is in one directory, and goes at the end; STORAGE=directory keeps images and caches there, for the next
# run. The base images are made here (base-images.sh), since there may be no registry to pull them from.
set -euo pipefail
cd "$(dirname "$0")/../.."

# last_line: of the log, in which an engine may have written anything
last_line() {
    tail -n 1 "$log" | tr -d '\0'
}

skip() {
    printf 'test-containers: skipped: %s\n' "$*"
    exit 0
}

((EUID == 0)) || skip "it needs root"
grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release || skip "it needs Debian 12, from which it makes the base images"
scripts/install-packages.sh containers serve
scripts/install-servers.sh redis-8.2
scripts/install-python-packages.sh target/podman-compose podman-compose==1.6.0

storage=${STORAGE:-$(mktemp -d /var/tmp/simile-containers.XXXXXX)}
mkdir -p "$storage/tmp"
storage=$(realpath "$storage")
checkout=$storage/checkout log=$storage/log passed=0

# podman with storage, networks and caches (those of RUN --mount are in TMPDIR) of its own. Limits may only be lowered
# where root lacks CAP_SYS_RESOURCE, and crun refuses machines that have both versions of cgroups; runc does not.
export CONTAINERS_CONF=$storage/containers.conf CONTAINERS_STORAGE_CONF=$storage/storage.conf TMPDIR=$storage/tmp
cat >"$CONTAINERS_CONF" <<END
[containers]
default_ulimits = ["nofile=$(ulimit -Hn):$(ulimit -Hn)", "nproc=4096:4096"]
[engine]
runtime = "runc"
[network]
network_backend = "netavark"
network_config_dir = "$storage/networks"
END
cat >"$CONTAINERS_STORAGE_CONF" <<END
[storage]
driver = "overlay"
graphroot = "$storage/storage"
runroot = "$storage/run"
END

compose() {
    (cd "$checkout" && PYTHONPATH=$OLDPWD/target/podman-compose python3 -m podman_compose -p simile-test \
        --profile demo --profile cluster "$@") >"$log" 2>&1
}

clean_up() {
    [[ ! -d $checkout ]] || compose down --volumes || true
    podman rm --all --force --volumes >/dev/null 2>&1 || true
    # podman leaves some mounts behind, more of them if it is interrupted.
    findmnt --raw --noheadings --output TARGET | grep "^$storage/" | sort -r | xargs -r umount || true
    rm -rf "$checkout"
    [[ -n ${STORAGE:-} ]] || rm -rf "$storage"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

fail() {
    printf 'test-containers: %s\n' "$*" >&2
    [[ ! -f $log ]] || tail -n 30 "$log" >&2
    exit 1
}

pass() {
    printf '  %s\n' "$*"
    passed=$((passed + 1))
}

# build TARGET TAG: an image of the checkout
build() {
    podman build --target "$1" --tag "$2" "$checkout" >"$log" 2>&1 || fail "the image $2 could not be built"
}

# container SERVICE: the name of its container
container() {
    echo "simile-test_$1_1"
}

# is_healthy CONTAINER: what its healthcheck says now. Without systemd, nobody else asks it.
is_healthy() {
    podman healthcheck run "$1" >/dev/null 2>&1
}

# becomes_healthy SERVICE: waits for it
becomes_healthy() {
    for _ in {1..120}; do
        is_healthy "$(container "$1")" && return
        sleep 0.5
    done
    podman logs "$(container "$1")" >"$log" 2>&1 || true
    fail "$1 does not become healthy"
}

# ends SERVICE: waits until its container has ended without an error; its output is in the log
ends() {
    local status
    status=$(timeout 120 podman wait "$(container "$1")") || status='not done after two minutes'
    podman logs "$(container "$1")" >"$log" 2>&1
    [[ $status == 0 ]] || fail "$1 ended with $status"
}

# finds_apple: the server on PORT has what was recorded into it
finds_apple() {
    [[ $(redis-cli -p "$PORT" SIM.CLASSIFY fruit TEXT looks 'round and red' 2>&1 | paste -sd ' ') == "apple 1" ]]
}

# run_id: another one each time that the server on PORT starts
run_id() {
    redis-cli -p "$PORT" INFO server | grep '^run_id:'
}

test_builds() {
    build redis simile
    for package in simile simile-cli; do
        (($(grep -c "Compiling $package v" "$log") <= 1)) || fail "$package is compiled more than once"
    done
    build demo simile-demo
    ! grep -q Compiling "$log" || fail "the second image compiles again"
    pass "one build makes the module and the tool for both images"

    echo '# another line' | tee -a "$checkout/docker/redis.conf" >>"$checkout/docker/demo.sh"
    build redis simile
    ! grep -q Compiling "$log" || fail "a changed line of the configuration compiles"
    podman run --rm simile tail -n 1 /usr/local/etc/redis/redis.conf >"$log" 2>&1
    grep -q '^# another line' "$log" || fail "the image has an old configuration"
    pass "a changed line of the configuration compiles nothing"

    echo '// another line' >>"$checkout/cli/src/main.rs"
    build redis simile
    grep -q 'Compiling simile-cli v' "$log" || fail "a changed source is not compiled"
    ! grep 'Compiling' "$log" | grep -v 'Compiling simile' || fail "a changed source compiles the dependencies again"
    build demo simile-demo
    pass "a changed source compiles only this project"

    podman run --rm simile simile --version >"$log" 2>&1 || fail "the server's image has no tool that runs"
    ! podman run --rm simile sh -c 'command -v cargo cc' >"$log" 2>&1 || fail "the server's image has a compiler"
    pass "the server's image has the tool, and no compiler"
}

test_server() {
    compose up -d redis || fail "compose up failed"
    becomes_healthy redis
    pass "compose starts a healthy server"

    podman exec "$(container redis)" sh -c 'id -un; cat /proc/1/status' >"$log"
    grep -q '^redis$' "$log" || fail "the server's user is not redis"
    grep -qE '^Uid:(\s999){4}$' "$log" || fail "the server's process is not of redis"
    grep -q '^NoNewPrivs:\s*1$' "$log" || fail "the server could gain privileges"
    for capabilities in CapInh CapPrm CapEff CapBnd CapAmb; do
        grep -qE "^$capabilities:\s0+$" "$log" || fail "the server has capabilities: $capabilities"
    done
    podman port "$(container redis)" >"$log"
    [[ $(<"$log") == "6379/tcp -> 127.0.0.1:$PORT" ]] || fail "the port is open to others than this machine"
    pass "it runs as redis, without capabilities, on the loopback interface"

    # The same container without the module: a server that answers PING, and is of no use.
    printf 'services:\n  redis:\n    command: [redis-server, --dir, /tmp]\n' >"$checkout/without-module.yml"
    compose -f docker-compose.yml -f without-module.yml up -d --force-recreate redis || fail "compose up failed"
    for _ in {1..120}; do
        [[ $(podman exec "$(container redis)" redis-cli PING 2>&1) != PONG ]] || break
        sleep 0.5
    done
    [[ $(podman exec "$(container redis)" redis-cli PING 2>&1) == PONG ]] ||
        fail "the server without the module does not start"
    ! is_healthy "$(container redis)" || fail "a server without the module is healthy"
    compose up -d --force-recreate redis || fail "compose up failed"
    becomes_healthy redis
    pass "its healthcheck fails without the module"
}

test_data() {
    local before
    redis-cli -p "$PORT" SIM.CREATE fruit >"$log" 2>&1
    redis-cli -p "$PORT" SIM.RECORD fruit apple TEXT looks 'round and red' >>"$log" 2>&1
    finds_apple || fail "SIM.CLASSIFY does not find what was recorded"
    before=$(run_id)
    compose restart redis || fail "compose restart failed"
    becomes_healthy redis
    [[ $(run_id) != "$before" ]] || fail "compose restart restarts nothing"
    finds_apple || fail "a restart loses data"
    compose down || fail "compose down failed"
    compose up -d redis || fail "compose up failed"
    becomes_healthy redis
    finds_apple || fail "a new container loses the data of the volume"
    pass "data is there after a restart, and in a new container"
}

test_tool() {
    local lines items
    compose exec -T redis simile load errors - --create 'BANDS 8 ROWS 1 SHINGLE WORDS 1' <docker/errors.jsonl ||
        fail "the tool in the server's container does not load its input"
    lines=$(grep -c '' docker/errors.jsonl)
    items=$(redis-cli -p "$PORT" SIM.INFO errors | grep -A 1 '^items$' | tail -n 1)
    [[ $items == "$lines" ]] || fail "the tool in the server's container has loaded $items of $lines lines"
    redis-cli -p "$PORT" SIM.DROP errors >"$log" 2>&1
    pass "the tool in its container loads a file into it"
}

# The podman of Debian 12 has no `wait --condition healthy`: here everything that depends_on
# names is healthy before.
test_demo() {
    compose up -d demo || fail "compose up failed"
    ends demo
    grep -A 1 ' issue-3$' "$log" | grep -q ' issue-4$' || fail "the demo does not show a group"
    grep -q '^1.0000  issue-1$' "$log" || fail "the demo's query does not find the text"
    [[ $(podman inspect --format '{{.Config.User}}' "$(container demo)") == nobody ]] ||
        fail "the demo's user is not nobody"
    pass "the demo finds its groups"
}

test_cluster() {
    local node i
    compose up -d node-1 node-2 node-3 || fail "compose up failed"
    for node in node-1 node-2 node-3; do becomes_healthy "$node"; done
    for _ in 1 2; do
        compose up -d --force-recreate --no-deps make-cluster || fail "compose up failed"
        ends make-cluster
    done
    grep -q 'already form a cluster' "$log" || fail "make-cluster does not see that the cluster is there"
    for i in 1 2 3; do
        for _ in {1..120}; do
            redis-cli -h "10.89.77.1$i" CLUSTER INFO >"$log" 2>&1 || true
            ! grep -q '^cluster_state:ok' "$log" || break
            sleep 0.5
        done
        grep -q '^cluster_state:ok' "$log" || fail "the cluster is not complete on node-$i"
    done
    for i in {1..12}; do # keys of every node, by redirection
        [[ $(redis-cli -c -h 10.89.77.11 SIM.CREATE "scope-$i" 2>&1) == OK ]] || fail "SIM.CREATE fails in the cluster"
    done
    for i in 1 2 3; do
        (($(redis-cli -h "10.89.77.1$i" DBSIZE) > 0)) || fail "node-$i has no key"
    done
    compose restart node-2 || fail "compose restart failed"
    becomes_healthy node-2
    (($(redis-cli -h 10.89.77.12 DBSIZE) > 0)) || fail "a restart of node-2 loses data"
    pass "three nodes make a cluster, once, and each has scopes"
}

# What is built: the files of this checkout, without anything that git ignores.
rm -rf "$checkout"
mkdir "$checkout"
git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- -cf - | tar -C "$checkout" -xf -

echo 'Making the base images ...'
podman info >"$log" 2>&1 || skip "podman does not work here: $(last_line)"
tests/containers/base-images.sh debian >"$log" 2>&1 || fail "the base image could not be made"
podman run --rm localhost/debian:bookworm-slim true >"$log" 2>&1 || skip "podman runs no container here: $(last_line)"
tests/containers/base-images.sh rust redis >"$log" 2>&1 || fail "the base images could not be made"
# A free port, which nothing can take from below the range that systems lend to clients.
while PORT=$((10000 + RANDOM % 20000)) && (: <"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do :; done
export PORT

echo 'Building and running ...'
test_builds
test_server
test_data
test_tool
test_demo
test_cluster
echo "$passed passed, 0 failed"
