"""Make the bundled MNIST file from the original IDX files.

    python scripts/make_mnist.py FOLDER_OF_IDX_FILES

Resizes all 70,000 images to 15x15 (bilinear, no antialiasing), keeps them as uint8 and writes
``srnn/data/mnist15.npz``. The same input gives the same bytes.
"""

import argparse
import io
import sys
import zipfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from srnn.idx import read_split, resize
from srnn.tasks import MNIST_FILE, SIDE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with the four IDX files (.gz or plain)")
    parser.add_argument("--out", type=Path, default=MNIST_FILE)
    arguments = parser.parse_args()
    arrays: dict[str, np.ndarray] = {}
    for split, name in (("train", "train"), ("t10k", "test")):
        images, labels = read_split(arguments.folder, split)
        arrays[f"{name}_images"], arrays[f"{name}_labels"] = resize(images, SIDE), labels
    with zipfile.ZipFile(arguments.out, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(2022, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_LZMA
            archive.writestr(entry, buffer.getvalue())
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
