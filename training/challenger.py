"""The challenger: trained on the older of some labelled predictions, compared on the latest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from drift_core.bundle import MODEL_FILE, Manifest
from drift_core.schema import Kind, Matrix
from training.bundle import Bundle
from training.challenge import FEWEST_ROWS, Trial, tried
from training.data import DataError
from training.export import run
from training.fit import Rows, split
from training.labelled import TIME, Labelled
from training.lease import RefusedError
from training.train import train


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a model is trained again; it stays in the challenger's manifest.

    Attributes
    ----------
    reason : for whoever reads it in a year.
    since : when it began, UTC milliseconds; None if that is not known.
    """

    reason: str
    since: int | None = None


def challenge(
    champion: Manifest,
    rows: Labelled,
    cause: Cause,
    *,
    created_at: datetime,
    calibrate: Callable[[float], None] | None = None,
) -> tuple[Bundle, Trial]:
    """Train a challenger with the champion's settings, and compare it with what the champion served.

    The split is that of training: the oldest three fifths fit, the next fifth calibrates the intervals, and
    the newest fifth, which the challenger has not seen, compares: of it the champion's predictions count.

    Parameters
    ----------
    calibrate : as `training.train.train` takes it.

    Raises
    ------
    DataError
        If the rows cannot be trained on, or a feature has become of another kind.
    RefusedError
        If the champion served too few of the newest.
    """
    coverage, seed = champion.interval.coverage, int(champion.training.get("seed", 0))
    parts = split(len(rows), rows.times, coverage=coverage, seed=seed)
    if rows.times[parts.test].min() < rows.times[np.concatenate([parts.fit, parts.calibration])].max():
        raise DataError("the newest predictions would be trained on: training.fit.split has changed")
    latest = parts.test[rows.versions[parts.test] == champion.model_version]
    if len(latest) < FEWEST_ROWS:
        raise RefusedError(
            f"{champion.model_version} served {len(latest)} of the {len(parts.test)} newest labelled "
            f"predictions, and at least {FEWEST_ROWS} are compared: it may run when about "
            f"{5 * (FEWEST_ROWS - len(latest)):,} more labels of it have come"
        )
    bundle = train(
        rows.frame,
        target=champion.target,
        time_column=TIME,
        model_name=champion.model_name,
        created_at=created_at,
        coverage=coverage,
        seed=seed,
        monitor=champion.monitor,
        quality=champion.quality,
        retraining=champion.retraining,
        segments=[one.column for one in champion.segments],
        units=_units(champion),
        source={"source": "archive"},
        calibrate=calibrate,
    )
    _refuse_other_kinds(champion, bundle.manifest)
    trial = _trial(bundle, rows, latest, len(parts.calibration), champion.retraining.margin)
    retrained = {
        "of": champion.model_version,
        "at": bundle.manifest.created_at,
        "why": cause.reason,
        "since": None if cause.since is None else _iso(cause.since),
        **trial.figures(),
    }
    manifest = replace(
        bundle.manifest,
        training={**bundle.manifest.training, "retrained": retrained},
    )
    return replace(bundle, manifest=manifest), trial


def _units(champion: Manifest) -> dict[str, str]:
    units = {one.name: one.unit for one in champion.schema.features if one.unit}
    return units | ({champion.target: champion.target_unit} if champion.target_unit else {})


def _refuse_other_kinds(champion: Manifest, challenger: Manifest) -> None:
    """A feature's kind is part of the table in Athena and of what the API takes."""
    for old, new in zip(champion.schema.features, challenger.schema.features, strict=True):
        if old.kind is not new.kind:
            raise DataError(
                f"feature {old.name!r} was {old.kind} and its newest values read as {new.kind}; see what its "
                f"source sends, then train from a file and deploy"
            )


def _trial(bundle: Bundle, rows: Labelled, latest: Rows, calibration_rows: int, margin: float) -> Trial:
    """What the champion served and what the challenger answers, for the same predictions."""
    manifest = bundle.manifest
    answers = run(bundle.files[MODEL_FILE], _matrix(manifest, rows, latest).astype(np.float32))
    lower, upper = manifest.interval.bounds(answers["prediction"], answers["lower"], answers["upper"])
    labels = rows.frame[manifest.target].to_numpy(float)[latest]
    return tried(
        np.abs(rows.predictions[latest] - labels),
        np.abs(answers["prediction"] - labels),
        margin=margin,
        covered=int(((lower <= labels) & (labels <= upper)).sum()),
        promised=manifest.interval.coverage,
        calibration_rows=calibration_rows,
    )


def _matrix(manifest: Manifest, rows: Labelled, latest: Rows) -> Matrix:
    """Shape (len(latest), number of features), coded as the service codes requests."""
    columns: list[Any] = []
    for feature in manifest.schema.features:
        values = rows.frame[feature.name].iloc[latest]
        columns.append(
            values.to_numpy(float) if feature.kind is Kind.NUMERIC else feature.codes(values.tolist())
        )
    return np.column_stack(columns)


def _iso(time: int) -> str:
    return f"{datetime.fromtimestamp(time / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
