"""Shared by all tests: an empty run cache of their own, one torch thread, a small task."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from srnn.config import RunConfig, make_config

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder; no test sees the developer's runs."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SRNN_CACHE", str(folder))
    return folder


@pytest.fixture
def small() -> RunConfig:
    """A configuration on the digits that trains in well under a second."""
    return make_config(dataset="digits", neurons=3, depth=3, width=4, batch_size=100, epochs=3)
