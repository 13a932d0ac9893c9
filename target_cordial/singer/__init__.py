"""The Singer shell: what the SDK calls, and nothing that decides."""
