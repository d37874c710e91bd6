"""The programs that this machine lacks, built from source at pinned versions."""
