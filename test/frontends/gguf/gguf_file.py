"""Reads and writes GGUF files with numpy alone, and says what blocks mean.

Written from the description of the formats, not from qopt's reader: what both
agree on is what the format says.
"""

import struct

import numpy as np

F = np.float32
# Of scalars: number of the type, struct's letter.
SCALARS = {"u8": (0, "B"), "i8": (1, "b"), "u16": (2, "H"), "i16": (3, "h"), "u32": (4, "I"),
           "i32": (5, "i"), "f32": (6, "f"), "bool": (7, "?"), "u64": (10, "Q"), "i64": (11, "q"),
           "f64": (12, "d")}
LETTERS = dict(SCALARS.values())

# name: number, elements and bytes of a block
TYPES = {"F32": (0, 1, 4), "F16": (1, 1, 2), "BF16": (30, 1, 2), "Q4_0": (2, 32, 18),
         "Q4_1": (3, 32, 20), "Q5_0": (6, 32, 22), "Q5_1": (7, 32, 24), "Q8_0": (8, 32, 34),
         "Q4_K": (12, 256, 144), "Q5_K": (13, 256, 176), "Q6_K": (14, 256, 210)}
NAMES = {number: name for name, (number, _, _) in TYPES.items()}


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(data)) + data


def pair(key, value):
    """A value is (type, number), a string, or a list of strings or (type, numbers)."""
    if isinstance(value, (str, bytes)):
        return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, list):
        return text(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
    kind, number = value
    code, letter = SCALARS[kind]
    if isinstance(number, (list, np.ndarray)):
        return (text(key) + struct.pack("<IIQ", 9, code, len(number)) +
                struct.pack(f"<{len(number)}{letter}", *number))
    return text(key) + struct.pack("<I" + letter, code, number)


def write(path, pairs, tensors, alignment=32):
    """`tensors`: name -> (shape, type, bytes), the shape as numpy has it."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    head += b"".join(pair(key, value) for key, value in pairs.items())
    data = b""
    for name, (shape, kind, raw) in tensors.items():
        head += text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *reversed(shape))
        head += struct.pack("<IQ", TYPES[kind][0], len(data))
        data += raw + bytes(-len(raw) % alignment)
    with open(path, "wb") as file:
        file.write(head + bytes(-len(head) % alignment) + data)


class Reader:
    """`pairs`: key -> value; `tensors`: name -> f32 array; `fields`: where numbers
    lie before the data, as (place, letter)."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data, self.at, self.fields = file.read(), 4, []
        self.take("I")
        tensors, pairs = self.take("Q"), self.take("Q")
        self.pairs = {}
        for _ in range(pairs):
            key = self.string().decode()
            self.pairs[key] = self.value(self.take("I"))
        places = [(self.string().decode(), [self.take("Q") for _ in range(self.take("I"))],
                   NAMES[self.take("I")], self.take("Q")) for _ in range(tensors)]
        self.at += -self.at % self.pairs.get("general.alignment", 32)
        self.tensors = {name: self.tensor(*rest) for name, *rest in places}

    def take(self, letter):
        value, = struct.unpack_from("<" + letter, self.data, self.at)
        self.fields.append((self.at, letter))
        self.at += struct.calcsize("<" + letter)
        return value

    def string(self):
        size = self.take("Q")
        self.at += size
        return self.data[self.at - size:self.at]

    def value(self, code):
        if code == 8:
            return self.string()
        if code != 9:
            return self.take(LETTERS[code])
        code, count = self.take("I"), self.take("Q")
        return [self.value(code) for _ in range(count)]

    def tensor(self, dims, kind, offset):
        _, elements, size = TYPES[kind]
        count = int(np.prod(dims)) // elements * size
        raw = np.frombuffer(self.data, np.uint8, count, self.at + offset)
        return decode(kind, raw).reshape(dims[::-1])


def halves(block, begin):
    """The f16 at a byte of each block, as a column."""
    return block[:, begin:begin + 2].copy().view(np.float16).astype(F)


def nibbles(codes):
    """Low halves first."""
    return np.concatenate([codes & 15, codes >> 4], axis=-1)


def fifth_bits(block, begin):
    bits = np.unpackbits(block[:, begin:begin + 4], axis=1, bitorder="little")
    return bits * 16


def group_scales(block):
    """The scales and minima of a K block's 8 groups: 6 bits each, packed in 12 bytes."""
    p = block[:, 4:16].astype(np.int32)
    low, mid, high = p[:, :4], p[:, 4:8], p[:, 8:]
    scales = np.concatenate([low % 64, high % 16 + low // 64 * 16], axis=1)
    minima = np.concatenate([mid % 64, high // 16 + mid // 64 * 16], axis=1)
    return halves(block, 0) * scales.astype(F), halves(block, 2) * minima.astype(F)


def k_codes(block, begin):
    """[blocks, 8 groups, 32]: pairs of groups share 32 bytes."""
    codes = block[:, begin:begin + 128].reshape(-1, 4, 1, 32)
    return np.concatenate([codes & 15, codes >> 4], axis=2).reshape(-1, 8, 32)


def decode_k(block, codes):
    scales, minima = group_scales(block)
    return scales[:, :, None] * codes.astype(F) - minima[:, :, None]


def q6(block):
    low = block[:, :128].reshape(-1, 2, 64)
    high = block[:, 128:192].reshape(-1, 2, 1, 32)
    shifts = np.arange(0, 8, 2, dtype=np.uint8).reshape(1, 1, 4, 1)
    codes = nibbles(low).reshape(-1, 2, 4, 32) | ((high >> shifts & 3) << 4)
    scales = block[:, 192:208].copy().view(np.int8).astype(F)
    scales = (halves(block, 208) * scales).reshape(-1, 16, 1)
    return scales * (codes.reshape(-1, 16, 16).astype(F) - 32)


DECODERS = {
    "F32": lambda b: b.copy().view(F),
    "F16": lambda b: b.copy().view(np.float16).astype(F),
    "BF16": lambda b: (b.copy().view(np.uint16).astype(np.uint32) << 16).view(F),
    "Q4_0": lambda b: halves(b, 0) * (nibbles(b[:, 2:]).astype(F) - 8),
    "Q4_1": lambda b: halves(b, 0) * nibbles(b[:, 4:]).astype(F) + halves(b, 2),
    "Q5_0": lambda b: halves(b, 0) * ((nibbles(b[:, 6:]) | fifth_bits(b, 2)).astype(F) - 16),
    "Q5_1": lambda b: halves(b, 0) * (nibbles(b[:, 8:]) | fifth_bits(b, 4)).astype(F) + halves(b, 2),
    "Q8_0": lambda b: halves(b, 0) * b[:, 2:].copy().view(np.int8).astype(F),
    "Q4_K": lambda b: decode_k(b, k_codes(b, 16)),
    "Q5_K": lambda b: decode_k(b, k_codes(b, 48) | np.unpackbits(
        b[:, 16:48, None], axis=2, bitorder="little").transpose(0, 2, 1) << 4),
    "Q6_K": q6,
}


def decode(kind, raw):
    return DECODERS[kind](raw.reshape(-1, TYPES[kind][2])).reshape(-1)


def random_blocks(kind, count, rng):
    """Bytes of `count` elements: any codes, scales that keep numbers below 1."""
    _, elements, size = TYPES[kind]
    block = rng.integers(0, 256, (count // elements, size), dtype=np.uint8)
    if elements == 1:
        numbers = (rng.standard_normal(count) * 0.2).astype(F)
        if kind == "BF16":
            return (numbers.view(np.uint32) >> 16).astype(np.uint16).tobytes()
        return numbers.astype(np.float16 if kind == "F16" else F).tobytes()
    largest = {"Q8_0": 128, "Q6_K": 32 * 128, "Q4_K": 63 * 15, "Q5_K": 63 * 31}.get(kind, 16)

    def put(begin, low, high):
        scales = rng.uniform(low, high, (len(block), 1)) / largest
        block[:, begin:begin + 2] = scales.astype(np.float16).view(np.uint8)

    put(208 if kind == "Q6_K" else 0, 0.2, 0.6)
    if kind in ("Q4_1", "Q5_1"):
        put(2, -8, 0)
    if kind in ("Q4_K", "Q5_K"):
        put(2, 2, 6)
    return block.tobytes()
