"""`POST /predict`: instances become predictions, an answer and events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from drift_core.event import Interval, PredictionEvent, new_event_id
from drift_core.schema import UNSEEN, FeatureSchema, Kind, Matrix, Scalar
from ingest_lambda.bundle import Served
from ingest_lambda.model import Predictions
from ingest_lambda.refusal import MAX_LISTED, Refusal, RequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """A served request.

    Attributes
    ----------
    events : one for each instance, in order.
    unseen : values of categories that training never saw.
    """

    events: Sequence[PredictionEvent]
    unseen: int

    def answer(self) -> dict[str, Any]:
        """Body of the answer."""
        first = self.events[0]
        return {
            "model_name": first.model_name,
            "model_version": first.model_version,
            "predictions": [
                {
                    "prediction_id": event.event_id,
                    "value": event.prediction,
                    "interval": event.interval and asdict(event.interval),
                    "confidence": event.confidence,
                }
                for event in self.events
            ],
        }


def predict(served: Served, instances: Sequence[Mapping[str, Scalar]], *, now_ms: int) -> Predicted:
    """Predict instances that fit the schema.

    Parameters
    ----------
    now_ms : UTC milliseconds; the time of the events and of their ids.

    Raises
    ------
    RequestError
        422 for instances of which the model has no finite prediction: a model may not know missing values.
    """
    manifest = served.manifest
    matrix = manifest.schema.encode(instances)
    predictions = served.model.predict(matrix)
    _check_finite(predictions)
    columns = (predictions.values, predictions.lower, predictions.upper, predictions.confidence)
    rows = zip(instances, *(column.tolist() for column in columns), strict=True)
    events = [
        PredictionEvent(
            event_id=new_event_id(now_ms),
            event_time=now_ms,
            model_name=manifest.model_name,
            model_version=manifest.model_version,
            features=instance,
            prediction=value,
            interval=Interval(lower=lower, upper=upper, coverage=manifest.interval.coverage),
            confidence=confidence,
            source="api",
        )
        for instance, value, lower, upper, confidence in rows
    ]
    return Predicted(events=events, unseen=_unseen(manifest.schema, matrix))


def _check_finite(predictions: Predictions) -> None:
    finite = np.isfinite(predictions.values) & np.isfinite(predictions.lower) & np.isfinite(predictions.upper)
    if not finite.all():
        refused = np.flatnonzero(~finite).tolist()
        listed = [
            Refusal(
                field=f"instances[{position}]",
                value=None,
                problem="the model has no finite prediction for it",
                remedy="fill in its missing values, or give less extreme ones",
            )
            for position in refused[:MAX_LISTED]
        ]
        raise RequestError.of(listed, count=len(refused))


def _unseen(schema: FeatureSchema, matrix: Matrix) -> int:
    categories = [i for i, feature in enumerate(schema.features) if feature.kind is Kind.CATEGORICAL]
    return int((matrix[:, categories] == UNSEEN).sum())
