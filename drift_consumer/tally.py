"""Tally: whether every record that the archive has of a window is counted, and the other way round.

An object is listed if its range stands in the window's item. The others are orphans: of a crash before the
item was put, or of a poller that lost a race and crashed before it removed its object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drift_consumer.archive_reader import ArchivedObject, ArchiveReader, Footer
from drift_consumer.marks import Account
from drift_consumer.put_aside import PutAside


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The records of one shard's part of a window.

    Attributes
    ----------
    captured : distinct records that the archive accounts for, in listed objects or orphans.
    archived : distinct events, that is rows, in listed objects.
    folded : records in the window's state.
    waiting : records in orphans only, which lie in a failed batch that has not been redriven.
    unaccounted : records that are archived and not counted, or counted and not archived.
    orphans : keys of objects that no item lists.
    removable : those of them whose records are elsewhere, and that no item will ever list.
    absent : ranges that are listed and have no object.
    """

    captured: int
    archived: int
    folded: int
    waiting: int
    unaccounted: int
    orphans: tuple[str, ...]
    removable: tuple[str, ...]
    absent: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether there is nothing to look at again, once the removable orphans are gone."""
        return not self.unaccounted and not self.waiting and self.orphans == self.removable

    def counts(self) -> dict[str, int]:
        """The numbers, by name."""
        return {
            "captured": self.captured,
            "archived": self.archived,
            "folded": self.folded,
            "waiting": self.waiting,
            "unaccounted": self.unaccounted,
            "orphans": len(self.orphans),
        }


def tally(
    account: Account | None,
    objects: Sequence[ArchivedObject],
    footers: Mapping[str, Footer],
    archive: ArchiveReader,
    put_aside: PutAside,
) -> Tally:
    """Compare a window's item with its objects.

    Parameters
    ----------
    account : None if the table has no item.
    objects : all of the window and shard.
    footers : of each of them, by key.
    """
    if account is not None and account.merged:
        return _of_merged(account, {one.key: footers[one.key] for one in objects})
    ranges = set(account.ranges) if account else set[str]()
    listed = [one for one in objects if one.sequence_range in ranges]
    orphans = [one for one in objects if one.sequence_range not in ranges]
    rows = sum(footers[one.key].rows for one in listed)
    repeated = sum(len(footers[one.key].repeated) for one in listed)
    difference = abs(rows - account.n) + abs(repeated - account.duplicates) if account else 0
    found = _Orphans.of(orphans, listed, archive, put_aside)
    return Tally(
        captured=rows + repeated + len(found.alone),
        archived=rows,
        folded=account.n + account.duplicates if account else 0,
        waiting=len(found.waiting),
        unaccounted=difference + len(found.alone) - len(found.waiting) - len(found.redriven),
        orphans=tuple(one.key for one in orphans),
        removable=found.removable,
        absent=tuple(sorted(ranges - {one.sequence_range for one in listed})),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Orphans:
    """Sequence numbers that only orphans have, and what became of them."""

    alone: frozenset[int]
    redriven: frozenset[int]
    waiting: frozenset[int]
    removable: tuple[str, ...]

    @classmethod
    def of(
        cls,
        orphans: Sequence[ArchivedObject],
        listed: Sequence[ArchivedObject],
        archive: ArchiveReader,
        put_aside: PutAside,
    ) -> _Orphans:
        near = [one for one in listed if any(_meet(one, orphan) for orphan in orphans)]
        held = frozenset[int]().union(*archive.sequences(near).values())
        alone = {key: found - held for key, found in archive.sequences(orphans).items()}
        every = frozenset[int]().union(*alone.values())
        redriven, waiting = frozenset[int](), frozenset[int]()
        if every:  # else nobody needs to look
            shard_id = orphans[0].window.shard_id
            redriven = every & put_aside.redriven(shard_id)
            batches = put_aside.waiting(shard_id)
            waiting = frozenset(
                one for one in every - redriven if any(first <= one <= last for first, last in batches)
            )
        # A range begins above the last number counted, so once its first is counted, or was given up, no item
        # will ever list it: what is removed can never be missed.
        removable = tuple(key for key, records in alone.items() if records <= redriven)
        return cls(alone=every, redriven=redriven, waiting=waiting, removable=removable)


def _of_merged(account: Account, footers: Mapping[str, Footer]) -> Tally:
    """Of very many batches the oldest ranges are one, so which objects they were cannot be told.

    What all objects account for must be at least what was counted. No orphan is found, so none is removed.
    """
    folded = account.n + account.duplicates
    captured = sum(one.records for one in footers.values())
    return Tally(
        captured=captured,
        archived=sum(one.rows for one in footers.values()),
        folded=folded,
        waiting=0,
        unaccounted=max(0, folded - captured),
        orphans=(),
        removable=(),
        absent=(),
    )


def _meet(one: ArchivedObject, other: ArchivedObject) -> bool:
    return one.first <= other.last and other.first <= one.last
