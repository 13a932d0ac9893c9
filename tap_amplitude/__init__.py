"""A Singer tap that downloads cohort membership from Amplitude."""
