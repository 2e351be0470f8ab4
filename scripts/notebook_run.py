"""Run a notebook against a stack: parameters put in, outputs kept small and free of this machine's names."""

from __future__ import annotations

import getpass
import hashlib
import re
import socket
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

from scripts.stack import PROJECT

PARAMETERS = "parameters"
"""Tag of the cell whose values are replaced for a run."""

RAN = "ran"
"""Field of the metadata: the digest of the code whose outputs are kept."""

LARGEST = 500_000
"""Bytes of a notebook with its outputs."""

SECONDS = 300

_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|var|usr|opt|srv|mnt|Users|private)/\S*|[A-Z]:\\\\?Users")
_ADDRESS = re.compile(r"\b(?:localhost|127\.0\.0\.1|(?:\d{1,3}\.){3}\d{1,3}:\d+)")


class NotebookError(RuntimeError):
    """A notebook that cannot be run or kept; the text says which cell and why."""


def run(notebook: NotebookNode, parameters: Mapping[str, object]) -> NotebookNode:
    """The notebook, run from the checkout's folder.

    Parameters
    ----------
    parameters : replace those of the cell that is tagged so; what is returned has the cell as it was.

    Raises
    ------
    NotebookError
        If no cell or several are tagged, or a parameter is not among theirs.
    nbclient.exceptions.CellExecutionError
        If a cell fails.
    """
    done = deepcopy(notebook)
    tagged = [cell for cell in done.cells if PARAMETERS in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise NotebookError(f"{len(tagged)} cells are tagged {PARAMETERS!r}; tag one")
    (cell,), own = tagged, tagged[0].source
    for name in parameters:
        if not re.search(rf"^{name} = ", own, re.MULTILINE):
            raise NotebookError(f"the notebook has no parameter {name!r}; it has:\n{own}")
    cell.source = "\n".join([own, *(f"{name} = {value!r}" for name, value in parameters.items())])
    NotebookClient(
        done,
        timeout=SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(PROJECT)}},
        config=Config({"KernelManager": {"transport": "ipc"}}),  # no port that others could listen to
    ).execute()
    cell.source = own
    return cleaned(done)


def cleaned(notebook: NotebookNode) -> NotebookNode:
    """The notebook without times of its run and what differs between Pythons, with its code's digest."""
    done = deepcopy(notebook)
    done.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        RAN: code_digest(done),
    }
    for cell in done.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("metadata", {}).clear()
    return done


def code_digest(notebook: NotebookNode) -> str:
    """Tells the code of one notebook from that of another."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\n\n".join(code).encode()).hexdigest()[:16]


def leaks(notebook: NotebookNode) -> list[str]:
    """What outputs tell of the machine: paths, addresses, the host's and the user's name."""
    own = {name for name in (socket.gethostname(), getpass.getuser(), str(PROJECT)) if len(name) > 4}
    found = []
    for number, text in _texts(notebook):
        told = [*_PATH.findall(text), *_ADDRESS.findall(text), *(name for name in own if name in text)]
        found += [f"cell {number}: {one}" for one in told]
    return found


def _texts(notebook: NotebookNode) -> Iterator[tuple[int, str]]:
    """All text that outputs hold, with the number of the cell; pictures are not read."""
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            parts = [output.get("text", ""), *output.get("traceback", [])]
            parts += [text for kind, text in output.get("data", {}).items() if not kind.startswith("image/")]
            for part in parts:
                yield number, "".join(part)


def read(path: Path) -> NotebookNode:
    """The notebook in a file."""
    notebook: NotebookNode = nbformat.reads(path.read_text(), as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def written(notebook: NotebookNode) -> str:
    """The notebook as its file has it.

    Raises
    ------
    NotebookError
        If its outputs tell of this machine, or it is larger than `LARGEST`.
    """
    found = leaks(notebook)
    if found:
        raise NotebookError(f"outputs tell of this machine: {'; '.join(found)}; change the cell")
    text: str = nbformat.writes(notebook, version=4)  # type: ignore[no-untyped-call]
    if len(text) > LARGEST:
        raise NotebookError(f"the notebook has {len(text):,} bytes, allowed {LARGEST:,}; draw less")
    return text.rstrip("\n") + "\n"
