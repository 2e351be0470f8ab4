-- Each prediction once: a producer's retry or an interrupted batch can leave a second copy in the files.
select event_id, event_time, model_name, model_version, source, features, prediction, predicted_class,
       interval_lower, interval_upper, interval_coverage, confidence, window_start, dt, hour
from (
    select f.*, row_number() over (partition by dt, hour, event_id order by shard_id, sequence_number) as copy_number
    from prediction_files as f
) as copies
where copy_number = 1
