-- Each prediction of a challenger once; prediction_id is the event_id of the served prediction beside it.
select event_id, prediction_id, event_time, model_name, model_version, source, features, prediction, predicted_class,
       interval_lower, interval_upper, interval_coverage, confidence, window_start, dt, hour
from (
    select f.*, row_number() over (partition by dt, hour, event_id order by shard_id, sequence_number) as copy_number
    from shadow_files as f
) as copies
where copy_number = 1
