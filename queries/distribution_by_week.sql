-- A numeric feature by week: rows, missing values, mean, spread and quantiles.
-- :feature name, a numeric feature of the model
-- :since day = last 90 days, first day (UTC) of the windows
select week, model_version,
       count(*) as row_count,
       count(*) - count(value) as missing,
       round(avg(value), 4) as mean,
       round(stddev_samp(value), 4) as standard_deviation,
       min(value) as lowest,
       min(case when place >= 0.05 * present then value end) as p05,
       min(case when place >= 0.25 * present then value end) as p25,
       min(case when place >= 0.5 * present then value end) as median,
       min(case when place >= 0.75 * present then value end) as p75,
       min(case when place >= 0.95 * present then value end) as p95,
       max(value) as highest
from (
    select week, model_version, value,
           row_number() over (partition by week, model_version order by value nulls last) as place,
           count(value) over (partition by week, model_version) as present
    from (
        select cast(date_trunc('week', event_time) as date) as week, model_version,
               try_cast(features.:feature as double) as value
        from predictions where dt >= :since
    ) as chosen
) as placed
group by week, model_version
order by week, model_version
