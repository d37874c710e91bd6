"""The `storage` entries, and what each team gets of them."""
