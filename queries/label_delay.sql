-- How long labels take: hours from a prediction to its first label, by day of the prediction.
-- :since day = last 28 days, first day (UTC) of the predictions
with delays as (
    select p.dt, p.model_version,
           cast(date_diff('second', min(p.event_time), min(l.event_time)) as double) / 3600 as hours
    from predictions as p
    join labels as l on l.prediction_id = p.event_id
    where p.dt >= :since and l.dt >= :since
    group by p.dt, p.model_version, p.event_id
)
select dt, model_version, count(*) as labelled,
       round(min(case when place >= 0.5 * present then hours end), 2) as median_hours,
       round(min(case when place >= 0.9 * present then hours end), 2) as p90_hours,
       round(max(hours), 2) as longest_hours
from (
    select d.*, row_number() over (partition by dt, model_version order by hours) as place,
           count(*) over (partition by dt, model_version) as present
    from delays as d
) as placed
group by dt, model_version
order by dt, model_version
