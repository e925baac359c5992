"""The server keeps to itself: on this machine only, no telemetry, uploads protected and limited."""

from __future__ import annotations

import http.client
import re
import socket
import tomllib
from pathlib import Path

import sessions

ROOT = Path(__file__).resolve().parent.parent


def options() -> dict:
    return tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def test_the_settings_keep_strangers_out_and_stack_traces_in():
    set_ = options()
    assert set_["server"]["address"] == "127.0.0.1"
    assert set_["server"]["enableXsrfProtection"] is True
    assert set_["server"]["maxUploadSize"] <= 200
    assert set_["browser"]["gatherUsageStats"] is False
    assert set_["client"]["showErrorDetails"] in ("none", "type")


def test_nothing_in_the_app_shows_html_of_its_own():
    files = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "ui").glob("*.py")]
    for file in files:
        assert not re.search(r"unsafe_allow_html\s*=\s*True", file.read_text(encoding="utf-8")), (
            file
        )


def test_a_running_server_is_on_this_machine_only_and_refuses_foreign_uploads(tmp_path):
    with sessions.server(tmp_path / "cache") as port:
        others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), port)}
        for address in others - {"127.0.0.1", "127.0.1.1", "::1"}:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(2)
                assert probe.connect_ex((address, port)) != 0
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("PUT", "/_stcore/upload_file/someone/something", b"data")
        assert connection.getresponse().status in (400, 403)
        visits = sessions.visit_all(port, ["", "runs"], [])
        assert visits.errors == []
