"""ONNX Runtime: the training step written by hand as one ONNX model: forward, backward, Adam; state bound in two sets of buffers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from benchmarks.jobs import CLASSES, EPSILON, HEADS, LEARNING_RATE, NORM_EPSILON
from benchmarks.loops import Loop, fused_attention

# `passes(params, x, batch)` gives the logits, and a function from their gradient to the parameters'.
Passes = Callable[[list[Any], Any, int], tuple[Any, Callable[[Any], list[Any]]]]


class _Model:
    """Collects nodes; `call` adds one and gives its result."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, array: np.ndarray) -> T:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return T(self, name)

    def call(self, op: str, *inputs: Any, results: int = 1, **attributes: Any) -> Any:
        own = [x if isinstance(x, T) else self.constant(x) for x in inputs]
        names = [f"v{len(self.nodes)}_{i}" for i in range(results)]
        self.nodes.append(helper.make_node(op, [x.name for x in own], names, **attributes))
        return T(self, names[0]) if results == 1 else [T(self, name) for name in names]

    def session(self, inputs: list[Any], outputs: dict[str, T]) -> Any:
        nodes = self.nodes + [helper.make_node("Identity", [x.name], [name]) for name, x in outputs.items()]
        declared = [helper.make_empty_tensor_value_info(name) for name in outputs]
        graph = helper.make_graph(nodes, "step", inputs, declared, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _ints(*values: int) -> np.ndarray:
    return np.array(values, "int64")


class T:
    """A tensor of the model, with operators. Numbers beside it are float32."""

    def __init__(self, model: _Model, name: str) -> None:
        self.model, self.name = model, name

    def _with(self, op: str, other: Any, swapped: bool = False) -> T:
        other = np.float32(other) if isinstance(other, (int, float)) else other
        return self.model.call(op, *((other, self) if swapped else (self, other)))

    def __add__(self, other: Any) -> T:
        return self._with("Add", other)

    def __sub__(self, other: Any) -> T:
        return self._with("Sub", other)

    def __rsub__(self, other: Any) -> T:
        return self._with("Sub", other, swapped=True)

    def __mul__(self, other: Any) -> T:
        return self._with("Mul", other)

    def __truediv__(self, other: Any) -> T:
        return self._with("Div", other)

    def __rtruediv__(self, other: Any) -> T:
        return self._with("Div", other, swapped=True)

    def __matmul__(self, other: Any) -> T:
        return self._with("MatMul", other)

    def __getattr__(self, op: str) -> Callable[..., Any]:
        if not op[0].isupper():
            raise AttributeError(op)
        return lambda *others, **attributes: self.model.call(op, self, *others, **attributes)

    def reshape(self, *shape: int) -> T:
        return self.Reshape(_ints(*shape))

    def move(self, *axes: int) -> T:
        return self.Transpose(perm=list(axes))

    @property
    def T(self) -> T:
        return self.move(1, 0)

    def sum(self, *axes: int, keep: bool = False) -> T:
        return self.ReduceSum(_ints(*axes), keepdims=int(keep))

    def mean(self, *axes: int, keep: bool = False) -> T:
        return self.ReduceMean(_ints(*axes), keepdims=int(keep))

    def positive(self) -> T:
        """1 where it is greater than 0, else 0."""
        return self.Greater(np.float32(0)).Cast(to=TensorProto.FLOAT)


def _loop(passes: Passes, weights: list[np.ndarray], integers: bool = False) -> Loop:
    count = len(weights)
    now = [*weights, *[np.zeros_like(w) for w in weights * 2], np.zeros((), "float32")]
    buffers = [[np.array(a, order="C") for a in now] for _ in range(2)]
    values = [[ort.OrtValue.ortvalue_from_numpy(a) for a in row] for row in buffers]
    steps: dict[int, Any] = {}
    forwards: dict[int, Any] = {}
    turn = 0

    def start() -> tuple[_Model, list[T], T, list[Any]]:
        model = _Model()
        declared = [helper.make_tensor_value_info(f"s{i}", TensorProto.FLOAT, a.shape) for i, a in enumerate(now)]
        return model, [T(model, f"s{i}") for i in range(len(now))], T(model, "x"), declared

    def sample(shape: Any) -> Any:
        return helper.make_tensor_value_info("x", TensorProto.INT32 if integers else TensorProto.FLOAT, shape)

    def build_step(shape: Any) -> Any:
        model, state, x, declared = start()
        params, m, v, t = state[:count], state[count : 2 * count], state[2 * count : 3 * count], state[-1]
        batch = shape[0]
        logits, backward = passes(params, x, batch)
        logits = logits - logits.ReduceMax(_ints(1), keepdims=1)
        powers = logits.Exp()
        total = powers.sum(1, keep=True)
        truth = T(model, "y").reshape(batch, 1).Equal(np.arange(CLASSES, dtype="int32")).Cast(to=TensorProto.FLOAT)
        loss = (total.Log() - (logits * truth).sum(1, keep=True)).ReduceMean(keepdims=0)
        grads = backward((powers / total - truth) / batch)
        t = t + 1
        decayed = lambda rate: 1 - model.call("Pow", np.float32(rate), t)  # noqa: E731
        rate = decayed(0.999).Sqrt() / decayed(0.9) * LEARNING_RATE
        new_m = [a + (g - a) * 0.1 for a, g in zip(m, grads, strict=True)]
        new_v = [a + (g * g - a) * 0.001 for a, g in zip(v, grads, strict=True)]
        new = [p - rate * a / (b.Sqrt() + EPSILON) for p, a, b in zip(params, new_m, new_v, strict=True)]
        labels = helper.make_tensor_value_info("y", TensorProto.INT32, shape[:1])
        outputs = {f"n{i}": x for i, x in enumerate([*new, *new_m, *new_v, t])}
        session = model.session([*declared, sample(shape), labels], {**outputs, "loss": loss})
        bindings = []
        for old, young in ((0, 1), (1, 0)):
            binding = session.io_binding()
            for i in range(len(now)):
                binding.bind_ortvalue_input(f"s{i}", values[old][i])
                binding.bind_ortvalue_output(f"n{i}", values[young][i])
            bindings.append(binding)
        return session, bindings

    def step(x: Any, y: Any) -> Any:
        nonlocal turn
        if len(x) not in steps:
            steps[len(x)] = build_step(x.shape)
        session, bindings = steps[len(x)]
        binding, loss = bindings[turn], np.empty((), "float32")
        binding.bind_cpu_input("x", x)
        binding.bind_cpu_input("y", y)
        binding.bind_ortvalue_output("loss", ort.OrtValue.ortvalue_from_numpy(loss))
        session.run_with_iobinding(binding)
        turn = 1 - turn
        return loss

    def predict(x: Any) -> Any:
        if len(x) not in forwards:
            model, state, rows, declared = start()
            logits, _ = passes(state[:count], rows, len(x))
            forwards[len(x)] = model.session([*declared[:count], sample(x.shape)], {"y": logits})
        session = forwards[len(x)]
        return session.run(None, {"x": x, **{f"s{i}": buffers[turn][i] for i in range(count)}})[0]

    return Loop(step, predict)


def mlp(weights: list[Any]) -> Loop:
    def passes(params: list[Any], x: Any, batch: int) -> Any:
        kernels, inputs = params[::2], [x]
        for w, b in zip(kernels, params[1::2], strict=True):
            y = inputs[-1] @ w + b
            inputs.append(y.Relu())

        def backward(g: Any) -> list[Any]:
            grads: list[Any] = []
            for i in reversed(range(len(kernels))):
                grads += [g.sum(0), inputs[i].T @ g]
                if i:
                    g = g @ kernels[i].T * inputs[i].positive()
            return grads[::-1]

        return y, backward

    return _loop(passes, weights)


wide = mlp


def cnn(weights: list[Any]) -> Loop:
    """Channels first, as ONNX has them: kernels are turned once, before the training."""

    def block(x: Any, w: Any, b: Any, batch: int, filters: int, edge: int) -> Any:
        y = (x.Conv(w) + b.reshape(1, filters, 1, 1)).Relu()
        half = edge // 2
        inside = y if edge % 2 == 0 else y.Slice(_ints(0, 0), _ints(2 * half, 2 * half), _ints(2, 3))
        blocks = inside.reshape(batch, filters, half, 2, half, 2)
        pooled = blocks.ReduceMax(_ints(3, 5), keepdims=1)

        def back(g: Any, inputs: bool = True) -> Any:
            spread = blocks.Equal(pooled).Cast(to=TensorProto.FLOAT) * g.reshape(batch, filters, half, 1, half, 1)
            spread = (spread * blocks.positive()).reshape(batch, filters, 2 * half, 2 * half)
            if edge % 2:
                spread = spread.Pad(_ints(0, 0, 0, 0, 0, 0, 1, 1))
            gw = x.move(1, 0, 2, 3).Conv(spread.move(1, 0, 2, 3)).move(1, 0, 2, 3)
            grads = [gw, spread.sum(0, 2, 3)]
            return [spread.ConvTranspose(w), *grads] if inputs else grads

        return pooled, back

    def passes(params: list[Any], x: Any, batch: int) -> Any:
        w1, b1, w2, b2, w, b = params
        h1, back1 = block(x.reshape(batch, 1, 28, 28), w1, b1, batch, 16, 26)
        h1 = h1.reshape(batch, 16, 13, 13)
        h2, back2 = block(h1, w2, b2, batch, 32, 11)
        flat = h2.reshape(batch, 800)

        def backward(g: Any) -> list[Any]:
            gx, gw2, gb2 = back2(g @ w.T)
            return [*back1(gx, inputs=False), gw2, gb2, flat.T @ g, g.sum(0)]

        return flat @ w + b, backward

    w1, b1, w2, b2, w, b = weights
    w = w.reshape(5, 5, 32, CLASSES).transpose(2, 0, 1, 3).reshape(800, CLASSES)
    return _loop(passes, [w1.transpose(3, 2, 0, 1), b1, w2.transpose(3, 2, 0, 1), b2, w, b])


def lstm(weights: list[Any]) -> Loop:
    """Unrolled: nodes are cheaper than a loop."""

    def passes(params: list[Any], x: Any, batch: int) -> Any:
        kernel, recurrent, bias, w, b = params
        time, units = 32, 64
        sequence = x.move(1, 0, 2).reshape(time * batch, 32)
        inputs = (sequence @ kernel + bias).reshape(time, batch, 4 * units).Split(_ints(*[1] * time), axis=0, results=time)
        zero = x.model.constant(np.zeros((batch, units), "float32"))
        hs, cs, gates, tanhs = [zero], [zero], [], []
        for t in range(time):
            z = inputs[t].reshape(batch, 4 * units) + hs[-1] @ recurrent
            i, f, g, o = z.Split(_ints(*[units] * 4), axis=1, results=4)
            i, f, g, o = i.Sigmoid(), f.Sigmoid(), g.Tanh(), o.Sigmoid()
            cs.append(f * cs[-1] + i * g)
            tanhs.append(cs[-1].Tanh())
            hs.append(o * tanhs[-1])
            gates.append((i, f, g, o))

        def backward(gy: Any) -> list[Any]:
            rows: list[Any] = []
            gh, gc = gy @ w.T, None
            turned = recurrent.T
            for t in reversed(range(time)):
                i, f, g, o = gates[t]
                inner = gh * o * (1 - tanhs[t] * tanhs[t])
                gc = inner if gc is None else gc + inner
                parts = [gc * g * i * (1 - i), gc * cs[t] * f * (1 - f), gc * i * (1 - g * g), gh * tanhs[t] * o * (1 - o)]
                rows.append(parts[0].Concat(*parts[1:], axis=1))
                gc = gc * f
                gh = rows[-1] @ turned
            rows.reverse()
            flat = rows[0].Concat(*rows[1:], axis=0)
            states = hs[0].Concat(*hs[1:-1], axis=0)
            return [sequence.T @ flat, states.T @ flat, flat.sum(0), hs[-1].T @ gy, gy.sum(0)]

        return hs[-1] @ w + b, backward

    return _loop(passes, weights)


def _norm(x: Any, gamma: Any, beta: Any) -> Any:
    centered = x - x.mean(1, keep=True)
    scale = 1 / ((centered * centered).mean(1, keep=True) + NORM_EPSILON).Sqrt()
    unit = centered * scale

    def back(g: Any) -> Any:
        inner = g * gamma
        gx = scale * (inner - inner.mean(1, keep=True) - unit * (inner * unit).mean(1, keep=True))
        return gx, (g * unit).sum(0), g.sum(0)

    return unit * gamma + beta, back


def _encoder(params: list[Any], x: Any, batch: int, width: int) -> Any:
    """x: (batch * time, width)."""
    wqkv, bqkv, wo, bo, g1, b1, w1, c1, w2, c2, g2, b2 = params
    depth = width // HEADS
    scale = depth**-0.5
    parts = (x @ wqkv + bqkv).reshape(batch, -1, 3, HEADS, depth).move(2, 0, 3, 1, 4).Split(_ints(1, 1, 1), axis=0, results=3)
    q, k, v = [part.reshape(batch, HEADS, -1, depth) for part in parts]
    flip = lambda y: y.move(0, 1, 3, 2)  # noqa: E731
    weights = ((q * scale) @ flip(k)).Softmax(axis=-1)
    attended = (weights @ v).move(0, 2, 1, 3).reshape(-1, width)
    middle, back1 = _norm(x + attended @ wo + bo, g1, b1)
    up = (middle @ w1 + c1).Relu()
    y, back2 = _norm(middle + up @ w2 + c2, g2, b2)

    def backward(g: Any) -> Any:
        g, gg2, gb2 = back2(g)
        gup = g @ w2.T * up.positive()
        rest = [middle.T @ gup, gup.sum(0), up.T @ g, g.sum(0), gg2, gb2]
        g, gg1, gb1 = back1(g + gup @ w1.T)
        ga = (g @ wo.T).reshape(batch, -1, HEADS, depth).move(0, 2, 1, 3)
        gweights = ga @ flip(v)
        gscores = weights * (gweights - (gweights * weights).sum(3, keep=True))
        each = [gscores @ k * scale, flip(gscores) @ q * scale, flip(weights) @ ga]
        rows = [part.move(0, 2, 1, 3).reshape(-1, width) for part in each]
        gqkv = rows[0].Concat(*rows[1:], axis=1)
        return g + gqkv @ wqkv.T, [x.T @ gqkv, gqkv.sum(0), attended.T @ g, g.sum(0), gg1, gb1, *rest]

    return y, backward


def transformer(weights: list[Any]) -> Loop:
    def passes(params: list[Any], x: Any, batch: int) -> Any:
        table, *inner, w, b = params
        tokens = x.reshape(-1)
        h1, back1 = _encoder(inner[:12], table.Gather(tokens), batch, width)
        h2, back2 = _encoder(inner[12:], h1, batch, width)
        flat = h2.reshape(batch, -1)

        def backward(g: Any) -> list[Any]:
            gh, second = back2((g @ w.T).reshape(-1, width))
            gh, first = back1(gh)
            rows = tokens.Cast(to=TensorProto.INT64).reshape(-1, 1)
            zeros = x.model.constant(np.zeros(weights[0].shape, "float32"))
            return [zeros.ScatterND(rows, gh, reduction="add"), *first, *second, flat.T @ g, g.sum(0)]

        return flat @ w + b, backward

    table, *inner, w, b = weights
    width = table.shape[1]
    layers = [array for i in (0, 16) for array in (*fused_attention(inner[i : i + 8]), *inner[i + 8 : i + 16])]
    return _loop(passes, [table, *layers, w, b], integers=True)
