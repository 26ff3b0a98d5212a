"""In the manner of TensorFlow's tutorials: logits, sparse labels, a plateau of the learning rate, a softmax put on top."""
import numpy as np
from sklearn.datasets import load_digits
from tensorflow import keras
from tensorflow.keras import layers, models
from tensorflow.keras.callbacks import ReduceLROnPlateau

digits = load_digits()
x, y = digits.images[:600, ..., None].astype('float32') / 16, digits.target[:600]
model = models.Sequential([
    layers.Conv2D(8, 3, activation='relu', input_shape=(8, 8, 1)), layers.MaxPooling2D(), layers.Flatten(),
    layers.Dropout(0.1), layers.Dense(10),
])
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=0.01),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'],
)
history = model.fit(
    x, y, epochs=3, validation_split=0.2, verbose=0, callbacks=[ReduceLROnPlateau(monitor='val_accuracy', patience=1)])
print('loss logits', *('%.4f' % loss for loss in history.history['loss']))
probabilities = keras.Sequential([model, layers.Softmax()]).predict(x[:2], verbose=0)
print('rows', np.round(probabilities.sum(-1), 4))
