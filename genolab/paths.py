"""Where the notebooks and the small data are: beside the package in a clone, inside it in an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(folder: str) -> Path:
    """Return the path of a folder that travels with genolab: ``"notebooks"`` or ``"data"``."""
    for root in (_PACKAGE / "_shipped", _PACKAGE.parent):
        if (root / folder).is_dir() and (root != _PACKAGE.parent or (root / "pyproject.toml").is_file()):
            return root / folder
    raise FileNotFoundError(
        f"genolab's {folder}/ is neither in {_PACKAGE / '_shipped'} nor in a clone: reinstall genolab"
    )
