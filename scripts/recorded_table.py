"""Tables of recorded traffic: a CSV or Parquet of raw rows, or the Parquet of the archive."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drift_core.event import Event, Interval, LabelEvent, PredictionEvent
from drift_core.schema import Scalar
from scripts.bundles import LoadedBundle, plain
from scripts.event_ids import derived_event_id
from scripts.recorded_row import Answered, RowError, answer_of, event_id_of, features_of, number_of, time_of
from scripts.sources import MISFIT, Piece, SourceError, batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a table.

    Attributes
    ----------
    number : from 1.
    events : none for a bad row, two for a row with its label.
    problem : why it cannot be sent; None for a good row.
    raw : a bad row as JSON.
    """

    number: int
    events: tuple[Event, ...] = ()
    problem: str | None = None
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A good row before the model's answer is known."""

    event_id: str
    time_ms: int
    features: Mapping[str, Scalar]
    label: float | None
    label_time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReader:
    """How rows become events.

    Attributes
    ----------
    bundle : answers rows that have no prediction, and knows the features of a flat table.
    time_column : a timestamp, ISO 8601 or UTC milliseconds.
    step_ms : for rows without a time: milliseconds from one to the next, the first at 1970.
    label_column : a row's label becomes known at its `label_time`, or with the prediction.
    """

    bundle: LoadedBundle | None = None
    time_column: str = "event_time"
    step_ms: float | None = None
    label_column: str = "label"

    def rows(self, piece: Piece, done: int = 0) -> Iterator[Row]:
        """Rows of a file after the first `done`.

        Raises
        ------
        SourceError
            If the file cannot be read, or neither a time nor a prediction is known for its rows.
        """
        first = 1
        for batch in batches(piece):
            self._check(piece.name, batch[0])
            skipped = min(len(batch), max(0, done - first + 1))
            if skipped < len(batch):
                yield from self._converted(piece, batch[skipped:], first + skipped)
            first += len(batch)

    def _check(self, name: str, columns: Mapping[str, Any]) -> None:
        if self.step_ms is None and self.time_column not in columns:
            raise SourceError(
                f"{name} has no column {self.time_column!r}; give --time-column, or place its rows in time "
                f"with --window-rows or --interval"
            )
        if self.bundle is None:
            for needed in ("features", "prediction", "model_name", "model_version"):
                if needed not in columns:
                    raise SourceError(f"{name} has no column {needed!r}; give --bundle, whose model adds it")
        else:
            held = columns.get("features", columns)
            for feature in self.bundle.manifest.schema.names:
                if feature not in held:
                    raise SourceError(
                        f"{name} has no column {feature!r}, a feature of the model; rename or add it"
                    )

    def _converted(self, piece: Piece, batch: Sequence[Mapping[str, Any]], first: int) -> Iterator[Row]:
        told: dict[int, _Told] = {}
        answers: dict[int, Answered | None] = {}
        problems: dict[int, str] = {}
        for number, row in enumerate(batch, start=first):
            try:
                told[number] = self._told(piece, row, number)
                answers[number] = answer_of(row)
            except RowError as error:
                problems[number] = str(error)
        answers |= self._answers({n: told[n] for n, answer in answers.items() if answer is None})
        for number, row in enumerate(batch, start=first):
            answer = answers.get(number)
            if answer is None:
                problem = problems.get(
                    number, "the model has no finite prediction for it; fill in its missing values"
                )
                yield Row(number=number, problem=problem, raw=json.dumps(row, default=str).encode())
            else:
                yield Row(number=number, events=self._events(row, told[number], answer))

    def _told(self, piece: Piece, row: Mapping[str, Any], number: int) -> _Told:
        if MISFIT in row:
            raise RowError(row[MISFIT])
        time_ms = (
            time_of(self.time_column, row[self.time_column])
            if self.step_ms is None
            else round((number - 1) * self.step_ms)
        )
        values = row.get("features", row)
        label_time = row.get("label_time")
        return _Told(
            event_id=event_id_of(row) or derived_event_id(time_ms, piece.identity, number),
            time_ms=time_ms,
            features=features_of(values, self.bundle.manifest.schema)
            if self.bundle is not None
            else {name: plain(value) for name, value in values.items()},
            label=number_of(row, self.label_column),
            label_time=time_ms if label_time is None else time_of("label_time", label_time),
        )

    def _answers(self, told: Mapping[int, _Told]) -> dict[int, Answered]:
        """What the service would have answered; rows without a finite answer are left out."""
        if not told or self.bundle is None:
            return {}
        found = self.bundle.predict([row.features for row in told.values()])
        coverage = self.bundle.manifest.interval.coverage
        columns = (found.values, found.lower, found.upper, found.confidence)
        answers = zip(told, *(column.tolist() for column in columns), strict=True)
        return {
            number: Answered(
                prediction=value,
                interval=Interval(lower=lower, upper=upper, coverage=coverage),
                confidence=confidence,
            )
            for number, value, lower, upper, confidence in answers
            if math.isfinite(value) and math.isfinite(lower) and math.isfinite(upper)
        }

    def _events(self, row: Mapping[str, Any], told: _Told, answer: Answered) -> tuple[Event, ...]:
        manifest = self.bundle.manifest if self.bundle is not None else None
        prediction = PredictionEvent(
            event_id=told.event_id,
            event_time=told.time_ms,
            model_name=row.get("model_name") or (manifest.model_name if manifest else ""),
            model_version=row.get("model_version") or (manifest.model_version if manifest else ""),
            features=told.features,
            prediction=answer.prediction,
            interval=answer.interval,
            confidence=answer.confidence,
            source="replay",
        )
        if told.label is None:
            return (prediction,)
        label = LabelEvent(
            event_id=derived_event_id(told.label_time, told.event_id, "label"),
            event_time=told.label_time,
            model_name=prediction.model_name,
            prediction_id=told.event_id,
            label=told.label,
            source="replay",
        )
        return (prediction, label)
