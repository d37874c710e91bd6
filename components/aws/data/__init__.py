"""What keeps data in AWS: buckets, file systems, databases, registries, backups."""
