-- Error of the predictions whose labels have arrived, by window.
-- :since day = last 7 days, first day (UTC) of the windows
with last_label as (
    select prediction_id, label,
           row_number() over (partition by prediction_id order by event_time desc, event_id desc) as recency
    from labels
    where dt >= :since and label is not null
)
select p.window_start, p.model_version,
       count(*) as labelled_rows,
       round(avg(p.prediction - l.label), 2) as mean_error,
       round(avg(abs(p.prediction - l.label)), 2) as mean_absolute_error,
       round(sqrt(avg((p.prediction - l.label) * (p.prediction - l.label))), 2) as root_mean_square_error,
       round(
           100.0 * count_if(l.label between p.interval_lower and p.interval_upper)
           / nullif(count(p.interval_lower), 0), 1
       ) as in_interval_percent
from predictions as p
join last_label as l on l.prediction_id = p.event_id
where p.dt >= :since and l.recency = 1
group by p.window_start, p.model_version
order by p.window_start, p.model_version
