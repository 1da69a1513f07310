"""reason_of: why somebody far away could not be reached, in words."""

from __future__ import annotations

import socket
import ssl


def reason_of(error: OSError, timeout_s: float) -> str:
    """The end of a sentence: "no connection (connection refused)".

    Args:
        timeout_s: for how long an answer was waited for.
    """
    if isinstance(error, TimeoutError):
        return f"there was no answer for {timeout_s:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"no connection (TLS: {(error.reason or 'unknown').replace('_', ' ').lower()})"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    return f"no connection ({(error.strerror or str(error) or type(error).__name__).lower()})"
