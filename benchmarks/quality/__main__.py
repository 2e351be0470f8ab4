"""How well quality is judged: `python -m benchmarks.quality --help`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from benchmarks.quality.bikes import days, read, served, trained
from benchmarks.quality.martingale import ACTUAL, LABELS, MONTH, RUNS, delay, quiet
from benchmarks.quality.page import write
from drift_core.bundle import ERRORS_FILE
from drift_core.errors import ErrorBaseline
from scripts.stack import PROJECT

RESULTS = Path("benchmarks/results")
BIKES = PROJECT.parent / "shared" / "data" / "bike_sharing_hour.csv"

app = typer.Typer(add_completion=False)


@app.command()
def main(
    *,
    runs: Annotated[int, typer.Option(min=100, help="Simulated runs of each kind.")] = RUNS,
    windows: Annotated[int, typer.Option(min=1, help="Windows of a run.")] = MONTH,
    data: Annotated[Path, typer.Option(help="bike_sharing_hour.csv; its part is left out without.")] = BIKES,
    out: Annotated[Path, typer.Option(help="Where quality.json and quality.md go.")] = RESULTS,
) -> None:
    """Measure false alarms and delays of coverage, and judge a year of real labels: about a minute."""
    found = [one for labels in LABELS for one in quiet(labels, runs=runs, windows=windows)]
    delays = [delay(actual, labels, runs=runs, windows=windows) for actual in ACTUAL for labels in LABELS]
    bikes = None
    if data.is_file():
        before, after = read(data)
        bundle = trained(before)
        errors = ErrorBaseline.from_json(bundle.files[ERRORS_FILE])
        bikes = (errors, list(days(bundle, served(bundle, after))))
    else:
        typer.echo(f"{data} is missing: bike sharing is left out; give --data FILE", err=True)
    page = write(found, delays, bikes, out)
    Console().print(Markdown(page.read_text(encoding="utf-8")))


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.quality")
