"""Why something waits or was refused, in words that say what to change."""
