"""The signature of a webhook: who knows the secret can tell that a body is ours, and how old it is.

    X-Vidface-Signature: t=1795287035,v1=5d41...

t is UTC in seconds when it was sent (anew with each try); v1 is HMAC-SHA256 (RFC 2104) over t, a full stop
and the body, in hexadecimal digits.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

HEADER: Final = "X-Vidface-Signature"
_FORM: Final = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def signed(body: bytes, secret: bytes, *, now_s: float) -> str:
    """The value of the header."""
    return f"t={int(now_s)},v1={_digest(body, secret, str(int(now_s)))}"


def is_genuine(header: str, body: bytes, secret: bytes, *, now_s: float, tolerance_s: float = 300) -> bool:
    """Whether a receiver should believe a body: signed with the secret, no more than 5 minutes ago."""
    match = _FORM.fullmatch(header)
    if match is None or abs(now_s - int(match[1])) > tolerance_s:
        return False
    return hmac.compare_digest(_digest(body, secret, match[1]), match[2])


def _digest(body: bytes, secret: bytes, stamp: str) -> str:
    return hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
