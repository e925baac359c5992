#!/usr/bin/env bash
# Makes .venv and installs into it what the app needs (once; again when the requirements change).
#   scripts/setup.sh [test]     with what the tests need, beside it
# Versions and hashes stand in requirements*.lock; scripts/lock.sh makes them.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp() { echo ".venv/installed-$(cat "$@" | cksum | cut -d' ' -f1)"; }
app=$(stamp requirements.txt requirements.lock)
wanted=$app
[ "${1:-}" = test ] && wanted=$(stamp requirements.txt requirements.lock requirements-test.lock)
[ -e "$app" ] && [ -e "$wanted" ] && exit 0
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Python 3.11 or newer is needed; name one with PYTHON=..." >&2
  exit 1
}
say() { echo "setup: $*" >&2; }
# Compiled when they are imported: most of these modules never are.
pip=(.venv/bin/python -m pip install --no-compile --disable-pip-version-check --progress-bar off)
install() {
  say "$(grep -c '^[a-z0-9].*==' "$1") packages of $1, checked against their hashes"
  "${pip[@]}" --require-hashes --no-deps -r "$1" | sed -un 's/^Collecting \([^ ]*\).*/  \1/p' >&2
}
finish_app() {
  say "PyTorch (the largest download)"
  "${pip[@]}" --quiet "$(grep '^torch==' requirements.txt)" >&2
  say "compiling the fused engine and the soups for this processor"
  .venv/bin/python -c 'from srnn.engines import prepare; prepare()'
  .venv/bin/python -m srnn particles soup --quick > /dev/null
  touch "$app"
}
if [ ! -e "$app" ]; then
  say "a virtual environment in .venv (once; all in all some 3 minutes)"
  "$python" -m venv .venv
  install requirements.lock
  finish_app &
fi
[ "$wanted" = "$app" ] || install requirements-test.lock
[ -e "$app" ] || wait $!
touch "$wanted"
