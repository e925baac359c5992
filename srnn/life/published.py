"""The published figures of free particles, and the settings they were obtained with.

Read from the stored logs of the original repository, github.com/illiumst/
self-replicating-neural-networks, branch master, ``code/results/*/log.txt`` (settings: the scripts
in ``code/setups``; Gabor et al., "Self-Replication in Neural Networks", ALIFE 2019). All with the
recipe of 2019: h = 2, linear, epsilon 1e-4, SGD 0.01.
"""

from srnn.life.recipes import KINDS

TENS = tuple(range(0, 101, 10))
FIFTIES = tuple(range(0, 501, 50))

NOISE = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
ROBUSTNESS = dict(
    zip(
        NOISE,
        zip(
            (3.63, 5.02, 6.46, 8.04, 9.61, 11.23, 12.99, 14.58, 21.95, 26.45),
            (0, 0, 0, 0, 0.04, 1.38, 3.23, 4.84, 11.91, 16.47),
            strict=True,
        ),
        strict=True,
    )
)
"""``known_fixpoint_variation``: noise -> mean steps of 100 clones to zero or divergence, and as
fixpoint; at most 100 steps."""


SELF_APPLICATION = dict(
    zip(KINDS, ((23, 27, 0, 0, 0), (4, 46, 0, 0, 0), (46, 4, 0, 0, 0)), strict=True)
)
"""``exp-applying_fixpoint``: census of 50 random particles after 100 self-applications."""

SELF_TRAINING = dict(
    zip(KINDS, ((0, 0, 50, 0, 0), (0, 0, 0, 0, 50), (38, 0, 0, 0, 12)), strict=True)
)
"""``exp-training_fixpoint``: census of 50 random particles after 1,000 epochs of self-training."""

SOUP = (0, 0, 13, 0, 7)
"""``Soup``: census of one soup of 20: 100 steps, attack 0.1, 30 trainings, respawn."""

LEARN_FROM = dict(zip(TENS, (0.0, 1.2, 5.2, 7.4, 8.1, 9.1, 9.6, 9.8, 10.0, 9.9, 9.9), strict=True))
"""``exp-learn-from-soup``: severity -> identities a soup of 10; mean of 10 soups, 100 steps, each
particle learning with rate 0.1, no attacks. Zeros: none in any."""

MIXED = {
    ("weightwise", "identity"): (0.0, 0.0, 0.7, 1.9, 3.6, 4.3, 6.0, 6.1, 8.3, 7.7, 8.8),
    ("weightwise", "zero"): (0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.0),
    ("aggregating", "identity"): (0.0,) * 11,
    ("aggregating", "zero"): (0.8, 0.4, 0.4, 0.3, 0.2, 0.2, 0.2, 0.2, 0.2, 0.4, 0.3),
}
"""``exp-mixed-soup``: fixpoints a soup of 10 by trainings (0, 10 ... 100) a step; mean of 10 soups,
5 steps, attack 0.1."""

MIXED_ALONE = {
    "weightwise": (0.2, 0.3, 0.15, 0.55, 0.7, 0.85, 0.8, 0.95, 0.9, 1.0, 1.0),
    "aggregating": (1.0, 0.95, 1.0, 1.0, 0.95, 0.9, 0.8, 1.0, 0.85, 1.0, 0.9),
    "recurrent": (0.05, 0.0, 0.05, 0.0, 0.0, 0.1, 0.1, 0.05, 0.1, 0.0, 0.0),
}
"""``exp-mixed-self-fixpoints``: share of 20 particles that are fixpoints (zeros included) by
trainings (0, 50 ... 500) after each of at most 4 self-applications."""
