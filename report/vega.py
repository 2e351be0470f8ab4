"""The plotting library of the page: Vega and Vega-Lite as one text of JavaScript.

It is 0.9 MB of text; what makes it, vl-convert, is 84 MB. So the functions' packages hold the text, and only
who builds them, or runs the scripts, needs vl-convert.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "static" / "vega.js"
"""In the functions' packages."""

EXPORTS = "window.vegaEmbed = vegaEmbed; window.vega = vega;"


@cache
def library() -> str:
    """The text: the package's file, or made now, in about a second."""
    return FILE.read_text() if FILE.exists() else made()


def made() -> str:
    """Made by vl-convert from its own copies; nothing is fetched."""
    from vl_convert import javascript_bundle  # noqa: PLC0415 - the functions' packages do not hold it

    bundle: str = javascript_bundle(EXPORTS)
    return bundle
