"""The guard's item in the window table: read, and written on condition that nobody wrote meanwhile."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from drift_core.guard import Guard


def guard_key(model_name: str) -> dict[str, Any]:
    """The primary key of a model's guard."""
    return {"pk": {"S": f"retraining#{model_name}"}, "sk": {"S": "guard"}}


def read_guard(dynamodb: Any, table: str, model_name: str) -> Guard:
    """The guard as it stands; the first one if there is none yet."""
    found = dynamodb.get_item(TableName=table, Key=guard_key(model_name), ConsistentRead=True)
    return Guard.from_item(found["Item"]) if "Item" in found else Guard()


def write_guard(dynamodb: Any, table: str, model_name: str, guard: Guard) -> bool:
    """Write the successor of the guard that was read.

    Returns
    -------
    Whether it was written; not if another wrote since.
    """
    before = guard.version - 1
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    if before:
        condition = {
            "ConditionExpression": "version = :before",
            "ExpressionAttributeValues": {":before": {"N": str(before)}},
        }
    item = {**guard_key(model_name), **guard.to_item()}
    try:
        dynamodb.put_item(TableName=table, Item=item, **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return False
    return True
