"""HttpSettings: where the live page is served and who may see it; the `http:` part of cameras.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vidface.errors import UsageError

SHORTEST_TOKEN: Final = 16
_HIGHEST_PORT: Final = 65535


class HttpSettings(BaseModel):
    """The `http:` part of cameras.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str = Field("127.0.0.1:8080", description="Address and port; [::1]:8080 for IPv6.")
    token_env: str = Field("VIDFACE_TOKEN", description="Environment variable that holds the token.")
    hosts: tuple[str, ...] = Field((), description="Names under which browsers may call the page.")
    rate: float = Field(10.0, gt=0, le=60, description="Pictures a second of a camera, at most.")
    quality: int = Field(80, ge=30, le=95, description="JPEG quality of the pictures.")
    viewers: int = Field(32, ge=1, le=1000, description="Streams of pictures served at a time.")
    certificate: Path | None = Field(None, description="PEM file with a certificate, for HTTPS.")
    key: Path | None = Field(None, description="PEM file with its key.")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        split_address(self.address)
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together: give both, or neither")
        return self

    def place(self, environment: Mapping[str, str]) -> Place:
        """Where to serve, with the token from the environment.

        Raises:
            UsageError: anybody in the network could look in, or the token is too short to be secret.
        """
        host, port = split_address(self.address)
        token = environment.get(self.token_env) or None
        if token is None and not is_loopback(host):
            raise UsageError(
                f"the live page at {self.address} could be seen by everybody in the network: put a token of "
                f"{SHORTEST_TOKEN} characters or more into the environment variable {self.token_env}, or "
                "serve it at 127.0.0.1"
            )
        if token is not None and len(token) < SHORTEST_TOKEN:
            raise UsageError(
                f"the token in {self.token_env} has {len(token)} characters and could be guessed: take "
                f"{SHORTEST_TOKEN} or more, for instance from: openssl rand -hex 24"
            )
        return Place(host, port, token)


@dataclass(frozen=True, slots=True)
class Place:
    """Address, port and token."""

    host: str
    port: int
    token: str | None = field(default=None, repr=False)

    @property
    def open_air(self) -> bool:
        """Other machines can reach it."""
        return not is_loopback(self.host)


def split_address(text: str) -> tuple[str, int]:
    """ "127.0.0.1:8080" -> ("127.0.0.1", 8080); brackets around an IPv6 address are taken off.

    Raises:
        ValueError: it is no address with a port.
    """
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not bare or (":" in bare and bare == host):
        raise ValueError(f"an address with a port is wanted, as in 127.0.0.1:8080, but found {text!r}")
    if not port.isascii() or not port.isdigit() or int(port) > _HIGHEST_PORT:
        raise ValueError(f"a port from 0 to {_HIGHEST_PORT} is wanted behind the colon, but found {text!r}")
    return bare, int(port)


def is_loopback(host: str) -> bool:
    """Only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
