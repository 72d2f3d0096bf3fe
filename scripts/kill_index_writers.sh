#!/bin/sh
# Kill index writers with signal 9 hundreds of times, and check the index after each.
#   scripts/kill_index_writers.sh [kills of each kind of work]
set -eu
cd "$(dirname "$0")/.."
MPI_INDEX_KILLS="${1:-200}" "${VENV:-.venv}/bin/python" -m pytest -q tests/index_store/test_crash.py
