-- What the model answers: the distribution of predictions and the width of intervals, by day.
-- :since day = last 28 days, first day (UTC) of the windows
select dt, model_version, count(*) as row_count,
       round(avg(prediction), 4) as mean,
       round(stddev_samp(prediction), 4) as standard_deviation,
       min(prediction) as lowest,
       min(case when place >= 0.05 * present then prediction end) as p05,
       min(case when place >= 0.5 * present then prediction end) as median,
       min(case when place >= 0.95 * present then prediction end) as p95,
       max(prediction) as highest,
       round(avg(interval_upper - interval_lower), 4) as mean_interval_width
from (
    select p.*, row_number() over (partition by dt, model_version order by prediction nulls last) as place,
           count(prediction) over (partition by dt, model_version) as present
    from predictions as p
    where dt >= :since
) as placed
group by dt, model_version
order by dt, model_version
