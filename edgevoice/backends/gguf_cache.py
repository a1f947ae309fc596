"""The attention cache of one talk, and the list of the tokens that are in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from edgevoice.backends.gguf_native import NativeContext
from edgevoice.backends.gguf_reuse import Reuse, plan_reuse
from edgevoice.backends.gguf_state_file import read_state, write_state
from edgevoice.cancel import Cancelled, CancelScope


class TokenCache:
    """Evaluates each token once, as far as that can be.

    Whatever a native call leaves behind when it is stopped or fails, ``tokens`` never names
    more than the cache holds, and what the cache holds beyond them goes before the next call.
    """

    def __init__(self, context: NativeContext, piece_tokens: int) -> None:
        self._context = context
        self._piece_tokens = piece_tokens
        self._scope: CancelScope | None = None
        self.tokens: list[int] = []

    def obey(self, scope: CancelScope) -> None:
        """Let ``scope`` stop the calls that follow, in the middle of a native one."""
        scope.check()
        if scope is not self._scope:
            flag = self._context.stop_flag()
            scope.on_cancel(partial(setattr, flag, "value", b"1"))
            self._scope = scope

    def begin_with(self, wanted: Sequence[int], scope: CancelScope) -> int:
        """Make the cache begin with ``wanted``. Returns how many tokens that took."""
        reuse = plan_reuse(self.tokens, wanted, can_move=self._context.can_move)
        if reuse.kept == len(wanted):
            return 0  # and what lies behind may be wanted next
        return self._evaluate(reuse, wanted, scope, output=False)

    def end_with(self, wanted: Sequence[int], scope: CancelScope) -> int:
        """Make the cache hold ``wanted`` and no more, its last token's output at hand."""
        reuse = plan_reuse(self.tokens, wanted[:-1], can_move=self._context.can_move)
        return self._evaluate(reuse, wanted, scope, output=True)

    def append(self, token: int, scope: CancelScope) -> None:
        """Evaluate one more token."""
        self._decode([token], scope, output=True)

    def save(self, path: Path, key: str) -> None:
        """Write the cache to ``path``, for ``load`` with the same ``key``."""
        write_state(path, key, self.tokens, self._context.state())

    def load(self, path: Path, key: str) -> bool:
        """Replace the cache by what ``save`` wrote; False when there is nothing that fits."""
        found = read_state(path, key)
        if found is None:
            return False
        tokens, state = found
        self._clear()
        if not self._context.set_state(state):
            self._clear()
            return False
        self.tokens = tokens
        return True

    def _evaluate(
        self, reuse: Reuse, wanted: Sequence[int], scope: CancelScope, *, output: bool
    ) -> int:
        self._rearrange(reuse)
        missing = wanted[len(self.tokens) :]
        for start in range(0, len(missing), self._piece_tokens):
            end = start + self._piece_tokens
            self._decode(missing[start:end], scope, output=output and end >= len(missing))
        return len(missing)

    def _rearrange(self, reuse: Reuse) -> None:
        behind = reuse.kept + reuse.hole
        moved = self.tokens[behind : behind + reuse.moved]
        del self.tokens[reuse.kept :]
        if not self._context.rewind(behind + len(moved) if moved else reuse.kept):
            self._clear()  # the states of a recurrent model have no earlier one to go back to
        elif moved:
            if self._context.close_hole(reuse.kept, reuse.hole):
                self.tokens += moved
            else:
                self._clear()

    def _decode(self, tokens: Sequence[int], scope: CancelScope, *, output: bool) -> None:
        scope.check()
        if not self._context.decode(tokens, output=output):
            raise Cancelled
        self.tokens += tokens

    def _clear(self) -> None:
        self.tokens.clear()
        self._context.clear()
