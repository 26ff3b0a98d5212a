"""A stateful LSTM follows a long wave that it sees in short pieces: its state goes on from batch to batch.

The target is the mean of the last `lag` values, which is longer than a piece: without memory it can't be known.

    cornu run stateful_lstm.py --epochs 20
"""

import argparse

import numpy as np
from keras.layers import LSTM, Dense
from keras.models import Sequential

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--length", type=int, default=1200)
args = parser.parse_args()

batch_size, tsteps, lag = 8, 1, 4
rng = np.random.RandomState(0)
steps = args.length // batch_size

# Row i of each batch goes on where row i of the batch before ended: `batch_size` walks through noise, side by side.
signal = rng.uniform(-1, 1, (batch_size, steps + lag))
expected = np.stack([signal[:, t + 1 : t + 1 + lag].mean(axis=1) for t in range(steps)])
inputs = np.stack([signal[:, t + lag] for t in range(steps)])
x, y = inputs.reshape(-1, tsteps, 1), expected.reshape(-1, 1)


def build(stateful):
    model = Sequential()
    model.add(LSTM(24, input_shape=(tsteps, 1), batch_size=batch_size, return_sequences=True, stateful=stateful))
    model.add(LSTM(24, return_sequences=False, stateful=stateful))
    model.add(Dense(1))
    model.compile(loss="mse", optimizer="rmsprop")
    return model


results = {}
for stateful in (True, False):
    model = build(stateful)
    for _ in range(args.epochs):
        # No shuffling: the order is what it learns from. The states start anew with each pass.
        model.fit(x, y, batch_size=batch_size, epochs=1, verbose=0, shuffle=False)
        if stateful:
            model.reset_states()
    predicted = model.predict(x, batch_size=batch_size, verbose=0)
    results[stateful] = float(np.mean((predicted - y) ** 2))
    print("stateful=%s: mean squared error %.5f (the targets' variance: %.5f)" % (stateful, results[stateful], y.var()))
