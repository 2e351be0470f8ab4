"""The bundle: all that one version of a model consists of, each file named with its sha256.

A bundle is a folder `bundles/<model name>/<model version>/` with `model.onnx`, `baseline.json`,
`sample.parquet` and the `manifest.json` that describes and vouches for them, and since labels are judged
`errors.json` and `expected_error.onnx`. It is never changed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from drift_core.described import Described
from drift_core.interval import IntervalRule
from drift_core.monitor_settings import MonitorSettings
from drift_core.policy import QualityPolicy, RetrainingPolicy
from drift_core.schema import FeatureSchema
from drift_core.segments import MOST_COLUMNS, Segmentation, check_segments

FORMAT = 1

MANIFEST_FILE = "manifest.json"
MODEL_FILE = "model.onnx"
BASELINE_FILE = "baseline.json"
SAMPLE_FILE = "sample.parquet"
ERRORS_FILE = "errors.json"
EXPECTED_ERROR_FILE = "expected_error.onnx"

MODEL_INPUT = "features"
"""Name of the ONNX input: float32, shape (n, number of features), coded by the schema."""

MODEL_OUTPUTS = ("prediction", "lower", "upper")
"""Names of the ONNX outputs: float32, shape (n, 1); lower and upper before the conformal correction."""

EXPECTED_ERROR_OUTPUT = "expected_error"
"""Name of the output of `EXPECTED_ERROR_FILE`: float32, shape (n, 1), in the target's unit, at least 0. Its
input is that of the model with the prediction as one column more, the last."""

SELF = "sha256"
"""The manifest's field with the digest of its others: it tells damage, not forgery, for who can write to the
models bucket can write this too. Bundles of before have none."""

LARGEST = {
    MANIFEST_FILE: 16 << 20,
    BASELINE_FILE: 64 << 20,
    MODEL_FILE: 256 << 20,
    ERRORS_FILE: 1 << 20,
    EXPECTED_ERROR_FILE: 64 << 20,
}
"""Bytes of the files that functions read, at most: a function has about a gigabyte of memory."""

MAX_FEATURES = 200
"""A window's state grows with the square of the features, and must fit into 200 kB of a DynamoDB item."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FEATURE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class BundleError(ValueError):
    """A bundle that cannot be trusted; the text names the file and the remedy."""


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
    quality, retraining : what the user wants done about labels and about incidents.
    segments : columns by whose values predictions are judged apart.
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
    quality: QualityPolicy = field(default_factory=QualityPolicy)
    retraining: RetrainingPolicy = field(default_factory=RetrainingPolicy)
    segments: tuple[Segmentation, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    importance: Mapping[str, float] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name("model_name", self.model_name)
        check_name("model_version", self.model_version)
        if len(self.schema.features) > MAX_FEATURES:
            raise ValueError(
                f"schema has {len(self.schema.features)} features; at most {MAX_FEATURES} fit into the state "
                f"of a window: leave some out"
            )
        for name in self.schema.names:
            check_feature_name(name)
        check_segments(self.segments, self.schema)

    def check_place(self, model_name: str, model_version: str) -> None:
        """Do nothing, if this is the manifest of the folder in which it was found.

        Raises
        ------
        BundleError
            If it is another's.
        """
        if (self.model_name, self.model_version) != (model_name, model_version):
            raise BundleError(
                f"the manifest under {bundle_prefix(model_name, model_version)} is of {self.model_name} "
                f"{self.model_version}; upload the bundle to its own folder"
            )

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
            "quality": asdict(self.quality),
            "retraining": asdict(self.retraining),
            "segments": [one.to_json() for one in self.segments],
            "metrics": dict(self.metrics),
            "importance": dict(self.importance),
            "training": dict(self.training),
            "files": {name: asdict(entry) for name, entry in self.files.items()},
        }
        return sealed(described)

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Read what `to_json` wrote, here or in a later version, whose fields are ignored.

        Raises
        ------
        BundleError
            If it is not a manifest.
        """
        try:
            read = Described.of_json(text)
            manifest = cls(**_fields(read))
            if read.has(SELF) and read.text(SELF) != _digest(read.fields(SELF)):
                read.refuse(SELF, "the digest of the other fields; the file is damaged")
        except BundleError:
            raise
        except ValueError as error:
            raise BundleError(f"not a bundle's manifest: {error}; train the bundle again") from error
        return manifest


def _fields(read: Described) -> dict[str, Any]:
    """A manifest's fields from its JSON object."""
    if read.whole("format") < FORMAT:
        raise BundleError(
            f"manifest format is {read.whole('format')}; this reader knows {FORMAT} and later: "
            f"train the bundle again"
        )
    read.list_of("schema", most=MAX_FEATURES)  # before it is read, for it may be long
    metrics, importance, files = (read.part(name) for name in ("metrics", "importance", "files"))
    return {
        **{name: read.text(name) for name in ("model_name", "model_version", "created_at", "target", "task")},
        "target_unit": read.optional_text("target_unit"),
        "schema": FeatureSchema.from_json(read.parts("schema")),
        "interval": IntervalRule.read(read.part("interval")),
        "monitor": MonitorSettings.read(read.part("monitor")),
        **_policies(read),
        "metrics": {name: metrics.number(name) for name in metrics.names()},
        "importance": {name: importance.number(name) for name in importance.names()},
        "training": read.part("training").fields(),
        "files": {name: _entry(files.part(name)) for name in files.names()},
    }


def _policies(read: Described) -> dict[str, Any]:
    """What manifests of before do not have."""
    found: dict[str, Any] = {}
    if read.has("quality"):
        found["quality"] = QualityPolicy.read(read.part("quality"))
    if read.has("retraining"):
        found["retraining"] = RetrainingPolicy.read(read.part("retraining"))
    if read.has("segments"):
        read.list_of("segments", most=MOST_COLUMNS)
        found["segments"] = tuple(map(Segmentation.read, read.parts("segments")))
    return found


def sealed(described: Mapping[str, Any]) -> str:
    """A manifest's fields as its file, with their digest.

    Parameters
    ----------
    described : all fields of the file but the digest.
    """
    plain = json.loads(json.dumps(described, allow_nan=False))  # as a reader will see it
    return json.dumps({**plain, SELF: _digest(plain)}, indent=2) + "\n"


def _digest(described: Mapping[str, Any]) -> str:
    """Of a manifest's fields, whatever their order and the white space between them."""
    text = json.dumps(described, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _entry(read: Described) -> FileEntry:
    sha256 = read.text("sha256")
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        read.refuse("sha256", "64 hexadecimal digits")
    return FileEntry(sha256=sha256, size=read.whole("size"))


def check_size(name: str, content: bytes) -> bytes:
    """A file's content, if it is not larger than a bundle's file may be.

    Who reads one asks for `LARGEST[name] + 1` bytes at most, so that no file fills the memory.

    Raises
    ------
    BundleError
        If it is.
    """
    if len(content) > LARGEST[name]:
        raise BundleError(
            f"{name} is larger than {LARGEST[name]:,} bytes, the most that is read; train the bundle again"
        )
    return content


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


def check_feature_name(name: str) -> str:
    """A feature's name that is safe in SQL, in a metric's dimension and in a text.

    >>> check_feature_name("living_area_m2")
    'living_area_m2'
    """
    if not _FEATURE.fullmatch(name):
        raise ValueError(
            f"feature {name[:100]!r} has an unsafe name; use 1 to 64 letters, digits and '_', not beginning "
            f"with a digit"
        )
    return name


def bundles_prefix(model_name: str) -> str:
    """Where the bundles of all versions of a model lie.

    >>> bundles_prefix("house-prices")
    'bundles/house-prices/'
    """
    return f"bundles/{check_name('model_name', model_name)}/"


def bundle_prefix(model_name: str, model_version: str) -> str:
    """Where a bundle lies in the models bucket.

    >>> bundle_prefix("house-prices", "v1")
    'bundles/house-prices/v1/'
    """
    return f"{bundles_prefix(model_name)}{check_name('model_version', model_version)}/"
