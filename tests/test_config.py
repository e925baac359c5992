"""Configurations: every field is checked before any work, and a run's name follows from all."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srnn.cli import main
from srnn.config import (
    RECIPES,
    ConfigError,
    RunConfig,
    describe,
    field_names,
    make_config,
)
from srnn.presets import PRESETS, preset
from srnn.tasks import shifted, task_of

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
NUMBERS = [name for name in field_names() if "low" in describe(name)]
CHOICES = [name for name in field_names() if "choices" in describe(name)]


def valid(name: str) -> st.SearchStrategy:
    """Values that a field may have."""
    about = describe(name)
    if "choices" in about:
        return st.sampled_from(about["choices"])
    kind = type(about["default"])
    if kind is int:
        return st.integers(about["low"], about["high"])
    if kind is float:
        return st.floats(about["low"], about["high"])
    return st.booleans() if kind is bool else st.just(about["default"])


CONFIGS = st.fixed_dictionaries({name: valid(name) for name in field_names()})


@given(CONFIGS)
def test_every_valid_configuration_survives_json(values):
    config = RunConfig(**values)
    again = RunConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert again.run_id == config.run_id
    assert len(config.run_id) == 16
    assert config.particle_weights == config.neurons * (config.neurons + 6)


@given(st.sampled_from(field_names()), ANYTHING)
def test_a_field_takes_a_value_of_its_kind_and_range_or_says_what_it_takes(name, value):
    about = describe(name)
    kind = type(about["default"])
    try:
        config = make_config(**{name: value})
    except ConfigError as error:
        assert name in str(error)
        return
    stored = getattr(config, name)
    assert type(stored) is kind
    assert stored == value
    assert "low" not in about or about["low"] <= stored <= about["high"]
    assert "choices" not in about or stored in about["choices"]


@pytest.mark.parametrize("name", NUMBERS)
def test_the_ends_of_a_range_are_in_and_what_is_beyond_is_refused_with_the_range(name):
    about = describe(name)
    for end in (about["low"], about["high"]):
        assert getattr(make_config(**{name: end}), name) == end
    step = 1 if isinstance(about["low"], int) else 1e-9 + abs(about["high"]) * 1e-6
    for beyond in (about["low"] - step, about["high"] + step):
        with pytest.raises(ConfigError, match=f"{name} = .*must be from {about['low']} to "):
            make_config(**{name: beyond})


@pytest.mark.parametrize("name", [name for name in NUMBERS if type(describe(name)["low"]) is float])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_number_is_refused(name, value):
    with pytest.raises(ConfigError, match=f"{name}.*finite"):
        make_config(**{name: value})


@pytest.mark.parametrize("name", CHOICES)
def test_a_wrong_choice_lists_the_right_ones(name):
    with pytest.raises(ConfigError) as caught:
        make_config(**{name: "nonsense"})
    assert all(choice in str(caught.value) for choice in describe(name)["choices"])


@given(CONFIGS, st.sampled_from(field_names()), st.data())
@settings(max_examples=60)
def test_another_value_of_any_field_is_another_run(values, name, data):
    config = RunConfig(**values)
    texts = {"dataset": "elsewhere", "dataset_digest": "0123456789abcdef"}
    other = texts.get(name) or data.draw(valid(name))
    changed = config.replace(**{name: other})
    assert (changed.run_id == config.run_id) == (changed == config)


@given(st.dictionaries(st.text(max_size=12), ANYTHING, max_size=5) | ANYTHING)
def test_no_json_value_crashes_the_reader(value):
    try:
        RunConfig.from_dict(value)
    except ConfigError as error:
        assert str(error)


def test_a_missing_field_and_an_unknown_one_are_named():
    values = RunConfig().to_dict()
    with pytest.raises(ConfigError, match="lacks epochs"):
        RunConfig.from_dict({key: value for key, value in values.items() if key != "epochs"})
    with pytest.raises(ConfigError, match=r"unknown setting neuron .*did you mean neurons"):
        make_config(neuron=4)
    with pytest.raises(ConfigError, match="presets: quick"):
        preset("nonsense")
    with pytest.raises(ConfigError, match="recipes: 2022-02"):
        make_config("2021-01")


@pytest.mark.parametrize("name", ["", "x" * 5000, "a\0b", "\ud800", None, b"mnist"])
def test_a_data_set_without_a_proper_name_is_refused(name):
    with pytest.raises(ConfigError, match="dataset"):
        make_config(dataset=name)


def test_a_number_of_any_size_is_refused_in_a_line_of_bounded_length():
    for value in (10**400, 10**5000):
        for name in ("alpha", "neurons"):
            with pytest.raises(ConfigError, match=name) as caught:
                make_config(**{name: value})
            assert len(str(caught.value)) < 250


def test_a_configuration_cannot_be_changed_and_can_be_a_key():
    config = RunConfig()
    with pytest.raises(ValueError, match="frozen"):
        config.neurons = 5
    assert len({config, RunConfig(), config.replace(alpha=-0.0), config.replace(alpha=0.0)}) == 2


def test_the_names_of_runs_stay_what_they_were():
    """Worked out when schema 1 was made: a run's name must never change."""
    assert make_config().run_id == "e15c3ef6769ad81d"
    assert preset("paper-2022-03").run_id == "520be3f8a1795390"
    assert preset("quick", seed=3, alpha=1, residual="pairs").run_id == "346f7919ca5cb846"


def test_every_field_has_a_meaning_and_presets_and_recipes_are_valid():
    assert all(describe(name)["help"] for name in field_names())
    assert all(make_config(name).recipe == name for name in RECIPES)
    assert all(preset(name) == one.config for name, one in PRESETS.items())


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--neurons", "0"),
        ("--neurons", "65"),
        ("--alpha", "-1"),
        ("--alpha", "nan"),
        ("--lr", "inf"),
        ("--epochs", "-1"),
        ("--seed", str(2**32)),
        ("--width", "100000"),
        ("--depth", "1"),
        ("--batch-size", "0"),
        ("--momentum", "1"),
        ("--dataset", ""),
    ],
)
def test_the_command_line_refuses_it_in_one_line(option, value, capsys):
    assert main(["train", option, value]) == 2
    error = capsys.readouterr().err
    assert option.strip("-").replace("-", "_") in error
    assert error.count("\n") == 1


def test_a_field_that_came_later_leaves_the_names_of_older_runs_as_they_were():
    assert RunConfig().run_id == "e15c3ef6769ad81d"
    old = RunConfig().to_dict()
    assert "labels" not in old
    assert RunConfig.from_dict(old) == RunConfig()
    assert make_config(labels="shuffled").run_id != RunConfig().run_id


def test_an_image_is_moved_by_so_many_pixels_and_zeros_come_in():
    """All nine neighbours of one lit pixel occur, none else; channels move together."""
    x = np.zeros((400, 5, 4, 2), np.float32)
    x[:, 2, 1] = (1, 2)
    moved = shifted(x.reshape(400, -1), (5, 4, 2), 1, [3]).reshape(x.shape)
    _, rows, columns = np.nonzero(moved[..., 0])
    assert len(rows) == 400
    assert set(zip(rows, columns, strict=True)) == {(r, c) for r in (1, 2, 3) for c in (0, 1, 2)}
    assert np.array_equal(moved[..., 1], 2 * moved[..., 0])
    again, other = (shifted(x.reshape(400, -1), (5, 4, 2), 1, [seed]) for seed in (3, 4))
    assert np.array_equal(again, moved.reshape(400, -1))
    assert not np.array_equal(again, other)


def test_an_image_may_be_moved_out_of_the_picture():
    moved = shifted(np.ones((200, 4), np.float32), (2, 2), 3, [0])
    assert set(moved.sum(1)) == {0, 1, 2, 4}


def test_shuffled_labels_are_dealt_out_among_the_training_images_only():
    plain, shuffled = (
        task_of(make_config(dataset="digits", labels=kind)) for kind in ("true", "shuffled")
    )
    assert (plain.x_train == shuffled.x_train).all() and (plain.y_test == shuffled.y_test).all()
    assert sorted(plain.y_train) == sorted(shuffled.y_train)
    assert 0.05 < (plain.y_train == shuffled.y_train).mean() < 0.15  # chance is 0.1
    other = task_of(make_config(dataset="digits", labels="shuffled", data_seed=1))
    assert (other.y_train != shuffled.y_train).any()


def rates(**changes):
    config = make_config(alpha=100.0, lr=0.01, **changes)
    return [config.rates(epoch) for epoch in range(1, config.epochs + 1)]


def test_rates_without_a_schedule_are_exactly_the_settings():
    assert rates(epochs=3) == [(100.0, 0.01)] * 3


@pytest.mark.parametrize(
    ("schedule", "alphas", "lrs"),
    [
        ("linear", [100, 200, 300, 400, 500], [0.01, 0.008, 0.006, 0.004, 0.002]),
        ("geometric", [100, 100 * 5**0.25, 100 * 5**0.5, 100 * 5**0.75, 500], None),
        # half a cosine: (1 - cos(pi k / 4)) / 2 of the way
        ("cosine", [100, 100 + 400 * 0.1464466, 300, 100 + 400 * 0.8535534, 500], None),
    ],
)
def test_a_schedule_goes_from_the_first_epoch_to_the_last(schedule, alphas, lrs):
    found = rates(epochs=5, alpha_final=5.0, lr_final=0.2, schedule=schedule)
    assert [alpha for alpha, _ in found] == pytest.approx(alphas)
    assert found[0][1] == 0.01 and found[-1][1] == pytest.approx(0.002)
    if lrs:
        assert [lr for _, lr in found] == pytest.approx(lrs)


def test_settling_is_the_end_and_the_schedule_ends_before_it():
    config = make_config(epochs=5, settle_epochs=2, alpha_final=3.0, schedule="linear")
    assert [config.settles(epoch) for epoch in range(1, 6)] == [False, False, False, True, True]
    assert [config.rates(epoch)[0] for epoch in range(1, 6)] == [100, 200, 300, 300, 300]
    assert all(make_config(epochs=2, settle_epochs=9).settles(epoch) for epoch in (1, 2))
    assert make_config(epochs=1, alpha_final=3.0).rates(1) == (100, 0.008)


def test_a_longer_run_goes_on_from_a_shorter_one_unless_its_epochs_depend_on_their_number():
    config = make_config(epochs=3, dataset='/a "epochs": 3, b')
    ids = [config.replace(epochs=epochs).run_id for epochs in (2, 1, 0)]
    assert list(config.shorter_ids()) == ids
    for changes in ({"settle_epochs": 1}, {"lr_final": 0.5}, {"alpha_final": 2.0}):
        assert not list(config.replace(**changes).shorter_ids())
