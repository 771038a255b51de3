"""The README: its ten lines run, and what it names is there."""

import re
from pathlib import Path

import anndata as ad
import numpy as np
import pytest

import genolab as gl

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_bring_your_own_data_runs_as_it_stands(tmp_path, monkeypatch):
    code = re.search(r"## Bring your own data\n+```python\n(.*?)```", TEXT, re.DOTALL).group(1)
    assert len([line for line in code.splitlines() if line and not line.startswith("import")]) <= 10
    cells = gl.data.simulate_cells(300, 1500, depth=2000, seed=0)
    ad.AnnData(cells.X, obs=cells.obs[["cell_type"]], var=cells.var[[]]).write_h5ad(tmp_path / "my_counts.h5ad")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code.replace("epochs=30", "epochs=2"), names)
    assert names["cells"].obsm["X_vae"].shape == (names["cells"].n_obs, 10)
    assert np.isfinite(names["cells"].obsm["X_vae"]).all()
    assert names["explorer"].selection.shape == (names["cells"].n_obs,)


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#]+)\)", TEXT))
def test_every_link_leads_to_a_file(path):
    assert (ROOT / path).exists()


def test_every_notebook_is_in_the_table():
    named = set(re.findall(r"notebooks/(\w+\.ipynb)", TEXT))
    assert named == {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
