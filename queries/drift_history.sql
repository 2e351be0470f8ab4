-- Every verdict in order of time; a drift score above 1 is an alarm, and since when charts have seen it grow.
-- :since day = last 7 days, first day (UTC) of the spans
select "start", span, model_version, n as row_count, drift,
       round(drift_score, 3) as drift_score,
       round(mean_shift_sigma, 2) as mean_shift_sigma,
       guilty, guilty_segments, since, calibrating
from verdicts
where dt >= :since
order by "start", span, model_version, window_seconds
