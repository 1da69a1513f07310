"""A headless Chromium steered over a pipe, as far as these tests need it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self

import pytest

_WAIT_S: Final = 60
_START: Final = 'exec "$@" 3<&$ASK 4>&$SAY'


class Chrome:
    """One page of a browser of its own; every message of its console and every request is kept.

    The protocol is that of Chrome's developer tools: JSON, a zero byte behind it, over descriptors 3 and 4.

    Attributes:
        console: what scripts of the last page wrote and what the browser complained of.
        requests: addresses that it asked for.
    """

    def __init__(self, program: str) -> None:
        self.console: list[str] = []
        self.requests: list[str] = []
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        ask, self._ask = os.pipe()
        self._say, say = os.pipe()
        switches = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--mute-audio")
        words = [program, *switches, "--remote-debugging-pipe", f"--user-data-dir={self._profile.name}"]
        self._process = subprocess.Popen(
            ["bash", "-c", _START, "chrome", *words, "about:blank"],
            pass_fds=(ask, say),
            env=os.environ | {"ASK": str(ask), "SAY": str(say)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(ask)
        os.close(say)
        self._number = 0
        self._rest = b""
        self._events: list[str] = []
        self._session: str | None = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **values: Any) -> dict[str, Any]:
        """Ask for something and wait for the answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": values}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._ask, json.dumps(message).encode() + b"\0")
        for found in self._messages():
            if found.get("id") == self._number:
                assert "error" not in found, found["error"]
                return dict(found["result"])
        raise AssertionError(f"no answer to {method}")

    def open(self, page: Path) -> None:
        """Go to a file and wait until it is loaded."""
        for kept in (self._events, self.console, self.requests):
            kept.clear()
        self.call("Page.navigate", url=page.as_uri())
        if "Page.loadEventFired" not in self._events:
            for _ in self._messages():
                if "Page.loadEventFired" in self._events:
                    return

    def run(self, script: str) -> Any:
        """Value of an expression, awaited where it is a promise."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key and let go of it."""
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def picture(self, path: Path, *, width: int, height: int, **media: str) -> None:
        """Write the whole page as it looks at a width; `media` are features such as prefers-color-scheme."""
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def printed(self) -> bytes:
        """The page as a PDF."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"])

    def _messages(self) -> Iterator[dict[str, Any]]:
        until = monotonic() + _WAIT_S
        while monotonic() < until:
            while b"\0" in self._rest:
                one, _, self._rest = self._rest.partition(b"\0")
                found = json.loads(one)
                self._note(found)
                yield found
            if select([self._say], [], [], 1)[0]:
                self._rest += os.read(self._say, 1 << 20)
        raise AssertionError("the browser said nothing more")

    def _note(self, message: dict[str, Any]) -> None:
        name, values = message.get("method", ""), message.get("params", {})
        self._events.append(name)
        if name == "Log.entryAdded":
            self.console.append(values["entry"]["text"])
        elif name == "Runtime.consoleAPICalled":
            self.console.append(str([one.get("value") for one in values["args"]]))
        elif name == "Runtime.exceptionThrown":
            self.console.append(str(values["exceptionDetails"]))
        elif name == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(20)
        os.close(self._ask)
        os.close(self._say)
        self._profile.cleanup()


@contextmanager
def a_browser() -> Iterator[Chrome]:
    """A browser for tests; without one they skip, unless VIDFACE_REQUIRE_CHROMIUM=1."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        if os.environ.get("VIDFACE_REQUIRE_CHROMIUM") == "1":
            pytest.fail("VIDFACE_REQUIRE_CHROMIUM=1 promises a Chromium, but there is none")
        pytest.skip("no Chromium here")
    with Chrome(found) as browser:
        yield browser
