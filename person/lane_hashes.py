"""Hashing of many words side by side, eight to a vector register."""

from __future__ import annotations

from typing import Any, Final

import numba
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["LANES", "ROUNDS", "hash_pairs", "least_hashes"]

LANES: Final = 8
"""Words that are hashed at once; machines with narrower registers take several for them."""
ROUNDS: Final = 6

_WORD: Final = ir.IntType(64)
_VECTOR: Final = ir.VectorType(_WORD, LANES)
_CODES: Final = ir.VectorType(ir.IntType(32), LANES)
_ALL_ONES: Final = (1 << 64) - 1


def _filled(value: int) -> Any:
    return ir.Constant(_VECTOR, [value] * LANES)


def _mix(builder: Any, vector: Any) -> Any:
    """`person.hashing.mix64` of each word."""
    vector = builder.xor(vector, builder.lshr(vector, _filled(30)))
    vector = builder.mul(vector, _filled(0xBF58476D1CE4E5B9))
    vector = builder.xor(vector, builder.lshr(vector, _filled(27)))
    vector = builder.mul(vector, _filled(0x94D049BB133111EB))
    return builder.xor(vector, builder.lshr(vector, _filled(31)))


def _unsigned_minimum(builder: Any, name: str, result: Any, *vectors: Any) -> Any:
    kind = ir.FunctionType(result, [_VECTOR] * len(vectors))
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{LANES}i64")
    return builder.call(function, vectors)


def _hash_step(builder: Any, state: Any, codes: Any) -> Any:
    """`person.fold.hash_step` of each word."""
    state = builder.mul(builder.xor(state, codes), _filled(0xFF51AFD7ED558CCD))
    return builder.xor(state, builder.lshr(state, _filled(32)))


def _hash_end(builder: Any, state: Any) -> Any:
    """`person.fold.hash_end` of each word."""
    state = builder.mul(state, _filled(0xC4CEB9FE1A85EC53))
    state = builder.xor(state, builder.lshr(state, _filled(33)))
    state = builder.mul(state, _filled(0xFF51AFD7ED558CCD))
    return builder.xor(state, builder.lshr(state, _filled(33)))


@intrinsic
def hash_pairs(_typing_context: Any, codes: Any, groups: Any, out: Any) -> Any:
    """`person.fold.hash_codes` of neighbouring codes: uint64[groups * LANES] at `out`.

    codes : address of uint32[groups * LANES + 1]; groups : at least one
    """

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        source = builder.inttoptr(args[0], ir.IntType(32).as_pointer())
        target = builder.inttoptr(args[2], _VECTOR.as_pointer())
        before = builder.block
        loop, after = (builder.append_basic_block(name) for name in ("pairs", "hashed"))
        builder.branch(loop)
        builder.position_at_end(loop)
        at = builder.phi(_WORD)
        state = _filled(0x9E3779B97F4A7C15)
        for ahead in range(2):
            place = builder.add(builder.mul(at, _WORD(LANES)), _WORD(ahead))
            pointer = builder.bitcast(builder.gep(source, [place]), _CODES.as_pointer())
            found = builder.zext(builder.load(pointer, align=1), _VECTOR)
            state = _hash_step(builder, state, found)
        builder.store(_hash_end(builder, state), builder.gep(target, [at]), align=1)
        following = builder.add(at, _WORD(1))
        at.add_incoming(_WORD(0), before)
        at.add_incoming(following, loop)
        builder.cbranch(builder.icmp_unsigned("<", following, args[1]), loop, after)
        builder.position_at_end(after)
        return _context.get_dummy_value()

    return numba.types.void(codes, groups, out), generate


@intrinsic
def least_hashes(_typing_context: Any, words: Any, groups: Any, out: Any) -> Any:
    """Of each of ROUNDS rounds of hashing, the least hash of all words, uint64[ROUNDS] at `out`.

    words, out : addresses; groups : of LANES words each, at least one. A round hashes what the
    round before gave: `mix64(word + 0x9E3779B97F4A7C15)`.
    """

    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        source = builder.inttoptr(args[0], _VECTOR.as_pointer())
        target = builder.inttoptr(args[2], _WORD.as_pointer())
        before = builder.block
        loop = builder.append_basic_block("words")
        after = builder.append_basic_block("least")
        builder.branch(loop)
        builder.position_at_end(loop)
        at = builder.phi(_WORD)
        at.add_incoming(_WORD(0), before)
        least = [builder.phi(_VECTOR) for _ in range(ROUNDS)]
        vector = builder.load(builder.gep(source, [at]), align=1)
        for minimum in least:
            vector = _mix(builder, builder.add(vector, _filled(0x9E3779B97F4A7C15)))
            lower = _unsigned_minimum(builder, "umin", _VECTOR, minimum, vector)
            minimum.add_incoming(_filled(_ALL_ONES), before)
            minimum.add_incoming(lower, loop)
        following = builder.add(at, _WORD(1))
        at.add_incoming(following, loop)
        lowest = [minimum.incomings[1][0] for minimum in least]
        builder.cbranch(builder.icmp_unsigned("<", following, args[1]), loop, after)
        builder.position_at_end(after)
        for which, minimum in enumerate(lowest):
            value = _unsigned_minimum(builder, "vector.reduce.umin", _WORD, minimum)
            builder.store(value, builder.gep(target, [_WORD(which)]), align=1)
        return _context.get_dummy_value()

    return numba.types.void(words, groups, out), generate
