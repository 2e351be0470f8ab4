-- How noisy alerts are: incidents, returns and messages by month and cause.
-- :since day = last 365 days, first day (UTC) on which incidents were opened
select substr(cast(opened_at as varchar), 1, 7) as month, cause, count(*) as incidents,
       sum(reopened) as reopened, sum(messages) as messages, count(acknowledged_by) as acknowledged,
       count_if(state = 'open') as still_open
from incident_files
where dt >= :since
group by substr(cast(opened_at as varchar), 1, 7), cause
order by month, cause
