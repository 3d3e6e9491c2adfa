"""Takes keys, and what else must not be shown, out of text that a provider wrote."""

import os
import re
from collections.abc import Iterable

_HIDDEN = "[hidden]"
_SECRET_VARIABLE = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
_SHORTEST = 8
"""Shorter values are words as often as they are secrets."""

_KEY_LIKE = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|key|api|pplx|r8|nvapi|ghp|gho|AIza)[-_]?[\w*-]{12,}"
    r"|(?<=bearer )[^\s'\",]{6,}"
    r"|(?<=[?&]key=)[^\s&'\"]+"
    r"|(?<=api key: )[^\s'\",]+"
    r"|(?<=api key provided: )[^\s'\",]+",
    re.IGNORECASE,
)


def scrub(text: str, secrets: Iterable[str]) -> str:
    """`text` without these secrets, the values of secret environment variables, and what looks like a key."""
    variables = (value for name, value in os.environ.items() if _SECRET_VARIABLE.search(name))
    known = {secret for secret in (*secrets, *variables) if len(secret) >= _SHORTEST}
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return _KEY_LIKE.sub(_HIDDEN, text)
