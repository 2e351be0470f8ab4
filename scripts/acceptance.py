"""Accept a known shift: the same model under a new version, with a baseline frozen from its own traffic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from drift_core.baseline import Baseline
from drift_core.bins import Column, Counts
from drift_core.bundle import (
    ATTRIBUTION_FILE,
    BASELINE_FILE,
    ERRORS_FILE,
    EXPECTED_ERROR_FILE,
    EXPECTED_ERROR_OUTPUT,
    MODEL_FILE,
    SAMPLE_FILE,
    FileEntry,
    Manifest,
)
from drift_core.detectors import distances
from drift_core.errors import LEVELS, ErrorBaseline
from drift_core.evidence import values_of
from drift_core.expected_error import ExpectedErrorBaseline
from drift_core.freeze import freeze
from drift_core.schema import Matrix
from drift_core.segment_cells import NoRoomError
from scripts.archived import Archived
from training.attribute import attribute
from training.bundle import Bundle, version_of
from training.expected_error import with_prediction
from training.export import run
from training.sample import sample_parquet

KEPT_FILES = (MODEL_FILE, ERRORS_FILE, EXPECTED_ERROR_FILE, ATTRIBUTION_FILE)
"""Files of the version before that belong to the model; what they tell of its traffic is measured anew."""

FEWEST_ROWS = 1_000
"""Fewer rows make a baseline whose own error hides what a monitor is for."""


class AcceptError(ValueError):
    """Traffic that cannot become a baseline; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What accepting changes for one column; shares are of the rows, before and after.

    Attributes
    ----------
    mean_shift_sigma : in standard deviations of the baseline; None for categories.
    strange : values beyond the range of the baseline, or categories that the model does not know.
    js : Jensen-Shannon distance (base 2); None if nothing is left to compare.
    """

    name: str
    mean_shift_sigma: float | None
    missing: tuple[float, float]
    strange: tuple[float, float]
    js: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who accepts what, when and why; it stays in the new bundle's manifest.

    Attributes
    ----------
    start, end : of the accepted traffic, UTC milliseconds, the end excluded.
    """

    by: str
    why: str
    at: datetime
    start: int
    end: int

    def __post_init__(self) -> None:
        for name in ("by", "why"):
            if not getattr(self, name).strip():
                raise AcceptError(f"--{name} is empty; whoever reads it in a year wants to know")
        if self.start >= self.end:
            raise AcceptError("--from does not lie before --to; give a range of time")


def differences(baseline: Baseline, archived: Archived) -> Iterator[Difference]:
    """What accepting this traffic would change, column by column."""
    for column, values in zip(baseline.columns, _columns(baseline, archived), strict=True):
        old = np.array(column.reference)
        new = np.bincount(column.index(values), minlength=column.size)
        finite = values[np.isfinite(values)]
        strange = ("below", "above") if column.numeric else ("unseen",)
        shift = (finite.mean() - column.center) / column.scale if column.numeric and len(finite) else None
        yield Difference(
            name=column.name,
            mean_shift_sigma=None if shift is None else float(shift),
            missing=(_share(column, old, "missing"), _share(column, new, "missing")),
            strange=(_share(column, old, *strange), _share(column, new, *strange)),
            js=distances(column, values_of(column, old), values_of(column, new)).get("js"),
        )


def _columns(baseline: Baseline, archived: Archived) -> list[Matrix]:
    """The traffic as the columns of a baseline."""
    matrix = archived.table.matrix
    widths = archived.interval_widths
    served = [archived.served["prediction"], np.full(len(matrix), np.nan) if widths is None else widths]
    return [*matrix.T, *served][: len(baseline.columns)]


def _share(column: Column, counts: Counts, *names: str) -> float:
    return float(sum(counts[column.special(name)] for name in names) / counts.sum())


def refuse_unfit(manifest: Manifest, archived: Archived) -> None:
    """Do nothing, if this traffic can become a baseline.

    Raises
    ------
    AcceptError
        If there are too few rows, or a feature has no value in any of them.
    """
    rows = len(archived.table.matrix)
    if rows < FEWEST_ROWS:
        raise AcceptError(
            f"{rows:,} rows of {manifest.model_version} are archived in this range; a baseline needs at "
            f"least {FEWEST_ROWS:,}: give a longer one"
        )
    for i, feature in enumerate(manifest.schema.features):
        if np.isnan(archived.table.matrix[:, i]).all():
            raise AcceptError(
                f"feature {feature.name!r} is missing in all {rows:,} rows; repair its source, or train a "
                f"model without it"
            )


def accepted(
    manifest: Manifest,
    kept: Mapping[str, bytes],
    archived: Archived,
    decision: Decision,
    calibrate: Callable[[float], None] | None = None,
) -> Bundle:
    """The same model with the traffic as its baseline; the same arguments give the same bytes.

    Parameters
    ----------
    manifest, kept : of the version whose traffic is accepted; its files that go with the model, `KEPT_FILES`.
        What labels showed in training stays the norm; the errors estimated of the accepted traffic, and what
        its predictions are made of, become it.
    calibrate : as in `drift_core.freeze.freeze`.

    Raises
    ------
    AcceptError
        If the traffic cannot become a baseline.
    """
    refuse_unfit(manifest, archived)
    table, rows = archived.table, len(archived.table.matrix)
    try:
        unnamed = freeze(
            model_name=manifest.model_name,
            model_version="unnamed",
            schema=manifest.schema,
            matrix=table.matrix,
            predictions=archived.served["prediction"],
            interval_widths=archived.interval_widths,
            times=table.times,
            settings=replace(manifest.monitor, window_seconds=archived.window_seconds),
            segments=manifest.segments,
            calibrate=calibrate,
        )
    except NoRoomError as error:  # wider traffic has more bins
        raise AcceptError(str(error)) from error
    at = decision.at.astimezone(UTC)
    version = version_of(kept[MODEL_FILE], unnamed, at)
    files = {
        **kept,
        **_errors(manifest, kept, archived),
        **_attributions(manifest, kept, archived),
        BASELINE_FILE: replace(unnamed, model_version=version).to_json().encode(),
        SAMPLE_FILE: sample_parquet(table, np.arange(rows), archived.served, seed=0),
    }
    about = {
        "of": manifest.model_version,
        "by": decision.by,
        "at": _iso(at),
        "why": decision.why,
        "from": _iso(datetime.fromtimestamp(decision.start / 1000, UTC)),
        "to": _iso(datetime.fromtimestamp(decision.end / 1000, UTC)),
        "rows": rows,
    }
    return Bundle(
        manifest=replace(
            manifest,
            model_version=version,
            created_at=_iso(at),
            training={**manifest.training, "accepted": about},
            files={name: FileEntry.of(content) for name, content in files.items()},
        ),
        baseline=replace(unnamed, model_version=version),
        files=files,
    )


def _attributions(manifest: Manifest, kept: Mapping[str, bytes], archived: Archived) -> dict[str, bytes]:
    """What the model's answers are made of in this traffic, if the version before told that of its own."""
    if ATTRIBUTION_FILE not in kept:
        return {}
    rows = archived.table.matrix.astype(np.float32)
    found = attribute(kept[MODEL_FILE], manifest.schema.names, rows, archived.table.times, seed=0)
    return {ATTRIBUTION_FILE: found.to_json().encode()}


def _errors(manifest: Manifest, kept: Mapping[str, bytes], archived: Archived) -> dict[str, bytes]:
    """The file of errors, with those that are estimated of the accepted traffic."""
    if ERRORS_FILE not in kept or EXPECTED_ERROR_FILE not in kept:
        return {}
    errors = ErrorBaseline.from_json(kept[ERRORS_FILE])
    table = archived.table
    rows = with_prediction(table.matrix.astype(np.float32), archived.served["prediction"])
    estimates = run(kept[EXPECTED_ERROR_FILE], rows, (EXPECTED_ERROR_OUTPUT,))[EXPECTED_ERROR_OUTPUT]
    windows = None if table.times is None else manifest.quality.windows(table.times)
    expected = ExpectedErrorBaseline.of(estimates, LEVELS, windows)
    return {ERRORS_FILE: replace(errors, expected=expected).to_json().encode()}


def _iso(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
