#!/usr/bin/env bash
# Sets up what is missing, starts the app, and opens it where there is a screen.
#   scripts/start.sh [streamlit options]
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/setup.sh
exec .venv/bin/python -m srnn app -- "$@"
