#!/usr/bin/env bash
# All checks that need a GPU, in one command of at most six minutes:  tests/gpu/run.sh [--device cpu] [--cut]
# It writes RESULTS-gpu.json, and prints a table. What the machine's Python lacks is taken from build/gpu/site.tar.xz,
# which `make gpu-pack` fills on a machine with a network. Without a GPU, `--device cpu --cut` shows that it works.
set -euo pipefail
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3}
[ ! -x .venv/bin/python ] || PYTHON=.venv/bin/python
if [ -f build/gpu/site.tar.xz ] && ! "$PYTHON" -c 'import anndata, ipywidgets, plotly, rdkit' 2>/dev/null; then
  SITE=$(mktemp -d)
  trap 'rm -rf "$SITE"' EXIT
  tar -xJf build/gpu/site.tar.xz -C "$SITE"
  export PYTHONPATH="$SITE${PYTHONPATH:+:$PYTHONPATH}"
fi
export PYTHONPATH="$PWD:$PWD/tests${PYTHONPATH:+:$PYTHONPATH}" MPLBACKEND=agg
"$PYTHON" tests/gpu/everything.py "$@"
