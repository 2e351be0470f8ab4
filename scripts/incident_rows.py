"""The archived rows of an incident: what moved, where, how it began, and what labels say."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from drift_core.baseline import PREDICTION, Baseline
from drift_core.bins import Column
from drift_core.bundle import Manifest
from drift_core.schema import Kind, Matrix
from scripts.archived import Archived, archived
from scripts.incident_documents import Incident, NoIncidentError
from scripts.retraining_watch import time_of
from scripts.stack import Stack

ABRUPT = 0.7
"""Share of the whole shift that the first window has where it came at once."""

EARLIER = pd.Timedelta(hours=12)
"""Before an incident, from when on rows of the same hours are of an earlier day."""

_FEWEST = 10  # rows of a value in either time, below which its mean says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """How a number's mean moved from window to window.

    Attributes
    ----------
    means : by begin of the window, in training's standard deviations from training's mean.
    first_share : share of the whole shift that the first changed window has; NaN where nothing shifts.
    same_hours_sigma : its shift against the same hours of earlier days; None where the archive has none.
    """

    means: pd.Series
    first_share: float
    same_hours_sigma: float | None

    @property
    def abrupt(self) -> bool:
        """Whether the shift came at once."""
        return bool(self.first_share >= ABRUPT)


def archived_rows(stack: Stack, manifest: Manifest, incident: Incident) -> tuple[Archived, Archived]:
    """The rows before an incident, from the first of its verdicts on, and those of the incident.

    Raises
    ------
    NoIncidentError
        If the archive has none of either.
    """
    first = time_of((incident.before or incident.during)[0]["start"])
    spans = ((first, incident.begin), (incident.begin, incident.end))
    before, during = (archived(stack, manifest, *span) for span in spans)
    if before is None or during is None:
        raise NoIncidentError(
            f"the archive has no rows {'before' if before is None else 'of'} the incident, which begins at "
            f"{pd.Timestamp(incident.begin, unit='ms')} UTC; look further back"
        )
    return before, during


def rows_of(read: Archived) -> pd.DataFrame:
    """Rows as a table: the features, `prediction`, `lower`, `upper`, `label` and `time` (UTC)."""
    return pd.DataFrame(
        {
            **read.table.values,
            "prediction": read.served[PREDICTION],
            "lower": read.served["interval_lower"],
            "upper": read.served["interval_upper"],
            "label": read.table.labels,
            "time": pd.DatetimeIndex(np.asarray(read.table.times, "datetime64[ms]")).tz_localize("UTC"),
        }
    )


def column_of(baseline: Baseline, name: str) -> Column:
    """The column that the baseline froze under this name.

    Raises
    ------
    KeyError
        If it has none.
    """
    found = {column.name: column for column in baseline.columns}
    return found[name]


def shares(column: Column, times: pd.DataFrame) -> pd.DataFrame:
    """Share of rows by bin of training, in training and in each other column of `times`.

    Parameters
    ----------
    times : shape (bins, k), counts by bin, one column for each time that is compared.
    """
    training = pd.Series(column.reference, index=times.index, name="training")
    counts = pd.concat([training, times], axis=1)
    return counts / counts.sum()


def counted(column: Column, coded: Matrix) -> pd.Series:
    """Rows by bin, named for people.

    Parameters
    ----------
    coded : shape (n,), as the schema codes the column.
    """
    names = [*column.categories, "(other)"]
    if column.numeric:
        edges = [f"{edge:.4g}" for edge in column.edges]
        names = [low if low == high else f"{low} – {high}" for low, high in pairwise(edges)]
    names += [f"({special.replace('_', ' ')})" for special in column.specials]
    return pd.Series(np.bincount(column.index(coded), minlength=column.size), index=pd.Index(names))


def by_segment(
    before: pd.DataFrame, during: pd.DataFrame, feature: str, manifest: Manifest, scale: float
) -> pd.DataFrame:
    """Where a numeric feature moved: its mean by each value of the other features that have few.

    Parameters
    ----------
    before, during : from `rows_of`.
    scale : the feature's standard deviation in training.

    Returns
    -------
    One row for each value, the largest shift first: `rows` now, `before` and `during` (means), `times` (the
    ratio of the medians), `shift_sigma`, and `part` of the whole shift that comes from these rows.
    """
    whole = during[feature].mean() - before[feature].mean()
    found = []
    for other in manifest.schema.features:
        if other.kind is Kind.NUMERIC or other.name == feature:
            continue
        for value in other.categories:
            old, new = (side.loc[side[other.name].map(_text) == value, feature] for side in (before, during))
            if min(len(old), len(new)) < _FEWEST:
                continue
            shift = new.mean() - old.mean()
            found.append(
                {
                    "segment": f"{other.name} = {value}",
                    "rows": len(new),
                    "before": old.mean(),
                    "during": new.mean(),
                    "times": new.median() / old.median() if old.median() else np.nan,
                    "shift_sigma": shift / scale,
                    "part": len(new) / len(during) * shift / whole if whole else np.nan,
                }
            )
    if not found:
        return pd.DataFrame(columns=["rows", "before", "during", "times", "shift_sigma", "part"])
    named = pd.DataFrame(found).set_index("segment")
    return named.reindex(named["shift_sigma"].abs().sort_values(ascending=False, kind="stable").index)


def onset(rows: pd.DataFrame, column: Column, begin: pd.Timestamp, window: pd.Timedelta) -> Onset:
    """How a numeric feature moved.

    Parameters
    ----------
    rows : from `rows_of`, before and during.
    begin : of the drift.
    """
    value = (rows[column.name] - column.center) / column.scale
    means = value.groupby(rows["time"].dt.floor(window)).mean()
    usual, now = value[rows["time"] < begin].mean(), value[rows["time"] >= begin].mean()
    first = means[means.index >= begin.floor(window)]
    share = float((first.iloc[0] - usual) / (now - usual)) if len(first) and now != usual else np.nan
    same = _same_hours(rows, begin)
    return Onset(
        means=means,
        first_share=share,
        same_hours_sigma=None if same is None else float(now - value[same].mean()),
    )


def errors(rows: pd.DataFrame, window: pd.Timedelta) -> pd.DataFrame:
    """By window the labelled rows, their mean absolute error, bias and share of labels in the interval."""
    known = rows.dropna(subset=["label", "prediction"])
    error = known["prediction"] - known["label"]
    inside = known["label"].between(known["lower"], known["upper"]).where(known["lower"].notna())
    by = known["time"].dt.floor(window)
    return pd.DataFrame(
        {
            "labelled": error.groupby(by).size(),
            "mae": error.abs().groupby(by).mean(),
            "bias": error.groupby(by).mean(),
            "in_interval": inside.astype(float).groupby(by).mean(),
        }
    )


def _text(value: object) -> str:
    """A category as the schema names it."""
    return str(value).lower() if isinstance(value, bool | np.bool) else str(value)


def _same_hours(rows: pd.DataFrame, begin: pd.Timestamp) -> pd.Series | None:
    """Rows of earlier days in the hours of the day that the incident has."""
    hours = rows.loc[rows["time"] >= begin, "time"].dt.hour.unique()
    same = rows["time"].dt.hour.isin(hours) & (rows["time"] < begin - EARLIER)
    return same if same.any() else None
