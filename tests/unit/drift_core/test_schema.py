"""FeatureSchema: coding, JSON Schema and refusals."""

import math
from typing import Any

import jsonschema
import numpy as np
import pytest

from drift_core.described import Described
from drift_core.schema import MAX_CATEGORIES, UNSEEN, Feature, FeatureSchema, Kind, request_envelope

SCHEMA = FeatureSchema(
    (
        Feature(name="size", kind=Kind.NUMERIC, unit="m2", minimum=10, maximum=900),
        Feature(name="area", kind=Kind.CATEGORICAL, categories=("centre", "coast")),
        Feature(name="garden", kind=Kind.BOOLEAN),
    )
)
GOOD: dict[str, Any] = {"size": 80.5, "area": "coast", "garden": True}


def test_instances_become_rows_in_schema_order() -> None:
    rows = SCHEMA.encode([GOOD, {"garden": False, "area": "moon", "size": 3}, {}])
    assert np.array_equal(
        rows, [[80.5, 1, 1], [3, UNSEEN, 0], [math.nan, math.nan, math.nan]], equal_nan=True
    )
    assert SCHEMA.encode([]).shape == (0, 3)


def test_codes_of_many_values_are_the_codes_of_each() -> None:
    area = SCHEMA.features[1]
    assert area.codes(["coast", None, "moon"]).tolist()[::2] == [1.0, UNSEEN]


def test_json_round_trip() -> None:
    assert FeatureSchema.from_json(map(Described, SCHEMA.to_json())) == SCHEMA


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        ({}, True),
        ({"size": None, "area": None, "garden": None}, True),
        ({"area": "moon"}, True),  # never seen: predicted and counted
        ({"size": "80"}, False),
        ({"size": True}, False),
        ({"size": 4e38}, False),
        ({"area": 3}, False),
        ({"area": ""}, False),
        ({"area": "x" * 257}, False),
        ({"garden": 1}, False),
        ({"colour": "red"}, False),
    ],
)
@pytest.mark.parametrize("draft", [jsonschema.Draft4Validator, jsonschema.Draft202012Validator])
def test_request_schema_accepts_and_refuses(
    draft: type[jsonschema.protocols.Validator], change: dict[str, Any], accepted: bool
) -> None:
    """API Gateway reads draft 4, the Lambda a later one: both must agree."""
    request: Any = {"instances": [GOOD, GOOD | change]}
    assert draft(SCHEMA.request_schema()).is_valid(request) is accepted


def test_every_feature_is_required_and_the_number_of_instances_bounded() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA.request_schema())
    assert not validator.is_valid({"instances": [{"size": 1.0, "area": "coast"}]})
    assert not validator.is_valid({"instances": []})
    assert validator.is_valid({"instances": [GOOD] * 500})
    assert not validator.is_valid({"instances": [GOOD] * 501})
    envelope = jsonschema.Draft4Validator(request_envelope({"type": "object"}))
    assert envelope.is_valid({"instances": [{"of": "any model"}]})


def test_a_schema_refuses_what_no_model_has() -> None:
    with pytest.raises(ValueError, match="at least one feature"):
        FeatureSchema(())
    with pytest.raises(ValueError, match="named twice: size; rename all but one"):
        FeatureSchema((SCHEMA.features[0], SCHEMA.features[0]))
    with pytest.raises(ValueError, match=r"'id' has 1001 categories.*drop it or group"):
        many = tuple(str(i) for i in range(MAX_CATEGORIES + 1))
        Feature(name="id", kind=Kind.CATEGORICAL, categories=many)
