"""genolab.checks: each message says the rule, what came, and the fix."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from genolab.checks import (
    DataWarning,
    check_at_least,
    check_columns,
    check_key,
    check_known,
    check_one_of,
    check_share,
    is_whole,
    meant,
    meant_file,
    warn,
)


def test_numpy_integers_are_whole_and_booleans_are_not() -> None:
    assert is_whole(3)
    assert is_whole(np.int32(3))
    assert not any(map(is_whole, (True, 1.0, "1", None)))


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None])
def test_a_count_that_is_too_small_or_not_whole_is_refused(value: object) -> None:
    check_at_least("n_boot", 1)
    with pytest.raises(ValueError, match=f"n_boot must be a whole number of at least 1, got {value}"):
        check_at_least("n_boot", value)


def test_the_bounds_of_a_share_are_included_only_where_asked_for() -> None:
    check_share("gc", 0)
    check_share("gc", 1)
    with pytest.raises(ValueError, match="gc must be a share, above 0 and at most 1, got 0"):
        check_share("gc", 0, zero=False)
    with pytest.raises(ValueError, match="gc must be a share, at least 0 and below 1, got 1"):
        check_share("gc", 1, one=False)
    with pytest.raises(ValueError, match="got nan"):
        check_share("gc", float("nan"))


def test_unknown_choices_and_names_are_listed_with_those_known() -> None:
    with pytest.raises(ValueError, match="mode must be one of local, global, got 'both'"):
        check_one_of("mode", "both", ("local", "global"))
    with pytest.raises(KeyError, match="'c' isn't one of the 2 compounds: a, b"):
        check_known("compounds", ["a", "c"], ["a", "b"])
    with pytest.raises(KeyError, match=r"7, 8 aren't of the 30 rows: 100, 101, 102, 103, 104, \.\.\."):
        check_known("rows", [7, 8], range(100, 130))


def test_missing_columns_and_keys_are_named_beside_those_there() -> None:
    table = pd.DataFrame({"dose": [1.0]})
    check_columns(table, "dose")
    with pytest.raises(KeyError, match="the wells has no columns 'a', 'b'; it has dose: measure them"):
        check_columns(table, "dose", "a", "b", what="the wells", fix="measure them")
    adata = AnnData(np.ones((2, 2)), obsm={"X_pca": np.ones((2, 1))})
    check_key(adata, "obsm", "X_pca")
    with pytest.raises(KeyError, match=r"'obsm/X_vae' is not in this AnnData; obsm has \['X_pca'\]"):
        check_key(adata, "obsm", "X_vae")


def test_a_name_that_isnt_known_brings_those_like_it_whatever_their_case(tmp_path: Path) -> None:
    assert meant("cd3d", ["CD8A", "CD3D", "MS4A1"]) == ". Did you mean 'CD3D'?"
    assert meant("CD3", ["CD3E", "CD3D", "MS4A1"]) in {
        ". Did you mean 'CD3E' or 'CD3D'?",
        ". Did you mean 'CD3D' or 'CD3E'?",
    }
    assert meant("actin", ["CD3D"]) == meant("x", []) == ""
    with pytest.raises(ValueError, match=r"got 'Golbal'. Did you mean 'global'\?"):
        check_one_of("mode", "Golbal", ("local", "global"))
    with pytest.raises(KeyError, match=r"X_umap.* Did you mean 'X_umap'\?"):
        check_key(AnnData(np.ones((2, 2)), obsm={"X_umap": np.ones((2, 1))}), "obsm", "X_UMAP")
    tmp_path.joinpath("counts.h5ad").touch()
    assert meant_file(tmp_path / "count.h5ad") == ". Did you mean 'counts.h5ad'?"
    assert meant_file(tmp_path / "nowhere" / "count.h5ad") == ""


def test_a_warning_about_data_is_one_line_at_the_users_place() -> None:
    with pytest.warns(DataWarning, match="3 of 5 rows are left out") as caught:
        warn("3 of 5 rows are left out")
    assert caught[0].filename == __file__
    code = "from genolab.checks import warn; warn('3 of 5 rows are left out')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "Note: 3 of 5 rows are left out\n")
