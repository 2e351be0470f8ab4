"""Play an experiment: `python -m scripts.experiment sudden`."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Annotated

import matplotlib as mpl
import typer
from rich.console import Console

from scripts.experiment_figures import figures
from scripts.experiment_pictures import picture
from scripts.experiment_story import EXPERIMENTS
from scripts.experiment_told import told
from scripts.experiment_watch import play
from scripts.method_style import STYLE, save
from scripts.page_texts import with_text
from scripts.stack import PROJECT
from scripts.telling import ended

PAGE = PROJECT / "docs" / "experiments.md"
PICTURES = PROJECT / "docs" / "images" / "experiments"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")

_HELP = dedent("""
    A model of the generated houses is trained, traffic that it has not seen is drawn and changed, and the
    code of the functions judges it: inputs, labels, estimated errors and attributions. No AWS is needed; it
    takes 10 to 60 seconds. The same seed gives the same figures.

    A picture (.png) and the figures (.json) are written, and with the default folder also the text of
    docs/experiments.md.

    Exit code 2: there is no such experiment, or no such folder.
""")

_LISTED = "\n\n".join(f"[bold]{name}[/bold]: {one.title}." for name, one in EXPERIMENTS.items())


@app.command(help=f"{__doc__}\n{_HELP}\n{_LISTED}")
def experiment(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="One or more of those above.")],
    *,
    out: Annotated[Path, typer.Option(help="Where the picture and the figures go.")] = PICTURES,
    seed: Annotated[int, typer.Option(min=0, help="Of the traffic.")] = 0,
) -> None:
    """Play experiments one after the other."""
    console = Console()
    unknown = [name for name in names if name not in EXPERIMENTS]
    if unknown:
        raise ended(f"no experiment {unknown[0]!r}; there are {', '.join(EXPERIMENTS)}", 2)
    if not out.is_dir():
        raise ended(f"--out is {out}, and there is no such folder; make it, or give another", 2)
    for name in names:
        chosen = EXPERIMENTS[name]
        with console.status(name):
            played = [play(chosen, model, seed=seed) for model in chosen.models]
        found = figures(chosen, seed, played)
        (out / f"{name}.json").write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
        with mpl.rc_context(STYLE):
            save(picture(chosen, played), out / f"{name}.png")
        if out.resolve() == PICTURES:
            PAGE.write_text(with_text(PAGE.read_text(), name, told(found)))
        console.print(f"{chosen.title}. {told(found)}", markup=False, highlight=False)


if __name__ == "__main__":
    app()
