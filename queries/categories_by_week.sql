-- The values of a categorical feature by week, the most frequent first.
-- :feature name, a categorical feature of the model
-- :since day = last 90 days, first day (UTC) of the windows
select week, model_version, value, count(*) as row_count,
       round(100.0 * count(*) / sum(count(*)) over (partition by week, model_version), 2) as percent
from (
    select cast(date_trunc('week', event_time) as date) as week, model_version,
           cast(features.:feature as varchar) as value
    from predictions where dt >= :since
) as chosen
group by week, model_version, value
order by week, model_version, row_count desc, value
