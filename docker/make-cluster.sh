#!/bin/sh
# Makes a cluster of empty nodes, unless they are one already.
#
#     make-cluster.sh ADDRESS:PORT ADDRESS:PORT ADDRESS:PORT
set -eu
first=$1

if redis-cli -h "${first%:*}" -p "${first#*:}" cluster info | grep -q '^cluster_slots_assigned:16384'; then
    echo "There is a cluster already."
    exit 0
fi
redis-cli --cluster create "$@" --cluster-replicas 0 --cluster-yes
