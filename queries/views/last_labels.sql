-- The latest label of each prediction that is a number; dt is that of the prediction.
select prediction_id, label, dt
from (
    select f.*, row_number() over (partition by dt, prediction_id order by event_time desc, event_id desc) as recency
    from label_files as f
    where label is not null
) as ranked
where recency = 1
