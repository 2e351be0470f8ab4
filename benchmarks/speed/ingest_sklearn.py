"""The prediction API as one would write it first: pandas, a scikit-learn pipeline from joblib, boto3.

It answers with the same fields and writes the same event, and it checks nothing.
"""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd


class Handler:
    """The handler and what it loads when its environment starts.

    Parameters
    ----------
    folder : of the bundle, with `pipelines.joblib` in it.
    kinesis : a client of Kinesis.
    """

    def __init__(self, folder: Path, kinesis: Any) -> None:
        self.kinesis = kinesis
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.pipelines = joblib.load(folder / "pipelines.joblib")
        self.predicting = 0.0

    def __call__(self, body: str) -> dict[str, Any]:
        """Answer one request."""
        instances = json.loads(body)["instances"]
        frame = pd.DataFrame(instances)
        started = time.perf_counter()
        names = ("prediction", "lower", "upper")
        value, lower, upper = (self.pipelines[name].predict(frame) for name in names)
        self.predicting = time.perf_counter() - started
        offset = self.manifest["interval"]["offset"]
        lower, upper = np.minimum(lower - offset, value), np.maximum(upper + offset, value)
        now = time.time_ns() // 1_000_000
        rows = list(zip(instances, value.tolist(), lower.tolist(), upper.tolist(), strict=True))
        ids = [str(uuid.uuid4()) for _ in rows]
        self.kinesis.put_records(
            StreamName="stream",
            Records=[
                {"Data": self._event(event_id, now, *row), "PartitionKey": event_id}
                for event_id, row in zip(ids, rows, strict=True)
            ],
        )
        predictions = [
            {"prediction_id": event_id, "value": value, "interval": {"lower": low, "upper": high}}
            for event_id, (_, value, low, high) in zip(ids, rows, strict=True)
        ]
        return {"statusCode": 200, "body": json.dumps({"predictions": predictions})}

    def _event(self, event_id: str, now: int, instance: dict[str, Any], *served: float) -> bytes:
        value, lower, upper = served
        return json.dumps(
            {
                "schema_version": 1,
                "event_type": "prediction",
                "event_id": event_id,
                "event_time": now,
                "model_name": self.manifest["model_name"],
                "model_version": self.manifest["model_version"],
                "features": instance,
                "prediction": value,
                "interval": {
                    "lower": lower,
                    "upper": upper,
                    "coverage": self.manifest["interval"]["coverage"],
                },
            }
        ).encode()
