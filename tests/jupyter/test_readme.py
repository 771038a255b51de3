"""The README: its ten lines run on real counts and end with a picture, and what it names is there."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_bring_your_own_data_runs_as_it_stands(tmp_path, monkeypatch):
    code = re.search(r"## Bring your own data\n+```python\n(.*?)```", TEXT, re.DOTALL).group(1)
    assert len([line for line in code.splitlines() if line and not line.startswith("import")]) <= 10
    shutil.copyfile(ROOT / "data" / "immune_sample.h5ad", tmp_path / "my_counts.h5ad")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code.replace("epochs=30", "epochs=2"), names)
    assert names["cells"].obsm["X_vae"].shape == (names["cells"].n_obs, 10)
    assert np.isfinite(names["cells"].obsm["X_vae"]).all()
    assert names["explorer"].selection.shape == (names["cells"].n_obs,)
    assert "image/png" in names["explorer"]._repr_mimebundle_()[0]


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#]+)\)", TEXT))
def test_every_link_leads_to_a_file(path):
    assert (ROOT / path).exists()


def test_every_notebook_is_in_the_table():
    named = set(re.findall(r"notebooks/(\w+\.ipynb)", TEXT))
    assert named == {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
