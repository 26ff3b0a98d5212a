"""One convolutional network on handwritten digits, trained with the same seed on every engine that is installed."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import cornu
from cornu import callbacks, layers, optimizers, utils
from cornu.contract import registry

EPOCHS, BATCH = 12, 32


def load_data() -> tuple[Any, Any]:
    """scikit-learn's 1,797 digits of 8 x 8 pixels: (x_train, y_train), (x_test, y_test)."""
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError:
        raise SystemExit('The demo needs scikit-learn for its data: pip install "cornu[demo]"') from None
    digits = load_digits()
    images = (digits.images / 16).astype("float32")[..., None]
    x_train, x_test, y_train, y_test = train_test_split(
        images, digits.target, test_size=0.2, random_state=0, stratify=digits.target
    )
    return (x_train, y_train), (x_test, y_test)


def network() -> Any:
    """The network, compiled, with its first weights."""
    utils.set_random_seed(42)
    model = cornu.Sequential([
        layers.Input((8, 8, 1)),
        layers.Conv2D(16, 3, activation="relu", padding="same"),
        layers.Conv2D(32, 3, activation="relu", padding="same"),
        layers.MaxPooling2D(2),
        layers.Dropout(0.25),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dropout(0.4),
        layers.Dense(10, activation="softmax"),
    ])
    # A gradient that is zero but for rounding moves its weight by a whole step if epsilon is as small as that: then engines part.
    model.compile(optimizers.Adam(0.002, epsilon=1e-4), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(verbose: int) -> dict[str, Any]:
    """Train on the engine in charge; returns accuracy, losses and times."""
    (x_train, y_train), (x_test, y_test) = load_data()
    model = network()
    if verbose:
        model.summary()
    losses: list[float] = []
    times: list[float] = []
    watch = callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: times.append(time.perf_counter()),
        on_train_batch_end=lambda batch, logs: losses.append(logs["loss"]),
    )
    model.fit(x_train, y_train, batch_size=BATCH, epochs=EPOCHS, verbose=verbose, callbacks=[watch])
    times.append(time.perf_counter())
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    return {"accuracy": accuracy, "loss": loss, "losses": np.array(losses), "seconds": float(np.median(np.diff(times)[1:]))}


def main() -> int:
    """Train on NumPy with a progress bar, then on the other engines, and print a table."""
    console = Console()
    others = [name for name in registry.names() if name != "numpy" and registry.is_installed(name)]
    table = Table(title="The same script and seed on every engine installed")
    for column in (
        "engine",
        "version",
        "test accuracy",
        "final test loss",
        "s/epoch",
        "largest difference of a loss from NumPy's",
    ):
        table.add_column(column, justify="left" if column == "engine" else "right")
    reference: Any = None
    for name in ["numpy", *others]:
        console.print(f"Training on {name} …")
        with cornu.engine(name) as engine:
            found = train(verbose=1 if name == "numpy" else 0)
            reference = found["losses"] if reference is None else reference
            apart = float(np.abs(found["losses"] - reference).max())
            table.add_row(
                name,
                engine.version(),
                f"{found['accuracy']:.2%}",
                f"{found['loss']:.4f}",
                f"{found['seconds']:.2f}",
                f"{apart:.1e}",
            )
    console.print(table)
    return 0
