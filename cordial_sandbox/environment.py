"""The settings of both plugins that point them at a sandbox, as environment variables."""

from __future__ import annotations

import json

from cordial_sandbox.calls import AMPLITUDE_KEY, AMPLITUDE_SECRET, CORDIAL_KEY

URL_VARIABLE = "CORDIAL_SANDBOX_URL"
# The two cohorts whose names collide and the one for the mass removal are left for a second look.
COHORT_NAMES = ("active users", "Ana's VIPs 🛍️", "Lapsed buyers (30d)")


def plugin_settings(url: str) -> dict[str, str]:
    """Return the variables for a sandbox at an address; the ledger is the caller's to choose."""
    return {
        URL_VARIABLE: url,
        "TARGET_CORDIAL_API_KEY": CORDIAL_KEY,
        "TARGET_CORDIAL_API_URL": f"{url}/v2",
        "TAP_AMPLITUDE_API_KEY": AMPLITUDE_KEY,
        "TAP_AMPLITUDE_SECRET_KEY": AMPLITUDE_SECRET,
        "TAP_AMPLITUDE_API_URL": url,
        "TAP_AMPLITUDE_COHORT_NAMES": json.dumps(COHORT_NAMES, ensure_ascii=False),
        "TAP_AMPLITUDE_POLL_INTERVAL_SECONDS": "1",
    }
