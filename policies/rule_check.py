"""Checks the names and types of a rule before it may run. Running it is `rules`.

The CEL library checks nothing before it evaluates, and a wrong type inside an absorbed branch would never show. So a
rule is held to a subset of CEL whose types can be read off the text: `&&`, `||`, `!`, comparisons, `in [...]`, `+`,
`-`, `*`, facts and literals. That subset is also Python's grammar once the three signs are spelt as Python spells
them, which gives an honest parse tree without a parser of our own.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from policies.facts import LARGEST_WHOLE, FactType


class RuleError(ValueError):
    """A rule that cannot be trusted to run; the message says what is wrong and what would be right."""


@dataclass(frozen=True)
class Limit:
    """A fact held against a number in the rule, such as `days_since_delivery <= 30`; the fact is on the left."""

    fact: str
    relation: str
    number: int


@dataclass(frozen=True)
class RuleShape:
    """What a rule mentions: `facts` by name, sorted; `numbers`, `texts` and `limits` in order of appearance.

    `wanted` are the yes-or-no facts, sorted, of which the rule somewhere asks that they hold.
    """

    facts: tuple[str, ...]
    numbers: tuple[int, ...]
    texts: tuple[str, ...]
    limits: tuple[Limit, ...]
    wanted: tuple[str, ...]


MAX_RULE_CHARS = 2_000
_MAX_BRACKETS = 40

_TOKEN = re.compile(
    r"""(?P<text>"[^"\\\n]*"|'[^'\\\n]*')|(?P<name>[A-Za-z_]\w*)|(?P<number>\d+(?:\.\d+)?\w*)"""
    r"""|(?P<sign>&&|\|\||[=!<>]=|[<>!()\[\],+*-])|(?P<space>\s+)|(?P<other>.)""",
    re.DOTALL,
)
_PYTHON_OF = {"&&": " and ", "||": " or ", "!": "~", "true": "True", "false": "False"}
_RESERVED = frozenset({"and", "or", "not", "is", "if", "else", "lambda", "None", "True", "False", "null", "for"})
_SIGN_OF: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def check_rule(source: str, declared: Mapping[str, FactType]) -> RuleShape:
    """Return what the rule mentions; raise RuleError unless it is a yes-or-no expression over declared facts."""
    if len(source) > MAX_RULE_CHARS or source.count("(") > _MAX_BRACKETS:
        raise RuleError(f"the rule is longer than {MAX_RULE_CHARS} characters or nests too deep; split the clause")
    try:
        tree = ast.parse(_as_python(source), mode="eval")
    except SyntaxError as error:
        raise RuleError(f"the rule does not parse near character {error.offset}: {source!r}") from error
    checker = _Checker(declared)
    kind = checker.kind_of(tree.body)
    if kind is not FactType.YES_NO:
        raise RuleError(f"the rule answers with a {kind.value} value; it must answer yes or no")
    if not checker.facts:
        raise RuleError("the rule mentions no fact; leave it out where the clause has no machine rule")
    return RuleShape(
        facts=tuple(sorted(checker.facts)),
        numbers=tuple(checker.numbers),
        texts=tuple(checker.texts),
        limits=tuple(checker.limits),
        wanted=tuple(sorted(checker.wanted)),
    )


def _as_python(source: str) -> str:
    pieces: list[str] = []
    for token in _TOKEN.finditer(source):
        piece = token.group()
        if token["other"]:
            raise RuleError(f"the rule uses {piece!r}; allowed are && || ! == != <= < >= > in [...] + - * and brackets")
        if piece in _RESERVED:
            raise RuleError(f"the rule uses the word {piece!r}, which is no fact and no part of a rule")
        # A line break inside the rule would end a Python expression; CEL reads it as space.
        pieces.append(" " if token["space"] else _PYTHON_OF.get(piece, piece))
    return "".join(pieces).strip()


@dataclass
class _Checker:
    """Walks the tree once, giving each node its type and noting what it mentions."""

    declared: Mapping[str, FactType]
    facts: set[str] = field(default_factory=set)
    numbers: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)
    wanted: set[str] = field(default_factory=set)
    negated: bool = False

    def kind_of(self, node: ast.expr) -> FactType:  # noqa: PLR0911 - one line a kind of node
        match node:
            case ast.Constant():
                return self._literal(node)
            case ast.Name(id=name):
                return self._fact(name)
            case ast.BoolOp(values=parts):
                return self._all(parts, FactType.YES_NO, "&& and || join yes/no conditions")
            case ast.UnaryOp(op=ast.Invert(), operand=part):
                return self._negation(part)
            case ast.UnaryOp(op=ast.USub(), operand=part):
                return self._all([part], FactType.WHOLE, "- needs whole numbers")
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult(), right=right):
                return self._all([left, right], FactType.WHOLE, "arithmetic needs whole numbers")
            case ast.Compare():
                return self._comparison(node)
        raise RuleError(f"the rule uses {ast.unparse(node)!r}, which is outside what a rule may say")

    def _all(self, parts: list[ast.expr], kind: FactType, because: str) -> FactType:
        for part in parts:
            self._expect(part, kind, because)
        return kind

    def _negation(self, part: ast.expr) -> FactType:
        self.negated = not self.negated
        kind = self._all([part], FactType.YES_NO, "! turns a yes/no condition round; bracket a comparison")
        self.negated = not self.negated
        return kind

    def _literal(self, node: ast.Constant) -> FactType:
        value = node.value
        if isinstance(value, bool):
            return FactType.YES_NO
        if isinstance(value, int) and value <= LARGEST_WHOLE:
            self.numbers.append(value)
            return FactType.WHOLE
        if isinstance(value, str):
            self.texts.append(value)
            return FactType.TEXT
        raise RuleError(f"the rule uses the literal {value!r}; facts are whole numbers, so write a whole one")

    def _fact(self, name: str) -> FactType:
        if name not in self.declared:
            raise RuleError(f"the rule asks for the fact {name!r}, which no order source states{self._hint(name)}")
        self.facts.add(name)
        if self.declared[name] is FactType.YES_NO and not self.negated:
            self.wanted.add(name)
        return self.declared[name]

    def _hint(self, name: str) -> str:
        words = set(name.split("_"))
        near = max(self.declared, key=lambda known: len(words & set(known.split("_"))), default="")
        return f"; did you mean {near!r}?" if words & set(near.split("_")) else ""

    def _comparison(self, node: ast.Compare) -> FactType:
        if len(node.ops) != 1:
            raise RuleError(f"the rule chains comparisons in {ast.unparse(node)!r}; join two with &&")
        left, operator, right = node.left, node.ops[0], node.comparators[0]
        if isinstance(operator, ast.In):
            return self._membership(left, right)
        kind = self.kind_of(left)
        if not isinstance(operator, (ast.Eq, ast.NotEq)):
            self._expect(left, FactType.WHOLE, "< and > compare whole numbers", kind)
        self._expect(right, kind, f"{ast.unparse(left)!r} is a {kind.value} value")
        self._note_limit(left, _SIGN_OF[type(operator)], right)
        return FactType.YES_NO

    def _note_limit(self, left: ast.expr, relation: str, right: ast.expr) -> None:
        match left, right:
            case ast.Name(id=fact), ast.Constant(value=int(number)) if not isinstance(number, bool):
                self.limits.append(Limit(fact, relation, number))
            case ast.Constant(value=int(number)), ast.Name(id=fact) if not isinstance(number, bool):
                self.limits.append(Limit(fact, _MIRRORED.get(relation, relation), number))

    def _membership(self, left: ast.expr, right: ast.expr) -> FactType:
        if not isinstance(right, ast.List) or not right.elts:
            raise RuleError("`in` needs a list of values in the rule, such as category in ['food', 'flowers']")
        kind = self.kind_of(left)
        for element in right.elts:
            self._expect(element, kind, f"{ast.unparse(left)!r} is a {kind.value} value")
        return FactType.YES_NO

    def _expect(self, node: ast.expr, wanted: FactType, because: str, kind: FactType | None = None) -> None:
        found = kind or self.kind_of(node)
        if found is not wanted:
            raise RuleError(
                f"{ast.unparse(node)!r} in the rule is a {found.value} value, not {wanted.value}: {because}"
            )
