"""Gateway, routes of servers, and mesh labels."""
