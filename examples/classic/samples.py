"""What the scripts on pictures share: scikit-learn's two photographs, and a small network that tells their patches apart."""

import numpy as np
from keras.layers import Conv2D, Dense, GlobalAveragePooling2D, Input, MaxPooling2D
from keras.models import Model

import pictures

NAMES = ["temple", "flower"]


def photographs(height):
    """Both photographs as (height, width, 3), between -1 and 1."""
    return [picture / 127.5 - 1 for picture in pictures.photographs(height)]


def patches(photos, count, size=24, seed=0):
    """`count` random patches (count, size, size, 3) and which photograph each is from."""
    rng = np.random.RandomState(seed)
    x, y = [], []
    for i in range(count):
        picture = photos[i % 2]
        top, left = rng.randint(picture.shape[0] - size), rng.randint(picture.shape[1] - size)
        x.append(picture[top : top + size, left : left + size])
        y.append(i % 2)
    return np.array(x), np.array(y)


def network():
    """A convolutional network for pictures of any size."""
    inputs = Input(shape=(None, None, 3))
    x = Conv2D(16, (3, 3), activation="relu", padding="same", name="block1")(inputs)
    x = MaxPooling2D((2, 2))(x)
    x = Conv2D(24, (3, 3), activation="relu", padding="same", name="block2")(x)
    x = MaxPooling2D((2, 2))(x)
    x = Conv2D(32, (3, 3), activation="relu", padding="same", name="block3")(x)
    x = GlobalAveragePooling2D()(x)
    outputs = Dense(2, activation="softmax", name="predictions")(x)
    return Model(inputs, outputs)


def trained_network(epochs, count=512, height=106):
    """The network after some epochs on patches of the photographs; and its accuracy on others."""
    photos = photographs(height)
    x, y = patches(photos, count)
    model = network()
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
    _, accuracy = model.evaluate(*patches(photos, 128, seed=1), verbose=0)
    print("Patches told apart: %.1f %%" % (100 * accuracy))
    return model, accuracy


def save(path, picture, scale=1):
    """Write a picture with values around [-1, 1]."""
    pictures.save(path, (picture + 1) * 127.5, scale, stretch=False)
