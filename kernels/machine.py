"""A generated module -> machine code, which is kept on disk beside its text.

The text is ordinary Python and says the same as such: it can be run and stepped through.  Functions under ``@entry``
are called by their addresses (``cpu``); they hold loops, and call the straight-line functions of the module, which are
written out in place (``lower``): ``@lanes(W)`` puts the loop ``for l in range(W)`` around one, ``@lowered`` nothing.
All of a module is one piece of LLVM, optimised once.  Numba has no part in it: its front end would take as long as LLVM
to find types that are known beforehand, and would compile, link and keep each function by itself.
"""

import ast
import functools
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import llvmlite
import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core.registry import cpu_target

from batchnewton.syntax import parse

from .cache import keep_text, write_atomically
from .inline import Inlined
from .lower import INDEX, Block, Lanes

FLAGS = ("arcp", "contract", "nsz", "reassoc")  # of comparisons and square roots; of sums and products see `lower`
WIDE = (
    '"prefer-vector-width"="512"'  # LLVM would take 256 bits on most hosts that have 512; an attribute in LLVM's text
)
DIGEST = 32  # bytes
LINE = (
    64  # bytes, that stacks begin with.  LLVM takes a stack as it comes, and a spilled vector that lies in two lines,
)
# or two pages, costs several times as much: up to a quarter of all time, by where the caller's stack ended
FUNCTIONS = {"sqrt": "llvm.sqrt", "fabs": "llvm.fabs", "abs": "llvm.fabs"}


def entry(kinds: str) -> Callable[[Callable], Callable]:
    """A function that is called by its address, and a letter for each of its arguments: ``P`` points to floats of the
    module's type ``T``, ``R`` is one, ``I`` an integer.  It may return an integer."""
    return lambda function: function


def lowered(function: Callable[..., None]) -> Callable[..., None]:
    """A straight-line function; it returns nothing, but stores into its array arguments."""
    return function


def lanes(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A straight-line function for ``count`` values of its argument ``l``, which callers leave out."""

    def each(function: Callable[..., None]) -> Callable[..., None]:
        at = function.__code__.co_varnames.index("l")

        def run(*given: Any) -> None:
            for lane in range(count):
                function(*given[:at], lane, *given[at:])

        return run

    return each


def positive_lanes(count: int) -> Callable[[Any, int], int]:
    """``ended_lanes(S, place)``: a bit for each lane of a slot that is positive; by one vector comparison."""
    return lambda S, place: sum(1 << lane for lane in range(count) if S[place + lane] > 0)


class Host(NamedTuple):
    """What compiles for this processor and runs it; ``key`` names both where machine code is kept."""

    machine: llvm.TargetMachine
    engine: llvm.ExecutionEngine
    triple: str
    key: str


@functools.cache
def host() -> Host:
    """As Numba has it for its own code: the same processor, features and environment variables."""
    triple, processor, features = cpu_target.target_context.codegen().magic_tuple()  # pyright: ignore[reportAttributeAccessIssue]
    reloc = "static" if triple.startswith(("x86", "i386", "i686")) else "default"
    target = llvm.Target.from_triple(triple)
    machine = target.create_target_machine(
        cpu=processor, features=features, opt=3, reloc=reloc, codemodel="jitdefault", jit=True
    )
    key = hashlib.sha256(repr((triple, processor, features, llvmlite.__version__)).encode()).hexdigest()[:12]
    return Host(machine, llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine), triple, key)


def load(name: str, text: str) -> dict[str, int]:
    """Addresses of the entries of a module by their names.  Text and machine code are written to the cache folder
    under the hash of the text, unless they are there already."""
    return _load(keep_text(name, text), text)


@functools.cache
def _load(path: Path, text: str) -> dict[str, int]:
    file = path.with_name(f"{path.stem}.{host().key}.o")
    code = _read(file)
    if code is None:
        code = host().machine.emit_object(optimised(path, text))
        write_atomically(file, hashlib.sha256(code).digest() + code)
    engine = host().engine
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    names = re.findall(r"^@entry\(.*\ndef (\w+)", text, re.MULTILINE)
    return {name: engine.get_function_address(symbol(path, name)) for name in names}


def _read(file: Path) -> bytes | None:
    """Machine code that was kept whole."""
    try:
        data = file.read_bytes()
    except OSError:
        return None
    return data[DIGEST:] if hashlib.sha256(data[DIGEST:]).digest() == data[:DIGEST] else None


def symbol(path: Path, name: str) -> str:
    """What an entry is called in machine code; no other module has it."""
    return f"batchnewton_{path.stem.rsplit('_', 1)[1]}_{name}"


def optimised(path: Path, text: str) -> llvm.ModuleRef:
    """LLVM's code of a module."""
    tree = parse(text)
    outside: dict[str, Any] = {}
    exec(compile(tree, str(path), "exec"), outside)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    module = ir.Module(path.stem)
    module.triple, module.data_layout = host().triple, str(host().engine.target_data)
    for name, node in functions.items():
        how = node.decorator_list[0]
        if isinstance(how, ast.Call) and isinstance(how.func, ast.Name) and how.func.id == "entry":
            kinds = ast.literal_eval(how.args[0])
            _Entry(module, functions, outside).define(symbol(path, name), node, kinds)
    found = llvm.parse_assembly(str(module))
    found.verify()
    tuning = llvm.create_pipeline_tuning_options(3)
    tuning.loop_vectorization, tuning.slp_vectorization = True, False
    builder = llvm.create_pass_builder(host().machine, tuning)
    builder.getModulePassManager().run(found, builder)
    return found


class _Entry(Block):
    """Statements of a module's functions: loops over ranges, calls of one another."""

    relaxed = FLAGS

    def __init__(self, module: ir.Module, functions: dict[str, ast.FunctionDef], outside: dict[str, Any]) -> None:
        real = ir.FloatType() if outside["T"] is np.float32 else ir.DoubleType()
        super().__init__(ir.IRBuilder(), outside, real)
        self.module, self.functions = module, functions

    def define(self, symbol: str, node: ast.FunctionDef, kinds: str) -> None:
        """The function of an entry."""
        known = {"P": self.real.as_pointer(), "R": self.real, "I": INDEX}
        returns = INDEX if isinstance(node.body[-1], ast.Return) else ir.VoidType()
        function = ir.Function(self.module, ir.FunctionType(returns, [known[kind] for kind in kinds]), symbol)
        set.add(function.attributes, WIDE)
        if host().triple.startswith(("x86", "i386", "i686")):
            function.attributes.alignstack = LINE
        self.builder.position_at_end(function.append_basic_block())
        for argument, kind, value in zip(node.args.args, kinds, function.args, strict=True):
            if kind == "P":  # arrays do not overlap: else each loop is there twice, behind a check
                value.add_attribute("noalias")
            (self.arrays if kind == "P" else self.locals)[argument.arg] = value
        self.run(node.body)
        if isinstance(returns, ir.VoidType):
            self.builder.ret_void()

    def statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.For):
            self.loop(node)
        elif isinstance(node, ast.Return) and node.value:
            self.builder.ret(self.value(node.value))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            self.write_out(node.value)
        else:
            super().statement(node)

    def loop(self, node: ast.For) -> None:
        """``for name in range(...)``; what was assigned before it, and is again in it, goes from pass to pass."""
        assert isinstance(node.iter, ast.Call) and isinstance(node.target, ast.Name)
        limits: list[Any] = [self.value(one) for one in node.iter.args]
        start, stop = limits[:2] if len(limits) > 1 else (INDEX(0), *limits)
        step = limits[2] if len(limits) > 2 else INDEX(1)
        assigned = {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
        builder: Any = self.builder
        before = builder.block
        head, inside, behind = (builder.append_basic_block(name) for name in ("head", "inside", "behind"))
        builder.branch(head)
        builder.position_at_end(head)
        at = builder.phi(INDEX)
        known: dict[str, Any] = self.locals
        handed_on = {name: builder.phi(known[name].type) for name in sorted(assigned & {*known})}
        for phi, value in [(at, start), *((phi, self.locals[name]) for name, phi in handed_on.items())]:
            phi.add_incoming(value, before)
        outer = self.locals | handed_on
        self.locals = outer | {node.target.id: at}
        builder.cbranch(builder.icmp_signed("<", at, stop), inside, behind)
        builder.position_at_end(inside)
        self.run(node.body)
        at.add_incoming(builder.add(at, step, flags=("nsw",)), builder.block)
        for name, phi in handed_on.items():
            phi.add_incoming(self.locals[name], builder.block)
        builder.branch(head)
        builder.position_at_end(behind)
        self.locals = outer

    def write_out(self, call: ast.Call) -> None:
        """Another function of the module, where it is called."""
        assert isinstance(call.func, ast.Name)
        node = self.functions[call.func.id]
        in_lanes = isinstance(node.decorator_list[0], ast.Call)
        names = [one.arg for one in node.args.args if not (in_lanes and one.arg == "l")]
        inner = _Entry(self.module, self.functions, self.outside)
        inner.builder = self.builder
        for name, given in zip(names, call.args, strict=True):
            if isinstance(given, ast.Name) and given.id in self.arrays:
                inner.arrays[name] = self.arrays[given.id]
            else:
                inner.locals[name] = self.value(given)
        if in_lanes:
            Lanes(self.builder, self.outside["W"]).run(inner, node.body)
        else:
            inner.run(node.body)

    def binary(self, operator: ast.operator, left: Any, right: Any) -> Any:
        if isinstance(operator, ast.FloorDiv):  # of what is not negative
            return self.builder.udiv(left, right)
        return super().binary(operator, left, right)

    def value_Call(self, node: ast.Call) -> Any:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if name == "ended_lanes":
            return self.positive(*(self.value(one) for one in node.args))
        values = [self.value(one) for one in node.args]
        if name in ("T", "int64"):
            return self.converted(values[0], self.real if name == "T" else INDEX)
        if name in ("max", "min"):
            return self.extreme(">" if name == "max" else "<", *values)
        if name in FUNCTIONS:
            kind = ir.FunctionType(self.real, [self.real])
            function = self.module.declare_intrinsic(FUNCTIONS[name], [self.real], kind)
            return self.builder.call(function, values, fastmath=FLAGS)
        return Inlined(self.builder).call(self.outside[name], values)

    def value_Name(self, node: ast.Name) -> Any:
        return self.arrays[node.id] if node.id in self.arrays else super().value_Name(node)

    def extreme(self, how: str, value: Any, other: Any) -> Any:
        """The larger or the smaller of two."""
        compare = self.builder.icmp_signed if value.type == INDEX else self.builder.fcmp_ordered
        return self.builder.select(compare(how, other, value), other, value)

    def converted(self, value: Any, kind: ir.Type) -> Any:
        """A number as one of another type."""
        if value.type == kind:
            return value
        return self.builder.fptosi(value, kind) if kind == INDEX else self.builder.sitofp(value, kind)

    def positive(self, S: Any, place: Any) -> Any:
        """See `positive_lanes`."""
        builder, count = self.builder, self.outside["W"]
        vector = ir.VectorType(self.real, count)
        start = builder.bitcast(builder.gep(S, [place], inbounds=True), vector.as_pointer())
        slot = builder.load(start, align=self.outside["T"]().itemsize)
        bits = builder.bitcast(builder.fcmp_ordered(">", slot, ir.Constant(vector, [0.0] * count)), ir.IntType(count))
        return builder.zext(bits, INDEX) if count < INDEX.width else bits
