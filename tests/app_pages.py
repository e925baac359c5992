"""The app's pages in AppTest: opened, and read."""

from sessions import ROOT
from streamlit.testing.v1 import AppTest


def calm(app: AppTest) -> AppTest:
    """The page, on which nothing has gone wrong."""
    assert not app.exception, [one.message for one in app.exception]
    return app


def alone(file: str, **address: str) -> AppTest:
    """A page that is the first thing opened, at an address."""
    app = AppTest.from_file(str(ROOT / file), default_timeout=120)
    app.query_params.update(address)
    return calm(app.run())


def open_page(file: str, run_id: str | None = None, **view: str) -> AppTest:
    """A page, reached from the overview."""
    app = alone("app.py")
    if run_id:
        app.query_params.update({"run": run_id} | view)
    if file != "app.py":
        app.switch_page(file)
    return calm(app.run())


def words(app: AppTest) -> str:
    """All text of a page, in one string."""
    kinds = (app.title, app.markdown, app.caption, app.info, app.error, app.warning, app.success)
    texts = [one.value for kind in kinds for one in kind]
    return "\n".join([*texts, *(one.proto.body for one in app.get("html"))])
