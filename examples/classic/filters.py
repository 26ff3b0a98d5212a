"""What the filters of a convolutional layer look for: pictures that excite them most, by gradient ascent from noise."""

import argparse

import numpy as np
from keras import backend as K

from samples import save, trained_network

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--filters", type=int, default=16)
parser.add_argument("--steps", type=int, default=40)
parser.add_argument("--size", type=int, default=48)
parser.add_argument("--layer", default="block3")
parser.add_argument("--picture", help="where to save what came out")
args = parser.parse_args()

model, _ = trained_network(args.epochs)
layer_dict = dict([(layer.name, layer) for layer in model.layers])
input_img = model.input
layer_output = layer_dict[args.layer].output


def normalize(x):
    return x / (K.sqrt(K.mean(K.square(x))) + K.epsilon())


kept = []
for index in range(args.filters):
    if K.image_data_format() == "channels_first":
        loss = K.mean(layer_output[:, index, :, :])
    else:
        loss = K.mean(layer_output[:, :, :, index])
    grads = normalize(K.gradients(loss, input_img)[0])
    iterate = K.function([input_img], [loss, grads])

    picture = np.random.RandomState(index).uniform(-0.2, 0.2, (1, args.size, args.size, 3)).astype("float32")
    first = None
    for _ in range(args.steps):
        value, gradient = iterate([picture])
        first = float(value) if first is None else first
        if value <= 0:
            break  # some filters never answer
        picture = picture + 0.1 * gradient
    if value > 0:
        kept.append((float(value), first, picture[0]))
print("%d of %d filters answer" % (len(kept), args.filters))

kept.sort(key=lambda item: item[0], reverse=True)
if args.picture:
    tiles = [(p - p.mean()) / (p.std() + 1e-5) * 0.4 for _, _, p in kept]
    columns = int(np.ceil(np.sqrt(len(tiles))))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    save(args.picture, np.concatenate([np.concatenate(tiles[i : i + columns], 1) for i in range(0, len(tiles), columns)]))
