"""The operators that run the jobs of each training engine."""
