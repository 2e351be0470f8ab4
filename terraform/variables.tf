# Written from sam_template.yaml by python -m scripts.terraform.

variable "model_name" {
  type        = string
  description = "Name of the model. It is part of resource names, so an account and region hold one stack for a name."
  default     = "house-prices"
}

variable "shard_count" {
  type        = number
  description = "Shards of the stream; each takes 1,000 records and 1 MB a second."
  default     = 1
}

variable "window_seconds" {
  type        = string
  description = "Length of a window, in seconds; it divides an hour. Empty for what the bundle's manifest says (300)."
  default     = ""

  validation {
    condition     = contains(["", "10", "12", "15", "16", "18", "20", "24", "25", "30", "36", "40", "45", "48", "50", "60", "72", "75", "80", "90", "100", "120", "144", "150", "180", "200", "225", "240", "300", "360", "400", "450", "600", "720", "900", "1200", "1800", "3600"], var.window_seconds)
    error_message = "window_seconds is one of empty, 10, 12, 15, 16, 18, 20, 24, 25, 30, 36, 40, 45, 48, 50, 60, 72, 75, 80, 90, 100, 120, 144, 150, 180, 200, 225, 240, 300, 360, 400, 450, 600, 720, 900, 1200, 1800, 3600."
  }
}

variable "grace_seconds" {
  type        = string
  description = "Quiet time after which a window that has ended is judged, in seconds. Empty for the manifest's (60)."
  default     = ""
}

variable "min_samples" {
  type        = string
  description = "A window with fewer rows is carried into the next; at least 30. Empty for the manifest's (100)."
  default     = ""
}

variable "false_alarms_per_month" {
  type        = string
  description = "How often you accept to be woken for nothing, at most 100. Empty for the manifest's (1)."
  default     = ""
}

variable "drift_threshold" {
  type        = number
  description = "Mean shift of a feature, in standard deviations, that alarms whatever the budget of false alarms."
  default     = 2
}

variable "out_of_range_percent" {
  type        = number
  description = "Share of a window's predictions outside the range seen in training that alarms, in percent."
  default     = 5
}

variable "alarm_email" {
  type        = string
  description = "Address that is told of incidents; it must confirm once. Empty for none."
  default     = ""
}

variable "slack_webhook_secret" {
  type        = string
  description = "Name of the secret in Secrets Manager that holds the URL of a Slack webhook, see docs/alerts.md. Empty for none."
  default     = ""
}

variable "incident_quiet_minutes" {
  type        = number
  description = "How long all alarms of an incident must have been over for it to be, in minutes; longer if it comes back."
  default     = 30
}

variable "incident_cool_down_minutes" {
  type        = number
  description = "Time from a message on an incident to an update of it, in minutes; longer after each update."
  default     = 240
}

variable "runbook_url" {
  type        = string
  description = "Where people can read docs/runbook.md, for the links in messages. Empty for its path in the repository."
  default     = ""
}

variable "minimum_requests_per_hour" {
  type        = number
  description = "Fewer requests in an hour alarm; 0 for never."
  default     = 1
}

variable "error_rate_percent" {
  type        = number
  description = "Share of requests answered with a 5xx status, over five minutes, that alarms, in percent."
  default     = 5
}

variable "authorization" {
  type        = string
  description = "Who may call the API. AWS_IAM for signed requests of principals with execute-api:Invoke, API_KEY for a key."
  default     = "AWS_IAM"

  validation {
    condition     = contains(["AWS_IAM", "API_KEY"], var.authorization)
    error_message = "authorization is one of AWS_IAM, API_KEY."
  }
}

variable "throttle_rate" {
  type        = number
  description = "Requests a second that the API takes on average; more are answered 429."
  default     = 100
}

variable "throttle_burst" {
  type        = number
  description = "Requests that the API takes at once."
  default     = 200
}

variable "batching_window_seconds" {
  type        = number
  description = "How long records are gathered before the consumer runs, in seconds. Longer is cheaper and makes fewer, larger files."
  default     = 10
}

variable "architecture" {
  type        = string
  description = "Processor of the functions. Build for the same one, with ARCHITECTURE=arm64 make build."
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "architecture is one of x86_64, arm64."
  }
}

variable "ingest_deployment" {
  type        = string
  description = "How a new version of IngestFunction takes over. AllAtOnce also deploys while an alarm is raised."
  default     = "Canary10Percent5Minutes"

  validation {
    condition     = contains(["Canary10Percent5Minutes", "Canary10Percent10Minutes", "Canary10Percent15Minutes", "Canary10Percent30Minutes", "Linear10PercentEvery1Minute", "Linear10PercentEvery2Minutes", "Linear10PercentEvery3Minutes", "Linear10PercentEvery10Minutes", "AllAtOnce"], var.ingest_deployment)
    error_message = "ingest_deployment is one of Canary10Percent5Minutes, Canary10Percent10Minutes, Canary10Percent15Minutes, Canary10Percent30Minutes, Linear10PercentEvery1Minute, Linear10PercentEvery2Minutes, Linear10PercentEvery3Minutes, Linear10PercentEvery10Minutes, AllAtOnce."
  }
}

variable "feature_types" {
  type        = string
  description = "The model's features and their types for Athena. python -m scripts.deploy passes those of the bundle."
  default     = "area:string,living_area_m2:double,rooms:double,build_year:double,distance_km:double,has_garden:boolean,condition:double,energy_kwh_m2:double,neighbourhood_income:double"
}

variable "reconcile_after_hours" {
  type        = number
  description = "Quiet time after which a window is compared with the archive, in hours; longer than a batch is retried."
  default     = 24
}

variable "archive_days" {
  type        = number
  description = "Days until archived predictions, labels, quarantined records, verdicts, judged labels, incidents, reports and failed batches are deleted."
  default     = 365
}

variable "log_retention_days" {
  type        = number
  description = "Days until logs are deleted."
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "query_bytes_limit" {
  type        = number
  description = "Bytes that one Athena query may scan; a larger one is stopped. 10 GiB cost about 5 cents."
  default     = 10737418240
}

variable "kms_key_arn" {
  type        = string
  description = "KMS key that encrypts all that is stored, see docs/security.md. Empty for the keys of the AWS services."
  default     = ""
}
