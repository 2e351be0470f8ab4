"""What the reconciler must make of any story, once all is old: nothing stray, nothing unaccounted for."""

from __future__ import annotations

from drift_consumer.archive import object_key
from tests.faults.checks import stored_windows
from tests.faults.story import Story

_HOURS = 3_600_000


def check_reconciled(story: Story) -> None:
    """Let the reconciler look at a story that was checked, a day and two hours after its last write."""
    world = story.world
    windows = stored_windows(world)
    listed = {object_key(window.key, one) for window in windows.values() for one in window.ranges}
    stray = world.archived().keys() - listed
    world.now += 26 * _HOURS
    done = world.reconcile()
    assert done == {"windows": done["windows"], "orphans": len(stray), "waiting": 0, "unaccounted": 0}
    assert done["windows"] >= len(windows)
    assert world.archived().keys() == listed
    assert not [key for key, item in world.dynamodb.items.items() if "unreconciled" in item]
    assert world.reconcile()["windows"] == 0
