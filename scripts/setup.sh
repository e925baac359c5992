#!/usr/bin/env bash
# Makes .venv and installs what the app needs into it (once; again when the requirements change).
#   scripts/setup.sh [requirements.txt ...]
set -euo pipefail
cd "$(dirname "$0")/.."
files=("requirements.txt" "$@")
stamp=".venv/installed-$(cat "${files[@]}" | cksum | cut -d' ' -f1)"
[ -e "$stamp" ] && exit 0
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Python 3.11 or newer is needed; name one with PYTHON=..." >&2
  exit 1
}
echo "Setting up .venv (once, a few minutes)" >&2
"$python" -m venv .venv
pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check)
"${pip[@]}" $(printf -- '-r %s ' "${files[@]}")
# The fused engine and the soups compile once per machine; now rather than at the first use.
.venv/bin/python -c 'from srnn.engines import prepare; prepare()'
.venv/bin/python -m srnn particles soup --quick > /dev/null
touch "$stamp"
