"""What keeps the repository's own files in step; not part of the distribution."""
