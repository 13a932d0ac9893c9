"""Delivery by files: Cordial fetches them from a bucket of ours and imports the contacts."""
