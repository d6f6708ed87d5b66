"""Where people reach the server: what its requests must name as Host and as Origin."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from rlhp_ray.errors import ConfigError

LOOPBACK = "127.0.0.1"
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
USUAL_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class PublicAddress:
    """An address beyond loopback.

    Args:
        scheme: http or https.
        name: of the machine, in lower case; IPv6 without brackets.
        port: as people type it.
    """

    scheme: str
    name: str
    port: int

    @property
    def origin(self) -> str:
        """As a browser writes it in Origin."""
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"{self.scheme}://{name}" + ("" if self.port == USUAL_PORTS[self.scheme] else f":{self.port}")

    def is_host(self, host: str) -> bool:
        """Whether a Host header names it."""
        name, port = split_host(host)
        return name == self.name and (port or USUAL_PORTS[self.scheme]) == self.port


def split_host(host: str) -> tuple[str | None, int | None]:
    """Name and port of a Host header; no name where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        if parts.username is not None or parts.path or parts.query or parts.fragment:
            return None, None
        return parts.hostname, parts.port
    except ValueError:  # half an IPv6 address, or a port that is no number
        return None, None


def is_loopback(name: str) -> bool:
    """Whether only this machine can reach it."""
    return name in LOOPBACK_NAMES


def parse_address(text: str) -> PublicAddress:
    """What `--address` says. Raises ConfigError where it is no address."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    known = parts.scheme in USUAL_PORTS and parts.hostname and parts.username is None
    if not known or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ConfigError(
            f"--address: got {text!r}; expected where people reach the page, without a path, for example "
            "https://label.example.org; change it"
        )
    return PublicAddress(parts.scheme, str(parts.hostname), port or USUAL_PORTS[parts.scheme])


def is_wildcard(host: str) -> bool:
    """Whether a server that listens there listens everywhere."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
