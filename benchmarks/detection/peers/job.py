"""The files through which a benchmark and a peer's process speak.

A job is a folder:

    reference.npy       float, shape (m, J): the numeric features of the reference; NaN is missing
    windows.npy         float, shape (N, J): the rows of all windows, one window after the other
    rows.npy            int, shape (W,): how many rows each window has; they sum to N
    reference_text.npy  optional, unicode, shape (m, K): the text features; an empty string is missing
    windows_text.npy    with it, unicode, shape (N, K)

The answer of a peer is one file in the same folder, `NAME.npz`, which appears at once and whole:

    features            unicode, shape (J + K,): f00, f01, ... and then c00, c01, ...
    scores              float64, shape (W, J + K): larger is more drift; NaN: the peer has no score for it
    flags               bool, shape (W, J + K): what the library says of each feature
    dataset_flags       bool, shape (W,): what it says of the window
    fit_seconds, judge_seconds   float64
    about               a JSON object: peer, parameters, python and the versions of the libraries

Nothing is pickled. Windows are mapped into memory, so they may be larger than it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.detection.peers.judgement import Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A judgement with what it cost and who made it."""

    judgement: Judgement
    features: tuple[str, ...]
    fit_seconds: float
    judge_seconds: float
    about: dict[str, Any]


def write_job(
    folder: Path,
    *,
    reference: npt.NDArray[Any],
    windows: npt.NDArray[Any],
    rows: npt.NDArray[np.integer[Any]],
    reference_text: npt.NDArray[np.str_] | None = None,
    windows_text: npt.NDArray[np.str_] | None = None,
) -> None:
    """Write the files of a job; shapes as in the module's description.

    Raises
    ------
    ValueError
        If the shapes do not fit each other.
    """
    if int(rows.sum()) != len(windows) or reference.shape[1:] != windows.shape[1:]:
        raise ValueError(
            f"windows of shape {windows.shape} do not fit rows, which sum to {int(rows.sum())}, and the "
            f"reference's shape {reference.shape}: give one row for each row and one column for each feature"
        )
    if (reference_text is None) != (windows_text is None):
        raise ValueError("text is given for the reference or for the windows alone: give both or neither")
    files = {"reference": reference, "windows": windows, "rows": np.asarray(rows, dtype=np.int64)}
    if reference_text is not None and windows_text is not None:
        if len(reference_text) != len(reference) or len(windows_text) != len(windows):
            raise ValueError(
                f"text has {len(reference_text)} and {len(windows_text)} rows, numbers have {len(reference)} "
                f"and {len(windows)}: give text for the same rows"
            )
        files |= {"reference_text": reference_text, "windows_text": windows_text}
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in files.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def read_reference(folder: Path) -> pd.DataFrame:
    """The reference of a job as a frame."""
    return _frame(_mapped(folder, "reference"), _mapped_text(folder, "reference_text"))


def read_rows(folder: Path) -> npt.NDArray[np.int64]:
    """Number of rows of each window of a job."""
    rows: npt.NDArray[np.int64] = np.load(folder / "rows.npy", allow_pickle=False)
    return rows


def read_windows(folder: Path) -> Iterator[pd.DataFrame]:
    """The windows of a job, one frame after the other."""
    numbers, text = _mapped(folder, "windows"), _mapped_text(folder, "windows_text")
    end = 0
    for n in read_rows(folder):
        start, end = end, end + int(n)
        yield _frame(numbers[start:end], None if text is None else text[start:end])


def write_answer(folder: Path, name: str, answer: Answer) -> None:
    """Write an answer; whoever sees the file sees all of it."""
    handle, unfinished = tempfile.mkstemp(dir=folder, prefix=f".{name}.", suffix=".npz")
    with os.fdopen(handle, "wb") as file:
        np.savez_compressed(
            file,
            features=np.array(answer.features),
            scores=answer.judgement.scores,
            flags=answer.judgement.flags,
            dataset_flags=answer.judgement.dataset_flags,
            fit_seconds=np.float64(answer.fit_seconds),
            judge_seconds=np.float64(answer.judge_seconds),
            about=np.array(json.dumps(answer.about)),
        )
    Path(unfinished).rename(folder / f"{name}.npz")


def read_answer(folder: Path, name: str) -> Answer:
    """Read what `write_answer` wrote."""
    with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
        return Answer(
            judgement=Judgement(
                scores=file["scores"], flags=file["flags"], dataset_flags=file["dataset_flags"]
            ),
            features=tuple(str(one) for one in file["features"]),
            fit_seconds=float(file["fit_seconds"]),
            judge_seconds=float(file["judge_seconds"]),
            about=json.loads(str(file["about"])),
        )


def _mapped(folder: Path, name: str) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    return array


def _mapped_text(folder: Path, name: str) -> npt.NDArray[Any] | None:
    return _mapped(folder, name) if (folder / f"{name}.npy").exists() else None


def _frame(numbers: npt.NDArray[Any], text: npt.NDArray[Any] | None) -> pd.DataFrame:
    """Numeric columns f00, ... and text columns c00, ... of an index of their own."""
    values = np.asarray(numbers, dtype=np.float64)
    frame = pd.DataFrame(values, columns=[f"f{j:02}" for j in range(values.shape[1])])
    if text is not None:
        for k in range(text.shape[1]):
            column = np.asarray(text[:, k]).astype(object)
            column[column == ""] = None
            frame[f"c{k:02}"] = pd.Series(column, dtype=object)
    return frame
