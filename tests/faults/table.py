"""One DynamoDB table in memory: conditions, transactions, pages, and an index that may lag behind."""

from __future__ import annotations

import copy
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from tests.faults.scheduler import Call, Gate
from tests.unit.drift_consumer.fake_aws import client_error

type Key = tuple[str, str]
type Item = dict[str, Any]

PAGE = 3
"""Items of a page: few, since others write between two pages."""

REMEMBERED_WRITES = 8
"""How far an index may lag behind, in writes."""


class Table:
    """One DynamoDB table with string keys "pk" and "sk" and sparse indexes named by their partition key."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.items: dict[Key, Item] = {}
        self._undo: deque[tuple[Key, Item | None]] = deque(maxlen=REMEMBERED_WRITES)

    def get_item(self, *, TableName: str, Key: Item, ConsistentRead: bool) -> dict[str, Any]:
        assert ConsistentRead, "an eventually consistent read would count twice"

        def get() -> dict[str, Any]:
            item = self.items.get(_key(Key))
            return {"Item": dict(item)} if item else {}

        answer: dict[str, Any] = self._gate.make(Call(operation="GetItem", effect=get))
        return answer

    def put_item(self, *, Item: Item, **request: Any) -> None:
        def put() -> None:
            self._check(_key(Item), request, "ConditionalCheckFailedException")
            self._write(_key(Item), dict(Item))

        self._change("PutItem", put)

    def delete_item(self, *, Key: Item, **request: Any) -> None:
        def delete() -> None:
            self._check(_key(Key), request, "ConditionalCheckFailedException")
            self._write(_key(Key), None)

        self._change("DeleteItem", delete)

    def update_item(self, *, Key: Item, UpdateExpression: str, **request: Any) -> None:
        def update() -> None:
            self._check(_key(Key), request, "ConditionalCheckFailedException")
            item = dict(self.items.get(_key(Key), Key))
            self._write(_key(Key), _updated(item, UpdateExpression, request))

        self._change("UpdateItem", update)

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> None:
        done: list[bool] = []

        def write() -> None:
            if done:
                return  # botocore gives a request one token for all attempts, and DynamoDB knows it again
            puts = [item["Put"] for item in TransactItems]
            for put in puts:
                self._check(_key(put["Item"]), put, "TransactionCanceledException")
            for put in puts:
                self._write(_key(put["Item"]), dict(put["Item"]))
            done.append(True)
            self._gate.trace.append((self._gate.caller, "TransactWriteItems", puts, None))

        self._gate.make(Call(operation="TransactWriteItems", effect=write, writes=True))

    def query(self, *, Limit: int, ScanIndexForward: bool = True, **request: Any) -> dict[str, Any]:
        def find() -> dict[str, Any]:
            found = self._found(self.items, request)
            return {"Items": (found if ScanIndexForward else found[::-1])[:Limit]}

        answer: dict[str, Any] = self._gate.make(Call(operation="Query", effect=find))
        return answer

    def get_paginator(self, operation: str) -> Table:
        assert operation == "query"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        index = "IndexName" in request
        assert index != request.get("ConsistentRead", False), "an index is never read consistently"
        after: Key = ("", "")
        while True:

            def page(lag: int = 0, after: Key = after) -> list[Item]:
                found = self._found(self._before(lag), request)
                return [item for item in found if _order(item) > after][:PAGE]

            call = Call(
                operation="QueryIndex" if index else "Query",
                effect=page,
                stale=partial(_lagging, page) if index else None,
            )
            found = self._gate.make(call)
            self._gate.trace.append((self._gate.caller, "Page" if after[0] else "FirstPage", request, found))
            yield {"Items": found}
            if len(found) < PAGE:
                return
            after = _order(found[-1])

    def _change(self, operation: str, effect: Callable[[], None]) -> None:
        self._gate.make(
            Call(operation=operation, effect=effect, writes=True, outlives="consumer" in self._gate.caller)
        )

    def _write(self, key: Key, item: Item | None) -> None:
        self._undo.append((key, self.items.get(key)))
        if item is None:
            self.items.pop(key, None)
        else:
            self.items[key] = item

    def _before(self, writes: int) -> Mapping[Key, Item]:
        """The items as they were before the last writes."""
        items = dict(self.items)
        for key, item in list(self._undo)[::-1][:writes]:
            if item is None:
                items.pop(key, None)
            else:
                items[key] = item
        return items

    def _found(self, items: Mapping[Key, Item], request: Mapping[str, Any]) -> list[Item]:
        holds = _condition(request["KeyConditionExpression"], request)
        return sorted((copy.copy(item) for item in items.values() if holds(item)), key=_order)

    def _check(self, key: Key, request: Mapping[str, Any], otherwise: str) -> None:
        if "ConditionExpression" in request:
            holds = _condition(request["ConditionExpression"], request)
            if not holds(self.items.get(key, {})):
                raise client_error(otherwise)


def _lagging(page: Callable[[int], list[Item]], detail: int) -> list[Item]:
    return page(1 + detail % REMEMBERED_WRITES)


_TERMS = re.compile(
    r"attribute_(?P<exists>(?:not_)?exists)\((?P<attribute>[\w#]+)\)"
    r"|(?P<left>[\w#]+) BETWEEN (?P<low>:\w+) AND (?P<high>:\w+)"
    r"|(?P<name>[\w#]+) (?P<sign>=|<>|<=|>=|<|>) (?P<value>:\w+)"
)


def _condition(expression: str, request: Mapping[str, Any]) -> Callable[[Item], bool]:
    """Terms that are all to hold; an absent attribute fulfils no comparison."""
    terms = list(_TERMS.finditer(expression))
    rest = _TERMS.sub("", expression).replace("AND", "").strip()
    if rest or not terms:
        raise NotImplementedError(f"the table in memory cannot tell {expression!r}")
    values = request.get("ExpressionAttributeValues", {})
    return lambda item: all(_holds(term, item, values) for term in terms)


def _holds(term: re.Match[str], item: Item, values: Mapping[str, Any]) -> bool:
    if term["attribute"]:
        return (term["attribute"] in item) == (term["exists"] == "exists")
    if term["left"]:
        return term["left"] in item and (
            _plain(values[term["low"]]) <= _plain(item[term["left"]]) <= _plain(values[term["high"]])
        )
    if term["name"] not in item:
        return False
    one, other = _plain(item[term["name"]]), _plain(values[term["value"]])
    signs = {
        "=": one == other,
        "<>": one != other,
        "<": one < other,
        ">": one > other,
        "<=": one <= other,
        ">=": one >= other,
    }
    return bool(signs[term["sign"]])


def _plain(value: Mapping[str, Any]) -> Any:
    [(kind, content)] = value.items()
    return int(content) if kind == "N" else content


def _updated(item: Item, expression: str, request: Mapping[str, Any]) -> Item:
    values = request.get("ExpressionAttributeValues", {})
    for clause in re.split(r"\s*(?=\b(?:SET|REMOVE)\b)", expression):
        verb, _, rest = clause.partition(" ")
        for part in filter(None, (part.strip() for part in rest.split(","))):
            if verb == "REMOVE":
                item.pop(part, None)
            elif verb == "SET":
                name, _, value = part.partition(" = ")
                item[name] = values[value]
            else:
                raise NotImplementedError(f"the table in memory cannot do {expression!r}")
    return item


def _key(item: Item) -> Key:
    return item["pk"]["S"], item["sk"]["S"]


def _order(item: Item) -> Key:
    return item["sk"]["S"], item["pk"]["S"]
