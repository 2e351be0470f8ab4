-- Which features drifted, how often, and between which windows.
-- :since day = last 7 days, first day (UTC) of the spans
select feature, span, count(*) as verdicts, count_if(guilty[1] = feature) as strongest,
       min("start") as first_seen, max("start") as last_seen
from verdicts cross join unnest(guilty) as t (feature)
where dt >= :since
group by feature, span
order by strongest desc, verdicts desc, feature, span
