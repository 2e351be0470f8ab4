"""What the latest documents of the archive say of an incident's cause, in figures and in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from drift_consumer.baselines import Baselines
from drift_core.alert_text import percent
from drift_core.bins import Column
from drift_core.causes import Cause
from drift_core.incident import Finding
from drift_core.span import Span
from report.facts import MEASURES
from report.numbers import plain
from report.relations import related
from report.why import Why, why

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WINDOWS = 3
"""Latest verdicts on windows that are read, beside the latest hour and day: the alarm may be of either."""

_TIME = -2
"""Position of the begin in the name of a document, whose parts are separated by dots."""

_BEHIND = {"verdicts": 4, "quality": 3, "explained": 2}
"""Parts of that name behind the model's version, by folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The archive of one model."""

    s3: S3Client
    archive: str
    baselines: Baselines
    model_name: str

    def of(self, cause: Cause, now: int) -> Finding:
        """What is found of a cause; of most causes the archive says nothing.

        Parameters
        ----------
        now : UTC milliseconds; documents of this day and the day before are looked at.
        """
        match cause:
            case Cause.DATA:
                return self._of_data(now)
            case Cause.QUALITY | Cause.LABELS:
                return self._of_quality(cause, now)
            case _:
                return Finding()

    def _of_data(self, now: int) -> Finding:
        keys = self._keys("verdicts", now)
        found = []
        for span, number in ((Span.WINDOW, WINDOWS), (Span.HOUR, 1), (Span.DAY, 1)):
            mine = [key for key in keys if key.split(".")[_TIME - 1] == span]
            found += [self._rows(key)[0] for key in sorted(mine, key=_begin)[-number:]]
        drifting = [one for one in found if one["drift"]]
        damage = self._damage(now)
        if not drifting:
            return Finding(lines=damage)
        verdict = max(drifting, key=lambda one: float(one["drift_score"]))
        columns = {**verdict["features"], **_named(verdict)}
        guilty = [name for name in verdict["guilty"] if name in columns]
        found_in = self._whys(verdict, guilty, columns)
        windows = [one for one in drifting if one["span"] == Span.WINDOW]
        starts = [one["start"] for one in windows or [verdict]]  # an hour begins before what drifted in it
        begins = [columns[name]["since"] for name in guilty if columns[name].get("since")]
        return Finding(
            model_version=verdict["model_version"],
            since=min(_milliseconds(text) for text in (*begins, *starts)),
            features=tuple(verdict["guilty"]),
            score=verdict["drift_score"],
            affected_share=max((one.affected_share or 0 for one in found_in.values()), default=None),
            lines=(
                *(f"{name}: {one.text}" for name, one in found_in.items()),
                *_relations(verdict),
                *damage,
            ),
        )

    def _whys(
        self, verdict: Mapping[str, Any], guilty: Sequence[str], told: Mapping[str, Any]
    ) -> dict[str, Why]:
        """Why each guilty column drifted, the strongest first."""
        baseline = self.baselines.get(self.model_name, verdict["model_version"]).baseline
        columns = {column.name: column for column in baseline.columns}
        counted = verdict.get("histograms") or {}  # absent in what was written before verdicts had them
        return {name: _why(columns[name], told[name], counted.get(name)) for name in guilty}

    def _damage(self, now: int) -> tuple[str, ...]:
        """Errors before labels come, as the latest explained hour estimates them."""
        keys = self._keys("explained", now)
        if not keys:
            return ()
        row = self._rows(max(keys, key=_begin))[0]
        after, before = row.get("estimated_mae"), row.get("training_estimated_mae")
        if after is None or not before:
            return ()
        change = f"{100 * (after / before - 1):+.0f} %"
        told = f"{plain(before)} in training → {plain(after)} now ({change})"
        return (f"estimated mean absolute error: {told}",)

    def _of_quality(self, cause: Cause, now: int) -> Finding:
        keys = sorted(self._keys("quality", now), key=_begin, reverse=True)[:WINDOWS]
        judged = [self._rows(key)[0] for key in keys]
        told = next((row for row in judged if row.get("score") is not None), None)
        latest = told or (judged[0] if judged else None)
        if latest is None:
            return Finding()
        lines = []
        mae, before = latest.get("mae"), latest.get("training_mae")
        if mae is not None:
            seen = f" (training: {plain(before)})" if before else ""
            lines.append(f"mean absolute error on {latest['labelled']:,} labels: {plain(mae)}{seen}")
        if latest.get("interval_coverage") is not None:
            lines.append(f"intervals that hold their label: {percent(latest['interval_coverage'])}")
        if latest.get("label_share") is not None:
            lines.append(f"predictions with a label: {percent(latest['label_share'])}")
        if latest.get("guilty_segments"):
            lines.append(f"segments: {', '.join(latest['guilty_segments'][:5])}")
        mine = cause is Cause.QUALITY
        return Finding(
            model_version=latest["model_version"],
            since=_milliseconds(latest["since"]) if mine and latest.get("since") else None,
            score=latest.get("score") if mine else None,
            lines=tuple(lines),
        )

    def _keys(self, folder: str, now: int) -> list[str]:
        """Keys of this model's documents of two days, of the version with the latest of them."""
        today = datetime.fromtimestamp(now / 1000, UTC)
        keys = [key for day in (today - timedelta(days=1), today) for key in self._listed(folder, day)]
        if not keys:
            return []
        versions = {key: key.rpartition("/")[2].rsplit(".", _BEHIND[folder])[0] for key in keys}
        served = versions[max(keys, key=_begin)]
        return [key for key in keys if versions[key] == served]

    def _listed(self, folder: str, day: datetime) -> Iterator[str]:
        prefix = f"{folder}/{day:dt=%Y-%m-%d}/{self.model_name}."
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.archive, Prefix=prefix)
        keys = (one["Key"] for page in pages for one in page.get("Contents", ()))
        return (key for key in keys if ".shadow-" not in key)

    def _rows(self, key: str) -> list[dict[str, Any]]:
        content = self.s3.get_object(Bucket=self.archive, Key=key)["Body"].read()
        return [json.loads(line) for line in content.splitlines()]


def _relations(verdict: Mapping[str, Any]) -> tuple[str, ...]:
    """How the features go together, where that drifted as well."""
    found = verdict.get("multivariate")
    return (f"how the features go together: {related(found)}",) if found and found["drift"] else ()


def _begin(key: str) -> int:
    return int(key.split(".")[_TIME])


def _named(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that stand beside the features."""
    names = ("prediction", "interval_width")
    return {name: verdict[name] for name in names if verdict.get(name) is not None}


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _why(column: Column, told: Mapping[str, Any], counts: Sequence[int] | None) -> Why:
    """What a verdict found in a column, in words."""
    measures = {name: float(told[name]) for name in MEASURES if told.get(name) is not None}
    return why(
        column,
        measures,
        signal=told["top_contrast"],
        counts=None if counts is None else np.array(counts),
    )
