"""Any sequence of runs, against a model in plain Python: the heart of the tests."""
