"""`predictor batch`: answers for one shard of data that is there already."""
