-- How often a feature is missing, by day and source.
-- :feature name, a feature of the model
-- :since day = last 28 days, first day (UTC) of the windows
select dt, model_version, source,
       count(*) as row_count,
       count(*) - count(features.:feature) as missing,
       round(100.0 * (count(*) - count(features.:feature)) / count(*), 2) as missing_percent
from predictions
where dt >= :since
group by dt, model_version, source
order by dt, model_version, source
