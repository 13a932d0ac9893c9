"""One run: collect, seal, plan, deliver, read back, report."""
