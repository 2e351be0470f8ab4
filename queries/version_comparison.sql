-- The versions side by side: traffic, drift and error of each.
-- :since day = last 28 days, first day (UTC)
with served as (
    select p.model_version, min(p.event_time) as first_seen, max(p.event_time) as last_seen,
           count(*) as predictions, avg(p.prediction) as mean_prediction,
           avg(p.interval_upper - p.interval_lower) as mean_interval_width,
           count(l.label) as labelled, avg(abs(p.prediction - l.label)) as mean_absolute_error
    from predictions as p
    left join last_labels as l on l.prediction_id = p.event_id and l.dt >= :since
    where p.dt >= :since
    group by p.model_version
),
judged as (
    select model_version, count(*) as windows, count_if(drift) as drifted_windows, max(drift_score) as highest_score
    from verdicts
    where dt >= :since and span = 'window'
    group by model_version
)
select s.model_version, s.first_seen, s.last_seen, s.predictions,
       round(s.mean_prediction, 4) as mean_prediction,
       round(s.mean_interval_width, 4) as mean_interval_width,
       coalesce(j.windows, 0) as windows, coalesce(j.drifted_windows, 0) as drifted_windows,
       round(j.highest_score, 3) as highest_score,
       s.labelled, round(s.mean_absolute_error, 4) as mean_absolute_error
from served as s
left join judged as j on j.model_version = s.model_version
order by s.first_seen, s.model_version
