"""A Siamese network: two digits through the same layers, trained to bring equal ones together (Hadsell et al., 2006).

    cornu run siamese.py --epochs 15
"""

import argparse
import random

import numpy as np
from keras import backend as K
from keras.layers import Dense, Dropout, Flatten, Input, Lambda
from keras.models import Model
from keras.optimizers import RMSprop
from sklearn.datasets import load_digits

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=15)
args = parser.parse_args()
num_classes = 10


def euclidean_distance(vects):
    x, y = vects
    sum_square = K.sum(K.square(x - y), axis=1, keepdims=True)
    return K.sqrt(K.maximum(sum_square, K.epsilon()))


def eucl_dist_output_shape(shapes):
    return (shapes[0][0], 1)


def contrastive_loss(y_true, y_pred):
    margin = 1
    square_pred = K.square(y_pred)
    margin_square = K.square(K.maximum(margin - y_pred, 0))
    return K.mean(y_true * square_pred + (1 - y_true) * margin_square)


def create_pairs(x, digit_indices):
    """Pairs of equal digits and of different ones, in turn."""
    pairs, labels = [], []
    n = min(len(indices) for indices in digit_indices) - 1
    for d in range(num_classes):
        for i in range(n):
            z1, z2 = digit_indices[d][i], digit_indices[d][i + 1]
            pairs += [[x[z1], x[z2]]]
            dn = (d + random.randrange(1, num_classes)) % num_classes
            z1, z2 = digit_indices[d][i], digit_indices[dn][i]
            pairs += [[x[z1], x[z2]]]
            labels += [1, 0]
    return np.array(pairs), np.array(labels, dtype="float32")


def create_base_network(input_shape):
    """Shared by both inputs."""
    input = Input(shape=input_shape)
    x = Flatten()(input)
    x = Dense(128, activation="relu")(x)
    x = Dropout(0.1)(x)
    x = Dense(128, activation="relu")(x)
    x = Dropout(0.1)(x)
    x = Dense(64, activation="relu")(x)
    return Model(input, x)


def compute_accuracy(y_true, y_pred):
    """With a fixed threshold on distances."""
    return np.mean((y_pred.ravel() < 0.5) == y_true)


def accuracy(y_true, y_pred):
    """The same, by the engine."""
    return K.mean(K.equal(y_true, K.cast(y_pred < 0.5, y_true.dtype)))


random.seed(0)
digits = load_digits()
x, y = (digits.images / 16.0).astype("float32"), digits.target
tr_pairs, tr_y = create_pairs(x[:1400], [np.where(y[:1400] == i)[0] for i in range(num_classes)])
te_pairs, te_y = create_pairs(x[1400:], [np.where(y[1400:] == i)[0] for i in range(num_classes)])

base_network = create_base_network((8, 8))
input_a, input_b = Input(shape=(8, 8)), Input(shape=(8, 8))
processed_a, processed_b = base_network(input_a), base_network(input_b)
distance = Lambda(euclidean_distance, output_shape=eucl_dist_output_shape)([processed_a, processed_b])
model = Model([input_a, input_b], distance)

model.compile(loss=contrastive_loss, optimizer=RMSprop(), metrics=[accuracy])
model.fit(
    [tr_pairs[:, 0], tr_pairs[:, 1]], tr_y, batch_size=128, epochs=args.epochs, verbose=2,
    validation_data=([te_pairs[:, 0], te_pairs[:, 1]], te_y),
)  # fmt: skip

for name, pairs, labels in (("training", tr_pairs, tr_y), ("test", te_pairs, te_y)):
    y_pred = model.predict([pairs[:, 0], pairs[:, 1]], verbose=0)
    print("* accuracy on %s pairs: %0.2f%%" % (name, 100 * compute_accuracy(labels, y_pred)))
