"""Recurrent layers."""

from cornu.layers.rnn.base import RNN, StackedRNNCells
from cornu.layers.rnn.gru import GRU, GRUCell
from cornu.layers.rnn.lstm import LSTM, LSTMCell
from cornu.layers.rnn.simple import SimpleRNN, SimpleRNNCell
from cornu.layers.rnn.wrappers import Bidirectional, TimeDistributed, Wrapper

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Bidirectional",
    "GRUCell",
    "LSTMCell",
    "SimpleRNN",
    "SimpleRNNCell",
    "StackedRNNCells",
    "TimeDistributed",
    "Wrapper",
]
