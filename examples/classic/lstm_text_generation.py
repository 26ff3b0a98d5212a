"""An LSTM learns a text, letter by letter, and writes on from any place of it.

The text: "This Is the House That Jack Built", a nursery rhyme (printed in 1755; in the public domain).

    cornu run lstm_text_generation.py --epochs 40
"""

import argparse
import os

import numpy as np
from keras.callbacks import LambdaCallback
from keras.layers import LSTM, Activation, Dense
from keras.models import Sequential
from keras.optimizers import RMSprop

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--units", type=int, default=96)
parser.add_argument("--letters", type=int, default=200, help="how many to write after each tenth epoch")
args = parser.parse_args()

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "jack.txt")
with open(path, encoding="utf-8") as file:
    text = file.read().lower()
chars = sorted(set(text))
char_indices = {c: i for i, c in enumerate(chars)}
print("letters:", len(text), "of which different:", len(chars))

# Windows of `maxlen` letters, and the letter that follows each.
maxlen, step = 20, 1
sentences = [text[i : i + maxlen] for i in range(0, len(text) - maxlen, step)]
next_chars = [text[i + maxlen] for i in range(0, len(text) - maxlen, step)]
x = np.zeros((len(sentences), maxlen, len(chars)), dtype="bool")
y = np.zeros((len(sentences), len(chars)), dtype="bool")
for i, sentence in enumerate(sentences):
    for t, char in enumerate(sentence):
        x[i, t, char_indices[char]] = 1
    y[i, char_indices[next_chars[i]]] = 1

model = Sequential()
model.add(LSTM(args.units, input_shape=(maxlen, len(chars))))
model.add(Dense(len(chars)))
model.add(Activation("softmax"))
model.compile(loss="categorical_crossentropy", optimizer=RMSprop(0.01), metrics=["acc"])

rng = np.random.RandomState(0)


def sample(preds, temperature):
    """Draw an index; the lower the temperature, the more likely the most likely one."""
    preds = np.log(np.asarray(preds, "float64") + 1e-9) / temperature
    preds = np.exp(preds - preds.max())
    return int(rng.choice(len(preds), p=preds / preds.sum()))


def write(start, letters, temperature):
    sentence, generated = start, ""
    for _ in range(letters):
        x_pred = np.zeros((1, maxlen, len(chars)))
        for t, char in enumerate(sentence):
            x_pred[0, t, char_indices[char]] = 1.0
        next_char = chars[sample(model.predict(x_pred, verbose=0)[0], temperature)]
        generated += next_char
        sentence = sentence[1:] + next_char
    return generated


def on_epoch_end(epoch, logs):
    if (epoch + 1) % 10 == 0 or epoch + 1 == args.epochs:
        start = text[:maxlen]
        for temperature in (0.2, 0.8):
            print("\n--- temperature %.1f ---\n%s|%s" % (temperature, start, write(start, args.letters, temperature)))


history = model.fit(x, y, batch_size=64, epochs=args.epochs, verbose=2, callbacks=[LambdaCallback(on_epoch_end=on_epoch_end)])
print("loss: %.4f -> %.4f" % (history.history["loss"][0], history.history["loss"][-1]))
