-- A challenger in shadow beside the served version, on the same labelled rows, by day; below 0 it errs less.
-- :since day = last 7 days, first day (UTC) of the windows
with pairs as (
    select s.dt, p.model_version as served_version, s.model_version as shadow_version,
           abs(p.prediction - l.label) as served_error,
           abs(s.prediction - l.label) as shadow_error,
           l.label between p.interval_lower and p.interval_upper as served_covers,
           l.label between s.interval_lower and s.interval_upper as shadow_covers
    from shadow_predictions as s
    join predictions as p on p.event_id = s.prediction_id
    join last_labels as l on l.prediction_id = s.prediction_id
    where s.dt >= :since and l.dt >= :since and p.dt >= :since
)
select dt, served_version, shadow_version,
       count(*) as labelled_pairs,
       round(avg(served_error), 4) as served_mean_absolute_error,
       round(avg(shadow_error), 4) as shadow_mean_absolute_error,
       round(avg(shadow_error - served_error), 4) as mean_difference,
       round(stddev_samp(shadow_error - served_error) / sqrt(count(*)), 4) as standard_error,
       round(100.0 * count_if(served_covers) / nullif(count(served_covers), 0), 1) as served_in_interval_percent,
       round(100.0 * count_if(shadow_covers) / nullif(count(shadow_covers), 0), 1) as shadow_in_interval_percent
from pairs
group by dt, served_version, shadow_version
order by dt, served_version, shadow_version
