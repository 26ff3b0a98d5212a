"""In the manner of Keras 2: two outputs, callbacks, batches from a `Sequence`, and a layer's output by `K.function`."""
import numpy as np
import keras.backend as K
from keras.callbacks import CSVLogger, EarlyStopping, LearningRateScheduler, ReduceLROnPlateau, TerminateOnNaN
from keras.layers import BatchNormalization, Conv2D, Dense, Flatten, Input, MaxPooling2D, concatenate
from keras.models import Model
from keras.optimizers import Adam
from keras.utils import Sequence, to_categorical
from sklearn.datasets import load_digits

digits = load_digits()
x, y = np.expand_dims(digits.images[:480], -1).astype('float32') / 16, to_categorical(digits.target[:480], num_classes=10)
odd = digits.target[:480] % 2

image = Input(shape=(8, 8, 1), name='image')
h = Conv2D(4, (3, 3), activation='relu', padding='same', kernel_initializer='he_normal')(image)
h = Flatten()(MaxPooling2D((2, 2))(BatchNormalization()(h)))
side = Dense(8, activation='relu', name='side')(h)
outputs = [Dense(10, activation='softmax', name='digit')(concatenate([h, side])), Dense(1, activation='sigmoid', name='odd')(side)]
model = Model(inputs=image, outputs=outputs)
model.compile(
    optimizer=Adam(lr=0.005), loss={'digit': 'categorical_crossentropy', 'odd': 'binary_crossentropy'},
    loss_weights={'digit': 1.0, 'odd': 0.2}, metrics={'digit': 'accuracy'},
)
callbacks = [
    EarlyStopping(monitor='val_loss', patience=3), ReduceLROnPlateau(monitor='val_loss', patience=1, min_lr=1e-5),
    CSVLogger('log.csv'), TerminateOnNaN(),
]
history = model.fit(
    x, {'digit': y, 'odd': odd}, epochs=3, batch_size=60, validation_split=0.25, callbacks=callbacks, verbose=0)
print('loss outputs', *('%.4f' % loss for loss in history.history['loss']))
print('log', len(open('log.csv').readlines()))


class Batches(Sequence):
    def __len__(self):
        return 6

    def __getitem__(self, i):
        part = slice(80 * i, 80 * i + 80)
        return x[part], [y[part], odd[part]]


schedule = LearningRateScheduler(lambda epoch: 0.004 * 0.5 ** epoch)
history = model.fit_generator(Batches(), steps_per_epoch=6, epochs=3, verbose=0, callbacks=[schedule])
print('loss sequence', *('%.4f' % loss for loss in history.history['loss']))
print('rate %.4f' % K.get_value(model.optimizer.lr))
K.set_value(model.optimizer.lr, 0.5)
print('rate %.4f' % K.eval(model.optimizer.lr))
features = K.function([model.layers[0].input, K.learning_phase()], [model.get_layer('side').output])
print('features', features([x[:2], 0])[0].shape)
