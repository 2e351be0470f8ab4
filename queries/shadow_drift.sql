-- Verdicts on the predictions of challengers in shadow, in order of time; no alarm watches them.
-- :since day = last 7 days, first day (UTC) of the spans
select "start", span, model_version, n as row_count, drift,
       round(drift_score, 3) as drift_score,
       guilty, since, calibrating
from shadow_verdicts
where dt >= :since
order by "start", span, model_version, window_seconds
