#!/usr/bin/env bash
# Sets up what is missing, then checks the style and the types, and runs all tests.
#   scripts/test.sh [pytest arguments]
# The browser tests need Chromium or Chrome; where CI is set they fail without it.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/setup.sh test
if [ "${CI:-}" = true ] && ! command -v chromium chromium-browser google-chrome chrome >/dev/null; then
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
  fi
fi
export OMP_NUM_THREADS=1
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy & types=$! # beside the tests
trap 'kill "$types" 2>/dev/null || true' EXIT
.venv/bin/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder "$@" || {
  # On a busy machine a browser can be too late for its test: what failed is run once more, alone.
  echo "once more, alone, what failed" >&2
  .venv/bin/python -m pytest --last-failed --last-failed-no-failures none "$@"
}
wait "$types" || { echo "the types are wrong: see what mypy said above" >&2; exit 1; }
