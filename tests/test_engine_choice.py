"""Choosing an engine, preparing it, and what happens where one does not work."""

import logging

import numpy as np
import pytest
import torch
from test_engines import YES, problem, start

from srnn import engines
from srnn.engines import EngineUnavailable, choose, make_engine, prepare


def test_an_unknown_engine_lists_the_known_ones():
    with pytest.raises(ValueError, match="autograd, manual, fused, cuda"):
        choose("turbo")


def test_auto_takes_the_manual_engine_if_the_compiler_fails(monkeypatch, caplog):
    from srnn.engines import fused

    def broken():
        raise RuntimeError("no compiler today")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose("auto") == "fused"
    monkeypatch.setattr(fused, "try_out", broken)
    engines._fused_works.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            assert choose("auto") == "manual"
        assert "no compiler today" in caplog.text
    finally:
        engines._fused_works.cache_clear()


def test_preparing_compiles_once():
    from srnn.engines import fused

    for name in ("fused", "manual", "autograd"):
        assert prepare(name) >= 0
    entries = fused.kernels()
    prepare("fused")
    assert fused.kernels() is entries


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_a_device_says_so():
    with pytest.raises(EngineUnavailable, match="CUDA device"):
        make_engine("cuda", case := problem(), *start(case))


def test_the_fused_engine_refuses_what_would_read_past_its_arrays():
    weights, momentum = start(case := problem())
    engine = make_engine("fused", case, weights, momentum)
    with pytest.raises(IndexError):
        engine.train(np.array([64]), 1, YES)
    with pytest.raises(ValueError, match="weights and momentum"):
        engine.load(weights[:, :, :-1], momentum)
    with pytest.raises(ValueError, match="cpu"):
        make_engine("fused", case, weights, momentum, device="cuda")
