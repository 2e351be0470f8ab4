-- One feature in each window: rows, missing and distinct values, mean, range.
-- :feature name, a feature of the model; the last four columns are empty for one that is no number
-- :since day = last 7 days, first day (UTC) of the windows
select window_start, model_version,
       count(*) as row_count,
       count(*) - count(value) as missing,
       count(distinct value) as distinct_values,
       round(avg(try_cast(value as double)), 4) as mean,
       round(stddev_samp(try_cast(value as double)), 4) as standard_deviation,
       min(try_cast(value as double)) as lowest,
       max(try_cast(value as double)) as highest
from (
    select window_start, model_version, cast(features.:feature as varchar) as value
    from predictions where dt >= :since
) as chosen
group by window_start, model_version
order by window_start, model_version
