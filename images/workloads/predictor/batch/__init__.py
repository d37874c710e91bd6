"""`predictor batch`: answers for one shard of existing data."""
