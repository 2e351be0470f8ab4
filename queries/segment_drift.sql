-- Which segments drifted, how often, how often nothing else did, and between which spans.
-- :since day = last 7 days, first day (UTC) of the spans
select segment, span, count(*) as verdicts, count_if(in_segments_only) as in_segments_only,
       count_if(guilty_segments[1] = segment) as strongest,
       min("start") as first_seen, max("start") as last_seen
from verdicts cross join unnest(guilty_segments) as t (segment)
where dt >= :since
group by segment, span
order by strongest desc, verdicts desc, segment, span
