"""The server keeps to itself: on this machine only, no telemetry, uploads protected and limited."""

import http.client
import re
import socket
import tomllib
from pathlib import Path

import pytest
import sessions
import websockets
from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parent.parent


def options() -> dict:
    return tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def test_the_settings_keep_strangers_out_and_stack_traces_in():
    set_ = options()
    assert set_["server"]["address"] == "127.0.0.1"
    assert set_["server"]["enableXsrfProtection"] is True
    assert set_["server"]["allowedHosts"] == ["localhost", "127.0.0.1", "::1"]
    assert set_["server"]["maxUploadSize"] <= 200
    assert set_["browser"]["gatherUsageStats"] is False
    assert set_["client"]["showErrorDetails"] in ("none", "type")


def test_nothing_in_the_app_shows_html_of_its_own():
    files = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "ui").glob("*.py")]
    for file in files:
        assert not re.search(r"unsafe_allow_html\s*=\s*True", file.read_text(encoding="utf-8")), (
            file
        )


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("server") / "cache"


@pytest.fixture(scope="module")
def port(cache):
    with sessions.server(cache, folder=Path("/")) as port:
        yield port


def ask(port: int, path: str = "/", method: str = "GET", **headers: str):
    """The status, headers and text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=names)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read().decode()


def test_started_from_anywhere_it_is_on_this_machine_only(port):
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), port)}
    for address in others - {"127.0.0.1", "127.0.1.1", "::1"}:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(2)
            assert probe.connect_ex((address, port)) != 0
    assert ask(port, "/_stcore/upload_file/some/thing", "PUT")[0] in (400, 403)
    assert sessions.visit_all(port, ["", "runs"], []).errors == []


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "x@localhost", "localhost/x"],
)
def test_another_host_name_is_refused(port, host):
    assert ask(port, Host=host.format(port=port))[0] == 403


@pytest.mark.parametrize(
    "hosts", [[], ["127.0.0.1", "evil.example"], ["evil.example", "127.0.0.1"]]
)
def test_a_request_names_one_host(port, hosts):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("GET", "/", skip_host=True)
    for host in hosts:
        connection.putheader("Host", host)
    connection.endheaders()
    assert connection.getresponse().status in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:{port}", "[::1]:{port}", "LOCALHOST."])
def test_the_machines_own_names_are_answered(port, host):
    assert ask(port, Host=host.format(port=port))[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1", "null"])
def test_a_page_of_another_site_gets_no_connection(port, origin):
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    with pytest.raises(websockets.InvalidStatus), connect(address, origin=origin):
        pass


def test_no_other_site_may_frame_the_lab(port):
    _, headers, _ = ask(port)
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_the_link_with_the_token_gives_a_cookie_and_an_address_without_it(port):
    status, headers, _ = ask(port, f"/runs?run=a%26b&token={sessions.TOKEN}")
    assert (status, headers["Location"]) == (303, "/runs?run=a%26b")
    first, *rest = headers["Set-Cookie"].split("; ")
    assert first == f"srnn-token-{port}={sessions.TOKEN}"
    assert sorted(rest) == ["HttpOnly", "Path=/", "SameSite=strict"]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("//evil.example/", "/evil.example/"),
        ("/%5Cevil.example", "/%5Cevil.example"),  # to a browser \\ is another /
        ("/%2F%09/evil.example", "/%09/evil.example"),
        ("/a%0D%0ASet-Cookie:x=1", "/a%0D%0ASet-Cookie%3Ax%3D1"),
        ("/%E2%82%AC%3F", "/%E2%82%AC%3F"),
    ],
)
def test_the_address_without_the_token_is_on_this_machine(port, path, place):
    status, headers, _ = ask(port, f"{path}?token={sessions.TOKEN}")
    assert (status, headers["Location"]) == (303, place)
    assert len(headers.get_all("Set-Cookie")) == 1


def test_a_wrong_token_gives_nothing(port):
    status, headers, _ = ask(port, "/runs?token=guess")
    assert status == 200
    assert "Set-Cookie" not in headers or "srnn-token" not in headers["Set-Cookie"]


@pytest.mark.parametrize("token", ["", "guess"])
def test_without_the_token_nothing_is_trained(port, cache, token):
    shown = sessions.press(port, "train", "Train", token)
    assert "Only looking" in shown
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_with_the_token_the_same_button_trains(port, cache):
    shown = sessions.press(port, "train", "Train")
    assert "Only looking" not in shown
    assert [path for path in cache.rglob("*") if path.is_file()]


def test_a_flood_of_messages_ends_its_connection_and_no_other(port):
    assert sessions.flood(port, 500) == 1008
    assert sessions.visit_all(port, ["runs"], [""]).errors == []


def test_a_page_started_by_itself_keeps_to_this_machine_and_refuses(tmp_path):
    with sessions.server(tmp_path / "cache", "pages/runs.py", Path("/")) as port:
        others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), port)}
        for address in others - {"127.0.0.1", "127.0.1.1"}:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(2)
                assert probe.connect_ex((address, port)) != 0
        assert "streamlit run app.py" in sessions.texts(port)
