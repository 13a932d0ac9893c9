"""Speaking with Cordial: transport, answers, and the calls of its two APIs."""
