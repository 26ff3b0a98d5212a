"""What an engine must give, how engines are found, and how their claims are checked."""

from cornu.contract import registry  # noqa: F401  (it tells `context` how the engine in charge is found)
