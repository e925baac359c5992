"""What every row asks for: trainings are what the names of their arms say, computations have the
sizes of the log or of the papers, and a quick look asks for less."""

import inspect
import json
import re
from typing import Any

import pytest

from srnn.config import RunConfig, make_config
from srnn.experiments import baselines, experiments
from srnn.experiments.base import NONE, PERMUTED, SHUFFLED, Computation, Settings
from srnn.experiments.comparisons import CHANCE
from srnn.experiments.structures import RIVALS

NUMBERS = {
    r"h = (\d+)": ("neurons", int),
    r"alpha ([\d.]+)": ("alpha", float),
    r"(\d+) epochs": ("epochs", int),
    r"width (\d+)": ("width", int),
    r"depth (\d+)": ("depth", int),
}
WORDS: dict[str, dict[str, Any]] = {
    NONE: {"goal": "none"},
    SHUFFLED: {"labels": "shuffled"},
    PERMUTED: {"goal": "permuted", "epochs": 20},
    "ReLU": {"activation": "relu"},
    "multiply by 0.03": {"goal": "multiply", "goal_factor": 0.03},
    "nothing beside the task": {"goal": "none"},
    "without": {"residual": "none"},
    "8x8 digits": {"dataset": "digits", "batch_size": 50},
}
SCALE = {"depth": 2, "width": 20, "activation": "relu", "residual": "none", "alpha": 10.0}
UNSAID: dict[str, dict[str, Any]] = {
    "6": {"neurons": 8},
    "14": {"neurons": 8},
    "12": {"alpha": 1.0, "epochs": 100},  # of those without self-replication
    "scale": SCALE | {"lr": 0.03, "replication_lr": 0.03, "epochs": 5, "snapshot_every": 5},
}
"""What a row's arms have in common and do not say."""


def said(name: str, arm: str) -> dict[str, Any]:
    """The fields that an arm's name speaks of."""
    common = UNSAID.get(name, {}) if name != "12" or NONE in arm else {}
    fields: dict[str, Any] = dict(common)
    for pattern, (field, kind) in NUMBERS.items():
        if found := re.search(pattern, arm):
            fields[field] = kind(found[1])
    for word, changes in WORDS.items():
        if word in arm:
            fields |= changes
    if (name, arm) == ("scale", "digits"):
        fields |= {"dataset": "digits", "batch_size": 50, "epochs": 50, "snapshot_every": 50}
    return fields


def config(name: str, arm: str, seed: int) -> RunConfig:
    return make_config("2022-02", **said(name, arm), seed=seed, data_seed=seed)


@pytest.mark.parametrize("name", experiments())
def test_a_training_is_what_the_name_of_its_arm_says(name):
    for arm, pieces in experiments()[name].arms(Settings(seeds=3)).items():
        trained = [one for one in pieces if isinstance(one, RunConfig)]
        if trained:
            assert trained == [config(name, arm, seed) for seed in (1, 2, 3)], arm


@pytest.mark.parametrize("name", experiments())
def test_every_computation_has_a_name_to_be_kept_by_and_what_it_needs_to_be_called(name):
    for own in asked(name, Settings(seeds=2)).values():
        for one in own:
            assert one.name and isinstance(one.name, str) and one.cost > 0
            inspect.signature(one.function).bind(**one.parameters)
            assert json.loads(json.dumps(one.parameters)) == one.parameters


def asked(name: str, settings: Settings) -> dict[str, list[Computation]]:
    """The computations of a row, by arm."""
    arms = experiments()[name].arms(settings).items()
    return {arm: [one for one in own if isinstance(one, Computation)] for arm, own in arms}


FULL, QUICK = Settings(seeds=2), Settings(quick=True, seeds=2)
SEVEN = ["self-application", "self-training", "robustness", "learn-from", "mixed", "mixed-alone"]
SEVEN.append("soup")


def test_row_9_gives_every_rival_the_metanet_s_data_and_forty_epochs():
    for settings, epochs in ((FULL, 40), (QUICK, 10)):
        arms, configs = asked("9", settings), settings.configs(neurons=4)
        for arm, kind in RIVALS.items():
            assert [one.parameters for one in arms[arm]] == [
                {"kind": kind, "config": config.to_dict(), "epochs": epochs} for config in configs
            ]
            assert [one.seed for one in arms[arm]] == [1, 2]
        lab = [(one.seed, one.parameters) for one in arms["pruning lab"]]
        assert lab == [
            (config.seed, {"config": config.to_dict(), **more})
            for more in ({}, {"names": [CHANCE], "epochs": epochs})
            for config in configs
        ]


def test_row_10_trains_as_the_log_did():
    arms = asked("10", Settings(seeds=5))
    about = {"neurons": [2, 3, 4, 6, 10], "seeds": 10, "factor": 0.03, "epochs": 30}
    wanted = {
        "log mode": {"mode": "log", "steps": 10},
        "log mode, no replication steps": {"mode": "log", "steps": 0},
        "clean mode": {"mode": "clean", "steps": 10},
        "clean mode, no replication steps": {"mode": "clean", "steps": 0},
    }
    assert {arm: own[0].parameters for arm, own in arms.items()} == {
        arm: about | own for arm, own in wanted.items()
    }
    (many,) = asked("10", Settings(seeds=12))["log mode"]
    (quick,) = asked("10", QUICK)["log mode"]
    assert many.parameters["seeds"] == 12
    assert (quick.parameters["seeds"], quick.parameters["epochs"]) == (3, 2)


def test_row_13_breaks_the_training_where_a_shorter_one_ends():
    pieces = asked("13", FULL)["continued and uninterrupted"]
    for seed, one in enumerate(pieces, 1):
        short, long = (
            make_config("2022-02", seed=seed, data_seed=seed, epochs=epochs)
            for epochs in (200, 500)
        )
        assert one.parameters == {"short": short.to_dict(), "long": long.to_dict()}
        assert one.needs == (short, long) and one.seed == seed


def test_row_15_has_dense_networks_of_every_size_and_their_placebo():
    for settings, epochs, few in ((FULL, 40, 10), (QUICK, 4, 4)):
        arms = asked("15", settings)
        mains, small = settings.configs(neurons=4), settings.configs(
            neurons=4, dataset="digits", batch_size=50
        )  # fmt: skip
        weights = baselines.width_for(mains[0], "weights")
        cells = baselines.width_for(small[0], "neurons")
        wanted = {
            baselines.SAME: (mains, mains[0].width, epochs, {}),
            f"{baselines.SAME}, ReLU": (mains, mains[0].width, epochs, {"activation": "relu"}),
            baselines.WEIGHTS: (mains, weights, few, {}),
            f"{baselines.WEIGHTS}, ReLU": (mains, weights, few, {"activation": "relu"}),
            baselines.NEURONS: (small, cells, few, {}),
            baselines.PLACEBO: (mains, mains[0].width, epochs, {"labels": "shuffled"}),
        }
        for arm, (configs, width, epochs_, changes) in wanted.items():
            assert [(one.seed, one.parameters) for one in arms[arm]] == [
                (
                    own.seed,
                    {
                        "config": own.replace(**changes).to_dict(),
                        "width": width,
                        "epochs": epochs_,
                        **({"grid": [0.02]} if settings.quick else {}),
                    },
                )
                for own in configs
            ]


def test_row_17_is_timed_alone_and_in_turns():
    for settings, rounds, pairs in ((FULL, 5, 60), (QUICK, 2, 4)):
        for arm, h in (("h = 4", 4), ("h = 8", 8)):
            (one,) = asked("17", settings)[arm]
            about = {"config": settings.config(neurons=h).to_dict()}
            assert one.parameters == about | {"rounds": rounds, "pairs": pairs} and one.alone


def test_row_18_repeats_seven_published_experiments():
    for settings, names in ((FULL, SEVEN), (QUICK, ["self-application", "robustness"])):
        for arm, placebo in (("as published", False), ("placebo", True)):
            assert [(one.seed, one.parameters) for one in asked("18", settings)[arm]] == [
                (seed, {"names": names, "seed": seed, "placebo": placebo}) for seed in (1, 2)
            ]


def test_sums_are_learned_by_ten_networks_of_every_kind():
    kinds = {
        "addition": ("addition", None, True),
        "multiplication": ("multiplication", None, True),
        "addition, attacked": ("addition", "attack", True),
        "addition, no self-replication": ("addition", None, False),
    }
    for settings, seeds, steps in (
        (FULL, 10, 3000), (QUICK, 2, 200), (Settings(seeds=12), 12, 3000),
        (Settings(quick=True, seeds=1), 2, 200),
    ):  # fmt: skip
        arms = asked("arithmetic", settings)
        assert set(arms) == set(kinds)
        for arm, (task, disturb, replicate) in kinds.items():
            about = {"task": task, "seeds": seeds, "steps": steps, "disturb": disturb}
            assert arms[arm][0].parameters == about | {"replicate": replicate}


def test_dead_outputs_are_looked_for_in_forty_seeds_that_nothing_was_chosen_on():
    for settings, count in ((FULL, 40), (Settings(seeds=50), 50), (QUICK, 2)):
        (one,) = asked("dead-outputs", settings)["h = 4"]
        runs = [settings.config(neurons=4, seed=s, data_seed=s) for s in range(201, 201 + count)]
        assert list(one.needs) == runs
        assert one.parameters == {"configs": [run.to_dict() for run in runs]}


@pytest.mark.parametrize("settings", [FULL, QUICK], ids=["full", "quick"])
def test_what_is_alive_is_asked_over_all_seeds(settings):
    def parameters(name: str) -> dict[str, list[dict[str, Any]]]:
        arms = asked(name, settings)
        assert all([one.seed for one in own] == [1, 2] for own in arms.values())
        return {arm: [one.parameters for one in own] for arm, own in arms.items()}

    seeds = (1, 2)
    assert parameters("fertility") == {
        "replicators": [{"seed": seed, "control": False} for seed in seeds],
        "control": [{"seed": seed, "control": True} for seed in seeds],
    }
    steps = 100 if settings.quick else 1000
    assert parameters("quine") == {
        f"share {share:g}": [{"share": share, "seed": seed, "steps": steps} for seed in seeds]
        for share in (0, 0.03, 0.1, 0.3, 1)
    }
    networks, generations = (8, 6) if settings.quick else (50, 100)
    about = {"networks": networks, "generations": generations}
    assert parameters("selection") == {
        goal: [{**about, "goal": goal, "seed": seed} for seed in seeds]
        for goal in ("accuracy", "replicators", "neutral")
    }
