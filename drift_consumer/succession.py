"""Succession: an item that carries a version is replaced by its successor only, and others go with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def put_successor(
    dynamodb: DynamoDBClient, table: str, item: Mapping[str, Any], *others: Mapping[str, Any]
) -> None:
    """Write an item on condition that the stored one is its predecessor; with it all others, or none.

    Parameters
    ----------
    item : with a `version` that counts its changes from 1; the first has no predecessor.
    others : at most 99, which with the item is what a transaction holds.

    Raises
    ------
    botocore.exceptions.ClientError
        If the stored one is not its predecessor, so that nothing was written.
    """
    before = int(item["version"]["N"]) - 1
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    if before:
        condition = {
            "ConditionExpression": "version = :before",
            "ExpressionAttributeValues": {":before": {"N": str(before)}},
        }
    puts: list[dict[str, Any]] = [{"Item": item, **condition}, *({"Item": other} for other in others)]
    dynamodb.transact_write_items(
        TransactItems=[{"Put": {"TableName": table, **put}} for put in puts]  # type: ignore[typeddict-item]
    )
