"""Slips in names: kernels that change an array of code points in place."""

from __future__ import annotations

from numba import int64, uint32, uint64

from data_gen.cause_bits import (
    EXTRA_CHARACTER,
    HOMOPHONE,
    MISSING_CHARACTER,
    OTHER_CHARACTER,
    OTHER_TONE,
    PINYIN,
    RARE_MASKED,
    RARE_SPLIT,
    RESPELLED,
    SIMILAR_SHAPE,
    SWAPPED,
    TRADITIONAL,
)
from data_gen.counter import bits_below, draw_bits, high_half, low_half
from data_gen.slips import FIRST_HAN, HAN_COUNT
from person.jit import inlined_kernel, kernel

__all__ = [
    "NAME_ROOM",
    "apply_name_slip",
    "has_rare_character",
    "hide_rare_character",
    "put_text",
    "rank_below",
]

NAME_ROOM = 128
"""Code points a scratch name has room for."""
COMMON_CHARACTERS = 2500
MIDDLE_DOT = 0xB7
ASCII_SPACE, BRACKET_OPEN, BRACKET_CLOSE = 0x20, 0xFF08, 0xFF09
PLUS = ord("加")
QUESTION, STAR, BLOCK, FULL_QUESTION = 0x3F, 0x2A, 0x25A1, 0xFF1F


@kernel
def is_han(code):  # type: ignore[no-untyped-def]
    """Whether a code point is a Han character."""
    return 0x3400 <= code <= 0x9FFF or 0x20000 <= code <= 0x323AF


@kernel
def rank_below(bits32, size):  # type: ignore[no-untyped-def]
    """A rank below `size`, chance falling as 1 / (rank + 1): the first candidates of an editor."""
    uniform = float(bits32) * 2.0**-32
    return min(int64((size + 1.0) ** uniform) - 1, size - 1)


@kernel
def sound_of(code, place, slips):  # type: ignore[no-untyped-def]
    """Syllable * 8 + tone of a character, 0 = unknown; the first reads as a surname."""
    if not FIRST_HAN <= code < FIRST_HAN + HAN_COUNT:
        return int64(0)
    if place == 0:
        for entry in range(slips.surname_sound.shape[1]):
            if slips.surname_sound[0, entry] == code:
                return int64(slips.surname_sound[1, entry])
    return int64(slips.sound[code - FIRST_HAN])


@kernel
def one_of_sound(sound, code, bits32, slips):  # type: ignore[no-untyped-def]
    """A character of a sound that is not `code`, the most used ones first; 0 for none."""
    start, stop = int64(slips.sound_start[sound]), int64(slips.sound_start[sound + 1])
    if stop == start:
        return int64(0)
    pick = start + rank_below(bits32, stop - start)
    found = int64(slips.characters[slips.by_sound[pick]])
    if found == code:
        pick = start + (pick - start + 1) % (stop - start)
        found = int64(slips.characters[slips.by_sound[pick]])
    return int64(0) if found == code else found


@kernel
def one_of_syllable(syllable, tone, code, bits, slips):  # type: ignore[no-untyped-def]
    """A character of a syllable in any tone but `tone`, 0 for none."""
    first = bits_below(high_half(bits), 5)
    for step in range(5):
        other = 1 + (first + step) % 5
        if other != tone:
            found = one_of_sound(syllable * 8 + other, code, low_half(bits), slips)
            if found:
                return found
    return int64(0)


@kernel
def one_fuzzy(sound, code, bits, slips):  # type: ignore[no-untyped-def]
    """A character of a syllable that accents confuse with this one, 0 for none."""
    syllable, tone = sound >> 3, sound & 7
    start, stop = int64(slips.fuzzy_start[syllable]), int64(slips.fuzzy_start[syllable + 1])
    if start == stop:
        return int64(0)
    other = int64(slips.fuzzy[start + bits_below(high_half(bits), stop - start)])
    found = one_of_sound(other * 8 + tone, code, low_half(bits), slips)
    return found if found else one_of_syllable(other, tone, code, bits, slips)


@kernel
def one_alike(code, bits32, slips):  # type: ignore[no-untyped-def]
    """A character drawn like this one, 0 for none."""
    if not FIRST_HAN <= code < FIRST_HAN + HAN_COUNT or slips.rows[code - FIRST_HAN] < 0:
        return int64(0)
    row = int64(slips.rows[code - FIRST_HAN])
    start, stop = int64(slips.shape_start[row]), int64(slips.shape_start[row + 1])
    if start == stop:
        return int64(0)
    return int64(slips.shape[start + rank_below(bits32, stop - start)])


@kernel
def any_common(code, bits32, slips):  # type: ignore[no-untyped-def]
    """Any common character but `code`."""
    row = rank_below(bits32, COMMON_CHARACTERS)
    if slips.characters[row] == code:
        row += 1
    return int64(slips.characters[row])


@kernel
def replacement(cause, code, place, bits, slips):  # type: ignore[no-untyped-def]
    """What a slip of one kind makes of one character, 0 where it cannot happen."""
    if cause == SIMILAR_SHAPE:
        return one_alike(code, low_half(bits), slips)
    if cause == OTHER_CHARACTER:
        return any_common(code, low_half(bits), slips)
    sound = sound_of(code, place, slips)
    if sound == 0:
        return int64(0)
    if cause == HOMOPHONE:
        return one_of_sound(sound, code, low_half(bits), slips)
    if cause == OTHER_TONE:
        return one_of_syllable(sound >> 3, sound & 7, code, bits, slips)
    return one_fuzzy(sound, code, bits, slips)


@kernel
def replace_character(cause, name, length, surname_length, key, slips):  # type: ignore[no-untyped-def]
    """Put a wrong character in; surnames are mistaken a third as often. Returns the cause or -1.

    Where no character of the name allows this kind of slip, it is any other character.
    """
    weight = int64(0)
    for place in range(length):
        if is_han(name[place]):
            weight += 1 if place < surname_length else 3
    if weight == 0:
        return -1
    left, first = bits_below(low_half(draw_bits(key, 1)), weight), int64(0)
    for place in range(length):
        if is_han(name[place]):
            left -= 1 if place < surname_length else 3
            if left < 0:
                first = place
                break
    for attempt in range(2):
        wanted = cause if attempt == 0 else OTHER_CHARACTER
        for step in range(length):
            place = (first + step) % length
            if not is_han(name[place]):
                continue
            found = replacement(wanted, int64(name[place]), place, draw_bits(key, 2 + step), slips)
            if found:
                name[place] = found
                return wanted
    return -1


@kernel
def drop_character(name, length, surname_length, key):  # type: ignore[no-untyped-def]
    """Leave a character of the given name out; returns the new length."""
    first = surname_length if surname_length > 0 else 1
    place = first + bits_below(low_half(draw_bits(key, 1)), length - first)
    for at in range(place, length - 1):
        name[at] = name[at + 1]
    return length - 1


@kernel
def insert_character(name, length, key, slips):  # type: ignore[no-untyped-def]
    """Put a character in: half of them one typed twice. Returns the new length."""
    bits = draw_bits(key, 1)
    place = 1 + bits_below(low_half(bits), length)
    added = int64(name[place - 1])
    for at in range(length, place, -1):
        name[at] = name[at - 1]
    if added == MIDDLE_DOT or int64(bits >> uint64(63)) == 0:
        added = any_common(added, low_half(draw_bits(key, 2)), slips)
    name[place] = added
    return length + 1


@kernel
def swap_parts(name, length, surname_length):  # type: ignore[no-untyped-def]
    """Given name first; False where that changes nothing."""
    changed = False
    for place in range(length):
        changed |= name[place] != name[(place + surname_length) % length]
    for _ in range(surname_length):
        first = name[0]
        for at in range(length - 1):
            name[at] = name[at + 1]
        name[length - 1] = first
    return changed


@kernel
def to_traditional(name, length, slips):  # type: ignore[no-untyped-def]
    """Traditional forms of all characters; False where there is none."""
    changed = False
    for at in range(length):
        code = int64(name[at])
        if FIRST_HAN <= code < FIRST_HAN + HAN_COUNT and slips.traditional[code - FIRST_HAN]:
            name[at] = slips.traditional[code - FIRST_HAN]
            changed = True
    return changed


@kernel
def to_pinyin(name, length, surname_length, key, slips):  # type: ignore[no-untyped-def]
    """Latin letters, surname first: 'Zhang Weiming', 'ZHANG WEIMING' or 'zhangweiming'.

    Returns the new length, 0 where a character has no reading or the name no surname.
    """
    if surname_length == 0 or length > 6 or length <= surname_length:
        return 0
    for place in range(length):
        if sound_of(int64(name[place]), place, slips) == 0:
            return 0
    style = bits_below(low_half(draw_bits(key, 1)), 3)
    at = NAME_ROOM // 2  # written behind the name, then moved to its place
    for place in range(length):
        syllable = sound_of(int64(name[place]), place, slips) >> 3
        if place == surname_length and style < 2:
            name[at] = ASCII_SPACE
            at += 1
        is_first = place == 0 or place == surname_length
        for letter in range(slips.letters.shape[1]):
            code = int64(slips.letters[syllable, letter])
            if code == 0:
                break
            is_capital = style == 1 or (style == 0 and is_first and letter == 0)
            name[at] = code - 32 if is_capital else code
            at += 1
    used = at - NAME_ROOM // 2
    for place in range(used):
        name[place] = name[NAME_ROOM // 2 + place]
    return used


@kernel
def respell(name, length, key, slips):  # type: ignore[no-untyped-def]
    """Another spelling of the first part of a minority name that has one; the new length or 0."""
    rules = slips.respelt
    for start in range(length):
        found = -1
        for rule in range(rules.shape[0]):
            size = 0
            while size < rules.shape[2] and rules[rule, 0, size] != 0:
                if start + size >= length or name[start + size] != rules[rule, 0, size]:
                    break
                size += 1
            if size > 0 and (size == rules.shape[2] or rules[rule, 0, size] == 0):
                # Several spellings: the first half of the time, else the next one that fits.
                if found < 0 or int64(draw_bits(key, rule) >> uint64(63)) == 1:
                    found = rule
        if found >= 0:
            return put_in_place(name, length, start, rules[found, 0], rules[found, 1])
    return 0


@kernel
def put_in_place(name, length, start, old, new):  # type: ignore[no-untyped-def]
    """Replace `old` at `start` by `new`, both ended by 0; returns the new length."""
    old_size, new_size = 0, 0
    for place in range(old.shape[0]):
        old_size += int64(old[place] != 0)
        new_size += int64(new[place] != 0)
    shift = new_size - old_size
    if shift > 0:
        for at in range(length - 1, start + old_size - 1, -1):
            name[at + shift] = name[at]
    elif shift < 0:
        for at in range(start + old_size, length):
            name[at + shift] = name[at]
    for place in range(new_size):
        name[start + place] = new[place]
    return length + shift


@kernel
def apply_name_slip(cause, name, length, surname_length, key, slips):  # type: ignore[no-untyped-def]
    """Change a name by one slip; returns (the new length, the slip that happened or -1).

    name : uint32[NAME_ROOM], changed in place
    """
    if cause <= OTHER_CHARACTER:
        return length, replace_character(cause, name, length, surname_length, key, slips)
    if cause == MISSING_CHARACTER and length > 2 and length > surname_length + 1:
        return drop_character(name, length, surname_length, key), MISSING_CHARACTER
    if cause == EXTRA_CHARACTER and is_han(name[0]) and length < 40:
        return insert_character(name, length, key, slips), EXTRA_CHARACTER
    if cause == SWAPPED and 0 < surname_length < length:
        return length, SWAPPED if swap_parts(name, length, surname_length) else -1
    if cause == TRADITIONAL:
        return length, TRADITIONAL if to_traditional(name, length, slips) else -1
    if cause == PINYIN:
        changed = to_pinyin(name, length, surname_length, key, slips)
        return (changed, PINYIN) if changed else (length, -1)
    if cause == RESPELLED and surname_length == 0:
        changed = respell(name, length, key, slips)
        return (changed, RESPELLED) if changed else (length, -1)
    return length, -1


@inlined_kernel
def rarity_of(code, slips):  # type: ignore[no-untyped-def]
    """0: every system has the character; 1: those before 1995 lack it; 2: many lack it."""
    if FIRST_HAN <= code < FIRST_HAN + HAN_COUNT:
        return int64(slips.rarity[code - FIRST_HAN])
    return int64(2) if is_han(code) else int64(0)


@inlined_kernel
def has_rare_character(name, length, slips):  # type: ignore[no-untyped-def]
    """The highest rarity among the characters of a name."""
    found = int64(0)
    for place in range(length):
        found = max(found, rarity_of(int64(name[place]), slips))
    return found


@kernel
def mask_character(number):  # type: ignore[no-untyped-def]
    """What a system writes for a character that it lacks."""
    if number < 4:
        return QUESTION
    if number < 6:
        return STAR
    return BLOCK if number < 7 else FULL_QUESTION


@kernel
def hide_rare_character(cause, name, length, unit, slips):  # type: ignore[no-untyped-def]
    """Mask or describe the rarest character; returns (the new length, what was done).

    unit : random bits of the source, for each has its own mask
    """
    place = 0
    for at in range(length):
        if rarity_of(int64(name[at]), slips) > rarity_of(int64(name[place]), slips):
            place = at
    if cause == RARE_SPLIT:
        for entry in range(slips.split.shape[0]):
            if slips.split[entry, 0] == name[place]:
                for at in range(length - 1, place, -1):
                    name[at + 4] = name[at]
                name[place] = BRACKET_OPEN
                name[place + 1] = slips.split[entry, 1]
                name[place + 2] = PLUS
                name[place + 3] = slips.split[entry, 2]
                name[place + 4] = BRACKET_CLOSE
                return length + 4, RARE_SPLIT
    name[place] = mask_character(int64(unit >> uint64(40)) & 7)
    return length, RARE_MASKED


@kernel
def put_text(text, name, length):  # type: ignore[no-untyped-def]
    """Append code points up to the first 0; returns the new length."""
    for place in range(text.shape[0]):
        if text[place] == 0:
            break
        name[length] = uint32(text[place])
        length += 1
    return length
