-- Rows whose feature lies outside the range that you expect, by window.
-- :feature name, a numeric feature of the model
-- :lowest number, smallest value that you expect
-- :highest number, largest value that you expect
-- :since day = last 7 days, first day (UTC) of the windows
select window_start, model_version,
       count(*) as row_count,
       count_if(value < :lowest) as below,
       count_if(value > :highest) as above,
       round(100.0 * count_if(value < :lowest or value > :highest) / count(*), 2) as outside_percent,
       min(value) as smallest,
       max(value) as largest
from (
    select window_start, model_version, try_cast(features.:feature as double) as value
    from predictions where dt >= :since
) as chosen
group by window_start, model_version
having count_if(value < :lowest or value > :highest) > 0
order by window_start, model_version
