"""`import cornu.as_keras`: from here on `import keras` and `import tensorflow.keras` mean Cornu, in this process, with old spellings."""

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
