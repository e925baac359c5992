"""A soup on the stage: the same clock, cube and census as a run's, and its own deeds and lives."""

import numpy as np

from srnn.life.film import Film, layout, path
from srnn.vocabulary import LABELS, TYPES
from ui import state
from ui.stage.blob import encode, rungs, scale


def block(film: Film, name: str, published: tuple[int, float] | None = None) -> bytes:
    """A film for the browser; ``published`` is a step and the identities published for it."""
    size = film.weights.shape[1]
    points, shares = path(film)
    ladder = state.ladder(film.recipe.epsilon)
    header = {
        "id": name,
        "soup": True,
        "unit": "step",
        "pace": 8,
        "epochs": list(range(film.steps + 1)),
        "sizes": [],
        "starts": [0, size],
        "types": TYPES,
        "labels": [LABELS[name] for name in TYPES],
        "ladder": ladder,
        "rung": ladder.index(film.recipe.epsilon),
        "reach": scale(points, 0.995),
        "shares": shares,
        "wounds": [step for step, *_ in film.wounds],
        "published": published,
    }
    size_, error, second = (rungs(part, ladder) for part in film.measured)
    arrays = {"size": size_, "error": error, "second": second}
    arrays["points"] = points.astype(np.float16)
    # -1, nobody, becomes the largest number
    arrays |= {name: getattr(film, name).astype(np.uint16) for name in ("attacked", "learned")}
    arrays |= {"died": film.died.astype(np.uint8), "places": layout(size).astype(np.float32)}
    return encode(header, arrays)
