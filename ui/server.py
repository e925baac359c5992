"""The lab's server: who may look, who may change something, and what one visitor can ask for.

``app.py`` makes its application here, so ``streamlit run app.py`` starts it with these rules, from
whatever folder:

- Only requests to this machine by its own names are answered (against DNS rebinding; Streamlit's
  setting ``server.allowedHosts`` lists the names), and none that another site's page sends.
- Changing something needs the **token** of the link that is printed at the start; without it the
  lab can be looked at. ``SRNN_TOKEN`` sets the token, ``SRNN_TOKEN=off`` needs none.
- No other site may put the lab into a frame.
- One connection may send :data:`BURST` messages at once and :data:`RATE` a second.

Looking needs no token because a link to a run should open for a colleague on the same machine.
"""

import errno
import hmac
import os
import re
import secrets
import time
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

import streamlit as st
from starlette.datastructures import Headers, QueryParams
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.websockets import WebSocketClose
from streamlit import config, runtime

from srnn import files

BURST, RATE = 80, 20.0
"""Messages that a connection may send at once, and a second later on; a dragged slider sends 10."""

TOO_MUCH = 1008
"""The code for what breaks the rules of a server (RFC 6455)."""

FORBIDDEN = (
    "Only looking: to train or change something, open the link that was printed when the lab was "
    "started. It holds the token."
)
"""What is said where something is to be changed without the token."""

HEADERS = (
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)


def _token() -> str | None:
    wanted = os.environ.get("SRNN_TOKEN", "").strip()
    if wanted.lower() == "off":
        return None
    return wanted or secrets.token_urlsafe(24)


class Guard:
    """ASGI middleware that keeps the rules above; the innermost is Streamlit.

    ``token`` is None where none is needed.
    """

    def __init__(self, app: Any, token: str | None) -> None:
        self.app, self.token = app, token
        self.hosts = set(config.get_option("server.allowedHosts"))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif not self._is_at_home(scope):
            await _refuse(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.app(scope, _bounded(receive, send), send)
        elif (address := self._without_token(scope)) is not None:
            answer, name = RedirectResponse(address, 303), _cookie_name(scope["server"][1])
            answer.set_cookie(name, self.token or "", httponly=True, samesite="strict")
            await answer(scope, receive, _with_headers(send))
        else:
            await self.app(scope, receive, _with_headers(send))

    def _is_at_home(self, scope: Any) -> bool:
        """Whether a request names this machine, once, and comes from no page of another site."""
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        named = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if named is None or named[1].strip("[]").rstrip(".").lower() not in self.hosts:
            return False
        changing = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        own = {f"{scheme}://{hosts[0].lower()}" for scheme in ("http", "https")}
        return not changing or own.issuperset(origins)

    def _without_token(self, scope: Any) -> str | None:
        """The address without its token if that is the right one, else None."""
        values = QueryParams(scope["query_string"])
        given = values.get("token")
        if scope["method"] != "GET" or not self.token or given is None:
            return None
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            return None
        rest = urlencode([value for value in values.multi_items() if value[0] != "token"])
        path = "/" + quote(scope["path"].lstrip("/"))  # never //another.site, nor another header
        return f"{path}?{rest}" if rest else path


_HOST = re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?")


def _with_headers(send: Any) -> Any:
    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = message | {"headers": [*message.get("headers", []), *HEADERS]}
        await send(message)

    return sending


async def _refuse(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await WebSocketClose(TOO_MUCH)(scope, receive, send)
        return
    text = "The lab answers on this machine only, under its own name (http://127.0.0.1)."
    await PlainTextResponse(text, 403)(scope, receive, send)


def _bounded(receive: Any, send: Any) -> Any:
    """``receive`` that ends a connection which sends too much: every message may start a rerun."""
    left, last = float(BURST), time.monotonic()

    async def receiving() -> Any:
        nonlocal left, last
        message = await receive()
        now = time.monotonic()
        left, last = min(BURST, left + (now - last) * RATE) - 1, now
        if left >= 0:
            return message
        await send({"type": "websocket.close", "code": TOO_MUCH})
        return {"type": "websocket.disconnect", "code": TOO_MUCH}

    return receiving


def _cookie_name(port: int) -> str:
    """Cookies are shared by all ports of a machine."""
    return f"srnn-token-{port}"


_needed: str | None = None
"""The token of the server in this process; None if there is none, or none is needed."""

_serving = False


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    global _serving
    _serving = True
    port, query = config.get_option("server.port"), f"?token={_needed}" if _needed else ""
    link = f"http://{config.get_option('server.address')}:{port}/{query}"
    print(f"  Open this link: {link}\n", flush=True)
    if os.environ.get("SRNN_OPEN"):
        webbrowser.open(link)
    yield


def rules() -> dict[str, Any]:
    """What ``st.App`` is made with beside its script. From now on, who writes needs the token."""
    global _needed
    _needed = _token()
    files.may_write = _check_token
    return {"middleware": [Middleware(Guard, _needed)], "lifespan": _lifespan}


def serving() -> bool:
    """Whether this process is a server, with visitors to come."""
    return _serving


def alone() -> bool:
    """Whether a page was started by itself (``streamlit run pages/runs.py``), without rules."""
    return getattr(config, "_server_mode", None) == "starlette-managed"


def only_looking() -> bool:
    """Whether this visitor lacks the token that is needed to change something."""
    if _needed is None or not runtime.exists():
        return False
    given = st.context.cookies.get(_cookie_name(config.get_option("server.port")), "")
    return not hmac.compare_digest(given.encode(), _needed.encode())


def _check_token() -> None:
    if only_looking():
        raise files.CacheError(errno.EPERM, FORBIDDEN)
