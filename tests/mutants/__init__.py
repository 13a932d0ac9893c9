"""Mutants: small wrong turns of the code that would harm people, each caught by a test."""
