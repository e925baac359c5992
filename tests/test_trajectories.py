"""Trajectories against scikit-learn's PCA, and where there is little or nothing to fit."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from srnn.analysis import trajectories


def walk(snapshots: int = 9, weights: int = 24, particles: int = 30) -> np.ndarray:
    steps = np.random.default_rng(5).normal(size=(snapshots, weights, particles))
    return steps.cumsum(0).astype(np.float32)


LAYERS = np.repeat([0, 1, 2], 10)
NAMES = [f"L{layer}_C0_W{index}" for index, layer in enumerate(LAYERS)]


def fitted(snapshots: np.ndarray, fit: str, **options) -> trajectories.Trajectories:
    count = snapshots.shape[2]
    epochs = range(len(snapshots))
    return trajectories.fit_trajectories(
        snapshots, list(epochs), NAMES[:count], LAYERS[:count], fit=fit, **options
    )


@pytest.mark.parametrize("fit", trajectories.FITS)
@pytest.mark.parametrize(("snapshots", "weights"), [(9, 24), (40, 6)])
def test_components_are_those_of_scikit_learn_signs_included(fit, snapshots, weights):
    data = walk(snapshots, weights)
    paths = fitted(data, fit, components=3)
    groups = {"all": np.zeros(30), "layer": LAYERS, "particle": np.arange(30)}[fit]
    shares = paths.explained["share"].to_numpy().reshape(-1, 3)
    for rank, group in enumerate(np.unique(groups)):
        own = np.flatnonzero(groups == group)
        points = data[:, :, own].transpose(2, 0, 1).reshape(-1, weights).astype(np.float64)
        expected = PCA(3, svd_solver="full").fit(points)
        found = paths.coordinates[:, own].transpose(1, 0, 2).reshape(-1, 3)
        assert np.allclose(found, expected.transform(points), atol=1e-3)
        assert np.allclose(shares[rank], expected.explained_variance_ratio_, atol=1e-6)


def test_large_particles_have_the_same_components():
    data = walk(6, 450, 8)
    data[:, :20] *= 30  # a few directions stand out, as in a trained population
    paths = fitted(data, "all", components=2)
    points = data.transpose(2, 0, 1).reshape(-1, 450).astype(np.float64)
    expected = PCA(2, svd_solver="full").fit(points)
    found = paths.coordinates.transpose(1, 0, 2).reshape(-1, 2)
    wanted = expected.transform(points)
    assert np.abs(found - wanted).max() < 1e-3 * np.abs(wanted).max()
    assert np.allclose(paths.explained["share"], expected.explained_variance_ratio_, rtol=1e-3)


def test_the_fit_does_not_depend_on_which_particles_are_shown():
    data = walk()
    shown = trajectories.sample_particles(np.ones(30, dtype=bool), 7)
    whole, part = fitted(data, "layer"), fitted(data, "layer", particles=shown)
    assert np.allclose(whole.coordinates[:, shown], part.coordinates)
    assert (part.particles == shown).all() and part.epochs.tolist() == list(range(9))
    assert (part.fit, part.coordinates.shape[2], part.coordinates.dtype) == ("layer", 2, np.float32)
    assert whole.explained["group"].tolist() == ["layer 0"] * 2 + ["layer 1"] * 2 + ["layer 2"] * 2
    assert whole.explained["component"].tolist() == [1, 2] * 3
    by_default = trajectories.fit_trajectories(data, range(9), NAMES, LAYERS)
    assert by_default.explained["group"].tolist() == ["all", "all"]
    assert part.names == tuple(NAMES[index] for index in shown)


def test_the_frame_is_the_logs():
    frame = fitted(walk(), "all", components=3).frame
    assert list(frame.columns) == ["Epoch", "Weight", "dim_1", "dim_2", "dim_3"]
    assert len(frame) == 30 * 9
    assert frame.iloc[10].tolist()[:2] == [1, NAMES[1]]
    raw = trajectories.raw_weights(walk(), list(range(9)), NAMES)
    assert list(raw.columns)[:3] == ["Epoch", "Weight", "weight_0"]
    assert raw.loc[10, "weight_3"] == walk()[1, 3, 1]
    few = trajectories.raw_weights(walk(), list(range(9)), NAMES, np.array([7, 2]))
    assert few["Weight"].unique().tolist() == [NAMES[7], NAMES[2]]
    assert few.loc[0, "weight_0"] == walk()[0, 0, 7] and len(few) == 18


@pytest.mark.parametrize("fit", trajectories.FITS)
def test_missing_rank_gives_zeros_not_noise(fit):
    line = np.linspace(0, 0.01, 9)[:, None, None] * np.ones((9, 24, 30))  # and short paths count
    paths = fitted(line.astype(np.float32), fit, components=3)
    assert paths.explained["share"].to_numpy().reshape(-1, 3)[:, 0] == pytest.approx(1.0)
    assert not paths.explained["share"].to_numpy().reshape(-1, 3)[:, 1:].any()
    assert not paths.coordinates[:, :, 1:].any()


@pytest.mark.parametrize("fit", trajectories.FITS)
def test_one_snapshot_one_particle_and_no_particle_are_no_errors(fit):
    for data in (walk(1), walk(9, 24, 1), walk(1, 24, 1), np.zeros((3, 24, 30), np.float32)):
        paths = fitted(data, fit, components=2)
        assert np.isfinite(paths.coordinates).all()
        assert np.isfinite(paths.explained["share"]).all()
    nobody = fitted(walk(), fit, particles=np.array([], dtype=int))
    assert nobody.coordinates.shape == (9, 0, 2)
    assert len(nobody.frame) == 0


@pytest.mark.parametrize("fit", trajectories.FITS)
def test_diverged_particles_are_left_out_and_named(fit):
    data = walk()
    data[8, 2, 4], data[3, 0, 11] = np.nan, np.inf
    paths = fitted(data, fit)
    assert paths.diverged == (NAMES[4], NAMES[11])
    assert len(paths.names) == 28
    assert np.isfinite(paths.coordinates).all()
    healthy = np.delete(np.arange(30), [4, 11])
    alone = trajectories.fit_trajectories(
        data[:, :, healthy], list(range(9)), [NAMES[i] for i in healthy], LAYERS[healthy], fit=fit
    )
    assert np.allclose(paths.coordinates, alone.coordinates, atol=1e-4)


def test_all_diverged_leaves_nothing():
    paths = fitted(np.full((2, 24, 30), np.nan, np.float32), "all")
    assert (paths.coordinates.shape, len(paths.diverged)) == ((2, 0, 2), 30)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"fit": "cell"}, "fits: all, layer, particle"),
        ({"components": 25}, "from 1 to 24"),
        ({"components": 0}, "from 1 to 24"),
        ({"epochs": range(8)}, "8 epochs, 30 names and 30 layers for 9 snapshots of 30 particles"),
        ({"layers": LAYERS[1:]}, "29 layers for 9 snapshots of 30 particles"),
        ({"snapshots": walk()[0]}, "expected \\(T, n, P\\)"),
        ({"snapshots": walk()[:0]}, "T at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    whole = {"snapshots": walk(), "epochs": range(9), "names": NAMES, "layers": LAYERS}
    assert trajectories.fit_trajectories(**whole, components=24).coordinates.shape[2] == 24
    with pytest.raises(ValueError, match=said):
        trajectories.fit_trajectories(**(whole | wrong))


def test_a_particle_has_no_more_components_than_snapshots():
    data = walk(2, 24, 3)
    paths = fitted(data, "particle", components=4)
    assert paths.coordinates.shape == (2, 3, 4) and not paths.coordinates[..., 1:].any()
    assert paths.explained["share"].to_numpy().reshape(3, 4)[:, 0] == pytest.approx(1)
    length = np.linalg.norm(data[1] - data[0], axis=0)
    assert np.abs(np.diff(paths.coordinates[..., 0], axis=0))[0] == pytest.approx(length, rel=1e-5)


def test_samples_are_nested_and_within_the_mask():
    mask = np.arange(100) % 3 == 0
    small, large = (trajectories.sample_particles(mask, count) for count in (10, 20))
    assert set(small) < set(large)
    assert mask[large].all()
    assert len(trajectories.sample_particles(mask, 1000)) == mask.sum()
