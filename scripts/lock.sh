#!/usr/bin/env bash
# Pins every package with its hashes, from the ranges in requirements*.txt (needs uv).
# PyTorch is not among them: its build for a machine is the machine's choice (CPU, CUDA, macOS), so
# requirements.txt pins its version, and scripts/setup.sh installs it after all the others.
set -euo pipefail
cd "$(dirname "$0")/.."
lock() {
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
    --no-annotate "$@" |
    awk '/^[a-z0-9]/ { keep = !($0 ~ /^(torch|triton|nvidia-|cuda-)/) } keep'
}
header="# Made by scripts/lock.sh; do not edit."
{ echo "$header"; lock requirements.txt; } > requirements.lock
{ echo "$header"; lock requirements-test.txt --constraints requirements.lock; } > requirements-test.lock
