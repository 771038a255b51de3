#!/usr/bin/env bash
# Packs what a machine with a GPU and without a network lacks, for its Python 3.12: build/gpu/site.tar.xz.
# torch, triton, numpy, scipy, scikit-learn, h5py, numba, safetensors, networkx, matplotlib, tqdm, typer, filelock,
# lazy-loader, packaging, pygments, typing-extensions and pytest are taken to be there. The wheels are unpacked and packed anew: as they are, they take half as much room again.
set -euo pipefail
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3}
[ ! -x .venv/bin/python ] || PYTHON=.venv/bin/python
NAMES="anndata anywidget array-api-compat asttokens biopython comm decorator executing igraph ipython
  ipython_pygments_lexers ipywidgets jupyterlab_widgets latex2mathml legacy-api-wrap leidenalg matplotlib-inline memelite
  natsort obonet pandas platformdirs plotly pooch prompt_toolkit psygnal pure_eval pyfaidx pynndescent python-dateutil
  pytz rapidfuzz rdkit scanpy scikit-misc scverse-misc session-info2 stack-data tangermeme texttable traitlets tzdata
  umap-learn wcwidth"
MOST=40000000 # bytes

site=build/gpu/site
rm -rf "$site"
mkdir -p "$site"
platforms=$(for version in 2_17 2_24 2_26 2_27 2_28; do echo "--platform manylinux_${version}_x86_64"; done)
# shellcheck disable=SC2086
for name in $NAMES; do
  pin=$(grep -i "^${name//[_-]/[_-]}==" constraints.txt || echo "$name")
  "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --only-binary=:all: \
    --python-version 3.12 --implementation cp $platforms --platform manylinux2014_x86_64 --target "$site" --upgrade "$pin"
done
# What no check reads.
find "$site" -depth -type d \( -name tests -o -name Contrib \) -exec rm -rf {} +
find "$site" -type f \( -name '*.pyi' -o -name '*.h' \) -delete
rm -rf "$site"/bin "$site"/share "$site"/jedi "$site"/plotly/labextension "$site"/plotly/package_data/datasets
XZ_OPT=-9 tar -cJf build/gpu/site.tar.xz -C "$site" .
rm -rf "$site"
size=$(stat -c %s build/gpu/site.tar.xz)
echo "build/gpu/site.tar.xz: $((size / 1000000)) MB"
[ "$size" -le "$MOST" ] || { echo "it may have $((MOST / 1000000)) MB: leave something out" >&2; exit 1; }
