"""Measurements of the real commands, against the sandbox on loopback."""
