"""Turn SageMaker's data capture into traffic that scripts.replay sends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from drift_core.bundle import MANIFEST_FILE, Manifest
from scripts.sagemaker_capture import CaptureError, events_of
from scripts.telling import ended, say

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(
    help=f"""{__doc__}

    Exit code 0: all lines were turned; 2: a file, the bundle or a line is refused, and nothing is written.
    """
)
def convert(
    files: Annotated[list[Path], typer.Argument(help="Capture files, or folders of them.", exists=True)],
    *,
    bundle: Annotated[Path, typer.Option(help="Folder of the bundle whose model answered.", exists=True)],
    columns: Annotated[
        str, typer.Option(help="Columns of a CSV request, in their order. Default: the bundle's features.")
    ] = "",
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("traffic.jsonl"),
) -> None:
    """Read all, then write."""
    console = Console(highlight=False)
    try:
        manifest = Manifest.from_json((bundle / MANIFEST_FILE).read_bytes())
        order = [name.strip() for name in columns.split(",")] if columns else list(manifest.schema.names)
        paths = [
            path
            for given in files
            for path in (sorted(given.rglob("*.jsonl")) if given.is_dir() else [given])
        ]
        lines = [line for path in paths for line in _encoded(path, manifest, order)]
    except (OSError, ValueError) as error:
        raise ended(error, 2) from None
    out.write_bytes(b"".join(line + b"\n" for line in lines))
    say(console, f"{out}: {len(lines):,} predictions of {len(paths):,} files")


def _encoded(path: Path, manifest: Manifest, order: list[str]) -> list[bytes]:
    found: list[bytes] = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if line.strip():
            try:
                found += [event.encode() for event in events_of(line, manifest, order)]
            except CaptureError as error:
                raise CaptureError(f"{path}, line {number}: {error}") from None
    return found


if __name__ == "__main__":
    app()
