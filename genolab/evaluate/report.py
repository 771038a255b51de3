"""One page of an evaluation that can be trusted a year later: figures beside the data's hash, configs and versions."""

import dataclasses
import hashlib
import html
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import pandas as pd
import torch

import genolab
from genolab.checks import check_columns
from genolab.data.dataset import AnnDataset
from genolab.run import Run

_PACKAGES: Final = ("torch", "numpy", "scipy", "pandas", "scikit-learn", "anndata", "scanpy")
_UPLOADS: Final = ("sendChartToCloud", "sendDataToCloud")  # plotly's buttons that send a figure to its maker

_STYLE: Final = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; color: #1f1f1f;
       background: white; max-width: 68rem; margin: 0 auto; padding: 1rem 1.5rem 3rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .4rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; } p.small, caption { color: #5f5f5f; font-size: .875rem; }
div.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 15px; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #e4e4e4; text-align: right; vertical-align: top; }
thead th { border-bottom: 2px solid #5f5f5f; } tbody th { text-align: left; font-weight: 600; }
table.facts td { text-align: left; overflow-wrap: anywhere; } summary { cursor: pointer; margin: .5rem 0; }
pre { white-space: pre-wrap; font-size: 14px; background: #f5f5f5; padding: .6rem .8rem; }
"""


class DrawsHtml(Protocol):
    """A figure of plotly, as `genolab.plot` makes them."""

    def to_html(self, **options: Any) -> str:
        """Return it as HTML."""


def report(
    path: str | Path,
    scores: pd.DataFrame | Mapping[str, pd.DataFrame],
    *,
    title: str = "Evaluation",
    data: Mapping[str, AnnDataset] | None = None,
    runs: Mapping[str, Run] | None = None,
    figures: Sequence[DrawsHtml] = (),
    notes: Sequence[object] = (),
) -> Path:
    """Write an evaluation as one HTML page, which needs no network: scores, figures, and how each came about.

    With figures the page has about 5 MB, nearly all of it the script that draws them; without, some 20 kB.

    Parameters
    ----------
    path
        The file; one that is there is replaced.
    scores
        What `genolab.evaluate.table`, `latents` or `reconstruction` gave, or several of them by their headings.
    data
        Name to rows, such as ``split._asdict()``: their number, source and `data_hash` are on the page.
    runs
        Name to run: its model and config with the seed, what was changed meanwhile, its epochs and its device.
    figures
        Figures of `genolab.plot`.
    notes
        Whatever else belongs to it, as text: a `genolab.evaluate.check_split`, a sentence of yours.

    Returns
    -------
    Path
        `path`, to be opened by any browser.

    Examples
    --------
    >>> figures = [gl.plot.comparison(scores, baseline="pca")]
    >>> report("report.html", scores, data=split._asdict(), runs={"vae": run}, figures=figures, notes=[check])
    """
    path = Path(path).expanduser()
    tables = {"": scores} if isinstance(scores, pd.DataFrame) else scores
    sections = [
        *_scores(tables),
        *_figures(figures),
        *_section("Data", [_facts(name, _of_data(rows)) for name, rows in (data or {}).items()]),
        *_section("Training", [_facts(name, _of_run(run)) for name, run in (runs or {}).items()]),
        *_section("Notes", [f"<pre>{html.escape(str(note))}</pre>" for note in notes]),
        *_section("Computed with", [_facts("", _of_machine())]),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_page(title, sections), encoding="utf-8")
    return path


def data_hash(dataset: AnnDataset) -> str:
    """Return the SHA-256 of a dataset's rows, inputs and target, with the names of columns and classes.

    It is the same in any order of the rows, and however they are stored: equal hashes mean equal data.
    """
    names = json.dumps(dataset.signature.facts(), sort_keys=True, default=list)
    rows = np.sort(dataset.hashes(target=True)).astype("<u8")
    return hashlib.sha256(names.encode() + rows.tobytes()).hexdigest()


def _page(title: str, sections: Sequence[str]) -> str:
    now = datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC")
    body = "\n".join(sections)
    size = f"{len(body) / 1e6:.1f} MB" if len(body) > 1e5 else f"{len(body) / 1e3:.0f} kB"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{html.escape(title)}</h1>"
        f'<p class="small">{now}, by genolab {genolab.__version__}. This page has {size} and needs no network.</p>\n'
        f"{body}\n</body></html>\n"
    )


def _section(heading: str, parts: Sequence[str]) -> Iterator[str]:
    if parts:
        yield "\n".join([f"<h2>{heading}</h2>", *parts])


def _scores(tables: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    yield '<h2>Scores</h2><p class="small">In brackets the 95 % interval, where one was computed.</p>'
    for heading, table in tables.items():
        check_columns(table, "model", "metric", "value", what=f"the table of scores {heading}".strip())
        yield f"<h3>{html.escape(heading)}</h3>" if heading else ""
        overall = table[table["class"].isin(["", "macro"])] if "class" in table else table
        if not overall.duplicated(["model", "metric"]).any():
            yield _table(_by_model(overall))
        yield f"<details><summary>All {len(table):,} rows</summary>{_table(table, index=False)}</details>"


def _by_model(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a model and one column a metric, in the order of the table."""
    texts = [_with_interval(row) for row in table.to_dict("records")]
    wide = table.assign(text=texts).pivot_table("text", "model", "metric", aggfunc="first", sort=False)
    return wide.fillna("").rename_axis(index=None, columns=None)


def _with_interval(row: Mapping[Any, Any]) -> str:
    low, high = row.get("low", np.nan), row.get("high", np.nan)
    text = f"{row['value']:.3f}"
    return text if pd.isna(low) or pd.isna(high) else f"{text} ({low:.3f} to {high:.3f})"


def _table(table: pd.DataFrame, *, index: bool = True) -> str:
    with pd.option_context("display.max_colwidth", None):
        written = table.to_html(index=index, border=0, escape=True, float_format="{:.4g}".format, na_rep="")
    return f'<div class="wide">{written}</div>'


def _figures(figures: Sequence[DrawsHtml]) -> Iterator[str]:
    options = {"displaylogo": False, "responsive": True, "modeBarButtonsToRemove": list(_UPLOADS)}
    drawn = [
        figure.to_html(full_html=False, include_plotlyjs=not number, include_mathjax=False, config=options)
        for number, figure in enumerate(figures)
    ]
    yield from _section("Figures", drawn)


def _facts(heading: str, facts: Mapping[str, object]) -> str:
    rows = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(str(v))}</td></tr>" for k, v in facts.items())
    heading = f"<h3>{html.escape(heading)}</h3>" if heading else ""
    return f'{heading}<table class="facts"><tbody>{rows}</tbody></table>'


def _of_data(dataset: AnnDataset) -> dict[str, object]:
    if not len(dataset):
        return {"Rows": 0}
    target, source = dataset.signature.target, dataset.adata.uns.get("source", {})
    facts = {
        "Rows": f"{len(dataset):,}",
        "Inputs": ", ".join(f"{slot.slot} {slot.shape}" for slot in dataset.signature.inputs),
        "Target": "" if target is None else f"{target.slot} ({len(target.names or ()):,} names)",
        "Source": "; ".join(f"{k}: {v}" for k, v in source.items()) if isinstance(source, Mapping) else source,
        "SHA-256 of the rows": data_hash(dataset),
    }
    return {name: fact for name, fact in facts.items() if fact}


def _of_run(run: Run) -> dict[str, object]:
    parameters = list(run.model.parameters())
    facts = {
        "Model": f"{type(run.model).__name__}, {sum(p.numel() for p in parameters):,} parameters",
        **_of_config("Model's", getattr(run.model, "config", None)),
        **_of_config("Run's", run.config),
        "Epochs done": len(run.epochs),
        "Changed while it trained": "; ".join(
            f"{change.name} from {change.before:g} to {change.after:g} in epoch {change.epoch}"
            for change in run.changes
        ),
        "Trained on": ", ".join(dict.fromkeys(_device_name(p.device) for p in parameters)),
    }
    if run.best is not None:
        facts["Best epoch"] = f"{run.best.number}, validation loss {run.best.valid['loss']:.5g}"
    return {name: fact for name, fact in facts.items() if fact != ""}


def _of_config(whose: str, config: Any) -> dict[str, object]:
    if not dataclasses.is_dataclass(config):
        return {}
    values = ((field.name, getattr(config, field.name)) for field in dataclasses.fields(config))
    return {f"{whose} config": ", ".join(f"{name}={value!r}" for name, value in values)}


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()


def _of_machine() -> dict[str, object]:
    return {
        "genolab": genolab.__version__,
        "Python": f"{platform.python_version()} on {platform.platform()}",
        **{name: _version(name) for name in _PACKAGES},
        "Processor": f"{platform.machine()}, {torch.get_num_threads()} threads",
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
