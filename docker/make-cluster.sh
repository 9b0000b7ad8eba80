#!/bin/sh
# Makes a cluster of empty nodes, unless they already form one.
#
#     make-cluster.sh ADDRESS:PORT ADDRESS:PORT ADDRESS:PORT
set -eu
first=$1

if redis-cli -h "${first%:*}" -p "${first#*:}" cluster info | grep -q '^cluster_slots_assigned:16384'; then
    echo "The nodes already form a cluster."
    exit 0
fi
redis-cli --cluster create "$@" --cluster-replicas 0 --cluster-yes
