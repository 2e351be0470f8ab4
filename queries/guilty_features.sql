-- Which features drifted, how often, and between which windows.
-- :since day = last 7 days, first day (UTC) of the spans
select feature, span, count(*) as verdicts, count_if(guilty[1] = feature) as times_strongest,
       min("start") as first_seen, max("start") as last_seen,
       round(max(drift_score), 3) as highest_score
from verdicts cross join unnest(guilty) as t (feature)
where dt >= :since
group by feature, span
order by times_strongest desc, verdicts desc, feature, span
