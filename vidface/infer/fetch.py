"""Weights come over the network: resumed, checked, moved into place whole.

Nothing but `vidface models pull` calls this: a run never reaches for the network.

A download goes to NAME.part beside its target and is renamed once size and digest are right, so a
file under its own name is always complete. Proxies follow the usual environment variables.
"""

from __future__ import annotations

import ssl
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from vidface.errors import ModelError, ModelMismatchError, ModelMissingError
from vidface.infer import weights
from vidface.infer.digest import Digest, difference, measure, write_stamp
from vidface.infer.manifest import WeightFile
from vidface.infer.part import Part

Progress = Callable[[str, int, int | None], None]
"""Called with the file's name, bytes so far and bytes in all (None where the server does not say)."""
_BLOCK = 1 << 18
_RETRY_CODES = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient a download is.

    Attributes:
        timeout_s: seconds without a byte after which a connection counts as broken.
        attempts: tries per address; each goes on where the last one broke.
        backoff_s: pause before the second try; doubles each time.
    """

    timeout_s: float = 30.0
    attempts: int = 4
    backoff_s: float = 1.0


class _RefusedError(Exception):
    """This address does not serve; another one may."""


class _BrokenError(Exception):
    """The connection broke; going on may help."""


def pull(
    name: str, *, progress: Progress | None = None, policy: Policy | None = None, force: bool = False
) -> weights.Weights:
    """Fetch what is missing of a model into the user's model folder; files that are right stay as they are.

    Raises:
        ModelMissingError: no address is known, or none of them serves.
        ModelMismatchError: what came is not what the manifest describes; nothing is left behind.
        OutputError: the folder cannot be written, or the disk is full.
    """
    known = weights.entry(name)
    if not force:
        with suppress(ModelError):
            return weights.verify(name)
    for file in known.manifest.files:
        target = weights.home(name) / file.name
        if not force and target.is_file() and file.verifiable and not difference(file, measure(target, file)):
            continue
        if not file.urls:
            weights.find(name)
        digest = fetch(file, target, progress=progress, policy=policy)
        with suppress(OSError):
            write_stamp(weights.stamp_path(name, file), digest)
    return weights.verify(name)


def fetch(
    file: WeightFile, target: Path, *, progress: Progress | None = None, policy: Policy | None = None
) -> Digest:
    """Download one file to `target` and check it; an earlier, broken download is gone on with.

    Raises:
        ModelMissingError, ModelMismatchError, OutputError: as `pull`.
        UsageError: another process is fetching the same file.
    """
    if not file.urls:
        raise ModelMissingError(f"No public address of {file.name} is known; import it from a file instead.")
    faults: list[Exception] = []
    with Part(target, file) as part:
        # What an earlier run left may be stale: if that does not end well, the address is tried from scratch.
        again = file.urls[:1] if part.size() else ()
        for url in (*again, *file.urls):
            try:
                _download(url, part, progress=progress, policy=policy or Policy())
                return part.accept()
            except _BrokenError as error:
                faults.append(error)
            except (_RefusedError, ModelMismatchError) as error:
                faults.append(error)
                part.empty()
        have = part.size()
        if not have:
            part.path.unlink(missing_ok=True)
    if isinstance(faults[-1], ModelMismatchError):
        raise faults[-1]
    reasons = "; ".join(dict.fromkeys(map(str, faults)))
    kept = f" {have} bytes are kept; the same command goes on from there." if have else ""
    raise ModelMissingError(f"{file.name} could not be fetched: {reasons}.{kept}")


def _download(url: str, part: Part, *, progress: Progress | None, policy: Policy) -> None:
    """Fill the part from one address, over as many connections as it takes."""
    reason = ""
    for attempt in range(policy.attempts):
        if attempt:
            time.sleep(policy.backoff_s * 2 ** (attempt - 1))
        try:
            return _copy(url, part, progress=progress, timeout_s=policy.timeout_s)
        except _BrokenError as error:
            reason = str(error)
    raise _BrokenError(f"{_shown(url)}: {reason}, tried {policy.attempts} times")


def _copy(url: str, part: Part, *, progress: Progress | None, timeout_s: float) -> None:
    """One connection: ask for what is missing and append it."""
    file, have = part.file, part.size()
    if have == file.size:
        return
    try:
        with _request(url, have, timeout_s) as response:
            start, total = _offer(response, have)
            if file.size is not None and total is not None and total != file.size:
                raise _RefusedError(f"{_shown(url)} offers {total} bytes where {file.size} are expected")
            if total is None and file.size is None and not file.verifiable:
                raise _RefusedError(
                    f"{_shown(url)} does not say how long the file is, so its end cannot be known"
                )
            if start == 0:
                part.empty()
            have = start
            while block := response.read(_BLOCK):
                have += part.append(block)
                if progress:
                    progress(file.name, have, total)
    except (HTTPException, OSError) as error:
        raise _BrokenError(_plain(error)) from error
    if total is not None and have < total:
        raise _BrokenError(f"the connection ended after {have} of {total} bytes")


def _request(url: str, start: int, timeout_s: float) -> HTTPResponse:
    headers = {"User-Agent": "vidface", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        response: HTTPResponse = urllib.request.build_opener(SameOrSafer).open(request, timeout=timeout_s)
    except HTTPError as error:
        error.close()
        if error.code == 416:
            raise _RefusedError(f"{_shown(url)} has less than the {start} bytes fetched before") from error
        if error.code in _RETRY_CODES:
            raise _BrokenError(f"the server answered {error.code} {error.reason}") from error
        raise _RefusedError(f"{_shown(url)} answered {error.code} {error.reason}") from error
    except URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise _RefusedError(f"the certificate of {urlsplit(url).hostname} is not trusted") from error
        raise _BrokenError(_plain(error)) from error
    return response


def _offer(response: HTTPResponse, have: int) -> tuple[int, int | None]:
    """Where the answer starts, and how many bytes the whole file has; a server without ranges starts anew."""
    length = response.headers.get("Content-Length", "")
    if response.status != 206:
        return 0, int(length) if length.isdigit() else None
    first, _, whole = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    if first.partition("-")[0] != str(have):
        raise _RefusedError("the server sent another range than the one asked for")
    return have, int(whole) if whole.isdigit() else None


def _shown(url: str) -> str:
    """An address without what may be secret in it."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def _plain(error: Exception) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, TimeoutError):
        return "the server fell silent"
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return f"the connection failed ({text})"


class SameOrSafer(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """As the base class, with that one exception."""
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise _RefusedError(f"{_shown(req.full_url)} leads to an unprotected address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
