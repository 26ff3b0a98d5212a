"""Reading numbers from pictures without knowing where each digit is: a convolutional and recurrent network with the CTC loss.

The pictures are lines of handwritten digits with gaps of random width. The loss is a Lambda layer (Graves et al., 2006).
"""

import argparse

import numpy as np
from keras import backend as K
from keras.layers import GRU, Activation, Conv2D, Dense, Input, Lambda, MaxPooling2D, Reshape
from keras.layers.merge import concatenate
from keras.models import Model
from keras.optimizers import Adam
from sklearn.datasets import load_digits

from pictures import grid, save

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--steps", type=int, default=40)
parser.add_argument("--units", type=int, default=48)
parser.add_argument("--picture", help="where to save what came out")
args = parser.parse_args()

HEIGHT, WIDTH, LENGTH, CLASSES, BATCH = 8, 48, 4, 10, 32
digits = load_digits()


class TextImageGenerator:
    """Batches of pictures of 2 to 4 digits."""

    def __init__(self, first, last, seed):
        self.images, self.labels = digits.images[first:last] / 16.0, digits.target[first:last]
        self.random = np.random.RandomState(seed)

    def paint(self):
        count = self.random.randint(2, LENGTH + 1)
        chosen = self.random.randint(len(self.images), size=count)
        canvas, at = np.zeros((HEIGHT, WIDTH)), self.random.randint(0, 3)
        for i in chosen:
            canvas[:, at : at + 8] = self.images[i]
            at += 8 + self.random.randint(0, 3)
        return canvas, self.labels[chosen]

    def get_batch(self, size=BATCH):
        x, labels = np.zeros((size, WIDTH, HEIGHT, 1), "float32"), np.zeros((size, LENGTH), "float32")
        lengths = np.zeros((size, 1), "int64")
        for i in range(size):
            canvas, text = self.paint()
            x[i, :, :, 0] = canvas.T
            labels[i, : len(text)] = text
            lengths[i] = len(text)
        steps = np.full((size, 1), WIDTH // 2, "int64")
        inputs = {"the_input": x, "the_labels": labels, "input_length": steps, "label_length": lengths}
        return inputs, {"ctc": np.zeros([size])}  # the loss is what the model gives; targets are for show

    def next_batch(self):
        while True:
            yield self.get_batch()


def ctc_lambda_func(args):
    y_pred, labels, input_length, label_length = args
    return K.ctc_batch_cost(labels, y_pred, input_length, label_length)


input_data = Input(name="the_input", shape=(WIDTH, HEIGHT, 1), dtype="float32")
inner = Conv2D(16, (3, 3), padding="same", activation="relu", name="conv1")(input_data)
inner = MaxPooling2D(pool_size=(2, 2), name="max1")(inner)
inner = Conv2D(32, (3, 3), padding="same", activation="relu", name="conv2")(inner)
inner = Reshape(target_shape=(WIDTH // 2, HEIGHT // 2 * 32), name="reshape")(inner)
inner = Dense(32, activation="relu", name="dense1")(inner)
gru_1 = GRU(args.units, return_sequences=True, kernel_initializer="he_normal", name="gru1")(inner)
gru_1b = GRU(args.units, return_sequences=True, go_backwards=True, kernel_initializer="he_normal", name="gru1_b")(inner)
gru_1b = Lambda(lambda x: K.reverse(x, 1))(gru_1b)
merged = concatenate([gru_1, gru_1b])
inner = Dense(CLASSES + 1, kernel_initializer="he_normal", name="dense2")(merged)
y_pred = Activation("softmax", name="softmax")(inner)

labels = Input(name="the_labels", shape=[LENGTH], dtype="float32")
input_length = Input(name="input_length", shape=[1], dtype="int64")
label_length = Input(name="label_length", shape=[1], dtype="int64")
loss_out = Lambda(ctc_lambda_func, output_shape=(1,), name="ctc")([y_pred, labels, input_length, label_length])

model = Model(inputs=[input_data, labels, input_length, label_length], outputs=loss_out)
model.compile(loss={"ctc": lambda y_true, y_pred: y_pred}, optimizer=Adam(lr=0.003, clipnorm=5))
test_func = K.function([input_data], [y_pred])

history = model.fit_generator(
    generator=TextImageGenerator(0, 1400, 0).next_batch(), steps_per_epoch=args.steps, epochs=args.epochs, verbose=0
)
print("Loss %.2f -> %.2f" % (history.history["loss"][0], history.history["loss"][-1]))

inputs, _ = TextImageGenerator(1400, 1797, 1).get_batch(64)
out = test_func([inputs["the_input"]])[0]
decoded = K.get_value(K.ctc_decode(out, input_length=np.full(len(out), WIDTH // 2), greedy=True)[0][0])
wanted = ["".join("%d" % c for c in row[:n]) for row, n in zip(inputs["the_labels"], inputs["label_length"][:, 0])]
found = ["".join("%d" % c for c in row if c >= 0) for row in decoded]
accuracy = np.mean([a == b for a, b in zip(wanted, found)])
some = ", ".join("%s as %s" % pair for pair in zip(wanted[:5], found[:5]))
print("Read without a mistake: %.0f %%; e.g. %s" % (100 * accuracy, some))

if args.picture:
    save(args.picture, grid(inputs["the_input"][:8, :, :, 0].transpose(0, 2, 1), 1), scale=6)
