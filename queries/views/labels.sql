-- Each label once; dt and hour are those of the prediction that it belongs to.
select event_id, event_time, model_name, prediction_id, label, label_class, source, window_start, dt, hour
from (
    select f.*, row_number() over (partition by dt, hour, event_id order by shard_id, sequence_number) as copy_number
    from label_files as f
) as copies
where copy_number = 1
