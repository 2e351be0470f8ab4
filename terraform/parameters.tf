# Written from sam_template.yaml by python -m scripts.terraform.

locals {
  parameters = {
    ModelName               = var.model_name
    ShardCount              = var.shard_count
    WindowSeconds           = var.window_seconds
    GraceSeconds            = var.grace_seconds
    MinSamples              = var.min_samples
    FalseAlarmsPerMonth     = var.false_alarms_per_month
    DriftThreshold          = var.drift_threshold
    OutOfRangePercent       = var.out_of_range_percent
    AlarmEmail              = var.alarm_email
    SlackWebhookSecret      = var.slack_webhook_secret
    IncidentQuietMinutes    = var.incident_quiet_minutes
    IncidentCoolDownMinutes = var.incident_cool_down_minutes
    RunbookUrl              = var.runbook_url
    MinimumRequestsPerHour  = var.minimum_requests_per_hour
    ErrorRatePercent        = var.error_rate_percent
    Authorization           = var.authorization
    ThrottleRate            = var.throttle_rate
    ThrottleBurst           = var.throttle_burst
    BatchingWindowSeconds   = var.batching_window_seconds
    Architecture            = var.architecture
    IngestDeployment        = var.ingest_deployment
    FeatureTypes            = var.feature_types
    ReconcileAfterHours     = var.reconcile_after_hours
    ArchiveDays             = var.archive_days
    LogRetentionDays        = var.log_retention_days
    QueryBytesLimit         = var.query_bytes_limit
    KmsKeyArn               = var.kms_key_arn
  }
}
