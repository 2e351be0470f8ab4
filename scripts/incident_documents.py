"""The documents of an incident: verdicts of some days, the incident among them, answers of Athena."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from drift_core.baseline import INTERVAL_WIDTH, PREDICTION
from drift_core.bundle import Manifest
from drift_core.schema import Kind, Matrix
from drift_core.signals import RELATIONS
from drift_core.span import Span
from queries.athena import Answer, Athena
from scripts.bundles import watched_model
from scripts.question import Question
from scripts.retraining_watch import time_of
from scripts.stack import Stack

GAP = 3
"""Windows without drift after which what drifts next is another incident."""

_AT_ONCE = 16  # documents that are fetched at the same time; they are many and small
_WHOLE, _REAL = ("bigint", "integer"), ("double", "float", "real")

type Document = Mapping[str, Any]


class NoIncidentError(LookupError):
    """Days without drift; the text names them and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Windows of one version that drifted one after the other.

    Attributes
    ----------
    begin : when the drift began, UTC milliseconds: as charts say, or with the first window that drifts.
    found, end : begin of the first window that drifts, and end of the last, UTC milliseconds.
    window_seconds : length of most windows.
    before, during : the verdicts until `begin`, and those from then to `end`.
    guilty : columns that drifted in them, the strongest first.
    """

    model_name: str
    model_version: str
    begin: int
    found: int
    end: int
    window_seconds: int
    before: tuple[Document, ...]
    during: tuple[Document, ...]
    guilty: tuple[str, ...]


def verdicts(stack: Stack, since: datetime, until: datetime) -> list[Document]:
    """The verdicts on windows that begin in [since, until), of all served versions, in the order of time.

    Parameters
    ----------
    since, until : with a time zone.
    """
    s3, bucket = stack.client("s3"), stack.outputs["ArchiveBucketName"]
    first, last = (round(time.timestamp() * 1000) for time in (since, until))
    mark, keys = f".{Span.WINDOW.value}.", []
    for number in range((until.astimezone(UTC).date() - since.astimezone(UTC).date()).days + 1):
        day = since.astimezone(UTC).date() + timedelta(days=number)
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=f"verdicts/dt={day}/{watched_model(stack)}."
        )
        keys += [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    wanted = [key for key in keys if mark in key and first <= int(key.split(".")[-2]) < last]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda key: s3.get_object(Bucket=bucket, Key=key)["Body"].read(), wanted)
        return sorted(map(json.loads, found), key=lambda one: time_of(one["start"]))


def latest(documents: Sequence[Document], version: str | None = None) -> Incident:
    """The latest incident.

    Parameters
    ----------
    documents : from `verdicts`.
    version : whose incident; by default that of the window that drifted last.

    Raises
    ------
    NoIncidentError
        If no window drifted.
    """
    drifted = [one for one in documents if one["drift"] and version in (None, one["model_version"])]
    if not drifted:
        versions = ", ".join(sorted({one["model_version"] for one in documents})) or "none"
        raise NoIncidentError(
            f"no window of {version or 'any version'} drifted among {len(documents)} verdicts (versions: "
            f"{versions}); look further back, or at the labels: python -m scripts.query model_quality"
        )
    version = drifted[-1]["model_version"]
    ours = [one for one in documents if one["model_version"] == version]
    at = [place for place, one in enumerate(ours) if one["drift"]]
    first = max((b for a, b in zip([-GAP - 2, *at], at, strict=False) if b - a > GAP), default=at[0])
    run = ours[first : at[-1] + 1]
    found = time_of(run[0]["start"])
    begin = min([found, *(time_of(one["since"]) for one in run if one["since"])])
    length = pd.Series([one["window_seconds"] for one in run]).mode()[0]
    return Incident(
        model_name=run[0]["model_name"],
        model_version=version,
        begin=begin,
        found=found,
        end=time_of(run[-1]["end"]),
        window_seconds=int(length),
        before=tuple(one for one in ours if time_of(one["end"]) <= begin),
        during=tuple(one for one in ours if begin <= time_of(one["start"]) <= time_of(run[-1]["start"])),
        guilty=_strongest_first(run),
    )


def scores(documents: Sequence[Document]) -> dict[str, Matrix]:
    """By column, and of how the features go together, shape (documents,); NaN where a verdict has none."""
    rows = [_judged(one) for one in documents]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: np.array([row[name]["score"] if name in row else np.nan for row in rows]) for name in names}


def asked(stack: Stack, question: str, **parameters: str) -> pd.DataFrame:
    """Ask Athena a question of queries/; the answer as a table.

    Raises
    ------
    QueryError
        If there is no such question, or a parameter is wrong.
    AthenaError
        If Athena refuses or fails.
    """
    athena = Athena(
        client=stack.client("athena"),
        workgroup=stack.outputs["AthenaWorkgroupName"],
        database=stack.outputs["GlueDatabaseName"],
    )
    return table(athena.ask(Question.load(question).sql(parameters)))


def table(answer: Answer) -> pd.DataFrame:
    """An answer with numbers as numbers and times as times."""
    columns = {}
    for place, (name, kind) in enumerate(zip(answer.columns, answer.types, strict=True)):
        columns[name] = _typed(pd.Series([row[place] for row in answer.rows], dtype=object), kind)
    return pd.DataFrame(columns)


def _typed(column: Any, kind: str) -> Any:
    if kind.startswith("timestamp"):
        return pd.to_datetime(column.str.removesuffix(" UTC"), utc=True)
    if kind == "boolean":
        return column.map({"true": True, "false": False}).astype("boolean")
    if kind in _WHOLE:
        return pd.to_numeric(column).astype("Int64")
    return pd.to_numeric(column).astype("float64") if kind in _REAL else column


def impossible_percent(incident: Incident) -> float:
    """Points of the rows, 0 to 100, that are newly missing, unseen or out of range in the worst feature."""
    most = 0.0
    for share in ("missing_share", "unseen_share", "out_of_range_share"):
        for name in incident.during[0]["features"]:
            now, usual = (
                [one["features"][name][share] for one in some] for some in (incident.during, incident.before)
            )
            most = max(most, float(np.mean(now)) - (float(np.mean(usual)) if usual else 0.0))
    return 100 * most


def moved(incident: Incident, manifest: Manifest, count: int = 3) -> list[str]:
    """Numeric features, the guilty ones first and then those with the highest scores; at most so many."""
    numeric = [feature.name for feature in manifest.schema.features if feature.kind is Kind.NUMERIC]
    found = scores(incident.during)
    guilty = [name for name in incident.guilty if name in numeric]
    others = sorted((name for name in numeric if name not in guilty), key=lambda name: -found[name].max())
    return [*guilty, *others][:count]


def _judged(document: Document) -> dict[str, Document]:
    further = {
        RELATIONS: document["multivariate"],
        PREDICTION: document["prediction"],
        INTERVAL_WIDTH: document["interval_width"],
    }
    return {**document["features"], **{name: one for name, one in further.items() if one is not None}}


def _strongest_first(run: Sequence[Document]) -> tuple[str, ...]:
    """Guilty columns by the sum of their scores; those of segments, which have none there, last."""
    weight: dict[str, float] = {}
    for one in run:
        judged = _judged(one)
        for name in one["guilty"]:
            weight[name] = weight.get(name, 0.0) + (judged[name]["score"] if name in judged else 0.0)
    return tuple(sorted(weight, key=lambda name: -weight[name]))
