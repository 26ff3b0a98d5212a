"""`import cornu.as_keras`: from here on `import keras` and `import tensorflow.keras` mean Cornu, in this process, with old spellings."""

from cornu.legacy import modules as _modules

_modules.install()
