"""What may be in no output at any level: everything that is personal or secret is marked."""

from __future__ import annotations

import base64

from tests.faults.people import MARK
from tests.staging import SECRET

API_KEY = f"{MARK}-api-key"
SECRETS = (
    MARK,
    base64.b64encode(API_KEY.encode()).decode().rstrip("="),
    SECRET,
    "X-Amz-Signature",
    "X-Amz-Credential",
)
"""The marks, the key as a header has it, the store's secret, and what signs an address."""


def without_states(stdout: str) -> str:
    """Leave out what standard output is for: states go to the tap, not to a log."""
    return "".join(line for line in stdout.splitlines() if not line.startswith("{"))


def secrets_in(text: str) -> list[str]:
    """Find what must not be there, each with the words around it."""
    lowered = text.lower()
    return [
        text[max(0, lowered.find(secret.lower()) - 60) : lowered.find(secret.lower()) + 60]
        for secret in SECRETS
        if secret.lower() in lowered
    ]
