"""Old scripts: `keras` as a name for Cornu, and the spellings of Keras 1 and 2. Active after `import cornu.as_keras` alone."""
