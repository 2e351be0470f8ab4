"""FeatureSchema: the one definition of a model's input, shared by training, serving and monitoring."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from drift_core.described import Described

type Matrix = npt.NDArray[np.float64]
type Scalar = float | str | bool | None

UNSEEN = -1.0
"""Code of a category that training never saw. A missing value is NaN."""

MAX_INSTANCES = 500
"""Instances in one request: what one PutRecords call carries."""

MAX_CATEGORY_LENGTH = 256
"""Characters of a category's name."""

MAX_MAGNITUDE = 3e38
"""The model computes in float32, whose largest number is 3.4e38."""

MAX_CATEGORIES = 1_000
"""Categories of one feature; beyond this a column is an identifier, not a category."""


class Kind(StrEnum):
    """What values a feature takes."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input of the model.

    Attributes
    ----------
    unit : what a number of this feature counts ("m2", "rooms"); for people.
    minimum, maximum : range seen in training; None for categories.
    categories : seen in training, the most frequent first; empty for numbers.
    """

    name: str
    kind: Kind
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()
    _codes: dict[str, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind is Kind.BOOLEAN:
            object.__setattr__(self, "categories", ("false", "true"))
        if self.kind is Kind.CATEGORICAL and not 0 < len(self.categories) <= MAX_CATEGORIES:
            raise ValueError(
                f"feature {self.name!r} has {len(self.categories)} categories; "
                f"a categorical feature has 1 to {MAX_CATEGORIES}: drop it or group its values"
            )
        object.__setattr__(self, "_codes", {name: float(i) for i, name in enumerate(self.categories)})

    def code(self, value: Scalar) -> float:
        """The number that stands for one value in a matrix.

        >>> area = Feature(name="area", kind=Kind.CATEGORICAL, categories=("centre", "coast"))
        >>> area.code("coast"), area.code("moon"), area.code(None)
        (1.0, -1.0, nan)
        """
        if value is None:
            return math.nan
        if self.kind is Kind.CATEGORICAL:
            return self._codes.get(str(value), UNSEEN)
        return float(value)

    def codes(self, values: Iterable[Scalar]) -> Matrix:
        """Codes of many values, shape (n,)."""
        return np.fromiter((self.code(value) for value in values), np.float64)

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema (draft 4 and later) of one value; null is a missing value."""
        match self.kind:
            case Kind.NUMERIC:
                return {"type": ["number", "null"], "minimum": -MAX_MAGNITUDE, "maximum": MAX_MAGNITUDE}
            case Kind.CATEGORICAL:
                return {"type": ["string", "null"], "minLength": 1, "maxLength": MAX_CATEGORY_LENGTH}
            case Kind.BOOLEAN:
                return {"type": ["boolean", "null"]}

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` is its inverse."""
        described: dict[str, Any] = {"name": self.name, "kind": self.kind.value}
        for key in ("unit", "minimum", "maximum"):
            if getattr(self, key) is not None:
                described[key] = getattr(self, key)
        if self.kind is Kind.CATEGORICAL:
            described["categories"] = list(self.categories)
        return described

    @classmethod
    def from_json(cls, read: Described) -> Feature:
        """Read what `to_json` wrote; a ValueError names the field that is not what it must be."""
        kind = kind_in(read)
        return cls(
            name=read.text("name"),
            kind=kind,
            unit=read.optional_text("unit"),
            minimum=read.number("minimum") if read.has("minimum") else None,
            maximum=read.number("maximum") if read.has("maximum") else None,
            categories=read.texts("categories", most=MAX_CATEGORIES) if kind is Kind.CATEGORICAL else (),
        )


@dataclass(frozen=True, slots=True)
class FeatureSchema:
    """The features of a model, in the order of its input matrix."""

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        if not self.features:
            raise ValueError("the schema is empty; a model needs at least one feature")
        if len(set(self.names)) < len(self.names):
            twice = sorted(name for name, count in Counter(self.names).items() if count > 1)[:10]
            raise ValueError(
                f"schema with features named twice: {', '.join(twice)}; rename all but one of each"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names in matrix order."""
        return tuple(feature.name for feature in self.features)

    def encode(self, instances: Sequence[Mapping[str, Scalar]]) -> Matrix:
        """Instances as the matrix that the model, the baseline and the windows see.

        Parameters
        ----------
        instances : n mappings of feature name to value; an absent name is a missing value.

        Returns
        -------
        shape (n, number of features); missing values are NaN, categories never seen `UNSEEN`.

        >>> schema = FeatureSchema((Feature(name="rooms", kind=Kind.NUMERIC),
        ...                         Feature(name="new", kind=Kind.BOOLEAN)))
        >>> schema.encode([{"rooms": 3, "new": True}, {"rooms": None}])
        array([[ 3.,  1.],
               [nan, nan]])
        """
        rows = [[f.code(instance.get(f.name)) for f in self.features] for instance in instances]
        return np.array(rows, np.float64).reshape(len(instances), len(self.features))

    def instance_schema(self) -> dict[str, Any]:
        """JSON Schema of one instance: every feature named, nothing else."""
        return {
            "type": "object",
            "properties": {feature.name: feature.json_schema() for feature in self.features},
            "required": list(self.names),
            "additionalProperties": False,
        }

    def request_schema(self) -> dict[str, Any]:
        """JSON Schema of the body of `POST /predict`."""
        return request_envelope(self.instance_schema())

    def to_json(self) -> list[dict[str, Any]]:
        """A JSON array; `from_json` is its inverse."""
        return [feature.to_json() for feature in self.features]

    @classmethod
    def from_json(cls, features: Iterable[Described]) -> FeatureSchema:
        """Read what `to_json` wrote; a ValueError names the field that is not what it must be."""
        return cls(tuple(map(Feature.from_json, features)))


def kind_in(read: Described) -> Kind:
    """The field `kind` of an object.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        return Kind(read.text("kind"))
    except ValueError:
        read.refuse("kind", " or ".join(Kind))


def request_envelope(instance: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema of a request around one instance's; `{"type": "object"}` fits every model."""
    return {
        "type": "object",
        "properties": {
            "instances": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_INSTANCES,
                "items": dict(instance),
            }
        },
        "required": ["instances"],
        "additionalProperties": False,
    }
