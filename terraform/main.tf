# The whole of Driftline is one CloudFormation stack of the packaged SAM template, so that Terraform and SAM deploy
# the same thing: this module only hands over the parameters.

variable "template_url" {
  type        = string
  description = "Where sam package put the template: the https URL of an object in S3, in the stack's region."

  validation {
    condition     = startswith(var.template_url, "https://")
    error_message = "template_url is the https URL that S3 has for the packaged template; see README.md."
  }
}

variable "stack_name" {
  type        = string
  description = "Name of the stack; samconfig.toml calls it driftline-dev and driftline-prod."
  default     = "driftline"
}

variable "tags" {
  type        = map(string)
  description = "Tags of the stack and of all that it makes."
  default     = {}
}

resource "aws_cloudformation_stack" "driftline" {
  name         = var.stack_name
  template_url = var.template_url
  parameters   = { for name, value in local.parameters : name => tostring(value) }
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
  tags         = var.tags

  timeouts {
    create = "60m"
    update = "60m" # a new version of the API takes over gradually
    delete = "60m"
  }
}
