"""Labels joined with predictions: the SQL, and what its rows mean.

A label lies in the partition of the hour in which its prediction's id was made, a prediction in that of its
`event_time`. The hours here are those of the ids. Of each hour the predictions are looked for in its own
partition and in the two beside it, since a producer's `event_time` may differ from the id's by up to an hour;
a prediction further away is not found, and its labels count as labels without a prediction.

Each event counts once, whatever a producer sent twice. Of several labels of one prediction the latest wins:
by `event_time`, then by `event_id`. Athena and DuckDB run the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from drift_core.segments import REST, Segmentation
from queries.joined_rows import ALL

LATE_DAYS = 30
"""A label that comes later after its prediction counts as late."""

LARGEST = 1e100
"""Numbers beyond count as this one, so that sums and their squares are finite."""

HOUR_MS = 3_600_000

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the sums of one version are compared with.

    Attributes
    ----------
    centre : of the labels in training.
    levels : absolute errors of training's held-out rows, at `drift_core.errors.LEVELS`; empty if unknown.
    """

    model_version: str
    centre: float = 0.0
    levels: tuple[float, ...] = ()
    segments: tuple[Segmentation, ...] = ()


def joined_sql(hours: Iterable[int], versions: Sequence[Expected]) -> str:
    """The text that sums up the labelled predictions of some hours.

    Parameters
    ----------
    hours : begins of hours, UTC milliseconds.
    versions : those not named have no levels and no segments.

    Raises
    ------
    ValueError
        If no hour is given, or one does not begin with an hour.
    """
    asked = sorted(set(hours))
    if not asked or any(hour % HOUR_MS for hour in asked):
        raise ValueError(f"{len(asked)} hours are asked for; give at least one, each the begin of an hour")
    columns = sorted({one.column for version in versions for one in version.segments})
    own = "".join(f', cast(f.features."{c}" as varchar) as segment_{i}' for i, c in enumerate(columns))
    segments = ", ".join([_text(ALL), *(_segment(c, i, versions) for i, c in enumerate(columns))])
    names = "".join(f", p.segment_{i}" for i in range(len(columns)))
    beyond = ",\n       ".join(f"count_if(abs(error) > level_{i}) as beyond_{i}" for i in range(4))
    return f"""-- Predictions joined with their latest labels, by hour, version and segment.
with places as (
    select * from (values
        {_places(asked)}
    ) as t (dt, hour, hour_start, before_id, first_id, after_id, last_id, wants_before, wants, wants_after)
),
expected as (
    select * from (values
        {_expected(versions)}
    ) as t (model_version, centre, level_0, level_1, level_2, level_3)
),
label_copies as (
    select f.event_id, f.event_time, f.prediction_id, {_bounded("f.label")} as label, a.hour_start,
           row_number() over (partition by f.event_id order by f.shard_id, f.sequence_number) as copy_number
    from label_files as f
    join places as a on a.dt = f.dt and a.hour = f.hour
    where a.wants and {_within("f", asked)}
),
label_events as (
    select c.*, row_number() over (
        partition by prediction_id
        order by case when copy_number = 1 and label is not null then 0 else 1 end,
                 event_time desc, event_id desc
    ) as recency
    from label_copies as c
),
labels_of as (
    select prediction_id, hour_start,
           max(case when recency = 1 and label is not null then label end) as label,
           max(case when recency = 1 and label is not null then event_time end) as label_time,
           count_if(copy_number = 1 and label is not null) as numbers,
           count_if(copy_number = 1 and label is null) as classes,
           count_if(copy_number > 1) as repeated
    from label_events
    group by prediction_id, hour_start
),
prediction_copies as (
    select f.event_id, f.event_time, f.model_version, {_bounded("f.prediction")} as prediction,
           f.interval_lower, f.interval_upper{own},
           case when f.event_id < a.before_id or f.event_id >= a.last_id then null
                when f.event_id < a.first_id then case when a.wants_before then a.hour_start - {HOUR_MS} end
                when f.event_id < a.after_id then case when a.wants then a.hour_start end
                else case when a.wants_after then a.hour_start + {HOUR_MS} end
           end as hour_start,
           row_number() over (partition by f.event_id order by f.shard_id, f.sequence_number) as copy_number
    from prediction_files as f
    join places as a on a.dt = f.dt and a.hour = f.hour
    where f.prediction is not null and {_within("f", _padded(asked))}
),
pairs as (
    select coalesce(p.hour_start, l.hour_start) as hour_start, p.model_version, p.event_id,
           case when p.event_id is not null then l.label end as label,
           p.prediction - l.label as error,
           l.label - coalesce(e.centre, 0) as deviation,
           abs((p.prediction - l.label) / nullif(l.label, 0)) as share,
           p.interval_lower, p.interval_upper,
           greatest(0, date_diff('millisecond', p.event_time, l.label_time)) as delay,
           coalesce(l.numbers, 0) as numbers, coalesce(l.classes, 0) as classes,
           coalesce(l.repeated, 0) as repeated,
           e.level_0, e.level_1, e.level_2, e.level_3{names}
    from (select * from prediction_copies where copy_number = 1 and hour_start is not null) as p
    full outer join labels_of as l on l.prediction_id = p.event_id
    left join expected as e on e.model_version = p.model_version
)
select hour_start, model_version, segment,
       count(event_id) as predictions,
       count(label) as labelled,
       count_if(label <> 0) as percentage_rows,
       count_if(label is not null and interval_lower <= interval_upper) as with_interval,
       count_if(label < interval_lower or label > interval_upper) as misses,
       count_if(label is not null and error > 0) as above,
       {_sums()},
       {beyond},
       sum(case when label is not null then numbers - 1 else 0 end) as corrected,
       sum(case when event_id is null then numbers else 0 end) as unmatched,
       sum(classes) as classes,
       sum(repeated) as repeated,
       count_if(label is not null and delay > {LATE_DAYS * _DAY_MS}) as late
from pairs
cross join unnest(array[{segments}]) as t (segment)
where segment is not null
group by hour_start, model_version, segment
order by hour_start, model_version, segment
"""  # nosec B608 # noqa: S608 - made of numbers, checked names and quoted texts alone


def _sums() -> str:
    summed = {
        "error": "error",
        "absolute": "abs(error)",
        "squared": "error * error",
        "percentage": _bounded("share"),
        "label": "deviation",
        "label_squared": "deviation * deviation",
        "delay_seconds": "delay / 1000.0",
    }
    return ",\n       ".join(
        f"sum(case when label is not null then {what} end) as {name}" for name, what in summed.items()
    )


def _places(asked: Sequence[int]) -> str:
    wanted = set(asked)
    return ",\n        ".join(
        "("
        + ", ".join(
            [
                _text(f"{_time(hour):%Y-%m-%d}"),
                str(_time(hour).hour),
                f"cast({hour} as bigint)",
                *(_text(_id_at(hour + i * HOUR_MS)) for i in (-1, 0, 1, 2)),
                *(str(hour + i * HOUR_MS in wanted).lower() for i in (-1, 0, 1)),
            ]
        )
        + ")"
        for hour in _padded(asked)
    )


def _padded(asked: Sequence[int]) -> list[int]:
    """The hours and those beside them."""
    return sorted({hour + i * HOUR_MS for hour in asked for i in (-1, 0, 1)})


def _within(table: str, hours: Sequence[int]) -> str:
    """The partitions of some hours: the days first, so that they prune whatever becomes of the rest."""
    days: dict[str, list[int]] = {}
    for hour in hours:
        days.setdefault(f"{_time(hour):%Y-%m-%d}", []).append(_time(hour).hour)
    named = ", ".join(map(_text, days))
    each = [
        f"{table}.dt = {_text(day)} and {table}.hour in ({', '.join(map(str, of))})"
        for day, of in days.items()
    ]
    return f"{table}.dt in ({named}) and ({' or '.join(each)})"


def _expected(versions: Sequence[Expected]) -> str:
    rows = [(one.model_version, (one.centre, *one.levels)) for one in versions if one.levels]
    return ",\n        ".join(
        f"({_text(version)}, {', '.join(map(_number, numbers))})"
        for version, numbers in rows or [("", (0.0,) * 5)]
    )


def _segment(column: str, i: int, versions: Sequence[Expected]) -> str:
    cases = [
        f"when model_version = {_text(version.model_version)} then case when segment_{i} in "
        f"({', '.join(map(_text, one.values))}) then concat({_text(f'{column}=')}, segment_{i}) "
        f"else {_text(f'{column}={REST}')} end"
        for version in versions
        for one in version.segments
        if one.column == column
    ]
    return f"case {' '.join(cases)} end"


def _bounded(number: str) -> str:
    """A number within what can be squared; a null stays one, which `least` alone leaves to the engine."""
    bound = f"greatest({_number(-LARGEST)}, least({_number(LARGEST)}, {number}))"
    return f"case when {number} is not null then {bound} end"


def _number(value: float) -> str:
    return f"cast('{value!r}' as double)"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _time(hour: int) -> datetime:
    return datetime.fromtimestamp(hour / 1000, UTC)


def _id_at(time: int) -> str:
    """What the ids begin with that were made at a time; the begin of a text sorts before the text."""
    digits = f"{time:012x}"
    return f"{digits[:8]}-{digits[8:]}"
