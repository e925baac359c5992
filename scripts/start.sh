#!/usr/bin/env bash
# Sets up what is missing, starts the app, and opens it where there is a screen.
#   scripts/start.sh [streamlit options]
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/setup.sh
if [ "$(uname -s)" = Darwin ] || [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
  export SRNN_OPEN=1
fi
exec .venv/bin/python -m streamlit run app.py "$@"
