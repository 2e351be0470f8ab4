-- What became of the records in each hour; copies are read once.
-- :since day = last 7 days, first day (UTC); archived rows by window, quarantined ones by arrival
select dt, hour,
       sum(predictions) as predictions,
       sum(labels) as labels,
       sum(shadows) as shadows,
       sum(quarantined) as quarantined,
       sum(predictions) + sum(labels) + sum(shadows) + sum(quarantined) as captured,
       sum(in_files) - sum(predictions) - sum(labels) - sum(shadows) - sum(quarantined) as repeated_copies
from (
    select dt, hour, count(*) as predictions, 0 as labels, 0 as shadows, 0 as quarantined, 0 as in_files
    from predictions where dt >= :since group by dt, hour
    union all
    select dt, hour, 0, count(*), 0, 0, 0 from labels where dt >= :since group by dt, hour
    union all
    select dt, hour, 0, 0, count(*), 0, 0 from shadow_predictions where dt >= :since group by dt, hour
    union all
    select dt, hour, 0, 0, 0, count(*), 0 from quarantine where dt >= :since group by dt, hour
    union all
    select dt, hour, 0, 0, 0, 0, count(*) from prediction_files where dt >= :since group by dt, hour
    union all
    select dt, hour, 0, 0, 0, 0, count(*) from label_files where dt >= :since group by dt, hour
    union all
    select dt, hour, 0, 0, 0, 0, count(*) from shadow_files where dt >= :since group by dt, hour
    union all
    select dt, hour, 0, 0, 0, 0, count(*) from quarantine_files where dt >= :since group by dt, hour
) as counted
group by dt, hour
order by dt, hour
