"""Visitors of the app, as websocket clients: they open pages as a browser does and time the reruns.

They speak Streamlit's own protocol (its protobuf messages), so the server cannot tell them from
browsers; what a browser would still have to draw is not in the times.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Visits:
    """What the visitors saw: seconds of every rerun, by page, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[float]:
        """The seconds of all pages."""
        return [value for values in self.seconds.values() for value in values]


TOKEN = "only-for-tests"
"""The token of the servers that are started here."""


@contextlib.contextmanager
def server(cache: Path, script: str = "app.py", folder: Path = ROOT) -> Iterator[int]:
    """The app on a free port of this machine, on a cache folder; ends with the block. ``script``
    is what is started, ``folder`` where."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / script)]
    command += ["--server.port", str(port)]
    environment = os.environ | {
        "SRNN_CACHE": str(cache),
        "SRNN_TOKEN": TOKEN,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait(port)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def wait(port: int) -> None:
    """Wait until the app on a port answers; a minute at most."""
    end = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
            return
        if time.monotonic() > end:
            raise RuntimeError("the app did not start")
        time.sleep(0.2)


def browse(
    port: int, pages: list[str], runs: list[str], sessions: int, seconds: float, pause: float
) -> Visits:
    """Let visitors open random pages with random runs for a while, each with pauses of 0.5 to 1.5
    times ``pause`` seconds to look at what they see."""
    visits = Visits()

    async def everybody() -> None:
        crowd = [
            _visitor(port, pages, runs, seconds, pause, np.random.default_rng(seed), visits)
            for seed in range(sessions)
        ]
        await asyncio.gather(*crowd)

    asyncio.run(everybody())
    return visits


def visit_all(port: int, pages: list[str], runs: list[str]) -> Visits:
    """Let one visitor open every page with every run once, without a pause."""
    visits = Visits()

    async def one() -> None:
        async with _connected(port) as socket_:
            for page in pages:
                for run in runs:
                    await _open(socket_, page, run, visits)

    asyncio.run(one())
    return visits


async def _visitor(
    port: int,
    pages: list[str],
    runs: list[str],
    seconds: float,
    pause: float,
    rng: np.random.Generator,
    visits: Visits,
) -> None:
    end = time.monotonic() + seconds
    await asyncio.sleep(float(rng.uniform(0, pause)))
    async with _connected(port) as socket_:
        while time.monotonic() < end:
            page = pages[int(rng.integers(len(pages)))]
            await _open(socket_, page, runs[int(rng.integers(len(runs)))], visits)
            await asyncio.sleep(pause * float(rng.uniform(0.5, 1.5)))


def cookie(address: str) -> dict[str, str]:
    """The token as a browser's cookie, for a server at that address."""
    port = address.rsplit(":", 1)[1]
    return {"name": f"srnn-token-{port}", "value": TOKEN, "url": address}


def _connected(port: int, token: str = TOKEN) -> websockets.connect:
    """A connection as a browser makes it that has opened the link with the token."""
    return websockets.connect(
        f"ws://127.0.0.1:{port}/_stcore/stream",
        origin=f"http://127.0.0.1:{port}",
        additional_headers={"Cookie": f"srnn-token-{port}={token}"},
        max_size=None,
        subprotocols=["streamlit"],
    )


def press(port: int, page: str, label: str, token: str = TOKEN) -> str:
    """Open a page and press the button of that label; returns all texts that were shown then."""

    async def pressing() -> str:
        async with _connected(port, token) as socket_:
            message = BackMsg()
            message.rerun_script.page_name = page
            await socket_.send(message.SerializeToString())
            shown = await _shown(socket_)
            buttons = [delta.new_element.button for delta in shown]
            key = next(button.id for button in buttons if button.label == label)
            message.rerun_script.widget_states.widgets.add(id=key, trigger_value=True)
            await socket_.send(message.SerializeToString())
            return str(await _shown(socket_))

    return asyncio.run(pressing())


def texts(port: int, page: str = "") -> str:
    """All texts that a page shows."""

    async def reading() -> str:
        async with _connected(port) as socket_:
            message = BackMsg()
            message.rerun_script.page_name = page
            await socket_.send(message.SerializeToString())
            return str(await _shown(socket_))

    return asyncio.run(reading())


def flood(port: int, messages: int) -> int:
    """Send many rerun messages at once; returns the code that the connection was closed with, or
    0 if it was not."""

    async def flooding() -> int:
        async with _connected(port) as socket_:
            message = BackMsg()
            message.rerun_script.page_name = "runs"
            with contextlib.suppress(websockets.ConnectionClosed):
                for _ in range(messages):
                    await socket_.send(message.SerializeToString())
                while True:
                    await asyncio.wait_for(socket_.recv(), 20)
            return socket_.close_code or 0

    return asyncio.run(flooding())


async def _shown(socket_: websockets.ClientConnection) -> list[Delta]:
    """What a page shows until it has run."""
    shown = []
    async with asyncio.timeout(60):
        async for data in socket_:
            message = ForwardMsg()
            message.ParseFromString(data if isinstance(data, bytes) else data.encode())
            if message.WhichOneof("type") == "delta":
                shown.append(message.delta)
            if message.WhichOneof("type") == "script_finished":
                break
    return shown


async def _open(socket_: websockets.ClientConnection, page: str, run: str, visits: Visits) -> None:
    """Open a page with a run, wait until it has run, and note the time and what went wrong."""
    message = BackMsg()
    message.rerun_script.query_string = f"run={run}"
    message.rerun_script.page_name = page
    started = time.monotonic()
    await socket_.send(message.SerializeToString())
    error = await _until_finished(socket_)
    visits.seconds.setdefault(page or "overview", []).append(time.monotonic() - started)
    if error:
        visits.errors.append(f"{page}: {error}")


async def _until_finished(socket_: websockets.ClientConnection) -> str:
    """Read messages until the page has run; returns the exception it shows, if any."""
    error = ""
    while True:
        data = await asyncio.wait_for(socket_.recv(), 60)
        message = ForwardMsg()
        message.ParseFromString(data if isinstance(data, bytes) else data.encode())
        kind = message.WhichOneof("type")
        if kind == "delta" and message.delta.new_element.HasField("exception"):
            error = message.delta.new_element.exception.message or "an exception"
        if kind == "script_finished":
            if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return error
            if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                return "the page does not compile"
