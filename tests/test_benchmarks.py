"""What the benchmark times can be run; that the slow ways take an engine's steps, others test."""

import pytest

from benchmarks import contenders
from srnn.config import make_config
from srnn.engines import Problem
from srnn.tasks import load_task


@pytest.mark.parametrize("contender", [contenders.plain, contenders.sparse, contenders.loop])
def test_a_contender_makes_steps(contender):
    config = make_config(dataset="digits", neurons=2, depth=3, width=3)
    contender(Problem.of(config, load_task("digits")), batch=20)(2)
