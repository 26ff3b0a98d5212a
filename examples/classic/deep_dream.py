"""Deep dream: a photograph changed so that it excites the layers of a network, at several scales."""

import argparse

import numpy as np
from keras import backend as K
from scipy.ndimage import zoom

from samples import photographs, save, trained_network

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--iterations", type=int, default=20)
parser.add_argument("--octaves", type=int, default=3)
parser.add_argument("--height", type=int, default=106)
parser.add_argument("--picture", help="where to save what came out")
args = parser.parse_args()

SCALE, STEP, MAX_LOSS = 1.4, 0.02, 60.0
SETTINGS = {"block2": 0.5, "block3": 1.5}

K.set_learning_phase(0)
model, _ = trained_network(args.epochs)
dream = model.input
layers = dict((layer.name, layer) for layer in model.layers)

# What is to grow: the squares of activations, without the borders.
loss = K.variable(0.0)
for name, coefficient in SETTINGS.items():
    x = layers[name].output
    size = K.prod(K.cast(K.shape(x), "float32"))
    loss = loss + coefficient * K.sum(K.square(x[:, 2:-2, 2:-2, :])) / size

grads = K.gradients(loss, dream)[0]
grads /= K.maximum(K.mean(K.abs(grads)), K.epsilon())
fetch = K.function([dream], [loss, grads])


def resize(picture, shape):
    factors = (1, shape[0] / picture.shape[1], shape[1] / picture.shape[2], 1)
    return zoom(picture, factors, order=1).astype("float32")


def ascend(picture):
    history = []
    for _ in range(args.iterations):
        value, gradient = fetch([picture])
        if value > MAX_LOSS:
            break
        history.append(float(value))
        picture = picture + STEP * gradient
    return picture, history


original = photographs(args.height)[0][None]
shapes = [tuple(int(n / SCALE**i) for n in original.shape[1:3]) for i in range(args.octaves)][::-1]
shrunk = resize(original, shapes[0])
picture = shrunk
histories = []
for shape in shapes:
    picture = resize(picture, shape)
    picture, history = ascend(picture)
    histories.append(history)
    print("Octave %s: loss %.3f -> %.3f" % (shape, history[0], history[-1]))
    # What the smaller picture lacked of the original is put back.
    lost = resize(original, shape) - resize(shrunk, shape)
    picture += lost
    shrunk = resize(original, shape)

if args.picture:
    save(args.picture, np.concatenate([original[0], picture[0]], axis=1))
