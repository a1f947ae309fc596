"""Whisper as two ONNX graphs with the inputs and outputs that sherpa-onnx feeds and reads.

sherpa-onnx runs the encoder once, hands its two outputs on to every decoder step, and hands
each step's cache on to the next, all without looking inside. Within these rules the graphs

- take audio of any length up to 30 s. The last positions are always those at the end of the
  30 s that Whisper was trained on, and what is left out lies before them: cut off at the end
  instead, the decoder does not see where the speech stops and repeats it;
- keep the cross-attention's keys and values in the order in which a step multiplies them, so
  that nothing is transposed 1,500 frames at a time for every token;
- let the cache grow: it holds the tokens so far and not the whole context, so a step copies
  little. Of the cache that sherpa-onnx makes for the first step, nothing is taken;
- compute logits for the last token only, the only ones read;
- suppress the tokens that the checkpoint's own generation suppresses, which sherpa-onnx
  does not do by itself.

Shapes: n tokens, c tokens in the cache, T frames of 10 ms, t = T/2, layers L, heads H, width D.
There is no batch: sherpa-onnx decodes one utterance at a time.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from onnx import TensorProto

from edgevoice_export.onnx_graph import Array, Graph
from edgevoice_export.whisper_facts import WhisperSizes

EPSILON = 1e-5
"""Of every layer normalization: torch's default, which Whisper keeps."""

END_POSITIONS = 50
"""Of 20 ms, the last ones of the 30 s, which are also the last of a shorter window. Silence must
reach further back than they do, so twice as much follows the speech (``TAIL_FRAMES``)."""

TAIL_FRAMES = 200
"""Of 10 ms silence after the speech, of which half falls on the ``END_POSITIONS``."""

SUPPRESSED = -1e4
"""Added to a suppressed token's logit: below any real one, and within float16's range."""

Weights = Mapping[str, Array]


def encoder(weights: Weights, sizes: WhisperSizes) -> Graph:
    """Return the graph from mel features to the keys and values of the cross-attention."""
    graph = Graph("whisper-encoder")
    x = graph.input("mel", [1, sizes.mels, "T"])
    for name, stride in (("conv1", 1), ("conv2", 2)):
        kernel = graph.weight(f"{name}.weight", weights[f"encoder.{name}.weight"])
        bias = graph.weight(f"{name}.bias", weights[f"encoder.{name}.bias"])
        x = graph.gelu(graph.op("Conv", x, kernel, bias, pads=[1, 1], strides=[stride]))
    x = graph.transpose(graph.op("Squeeze", x, graph.ints(0)), 1, 0)
    x = graph.op("Add", x, _positions(graph, weights, sizes, x))
    for number in range(sizes.encoder_layers):
        layer = _Layer(graph, weights, f"encoder.layers.{number}", sizes.encoder_heads)
        normal = layer.norm(x, "self_attn_layer_norm")
        keys = layer.heads(layer.linear(normal, "self_attn.k_proj"), keys=True)
        values = layer.heads(layer.linear(normal, "self_attn.v_proj"))
        x = graph.op("Add", x, layer.attend(normal, "self_attn", keys, values))
        x = layer.feed_forward(x)
    x = graph.layer_norm(x, "norm", *_norm(weights, "encoder.layer_norm"), EPSILON)
    cross: dict[str, list[str]] = {"k": [], "v": []}
    for number in range(sizes.decoder_layers):
        layer = _Layer(graph, weights, f"decoder.layers.{number}", sizes.decoder_heads)
        for kind, parts in cross.items():
            projected = layer.linear(x, f"encoder_attn.{kind}_proj")
            parts.append(layer.heads(projected, keys=kind == "k"))
    head = sizes.width // sizes.decoder_heads
    shape = [sizes.decoder_layers, sizes.decoder_heads]
    graph.output(_stack(graph, cross["k"]), "n_layer_cross_k", [*shape, head, "t"])
    graph.output(_stack(graph, cross["v"]), "n_layer_cross_v", [*shape, "t", head])
    return graph


def decoder(weights: Weights, sizes: WhisperSizes) -> Graph:
    """Return the graph of one step: n tokens and the cache of c tokens to the next logits."""
    graph = Graph("whisper-decoder")
    layers, heads, width = sizes.decoder_layers, sizes.decoder_heads, sizes.width
    tokens = graph.input("tokens", [1, "n"], TensorProto.INT64)
    cache = [
        graph.input(f"in_n_layer_self_{kind}_cache", [layers, 1, "cached", width]) for kind in "kv"
    ]
    cross = [
        graph.input("n_layer_cross_k", [layers, heads, width // heads, "t"]),
        graph.input("n_layer_cross_v", [layers, heads, "t", width // heads]),
    ]
    offset = graph.input("offset", [1], TensorProto.INT64)

    row = graph.reshape(tokens, -1)
    total = graph.op("Add", offset, graph.op("Shape", row))
    count = graph.op(
        "Range", *(_scalar(graph, at) for at in (offset, total)), graph.weight("one", np.array(1))
    )
    table = graph.weight("embedding", weights["decoder.embed_tokens.weight"])
    positions = graph.weight("positions", weights["decoder.embed_positions.weight"])
    x = graph.op("Add", graph.op("Gather", table, row), graph.op("Gather", positions, count))
    mask = _causal(graph, count, total)
    past = [graph.slice(each, graph.ints(0), offset, 2) for each in cache]

    grown: tuple[list[str], list[str]] = ([], [])
    for number in range(layers):
        layer = _Layer(graph, weights, f"decoder.layers.{number}", heads)
        normal = layer.norm(x, "self_attn_layer_norm")
        both = []
        for side, kind in enumerate("kv"):
            new = layer.linear(normal, f"self_attn.{kind}_proj")
            old = graph.reshape(_pick(graph, past[side], number), -1, width)
            both.append(graph.op("Concat", old, new, axis=0))
            grown[side].append(both[side])
        keys, values = layer.heads(both[0], keys=True), layer.heads(both[1])
        x = graph.op("Add", x, layer.attend(normal, "self_attn", keys, values, mask))
        normal = layer.norm(x, "encoder_attn_layer_norm")
        keys, values = (_pick(graph, each, number) for each in cross)
        x = graph.op("Add", x, layer.attend(normal, "encoder_attn", keys, values))
        x = layer.feed_forward(x)
    last = graph.slice(x, graph.ints(-1), graph.ints(2**31), 0)
    last = graph.layer_norm(last, "norm", *_norm(weights, "decoder.layer_norm"), EPSILON)
    # One table serves to read tokens in and to score them: on disk it is there once.
    logits = graph.op("Gemm", last, table, _suppression(graph, sizes, offset), transB=1)
    graph.output(graph.reshape(logits, 1, 1, -1), "logits", [1, 1, sizes.vocabulary])
    for side, kind in enumerate("kv"):
        whole = graph.op("Unsqueeze", _stack(graph, grown[side]), graph.ints(1))
        graph.output(whole, f"out_n_layer_self_{kind}_cache", [layers, 1, "total", width])
    return graph


class _Layer:
    """The parts that encoder and decoder layers have in common."""

    def __init__(self, graph: Graph, weights: Weights, name: str, heads: int) -> None:
        self._graph, self._weights, self._name, self._heads = graph, weights, name, heads

    def norm(self, x: str, name: str) -> str:
        name = f"{self._name}.{name}"
        return self._graph.layer_norm(x, name, *_norm(self._weights, name), EPSILON)

    def linear(self, x: str, name: str) -> str:
        name = f"{self._name}.{name}"
        bias = self._weights.get(f"{name}.bias")
        return self._graph.linear(x, name, self._weights[f"{name}.weight"], bias)

    def heads(self, x: str, *, keys: bool = False) -> str:
        """Return (n, D) split into heads: (H, n, D/H), or (H, D/H, n) as keys are multiplied."""
        width = self._weights[f"{self._name}.fc2.bias"].size
        split = self._graph.reshape(x, -1, self._heads, width // self._heads)
        return self._graph.transpose(split, *((1, 2, 0) if keys else (1, 0, 2)))

    def attend(self, x: str, name: str, keys: str, values: str, mask: str = "") -> str:
        """Return what ``x`` (n, D) sees of ``values`` through ``keys``, projected."""
        graph = self._graph
        width = self._weights[f"{self._name}.fc2.bias"].size
        scale = graph.number((width // self._heads) ** -0.5)
        queries = self.heads(graph.op("Mul", self.linear(x, f"{name}.q_proj"), scale))
        scores = graph.op("MatMul", queries, keys)
        if mask:
            scores = graph.op("Add", scores, mask)
        seen = graph.op("MatMul", graph.op("Softmax", scores, axis=-1), values)
        joined = graph.reshape(graph.transpose(seen, 1, 0, 2), -1, width)
        return self.linear(joined, f"{name}.out_proj")

    def feed_forward(self, x: str) -> str:
        hidden = self._graph.gelu(self.linear(self.norm(x, "final_layer_norm"), "fc1"))
        return self._graph.op("Add", x, self.linear(hidden, "fc2"))


def _positions(graph: Graph, weights: Weights, sizes: WhisperSizes, x: str) -> str:
    """Return the positions of ``x`` (t, D): from the first on, then the ``END_POSITIONS``."""
    table = graph.weight("positions", weights["encoder.embed_positions.weight"])
    length = graph.op("Shape", x, start=0, end=1)
    first = graph.op("Sub", length, graph.ints(END_POSITIONS))
    first = graph.op("Max", first, graph.ints(0))
    end = graph.ints(sizes.audio_context)
    rest = graph.op("Sub", end, graph.op("Sub", length, first))
    parts = (graph.slice(table, graph.ints(0), first, 0), graph.slice(table, rest, end, 0))
    return graph.op("Concat", *parts, axis=0)


def _norm(weights: Weights, name: str) -> tuple[Array, Array]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _scalar(graph: Graph, vector: str) -> str:
    return graph.op("Squeeze", vector, graph.ints(0))


def _stack(graph: Graph, parts: list[str]) -> str:
    return graph.op("Concat", *(graph.op("Unsqueeze", x, graph.ints(0)) for x in parts), axis=0)


def _pick(graph: Graph, stacked: str, number: int) -> str:
    index = graph.weight(f"index_{number}", np.array(number))
    return graph.op("Gather", stacked, index, axis=0)


def _causal(graph: Graph, rows: str, total: str) -> str:
    """Return what is added to scores so that no token sees a later one: (n, total)."""
    one = graph.weight("one", np.array(1))
    columns = graph.op("Range", graph.weight("zero", np.array(0)), _scalar(graph, total), one)
    later = graph.op("Greater", columns, graph.op("Unsqueeze", rows, graph.ints(1)))
    return graph.op("Where", later, graph.number(float("-inf")), graph.number(0.0))


def _suppression(graph: Graph, sizes: WhisperSizes, offset: str) -> str:
    """Return what is added to the logits, (1, vocabulary): more at the first step than later."""
    added = np.zeros((2, sizes.vocabulary), np.float32)
    added[:, list(sizes.suppressed)] = SUPPRESSED
    added[0, list(sizes.suppressed_at_first)] = SUPPRESSED
    step = graph.op("Min", offset, graph.ints(1))
    return graph.op("Gather", graph.weight("suppression", added), step)
