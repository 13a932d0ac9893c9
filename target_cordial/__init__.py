"""A Singer target that keeps Cordial lists in step with Amplitude cohorts."""
