"""The tags of the dialect: those whose output or loops differ from python-liquid's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from liquid import Token, TokenStream
from liquid.builtin.expressions import FilteredExpression, Nil, tokenize
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.capture_tag import CaptureNode, CaptureTag
from liquid.builtin.tags.cycle_tag import CycleNode, CycleTag
from liquid.builtin.tags.echo_tag import EchoTag
from liquid.builtin.tags.for_tag import ForLoop, ForNode, ForTag
from liquid.builtin.tags.tablerow_tag import TablerowNode, TablerowTag
from liquid.exceptions import BreakLoop, ContinueLoop, LiquidSyntaxError, ResourceLimitError
from liquid.token import TOKEN_DOT, TOKEN_EXPRESSION, TOKEN_OUTPUT, TOKEN_WORD

from labelwright.templates.rendering import ITERATIONS_MAX, Buffer
from labelwright.templates.values import text_of

__all__ = ["TAGS", "Tokens"]


class Tokens(TokenStream):
    """A token stream in which every word after a dot is a name, also ``limit``, ``in`` or ``offset``."""

    def into_inner(self, *, tag: Token | None = None, eat: bool = True) -> TokenStream:
        token = self.current
        if token.kind != TOKEN_EXPRESSION:
            raise LiquidSyntaxError("missing expression", token=tag or token)
        if eat:
            next(self)
        return TokenStream(_expression_tokens(token))


def _expression_tokens(parent: Token) -> Iterator[Token]:
    is_after_dot = False
    for token in tokenize(parent.value, parent):
        if is_after_dot and token.kind == token.value and token.kind.isalpha():
            token = token._replace(kind=TOKEN_WORD)
        is_after_dot = token.kind == TOKEN_DOT
        yield token


class _OutputNode(OutputNode):
    __slots__ = ()

    def render_to_output(self, context: Any, buffer: Any) -> int:
        count: int = buffer.write_value(self.expression.evaluate(context))
        return count


class _Output(Output):
    node_class = _OutputNode

    def parse(self, stream: TokenStream) -> OutputNode:
        token = stream.eat(TOKEN_OUTPUT)
        expression = stream.expect(TOKEN_EXPRESSION)
        if not expression.value.strip():
            return _OutputNode(token, Nil(expression))
        tokens = TokenStream(_expression_tokens(expression))
        return _OutputNode(token, FilteredExpression.parse(self.env, tokens))


class _EchoTag(EchoTag):
    node_class = _OutputNode  # type: ignore[assignment]  # an echo is an output


class _CycleNode(CycleNode):
    __slots__ = ()

    def render_to_output(self, context: Any, buffer: Any) -> int:
        group = text_of(self.group.evaluate(context)) if self.group else ""
        values = [argument.evaluate(context) for argument in self.args]
        index = context.cycle((group or [text_of(value) for value in values].__repr__()), len(values))
        count: int = buffer.write_value(values[index]) if index < len(values) else 0
        return count


class _CycleTag(CycleTag):
    node_class = _CycleNode


class _CaptureNode(CaptureNode):
    __slots__ = ()

    def render_to_output(self, context: Any, buffer: Any) -> int:
        inner = Buffer(context, is_capture=True)
        self.block.render(context, inner)  # type: ignore[arg-type]  # all of ours write to our buffers
        context.assign(self.name, inner.captured())
        return 0


class _CaptureTag(CaptureTag):
    node_class = _CaptureNode


def _refuse_long_range(iterable: object) -> None:
    # Before the engine reverses or slices it, for which it makes a list.
    if isinstance(iterable, range) and iterable and iterable[-1] - iterable[0] >= ITERATIONS_MAX:
        raise ResourceLimitError(f"loops would run more than {ITERATIONS_MAX} times", token=None)


class _ForNode(ForNode):
    __slots__ = ()

    def render_to_output(self, context: Any, buffer: Any) -> int:
        _refuse_long_range(self.expression.iterable.evaluate(context))
        items, length = self.expression.evaluate(context)
        if not length:
            return self.default.render(context, buffer) if self.default else 0
        name = self.expression.identifier
        loop = ForLoop(
            name=f"{name}-{self.expression.iterable}",
            it=items,
            length=length,
            parentloop=context.parentloop(),
        )
        namespace: dict[str, object] = {"forloop": loop, name: None}
        n_characters = 0
        with context.loop(namespace, loop):
            for item in loop:
                context.count_iteration()
                namespace[name] = item
                try:
                    n_characters += self.block.render(context, buffer)
                except ContinueLoop:
                    continue
                except BreakLoop:
                    break
        return n_characters


class _ForTag(ForTag):
    node_class = _ForNode


class _TablerowNode(TablerowNode):
    __slots__ = ()

    def render_to_output(self, context: Any, buffer: Any) -> int:
        _refuse_long_range(self.expression.iterable.evaluate(context))
        return super().render_to_output(context, buffer)


class _TablerowTag(TablerowTag):
    node_class = _TablerowNode


TAGS = (_Output, _EchoTag, _CycleTag, _CaptureTag, _ForTag, _TablerowTag)
"""To be registered after, and so in place of, the engine's own."""
