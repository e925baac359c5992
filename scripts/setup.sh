#!/usr/bin/env bash
# Makes .venv and installs what the app needs into it (once; again when the requirements change).
#   scripts/setup.sh [test]
# Versions and hashes stand in requirements.lock; scripts/lock.sh makes it.
set -euo pipefail
cd "$(dirname "$0")/.."
locks=(requirements.lock)
[ "${1:-}" = test ] && locks+=(requirements-test.lock)
stamp=".venv/installed-$(cat requirements.txt "${locks[@]}" | cksum | cut -d' ' -f1)"
[ -e "$stamp" ] && exit 0
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Python 3.11 or newer is needed; name one with PYTHON=..." >&2
  exit 1
}
say() { echo "setup: $*" >&2; }
say "a virtual environment in .venv (once; all in all some 4 minutes)"
"$python" -m venv .venv
pip=(.venv/bin/python -m pip install --disable-pip-version-check --progress-bar off)
count=$(cat "${locks[@]}" | grep -c '^[a-z0-9].*==')
say "$count packages, checked against their hashes"
"${pip[@]}" --require-hashes --no-deps $(printf -- '-r %s ' "${locks[@]}") |
  sed -un 's/^Collecting \([^ ]*\).*/  \1/p' >&2
say "PyTorch (the largest download)"
"${pip[@]}" --quiet "$(grep '^torch==' requirements.txt)" >&2
say "compiling the fused engine and the soups for this processor"
.venv/bin/python -c 'from srnn.engines import prepare; prepare()'
.venv/bin/python -m srnn particles soup --quick > /dev/null
touch "$stamp"
