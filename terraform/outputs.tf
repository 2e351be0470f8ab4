# Written from sam_template.yaml by python -m scripts.terraform.

output "api_url" {
  description = "URL of the prediction API"
  value       = aws_cloudformation_stack.driftline.outputs["ApiUrl"]
}

output "api_key_id" {
  description = "Id of the API key; its value: aws apigateway get-api-key --include-value"
  value       = lookup(aws_cloudformation_stack.driftline.outputs, "ApiKeyId", null)
}

output "stream_name" {
  description = "Stream to which any producer may write events"
  value       = aws_cloudformation_stack.driftline.outputs["StreamName"]
}

output "models_bucket_name" {
  description = "Bundles"
  value       = aws_cloudformation_stack.driftline.outputs["ModelsBucketName"]
}

output "archive_bucket_name" {
  description = "Predictions, labels, shadows, quarantined records, verdicts, judged labels"
  value       = aws_cloudformation_stack.driftline.outputs["ArchiveBucketName"]
}

output "failed_batches_bucket_name" {
  description = "Batches that the consumer could not read"
  value       = aws_cloudformation_stack.driftline.outputs["FailedBatchesBucketName"]
}

output "window_table_name" {
  description = "States of the windows"
  value       = aws_cloudformation_stack.driftline.outputs["WindowTableName"]
}

output "fallback_queue_url" {
  description = "Events that the stream did not take"
  value       = aws_cloudformation_stack.driftline.outputs["FallbackQueueUrl"]
}

output "active_bundle_parameter_name" {
  description = "Parameter that names the served version"
  value       = aws_cloudformation_stack.driftline.outputs["ActiveBundleParameterName"]
}

output "shadow_bundle_parameter_name" {
  description = "Parameter that says what is scored in shadow"
  value       = aws_cloudformation_stack.driftline.outputs["ShadowBundleParameterName"]
}

output "alarm_topic_arn" {
  description = "Topic of all alarms, as CloudWatch tells them"
  value       = aws_cloudformation_stack.driftline.outputs["AlarmTopicArn"]
}

output "incident_topic_arn" {
  description = "Topic of messages on incidents, as text"
  value       = aws_cloudformation_stack.driftline.outputs["IncidentTopicArn"]
}

output "chat_topic_arn" {
  description = "Topic of the same messages for Amazon Q Developer in chat applications"
  value       = aws_cloudformation_stack.driftline.outputs["ChatTopicArn"]
}

output "athena_workgroup_name" {
  description = "Workgroup of the queries"
  value       = aws_cloudformation_stack.driftline.outputs["AthenaWorkgroupName"]
}

output "glue_database_name" {
  description = "Database of the tables"
  value       = aws_cloudformation_stack.driftline.outputs["GlueDatabaseName"]
}

output "dashboard_name" {
  description = "CloudWatch dashboard"
  value       = aws_cloudformation_stack.driftline.outputs["DashboardName"]
}
