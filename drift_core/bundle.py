"""The bundle: all that one version of a model consists of, each file named with its sha256.

A bundle is a folder `bundles/<model name>/<model version>/` with `model.onnx`, `baseline.json`,
`sample.parquet` and the `manifest.json` that describes and vouches for them. It is never changed.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from drift_core.later import known
from drift_core.schema import FeatureSchema, Matrix

FORMAT = 1

MANIFEST_FILE = "manifest.json"
MODEL_FILE = "model.onnx"
BASELINE_FILE = "baseline.json"
SAMPLE_FILE = "sample.parquet"

MODEL_INPUT = "features"
"""Name of the ONNX input: float32, shape (n, number of features), coded by the schema."""

MODEL_OUTPUTS = ("prediction", "lower", "upper")
"""Names of the ONNX outputs: float32, shape (n, 1); lower and upper before the conformal correction."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class BundleError(ValueError):
    """A bundle that cannot be trusted; the text names the file and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSettings:
    """How a model's traffic is judged; the template's parameters may override each.

    Attributes
    ----------
    window_seconds : length of a window; it divides an hour, or is whole hours that divide a day. A window
        begins at a multiple of it since 1970, UTC. Only windows up to an hour are counted on AWS.
    grace_seconds : quiet time after which a window that has ended is judged.
    min_samples : a window with fewer rows is carried into the next.
    false_alarms_per_month : the budget: how often you accept to be woken for nothing.
    drift_threshold : mean shift of a feature, in standard deviations, that alarms whatever the budget.
    """

    window_seconds: int = 300
    grace_seconds: int = 60
    min_samples: int = 100
    false_alarms_per_month: float = 1.0
    drift_threshold: float = 2.0

    def __post_init__(self) -> None:
        seconds = self.window_seconds
        if seconds < 1 or (3600 % seconds and (seconds % 3600 or 86400 % seconds)):
            raise ValueError(
                f"window_seconds is {seconds}; it must divide an hour (3600), or be whole hours that divide "
                f"a day (86400)"
            )
        for name in ("grace_seconds", "min_samples"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give at least 1")
        if not 0 < self.false_alarms_per_month <= 100:
            raise ValueError(
                f"false_alarms_per_month is {self.false_alarms_per_month}; give a number above 0, at most 100"
            )
        if not 0 < self.drift_threshold < math.inf:
            raise ValueError(f"drift_threshold is {self.drift_threshold}; give a number above 0")

    def overridden(self, changes: Mapping[str, Any]) -> MonitorSettings:
        """These settings with some replaced.

        >>> MonitorSettings().overridden({"window_seconds": 60}).window_seconds
        60
        """
        return MonitorSettings(**{**asdict(self), **changes})


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalRule:
    """How the model's two quantiles become an interval with a promised coverage.

    Conformalised quantile regression (Romano, Patterson, Candès 2019): [lower - offset, upper + offset].

    Attributes
    ----------
    coverage : promised share of labels inside, e.g. 0.9.
    offset : conformal correction in the target's unit, from held-out rows; may be negative.
    width_quantiles : shape (101,), percentiles 0 to 100 of the widths of held-out rows.
    """

    coverage: float
    offset: float
    width_quantiles: tuple[float, ...]

    def bounds(self, prediction: Matrix, lower: Matrix, upper: Matrix) -> tuple[Matrix, Matrix]:
        """The interval as it is served; it always holds the prediction.

        Parameters
        ----------
        prediction, lower, upper : shape (n,), the model's outputs.

        Returns
        -------
        Lower and upper bounds, each of shape (n,), with lower <= prediction <= upper.

        >>> rule = IntervalRule(coverage=0.9, offset=2.0, width_quantiles=(1.0, 3.0, 5.0))
        >>> rule.bounds(np.array([10.0, 10.0]), np.array([9.0, 14.0]), np.array([11.0, 15.0]))
        (array([ 7., 10.]), array([13., 17.]))
        """
        return np.minimum(lower - self.offset, prediction), np.maximum(upper + self.offset, prediction)

    def confidence(self, widths: Matrix) -> Matrix:
        """Share of held-out intervals that are at least as wide: near 1 for a sure prediction, 0 for none.

        Parameters
        ----------
        widths : shape (n,), of served intervals, in the target's unit.

        Returns
        -------
        shape (n,), in [0, 1]; linear between the stored quantiles.

        >>> rule = IntervalRule(coverage=0.9, offset=2.0, width_quantiles=(1.0, 3.0, 5.0))
        >>> rule.confidence(np.array([0.5, 3.0, 4.0, 9.0])).tolist()
        [1.0, 0.5, 0.25, 0.0]
        """
        levels, first = np.unique(self.width_quantiles, return_index=True)  # equal widths: the first counts
        share = 1 - first / max(1, len(self.width_quantiles) - 1)
        return np.interp(np.asarray(widths, np.float64), levels, share, right=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of a bundle."""

    sha256: str
    size: int

    @classmethod
    def of(cls, content: bytes) -> FileEntry:
        """Measure a file."""
        return cls(sha256=hashlib.sha256(content).hexdigest(), size=len(content))


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a bundle holds and how it was made.

    Attributes
    ----------
    task : "regression" (a classifier's bundle will say "classification").
    target, target_unit : the predicted column and what it counts.
    metrics : measured on held-out rows, by name ("mae", "rmse", "r2", "interval_coverage", ...).
    importance : permutation importance by feature, in the error's unit.
    training : rows, times, source and generator settings, for people.
    files : entry by file name, all but the manifest itself.
    """

    model_name: str
    model_version: str
    created_at: str
    target: str
    schema: FeatureSchema
    interval: IntervalRule
    files: Mapping[str, FileEntry]
    task: str = "regression"
    target_unit: str | None = None
    monitor: MonitorSettings = field(default_factory=MonitorSettings)
    metrics: Mapping[str, float] = field(default_factory=dict)
    importance: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name("model_name", self.model_name)
        check_name("model_version", self.model_version)

    def verify(self, name: str, content: bytes) -> bytes:
        """The content of a file, if it is the one that the manifest vouches for.

        Raises
        ------
        BundleError
            If the file is not in the manifest or its sha256 differs.
        """
        entry = self.files.get(name)
        if entry is None:
            raise BundleError(
                f"{name} is not in the manifest of {self.model_version}; train the bundle again"
            )
        found = FileEntry.of(content)
        if found != entry:
            raise BundleError(
                f"{name} of {self.model_version} has sha256 {found.sha256[:12]} and {found.size} bytes, "
                f"the manifest says {entry.sha256[:12]} and {entry.size}: upload the bundle again"
            )
        return content

    def to_json(self) -> str:
        """JSON text; `from_json` is its inverse."""
        described = {
            "format": FORMAT,
            "model_name": self.model_name,
            "model_version": self.model_version,
            "created_at": self.created_at,
            "task": self.task,
            "target": self.target,
            "target_unit": self.target_unit,
            "schema": self.schema.to_json(),
            "interval": asdict(self.interval),
            "monitor": asdict(self.monitor),
            "metrics": dict(self.metrics),
            "importance": dict(self.importance),
            "training": dict(self.training),
            "files": {name: asdict(entry) for name, entry in self.files.items()},
        }
        return json.dumps(described, indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Read what `to_json` wrote, here or in a later version, whose fields are ignored.

        Raises
        ------
        BundleError
            If it is not a manifest.
        """
        try:
            return cls(**_fields(json.loads(text)))
        except BundleError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"not a bundle's manifest: {error!r}; train the bundle again") from error


def _fields(described: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest's fields from its JSON object."""
    found = described["format"]
    if not isinstance(found, int) or found < FORMAT:
        raise BundleError(
            f"manifest format is {found!r}; this reader knows {FORMAT} and later: train the bundle again"
        )
    interval = known(IntervalRule, described["interval"])
    return {
        **known(Manifest, described),
        "schema": FeatureSchema.from_json(described["schema"]),
        "interval": IntervalRule(**{**interval, "width_quantiles": tuple(interval["width_quantiles"])}),
        "monitor": MonitorSettings(**known(MonitorSettings, described["monitor"])),
        "files": {name: FileEntry(**known(FileEntry, entry)) for name, entry in described["files"].items()},
    }


def check_name(what: str, name: str) -> str:
    """A name that is safe in an S3 key, a metric dimension and an SSM parameter.

    >>> check_name("model_name", "house-prices")
    'house-prices'
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{what} is {name[:100]!r}; use 1 to 64 letters, digits, '.', '_' and '-', "
            f"beginning with a letter or digit"
        )
    return name


def bundle_prefix(model_name: str, model_version: str) -> str:
    """Where a bundle lies in the models bucket.

    >>> bundle_prefix("house-prices", "v1")
    'bundles/house-prices/v1/'
    """
    return f"bundles/{check_name('model_name', model_name)}/{check_name('model_version', model_version)}/"
