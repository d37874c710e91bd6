"""The `gateway` and `mesh` sections, and the routes of servers."""
