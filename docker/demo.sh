#!/bin/sh
# Loads error reports, and shows which ones are similar. SIMILE_URL names the server.
set -eu

simile load errors "$1" --create 'BANDS 8 ROWS 1 SHINGLE WORDS 1 MASK yes INTERVAL 0'
simile groups errors --min-score 0.5
simile query errors 'connection to db-1 refused after 10 ms'
