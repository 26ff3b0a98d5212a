"""Recorded programs: plain data, a recorder, the gradient transformation, and replay as Python source."""

from cornu.graph.graph import Graph, Node, Value

__all__ = ["Graph", "Node", "Value"]
