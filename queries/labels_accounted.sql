-- What became of the label records of each day's predictions: each has one fate, and months late are some of those used.
-- :since day = last 7 days, first day (UTC) of the predictions
with copies as (
    select f.dt, f.event_id, f.event_time, f.prediction_id, f.label,
           row_number() over (partition by f.dt, f.hour, f.event_id order by f.shard_id, f.sequence_number)
               as copy_number
    from label_files as f
    where f.dt >= :since
),
ranked as (
    select c.*, copy_number = 1 and label is not null as counts, row_number() over (
        partition by prediction_id
        order by case when copy_number = 1 and label is not null then 0 else 1 end,
                 event_time desc, event_id desc
    ) as recency
    from copies as c
),
served as (
    select event_id, min(event_time) as event_time
    from prediction_files where dt >= :since and prediction is not null
    group by event_id
)
select r.dt, count(*) as records,
       count_if(counts and recency = 1 and p.event_id is not null) as used,
       count_if(counts and recency > 1 and p.event_id is not null) as corrected,
       count_if(counts and p.event_id is null) as without_prediction,
       count_if(copy_number = 1 and label is null) as class_labels,
       count_if(copy_number > 1) as repeated,
       count_if(counts and recency = 1 and date_diff('day', p.event_time, r.event_time) > 30) as months_late
from ranked as r
left join served as p on p.event_id = r.prediction_id
group by r.dt
order by r.dt
