"""The SQL of labelled predictions, row by row: what a model can learn from and be judged on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from drift_core.bundle import check_feature_name, check_name

FIXED = (
    "event_id",
    "event_time",
    "model_version",
    "prediction",
    "interval_lower",
    "interval_upper",
    "label",
)
"""Columns before those of the features."""


def labelled_sql(model_name: str, features: Sequence[str], first: date, last: date, *, most: int) -> str:
    """Each prediction of some days once, with its latest label, the newest predictions first.

    Only partitions of these days are read. A label's partition is that of the time in its prediction's id,
    the prediction's that of its event's time; they are at most an hour apart, so labels of the day before and
    after are read as well. Predictions of all versions count: what happened does not depend on who predicted.

    Parameters
    ----------
    first, last : days in UTC, both included.
    most : rows at most.

    Returns
    -------
    SQL of Athena, whose columns are `FIXED` and the features in their order.
    """
    name = check_name("model_name", model_name)
    values = "".join(f',\n       p.features."{check_feature_name(one)}" as "f_{one}"' for one in features)
    day = timedelta(days=1)
    # Each value in the text is a date, a number or a name that was checked: none can end a literal.
    return f"""-- Labelled predictions, the newest first.
with copies as (
    select f.*, row_number() over (
        partition by event_id order by dt, hour, shard_id, sequence_number
    ) as copy_number
    from prediction_files as f
    where dt between '{first}' and '{last}' and model_name = '{name}' and prediction is not null
),
last_label as (
    select prediction_id, label,
           row_number() over (partition by prediction_id order by event_time desc, event_id desc) as recency
    from label_files
    where dt between '{first - day}' and '{last + day}' and model_name = '{name}' and label is not null
)
select p.event_id, p.event_time, p.model_version, p.prediction,
       p.interval_lower, p.interval_upper, l.label{values}
from copies as p
join last_label as l on l.prediction_id = p.event_id
where p.copy_number = 1 and l.recency = 1
order by p.event_time desc, p.event_id
limit {int(most)}
"""  # noqa: S608 # nosec B608
