"""What a preflight checks in an AWS account: functions by subject, each of which answers with findings."""
