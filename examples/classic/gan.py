"""A generative adversarial network: one draws digits, the other tells drawings from real ones (Goodfellow et al., 2014).

The discriminator is compiled while it is trainable, and then frozen inside the combined model, which trains the generator alone.

    cornu run gan.py --epochs 60 --picture gan.png
"""

import argparse

import numpy as np
from keras.layers import BatchNormalization, Dense, Dropout, Input, LeakyReLU, Reshape
from keras.models import Model, Sequential
from keras.optimizers import Adam
from sklearn.datasets import load_digits

from pictures import grid, save

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--picture", help="where to save digits that the generator drew")
args = parser.parse_args()
latent_dim, batch_size = 16, 64
rng = np.random.RandomState(0)

images = (load_digits().images / 8.0 - 1.0).astype("float32")  # in [-1, 1]

discriminator = Sequential([
    Reshape((64,), input_shape=(8, 8)),
    Dense(128), LeakyReLU(0.2), Dropout(0.3),
    Dense(64), LeakyReLU(0.2), Dropout(0.3),
    Dense(1, activation="sigmoid"),
])  # fmt: skip
discriminator.compile(optimizer=Adam(0.0004, beta_1=0.5), loss="binary_crossentropy")

generator = Sequential([
    Dense(64, input_dim=latent_dim), BatchNormalization(momentum=0.8), LeakyReLU(0.2),
    Dense(128), BatchNormalization(momentum=0.8), LeakyReLU(0.2),
    Dense(64, activation="tanh"), Reshape((8, 8)),
])  # fmt: skip

latent = Input(shape=(latent_dim,))
discriminator.trainable = False
combined = Model(latent, discriminator(generator(latent)))
combined.compile(optimizer=Adam(0.001, beta_1=0.5), loss="binary_crossentropy")
assert len(combined.trainable_weights) == len(generator.trainable_weights)

ones, zeros = np.ones((batch_size, 1)), np.zeros((batch_size, 1))
for epoch in range(args.epochs):
    losses = []
    order = rng.permutation(len(images))
    for start in range(0, len(images) - batch_size + 1, batch_size):
        noise = rng.normal(size=(batch_size, latent_dim))
        before = [w.copy() for w in discriminator.get_weights()]
        d_loss = 0.5 * discriminator.train_on_batch(images[order[start : start + batch_size]], 0.9 * ones)
        d_loss += 0.5 * discriminator.train_on_batch(generator.predict_on_batch(noise), zeros)
        assert any((a != b).any() for a, b in zip(before, discriminator.get_weights())), "the discriminator must learn"
        before = discriminator.get_weights()
        g_loss = combined.train_on_batch(rng.normal(size=(batch_size, latent_dim)), ones)
        assert all((a == b).all() for a, b in zip(before, discriminator.get_weights())), "it must not learn here"
        losses.append((d_loss, g_loss))
    if (epoch + 1) % 10 == 0 or epoch + 1 == args.epochs:
        print("epoch %d: discriminator's loss %.4f, generator's loss %.4f" % (epoch + 1, *np.mean(losses, axis=0)))

drawn = generator.predict(rng.normal(size=(100, latent_dim)), verbose=0)
# How near the drawings come to real digits: mean distance of a drawing to the nearest digit, beside that of noise.
nearest = lambda x: np.mean([np.sqrt(((images - one) ** 2).sum(axis=(1, 2)).min()) for one in x])  # noqa: E731
print("distance to the nearest digit: %.3f (noise: %.3f)" % (nearest(drawn), nearest(rng.uniform(-1, 1, (100, 8, 8)))))
if args.picture:
    save(args.picture, grid(drawn, 10), scale=6)
