"""Labelled predictions from the archive, as a table to train on and what was served for each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from drift_core.bundle import Manifest
from drift_core.schema import Kind, Matrix
from queries.athena import Athena
from queries.labelled import FIXED, labelled_sql

MOST_ROWS = 100_000
"""Predictions that are read at most, the newest: Athena hands them out a thousand at a time."""

TIME = "event_time"
"""The column of the frame that says when each prediction was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Predictions whose labels have come, in order of time.

    Attributes
    ----------
    frame : the features under their names, the target, and `TIME`.
    times : shape (n,), UTC milliseconds.
    versions : shape (n,), of the models that predicted.
    predictions : shape (n,), as served.
    scanned_bytes : what Athena read for them.
    """

    frame: pd.DataFrame
    times: npt.NDArray[np.int64]
    versions: npt.NDArray[np.object_]
    predictions: Matrix
    scanned_bytes: int

    def __len__(self) -> int:
        return len(self.frame)

    def since(self, time: int) -> Labelled:
        """Those predicted at this time or later, UTC milliseconds."""
        first = int(np.searchsorted(self.times, time))
        return Labelled(
            frame=self.frame.iloc[first:].reset_index(drop=True),
            times=self.times[first:],
            versions=self.versions[first:],
            predictions=self.predictions[first:],
            scanned_bytes=self.scanned_bytes,
        )


def labelled(
    athena: Athena, manifest: Manifest, first: date, last: date, *, most: int = MOST_ROWS
) -> Labelled:
    """Ask Athena for the labelled predictions of some days.

    Parameters
    ----------
    manifest : of the served version, whose features are read.
    first, last : days in UTC, both included.
    most : rows at most, the newest.

    Raises
    ------
    queries.athena.AthenaError
        If the query fails.
    """
    sql = labelled_sql(manifest.model_name, manifest.schema.names, first, last, most=most)
    answer = athena.ask(sql)
    columns: Mapping[str, tuple[str | None, ...]] = dict(
        zip(
            (*FIXED, *manifest.schema.names),
            zip(*answer.rows, strict=True) if answer.rows else [()] * len(answer.columns),
            strict=True,
        )
    )
    texts = [(text or "").removesuffix(" UTC") for text in columns[TIME]]
    times = pd.Series(pd.to_datetime(texts, format="ISO8601", utc=True))
    frame = pd.DataFrame(
        {
            **{one.name: _values(one.kind, columns[one.name]) for one in manifest.schema.features},
            manifest.target: _numbers(columns["label"]),
            TIME: times,
        }
    )
    order = np.lexsort((np.array(columns["event_id"], object).astype(str), times.to_numpy()))
    milliseconds = times.astype("datetime64[ms, UTC]").to_numpy("datetime64[ms]").astype(np.int64)
    return Labelled(
        frame=frame.iloc[order].reset_index(drop=True),
        times=milliseconds[order],
        versions=np.array(columns["model_version"], object)[order],
        predictions=_numbers(columns["prediction"])[order],
        scanned_bytes=answer.scanned_bytes,
    )


def _values(kind: Kind, texts: tuple[str | None, ...]) -> npt.NDArray[Any]:
    """A feature's values as training has them; missing ones are None or NaN."""
    if kind is Kind.NUMERIC:
        return _numbers(texts)
    if kind is Kind.BOOLEAN:
        return np.array([None if text is None else text.lower() == "true" for text in texts], object)
    return np.array(texts, object)


def _numbers(texts: tuple[str | None, ...]) -> Matrix:
    return np.array([np.nan if text is None else float(text) for text in texts], float)
