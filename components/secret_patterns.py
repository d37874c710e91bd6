"""What looks like a secret: names of variables, and values whatever their name. One rule for stack files and policies.

The rule is strict: a variable that only points to a secret, such as `DB_PASSWORD_FILE`, counts too.
"""

from __future__ import annotations

import re

# Whole words of a name, so that TOKENIZERS_PARALLELISM and MAX_TOKENS pass.
WORDS = frozenset({"PASSWORD", "PASSWD", "PASSPHRASE", "TOKEN", "SECRET", "KEY", "APIKEY", "CREDENTIAL", "CREDENTIALS"})
VALUES = (
    # Access keys of AWS, tokens of GitHub, JSON web tokens.
    re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"\bgh[pousr]_\w{20,}"),
    re.compile(r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL),
    # User and password in a URL.
    re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"),
)


def names_secret(name: str) -> bool:
    """Whether the name of a variable or of a key in a ConfigMap says that its value is a secret."""
    return not WORDS.isdisjoint(re.split(r"[^A-Z0-9]+", name.upper()))


def holds_secret(value: str) -> bool:
    """Whether a value has the form of a well-known secret."""
    return any(pattern.search(value) for pattern in VALUES)
