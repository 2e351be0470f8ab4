-- The real error by day, from the latest label of each prediction, with its median and the worst.
-- :since day = last 28 days, first day (UTC) of the predictions
with errors as (
    select p.dt, p.model_version, p.prediction - l.label as error,
           l.label between p.interval_lower and p.interval_upper as covers,
           100 * p.interval_coverage as promised,
           row_number() over (partition by p.dt, p.model_version order by abs(p.prediction - l.label)) as place,
           count(*) over (partition by p.dt, p.model_version) as labelled
    from predictions as p
    join last_labels as l on l.prediction_id = p.event_id
    where p.dt >= :since and l.dt >= :since
)
select dt, model_version,
       count(*) as labelled_rows,
       round(avg(error), 4) as mean_error,
       round(avg(abs(error)), 4) as mean_absolute_error,
       round(min(case when place >= 0.5 * labelled then abs(error) end), 4) as median_absolute_error,
       round(sqrt(avg(error * error)), 4) as root_mean_square_error,
       round(max(abs(error)), 4) as worst,
       round(100.0 * count_if(covers) / nullif(count(covers), 0), 1) as in_interval_percent,
       round(avg(promised), 1) as promised_percent
from errors
group by dt, model_version
order by dt, model_version
