"""What a run shows on a terminal: how it goes on, and at its end a table."""
