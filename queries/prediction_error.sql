-- Error of the predictions whose labels have arrived, by window.
-- :since day = last 7 days, first day (UTC) of the windows
select p.window_start, p.model_version,
       count(*) as labelled_rows,
       round(avg(p.prediction - l.label), 2) as mean_error,
       round(avg(abs(p.prediction - l.label)), 2) as mean_absolute_error,
       round(sqrt(avg((p.prediction - l.label) * (p.prediction - l.label))), 2) as root_mean_square_error,
       round(
           100.0 * count_if(l.label between p.interval_lower and p.interval_upper)
           / nullif(count(p.interval_lower), 0), 1
       ) as in_interval_percent
from last_labels as l
join predictions as p on p.event_id = l.prediction_id
where p.dt >= :since and l.dt >= :since
group by p.window_start, p.model_version
order by p.window_start, p.model_version
