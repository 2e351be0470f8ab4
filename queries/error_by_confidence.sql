-- Whether confidence means something: error and intervals by band of confidence.
-- :since day = last 28 days, first day (UTC) of the predictions
select p.model_version, floor(10 * p.confidence) / 10 as confidence_from,
       count(*) as labelled_rows,
       round(avg(abs(p.prediction - l.label)), 4) as mean_absolute_error,
       round(avg(p.interval_upper - p.interval_lower), 4) as mean_interval_width,
       round(
           100.0 * count_if(l.label between p.interval_lower and p.interval_upper)
           / nullif(count(p.interval_lower), 0), 1
       ) as in_interval_percent
from predictions as p
join last_labels as l on l.prediction_id = p.event_id
where p.dt >= :since and l.dt >= :since and p.confidence is not null
group by p.model_version, floor(10 * p.confidence) / 10
order by p.model_version, confidence_from
