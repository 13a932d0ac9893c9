"""Carrying a plan to Cordial: one engine, and what differs between the deliveries."""
