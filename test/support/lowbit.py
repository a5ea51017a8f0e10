"""Writes programs that quantize or rotate, with what they must give.

    lowbit.py quantize | search | dequantize | fake_quantize | linear | hadamard

An arithmetic of its own: numpy's float32, operation by operation, as the
description of #lowbit.scheme has it. Nothing here knows the compiler.
"""

import itertools
import sys

import numpy as np

np.seterr(all="ignore")  # infinities are part of the cases
f32 = np.float32
METHODS = ["ternary", "sym", "asym", "gptq_sym", "gptq_asym"]
ZEROS = {"asym", "gptq_asym"}


class Scheme:
    def __init__(self, method, bits, per, group=0, clip=100, mse=False, half=False, weighted=False):
        self.method, self.bits, self.per, self.group = method, bits, per, group
        self.clip, self.mse, self.half, self.weighted = clip, mse, half, weighted
        self.least = -1 if method == "ternary" else -2 ** (bits - 1)
        self.most = 1 if method == "ternary" else 2 ** (bits - 1) - 1
        self.levels = f32({"ternary": 1, "sym": 2 ** (bits - 1) - 1}.get(method, 2 ** bits - 1))

    def __str__(self):
        text = f"{self.method}, bits = {self.bits}, per = {self.per}"
        for name, plain in (("group", 0), ("clip", 100), ("mse", False), ("half", False), ("weighted", False)):
            value = getattr(self, name)
            if value != plain:
                text += f", {name} = {str(value).lower()}"
        return f"scheme <{text}>"

    def sets(self, x):
        """[sets, elements]"""
        if self.per == "tensor":
            return x.reshape(1, -1)
        return x.reshape(-1, self.group or x.shape[-1])

    def scale_shape(self, shape):
        if self.per == "tensor":
            return (1,)
        return shape[:-1] + ((shape[-1] // self.group,) if self.per == "group" else ())


def rounded(scheme, amax):
    """(inv, s)"""
    inv, s = f32(scheme.levels / amax), f32(amax / scheme.levels)
    if scheme.half:
        s = f32(np.float16(min(max(s, f32(2.0 ** -24)), f32(65504))))
        inv = f32(f32(1) / s)
    return inv, s


def grid(scheme, x, c):
    """(inv, s, zero) of a set whose range shrinks by c."""
    method = scheme.method
    if method == "ternary":
        sizes = np.abs(x)
        kinds = set(sizes[sizes != 0].tolist())
        total = 0.0
        for size in sizes:
            total += float(size)
        amax = kinds.pop() if len(kinds) == 1 else max(f32(total / len(x)), f32(1e-5))
        return *rounded(scheme, f32(amax)), 0
    largest = np.abs(x).max()
    if method == "sym":
        return *rounded(scheme, max(f32(c * largest), f32(1e-5))), 0
    if method == "gptq_sym":
        amax = f32(f32(2) * f32(c * largest))
        return *rounded(scheme, amax if amax != 0 else f32(1)), 0
    lo, hi = min(f32(c * x.min()), f32(0)), max(f32(c * x.max()), f32(0))
    if method == "asym":
        inv, s = rounded(scheme, max(f32(hi - lo), f32(1e-5)))
    else:
        if lo == 0 and hi == 0:
            lo, hi = f32(-1), f32(1)
        inv, s = rounded(scheme, f32(hi - lo))
    zero = np.rint(f32(-lo * inv)) - 2 ** (scheme.bits - 1)
    return inv, s, int(min(max(zero, scheme.least), scheme.most))


def coded(scheme, x, inv, zero):
    k = np.rint((x * inv).astype(f32)) + f32(zero)
    k = np.where(k > scheme.least, k, scheme.least)  # also for 0 times infinity
    return np.minimum(k, scheme.most).astype(np.int64)


def meant(k, s, zero):
    return ((k - zero).astype(f32) * f32(s)).astype(f32)


def quantize(scheme, x):
    """codes, scales, zeros, in the shapes of the op"""
    codes, scales, zeros = [], [], []
    for row in scheme.sets(x):
        best = None
        tried = [(f32(f32(100 - i) / f32(100)), f32(1)) for i in range(80)]
        if scheme.method == "gptq_sym":
            tried += [(c, f32(-1)) for c, _ in tried]
        for c, sign in tried if scheme.mse else [(f32(f32(scheme.clip) / f32(100)), f32(1))]:
            inv, s, zero = grid(scheme, row, c)
            inv, s = sign * inv, sign * s
            k = coded(scheme, row, inv, zero)
            error = 0.0
            for a, b in zip(row, meant(k, s, zero)):
                d = float(a) - float(b)
                error += abs(float(a)) * (d * d) if scheme.weighted else abs(d) ** 2.4
            if best is None or error < best[0]:
                best = error, k, s, zero
        codes.append(best[1])
        scales.append(best[2])
        zeros.append(best[3])
    shape = scheme.scale_shape(x.shape)
    return (np.array(codes, np.int8).reshape(x.shape), np.array(scales, f32).reshape(shape),
            np.array(zeros, np.int8).reshape(shape))


def dequantize(scheme, codes, scales, zeros):
    k = scheme.sets(codes.astype(np.int64))
    y = [meant(row, s, z) for row, s, z in zip(k, scales.ravel(), zeros.ravel().astype(np.int64))]
    return np.array(y, f32).reshape(codes.shape)


def dense(a):
    """The text of a constant; floats by their bits."""
    if a.dtype.kind == "f":
        bits = a.view({2: np.uint16, 4: np.uint32, 8: np.uint64}[a.itemsize])
        texts = [f"0x{b:0{2 * a.itemsize}X}" for b in bits.ravel()]
    else:
        texts = [str(v) for v in a.ravel()]
    for size in reversed(a.shape):
        texts = ["[" + ", ".join(texts[i:i + size]) + "]" for i in range(0, len(texts), size)]
    return f"dense<{texts[0]}>"


def kind(a):
    name = {"float64": "f64", "float32": "f32", "float16": "f16", "int8": "i8"}[str(a.dtype)]
    return f"tensor<{'x'.join(map(str, a.shape))}x{name}>"


def constant(name, a):
    print(f"  %{name} = arith.constant {dense(a)} : {kind(a)}")


def check(name, a, within="0.0"):
    constant(name + "_want", a)
    print(f"  check.close %{name}, %{name}_want within {within} : {kind(a)}")


def stored(scheme, scales):
    return scales.astype(np.float16) if scheme.half else scales


def inputs():
    """Rows with ties, of zeros, of one value, of one sign, with an outlier; an
    odd number of channels that groups of 3 and 5 divide."""
    random = np.random.default_rng(7)
    x = random.standard_normal((7, 15)).astype(f32)
    x[1] = 0
    x[2] = f32(0.7)
    x[3] = np.abs(x[3])
    x[4, 6] = f32(40)
    x[5] = f32(0.5) * np.array([-7, 7, 1, 3, 5, -1, -3, -5, 0, 2, 4, 6, -2, -4, -6], f32) / f32(7)
    x[6] = -np.abs(x[6]) * f32(1e-7)
    return x


def searched():
    """Rows of 70 to search a grid for: more than a block of 64, and a rest."""
    random = np.random.default_rng(11)
    x = random.standard_normal((16, 70)).astype(f32)
    x[1] = random.laplace(size=70)
    x[2] = random.standard_t(2, size=70)
    x[3, 69] = f32(30)  # an outlier in the rest
    x[4] = np.abs(x[4])
    x[5] = random.integers(-8, 8, 70) * f32(0.03125)  # on a grid already
    x[6] = random.integers(0, 4, 70) * f32(np.float16(0.017)) + f32(1e-6) * x[6]
    x[7] = f32(0.25)
    x[8] *= f32(1e-6)  # below the floor of scales
    x[9] *= f32(1e-40)  # where 1 / x is no number
    x[10] *= f32(1e30)  # above f16
    x[11] = 0
    x[12] = np.where(random.random(70) < 0.5, -1, 1)  # equal errors
    x[13] = np.round(x[13] * 4) / 4
    x[14, :68] = 0
    x[15] = x[15] ** 3
    return x


def schemes_searched():
    for method, bits, weighted in itertools.product(METHODS[1:], [2, 3, 4, 8], [False, True]):
        yield Scheme(method, bits, "group", 35, mse=True, half=True, weighted=weighted)
    for method, weighted in itertools.product(METHODS[1:], [False, True]):
        yield Scheme(method, 4, "channel", mse=True, weighted=weighted)
    yield Scheme("gptq_asym", 3, "tensor", mse=True)


def schemes():
    for method, per, bits in itertools.product(METHODS, ["tensor", "channel", "token", "group"], [2, 3, 4, 8]):
        if method != "ternary" or bits == 2:
            yield Scheme(method, bits, per, 5 if per == "group" else 0)
    for method, bits in itertools.product(["sym", "asym"], [4, 8]):
        yield Scheme(method, bits, "token", clip=90)
        yield Scheme(method, bits, "group", 3, clip=95, half=True)
    for method, bits in itertools.product(METHODS[1:], [2, 3, 4]):
        yield Scheme(method, bits, "channel", mse=True)
        yield Scheme(method, bits, "group", 5, mse=True, half=True)
    yield Scheme("ternary", 2, "group", 5, half=True)


def codes_types(scheme, codes, scales, zeros):
    text = f"{kind(codes)}, {kind(stored(scheme, scales))}"
    return text + (f", {kind(zeros)}" if scheme.method in ZEROS else "")


def write_quantize(scheme, x):
    codes, scales, zeros = quantize(scheme, x)
    has = scheme.method in ZEROS
    constant("x", x)
    print(f"  %k, %s{', %z' if has else ''} = lowbit.quantize %x {scheme} : {kind(x)} -> "
          + codes_types(scheme, codes, scales, zeros))
    check("k", codes)
    check("s", stored(scheme, scales))
    if has:
        check("z", zeros)


def constants(scheme, codes, scales, zeros):
    """Constants for a weight; what the op says of its scales."""
    constant("k", codes)
    constant("s", stored(scheme, scales))
    if scheme.method not in ZEROS:
        return ""
    constant("z", zeros)
    return " zeros %z"


def write_dequantize(scheme, x):
    codes, scales, zeros = quantize(scheme, x)
    operands = constants(scheme, codes, scales, zeros)
    print(f"  %y = lowbit.dequantize %k, %s{operands} {scheme} : "
          + codes_types(scheme, codes, scales, zeros) + f" -> {kind(x)}")
    check("y", dequantize(scheme, codes, scales, zeros))


def write_fake_quantize(scheme, x):
    q = dequantize(scheme, *quantize(scheme, x))
    constant("x", x)
    print(f"  %y = lowbit.fake_quantize %x {scheme} : {kind(x)}")
    check("y", q)
    for name, value in (("none", 0.0), ("all", 1.0), ("some", 0.25), ("more", 7.0)):
        print(f"  %l{name} = arith.constant dense<{value}> : tensor<f32>")
        print(f"  %{name} = lowbit.fake_quantize %x lambda %l{name} {scheme} : {kind(x)}")
        share = min(value, 1.0)
        wide = x.astype(np.float64) + share * (q.astype(np.float64) - x.astype(np.float64))
        check(name, x if share == 0 else q if share == 1 else wide.astype(f32))


def write_linear(scheme, x):
    """Numbers in, then codes in; the wide sum of what the codes mean."""
    random = np.random.default_rng(11)
    rows = random.standard_normal((3, x.shape[1])).astype(f32)
    bias = random.standard_normal(x.shape[0]).astype(f32)
    codes, scales, zeros = quantize(scheme, x)
    # Not rounded: a code times a scale.
    wide = np.array([(row - int(z)) * float(s) for row, s, z in zip(
        scheme.sets(codes.astype(np.int64)), stored(scheme, scales).ravel(), zeros.ravel())]).reshape(x.shape)
    operands = constants(scheme, codes, scales, zeros)
    types = codes_types(scheme, codes, scales, zeros)
    constant("x", rows)
    constant("b", bias)
    y = (rows.astype(np.float64) @ wide.T + bias.astype(np.float64)).astype(f32)
    print(f"  %y = lowbit.linear %x, %k scales %s{operands} bias %b {scheme} : "
          f"{kind(rows)}, {types}, {kind(bias)} -> {kind(y)}")
    check("y", y, "1.0e-5")
    token = Scheme("sym", 8, "token")
    kx, sx, _ = quantize(token, rows)
    constant("kx", kx)
    constant("sx", sx)
    yq = ((kx.astype(np.float64) * sx.astype(np.float64)[:, None]) @ wide.T).astype(f32)
    print(f"  %yq = lowbit.linear %kx scales %sx, %k scales %s{operands} {scheme} : "
          f"{kind(kx)}, {kind(sx)}, {types} -> {kind(yq)}")
    check("yq", yq, "1.0e-5")


def paley(order):
    """Of the first kind if it can be; the field has a prime number of elements."""
    def jacobsthal(q):
        squares = {a * a % q for a in range(1, q)}
        return np.array([[0 if a == b else 1 if (a - b) % q in squares else -1
                          for b in range(q)] for a in range(q)])
    first = all((order - 1) % p for p in range(2, order - 1))
    q = order - 1 if first else order // 2 - 1
    S = np.ones((q + 1, q + 1), int)
    S[0, 0], S[1:, 1:] = 0, jacobsthal(q)
    if first:
        S[1:, 0] = -1
        return S + np.eye(order, dtype=int)
    return np.kron(S, [[1, 1], [1, -1]]) + np.kron(np.eye(q + 1, dtype=int), [[1, -1], [-1, -1]])


def philox(key, counter):
    """128 bits of Philox4x32-10."""
    low, mask = [key & 0xFFFFFFFF, key >> 32], 0xFFFFFFFF
    c = [counter & mask, counter >> 32, 0, 0]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [p1 >> 32 ^ c[1] ^ low[0], p1 & mask, p0 >> 32 ^ c[3] ^ low[1], p0 & mask]
        low = [(low[0] + 0x9E3779B9) & mask, (low[1] + 0xBB67AE85) & mask]
    return sum(word << 32 * i for i, word in enumerate(c))


def rotation(orders, seed):
    Q = np.eye(1)
    for order in orders:
        factor = np.array([[1.0]])
        if order & order - 1 == 0:
            while len(factor) < order:
                factor = np.kron(factor, [[1, 1], [1, -1]])
        else:
            factor = paley(order)
        Q = np.kron(Q, factor)
    n = len(Q)
    signs = [-1 if seed is not None and philox(seed, c // 128) >> c % 128 & 1 else 1 for c in range(n)]
    return np.diag(signs) @ Q / np.sqrt(n)


def write_hadamard():
    cases = [([1], None, 3), ([2], None, 2), ([16], None, 16), ([12], None, 12), ([20], 5, 20),
             ([36], None, 36), ([12, 2], 7, 24), ([12, 36, 2], None, 864), ([20, 20], 1, 400),
             ([8], 3, 24), ([64], 2 ** 63 + 9, 64), ([256], 4, 256)]
    for number, (orders, seed, size) in enumerate(cases):
        Q = rotation(orders, seed)
        n = len(Q)
        x = np.random.default_rng(number).standard_normal((3, size))
        for transposed, axis in itertools.product([False, True], [0, 1]):
            y = np.concatenate([x[:, i:i + n] @ (Q.T if transposed else Q) for i in range(0, size, n)], axis=1)
            given, want = (x.T, y.T) if axis == 0 else (x, y)
            name = f"case_{number}_{axis}_{int(transposed)}"
            print(f"func.func @{name}() {{")
            constant("x", np.ascontiguousarray(given))
            text = f" seed {seed - 2 ** 64 if seed >= 2 ** 63 else seed}" if seed is not None else ""
            text += " transposed" if transposed else ""
            print(f"  %y = lowbit.hadamard %x axis {axis} orders {orders}{text} : {kind(given)}")
            check("y", np.ascontiguousarray(want), "1.0e-12")
            print("  return\n}")


if sys.argv[1] == "hadamard":
    write_hadamard()
    sys.exit()
if sys.argv[1] == "search":
    for number, scheme in enumerate(schemes_searched()):
        print(f"func.func @case_{number}() {{")
        write_quantize(scheme, searched())
        print("  return\n}")
    sys.exit()
writer = {"quantize": write_quantize, "dequantize": write_dequantize,
          "fake_quantize": write_fake_quantize, "linear": write_linear}[sys.argv[1]]
for number, scheme in enumerate(schemes()):
    print(f"func.func @case_{number}() {{")
    writer(scheme, inputs())
    print("  return\n}")
