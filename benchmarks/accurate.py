"""The preset ``accurate`` beside a dense network of its shape, by the same recipe:
``python -m benchmarks.accurate FOLDER [--seeds 3]``, the folder holding MNIST's four IDX files.

Both see the same images in the same order, moved by the same pixels, in the same batches, with the
same momentum and the same fall of the learning rate; the dense network's first learning rate is the
best of three on seed 0 (by test accuracy, which favours it), and it makes no replication steps.
"""

import argparse
import time

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from srnn.config import RunConfig
from srnn.metanet import macro_shape
from srnn.presets import preset
from srnn.tasks import Task, resolve, shifted, task_of
from srnn.training import SHIFTS, data_order, train

RATES = (0.02, 0.05, 0.1)


def metanet(config: RunConfig, task: Task) -> tuple[float, float]:
    """Test accuracy, and the share of replicators, after the last epoch."""
    *_, last = train(config, task)
    replicators = last.types["zero"] + last.types["identity"]
    return last.test_accuracy, replicators / sum(last.types.values())


def dense(config: RunConfig, task: Task, lr: float) -> float:
    """Test accuracy of ``nn.Linear`` layers of the same shape, without bias, after as many task
    steps."""
    torch.manual_seed(config.seed)
    layers: list[nn.Module] = []
    for out, inp in macro_shape(config).layers:
        layers += [nn.Linear(inp, out, bias=False), nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(network.parameters(), lr, config.momentum)
    labels = torch.from_numpy(task.y_train)
    for epoch in range(1, config.epochs - config.settle_epochs + 1):
        share = config.rates(epoch)[1] / config.lr
        optimizer.param_groups[0]["lr"] = lr * share
        seed = [config.data_seed, epoch, SHIFTS]
        x = torch.from_numpy(shifted(task.x_train, task.image, config.shift, seed))
        order = torch.from_numpy(data_order(config.data_seed, epoch, len(x)))
        for rows in order.split(config.batch_size):
            optimizer.zero_grad()
            cross_entropy(network(x[rows]), labels[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        answers = network(torch.from_numpy(task.x_test)).argmax(1).numpy()
    return float((answers == task.y_test).mean())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accurate", description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()

    def setting(seed: int) -> RunConfig:
        return preset("accurate", dataset=options.folder, size=0, seed=seed, data_seed=seed)

    task = task_of(resolve(setting(0)))
    tried = {lr: dense(setting(0), task, lr) for lr in RATES}
    best = max(tried, key=tried.__getitem__)
    print("dense, seed 0:", ", ".join(f"lr {lr}: {right:.2%}" for lr, right in tried.items()))
    for seed in range(1, options.seeds + 1):
        started = time.perf_counter()
        right, replicators = metanet(setting(seed), task)
        seconds = time.perf_counter() - started
        print(
            f"seed {seed}: MetaNet {right:.2%}, replicators {replicators:.2%}, {seconds:.0f} s; "
            f"dense {dense(setting(seed), task, best):.2%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
