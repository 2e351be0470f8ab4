"""What the reconciler must make of any story, once all is old: nothing stray, nothing unaccounted for."""

from __future__ import annotations

from drift_consumer.archive import object_key
from drift_consumer.archive_reader import ArchiveReader
from drift_consumer.put_aside import PutAside
from drift_consumer.series import Series
from tests.faults.checks import stored_windows
from tests.faults.story import Story

_HOUR = 3_600_000


def check_reconciled(story: Story) -> None:
    """Let the reconciler look at a story that was checked, a day and two hours after its last write.

    It goes by the hours that have an item. So a stray object stays where a whole hour of a series has none:
    all that came was given up. Its records must be elsewhere.
    """
    world = story.world
    windows = stored_windows(world)
    listed = {object_key(window.key, one) for window in windows.values() for one in window.ranges}
    looked_at = {_hour(window.key.series, window.key.start) for window in windows.values()}
    reader, put_aside = ArchiveReader(world.s3, "archive"), PutAside(world.s3, "failed")
    stray = {one.key: one for kind in _FOLDERS for one in reader.objects(kind) if one.key not in listed}
    left = {
        key: one for key, one in stray.items() if _hour(one.window.series, one.window.start) not in looked_at
    }
    world.now += 26 * _HOUR
    done = world.reconcile()
    orphans = len(stray) - len(left)
    assert done == {"windows": done["windows"], "orphans": orphans, "waiting": 0, "unaccounted": 0}
    assert done["windows"] >= len(windows)
    assert world.archived().keys() == listed | left.keys()
    for key, records in reader.sequences(left.values()).items():
        assert records <= put_aside.redriven(left[key].window.shard_id), key
    assert not [key for key, item in world.dynamodb.items.items() if "unreconciled" in item]
    assert world.reconcile()["windows"] == 0


_FOLDERS = ("predictions/", "labels/", "shadow/", "quarantine/")


def _hour(series: Series, start: int) -> tuple[Series, int]:
    return series, start // _HOUR
