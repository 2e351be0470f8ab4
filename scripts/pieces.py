"""Which objects of a window its item listed: worked out from the objects alone.

An attempt to count a window begins at the first record of it that has not been counted, so an object begins
where a counted batch begins, and what one batch counted ends where the next begins. Of all ways to put
objects end to end over all records, the one of the most pieces therefore uses every such beginning: it is
the one that was counted. docs/decisions/0008-rebuilding-from-the-archive.md has the proof, and its limits.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Objects that hold every record of a window once.

    Attributes
    ----------
    keys : in the order of sequence numbers; empty if no objects fit end to end.
    of : keys of the objects whose records make up the window.
    """

    keys: tuple[str, ...]
    of: tuple[str, ...]


def cover(
    objects: Mapping[str, Set[int]], *, listed: Collection[str] = (), never: Set[int] = frozenset()
) -> Cover:
    """Choose the objects that were counted.

    Parameters
    ----------
    objects : sequence numbers by key, of all objects of a window and shard.
    listed : keys that the window's item lists, if there is one: these were counted.
    never : sequence numbers that were surely not counted: an object that holds one was not listed.

    >>> cover({"1-2": {1, 2}, "1-4": {1, 2, 4}, "4-4": {4}}).keys
    ('1-2', '4-4')
    """
    sure = {key: objects[key] for key in listed if key in objects}
    possible = {key: held for key, held in objects.items() if key in sure or not held & never}
    records = sorted(frozenset[int]().union(*possible.values()))
    counted = frozenset[int]().union(*sure.values())
    steps: dict[int, list[tuple[int, str]]] = {}
    for key, held in possible.items():
        begin = bisect_left(records, min(held))
        end = begin + len(held)
        gapless = end <= len(records) and records[end - 1] == max(held)
        if gapless and (key in sure or not held & counted):
            steps.setdefault(begin, []).append((end, key))
    # most[i] is how many pieces cover the records from the i-th on; None if none do.
    most: list[tuple[int, int, str] | None] = [None] * len(records) + [(0, 0, "")]
    for begin in range(len(records) - 1, -1, -1):
        ways = [(onward[0] + 1, end, key) for end, key in steps.get(begin, []) if (onward := most[end])]
        most[begin] = max(ways, default=None)
    keys, at = [], 0
    while at < len(records) and (step := most[at]):
        keys.append(step[2])
        at = step[1]
    return Cover(keys=tuple(keys), of=tuple(sorted(possible)))
