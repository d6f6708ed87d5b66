"""Ends connections on which the head of a request does not come: uvicorn itself waits for one as long as it takes.

A few machines that send a byte now and then would else hold all connections that the server takes ("slowloris").
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0  # within which a head must have come; a browser sends it at once


class HeaderDeadline(H11Protocol):
    """uvicorn's HTTP/1.1, with a time within which the head of a request must have come.

    It runs from the start of a connection, and anew from the first byte after each response. No answer tells why: a
    browser that opened a connection ahead of its need would take it for that of its next request.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._set_deadline()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._drop_deadline()
        elif self._deadline is None:
            self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._drop_deadline()
        super().connection_lost(exc)

    def _set_deadline(self) -> None:
        self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _drop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
