"""Small annotated genomes whose genes are known on paper."""

from typing import Any

import anndata as ad
import pandas as pd


def feature(name: str, start: int, end: int, strand: str, kind: str, **more: Any) -> dict[str, Any]:
    """Return a row of an annotated genome's obs, under its name."""
    row = {"index": name, "chromosome": "chr", "start": start, "end": end, "strand": strand, "kind": kind}
    return {**row, "parent": "", "phase": 0 if kind == "CDS" else -1} | more


def annotated(length: int, *features: dict[str, Any]) -> ad.AnnData:
    """Return a genome of one chromosome, "chr"."""
    obs = pd.DataFrame(list(features)).set_index("index").rename_axis(None)
    return ad.AnnData(obs=obs, uns={"genome": {"lengths": {"chr": length}, "circular": []}})


def gene(name: str, strand: str, *exons: tuple[int, int]) -> list[dict[str, Any]]:
    """Return the rows of a gene with these coding parts."""
    rows = [feature(name, exons[0][0], exons[-1][1], strand, "gene")]
    return rows + [feature(f"{name}.{k}", *exon, strand, "CDS", parent=name) for k, exon in enumerate(exons, start=1)]
