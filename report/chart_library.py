"""The charts' library as one text: Vega, Vega-Lite and Vega-Embed, none of it loaded from a network."""

from __future__ import annotations

import base64
import gzip
from functools import cache
from importlib.metadata import version
from pathlib import Path

BUNDLE = Path(__file__).with_name("vega.js.gz")
"""Lies beside the code in a function's package only, where `write` put it; a checkout makes it when asked."""

EXPORTS = "window.vegaEmbed = vegaEmbed;"
"""What the page's script calls."""

CACHE = Path(__file__).parents[1] / "build"
"""Where a checkout keeps what it made."""


def bundle() -> bytes:
    """The library's JavaScript, compressed by gzip.

    Raises
    ------
    RuntimeError
        If it lies nowhere and vl-convert is not there to make it.
    """
    if BUNDLE.exists():
        return BUNDLE.read_bytes()
    try:
        import vl_convert  # noqa: PLC0415  84 MB, which no function has

        kept = CACHE / f"vega-{version('vl-convert-python')}.js.gz"
    except ImportError as error:
        raise RuntimeError(
            f"the charts' library is missing: {BUNDLE} is written by scripts.package; in a checkout, install "
            f"vl-convert-python"
        ) from error
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        text = vl_convert.javascript_bundle(EXPORTS)
        made = kept.with_name(f"{kept.name}.{id(text)}")  # two processes may make it at once
        made.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
        made.replace(kept)
    return kept.read_bytes()


def write(folder: Path) -> None:
    """Put the library into a function's package.

    Parameters
    ----------
    folder : the package's; `report` lies in it.
    """
    (folder / "report" / BUNDLE.name).write_bytes(bundle())


@cache
def text() -> str:
    """The compressed library in Base64, as a page holds it."""
    return base64.b64encode(bundle()).decode()


@cache
def source() -> str:
    """The library's JavaScript as the page runs it."""
    return gzip.decompress(bundle()).decode()
