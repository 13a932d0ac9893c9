"""A local stand-in for Cordial's REST API and for Amplitude's cohort API."""
