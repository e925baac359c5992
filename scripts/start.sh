#!/usr/bin/env bash
# Sets up what is missing and opens the app.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/setup.sh
exec .venv/bin/python -m streamlit run app.py "$@"
