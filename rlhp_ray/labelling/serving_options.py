"""Where the labelling page is served, as the command line says it."""

import ssl
from dataclasses import dataclass

from rlhp_ray.errors import ConfigError
from rlhp_ray.labelling.public_address import (
    LOOPBACK,
    PublicAddress,
    is_loopback,
    is_wildcard,
    parse_address,
)

DEFAULT_PORT = 8420


@dataclass(frozen=True)
class ServingOptions:
    """Of `rlhp label`.

    Args:
        port: to listen at; None takes the first free one from DEFAULT_PORT on.
        host: address or name of this machine to listen at.
        address: where people reach the page, as they type it; None is scheme, host and port of the server itself.
        certificate: PEM file for TLS, with its chain; None serves without TLS.
        key: PEM file of its key.

    Raises:
        ConfigError: they contradict each other.
    """

    port: int | None = None
    host: str = LOOPBACK
    address: str | None = None
    certificate: str | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        if (self.certificate is None) != (self.key is None):
            raise ConfigError("--certificate and --key: got one of them; expected both or none; add the other")
        if is_wildcard(self.host) and self.address is None:
            raise ConfigError(
                f"--host: {self.host} listens everywhere; expected --address as well, which says where people reach "
                "the page, for example https://label.example.org:8420; add it"
            )
        if self.address is not None:
            parse_address(self.address)

    def public_address(self, port: int) -> PublicAddress | None:
        """Where people reach the page when the server listens at `port`; None for loopback, where all may label."""
        if self.address is not None:
            return parse_address(self.address)
        if is_loopback(self.host) and self.certificate is None:
            return None
        return PublicAddress("http" if self.certificate is None else "https", self.host.lower(), port)

    def check_certificate(self) -> None:
        """Raises ConfigError where certificate and key cannot be used."""
        if self.certificate is None:
            return
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ValueError) as error:  # ssl.SSLError is one of the first
            raise ConfigError(
                f"--certificate, --key: {self.certificate} and {self.key} cannot be used ({error}); expected a "
                "certificate and its key as PEM files, without a passphrase; name them"
            ) from error
