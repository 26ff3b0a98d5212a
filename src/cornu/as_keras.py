"""After `import cornu.as_keras`, `import keras` and `import tensorflow.keras` mean Cornu in this process, old spellings too."""

from cornu.legacy import modules, table


def install() -> None:
    """Let `keras` mean Cornu. The import of this module has done it.

    Raises:
        ImportError: if another Keras has been imported before.
    """
    if not modules.installed():
        modules.install()
        table.install()


def uninstall() -> None:
    """Undo it."""
    if modules.installed():
        modules.uninstall()
        table.uninstall()


install()
