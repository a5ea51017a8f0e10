"""GPTQ of one layer by qopt-solve and by NumPy, and what theory says of both.

Here is the algorithm as the paper has it, without blocks, so codes that agree
do not agree by construction.
"""

import json
import pathlib
import subprocess
import sys

import numpy as np

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
random = np.random.RandomState(7)


def solve(w, s, scheme, *flags):
    np.save(folder / "w.npy", w)
    np.save(folder / "s.npy", s)
    run = subprocess.run(["qopt-solve", folder / "w.npy", folder / "s.npy", scheme, *flags],
                         check=True, capture_output=True, text=True)
    return json.loads(run.stdout)


def moment(channels, rows, spread):
    mix = random.randn(channels, channels) * spread ** np.linspace(0, 1, channels)
    x = random.randn(rows, channels) @ mix
    return 2 / rows * x.T @ x


f32 = np.float32


def grid(x, bits, half):
    """gptq_asym of dialects/lowbit, operation by operation."""
    lo, hi = min(x.min(), f32(0)), max(x.max(), f32(0))
    if lo == 0 and hi == 0:
        lo, hi = f32(-1), f32(1)
    amax, kmax = f32(hi - lo), f32(2 ** bits - 1)
    inv, scale = f32(kmax / amax), f32(amax / kmax)
    if half:
        scale = f32(np.float16(scale))
        inv = f32(1 / scale)
    zero = int(np.rint(f32(-lo * inv))) - 2 ** (bits - 1)
    return inv, scale, np.clip(zero, -2 ** (bits - 1), 2 ** (bits - 1) - 1)


def reference(w, s, bits, group, order, half=False):
    w, s = w.astype(f32).astype(float), s.copy()
    n, c = w.shape
    dead = np.diag(s) == 0
    s[dead, dead] = 1
    w[:, dead] = 0
    perm = np.argsort(-np.diag(s), kind="stable") if order else np.arange(c)
    grids = [[grid(w[r, g:g + group].astype(f32), bits, half) for g in range(0, c, group)]
             for r in range(n)]
    w, s = w[:, perm], s[perm][:, perm]
    s = s + 0.01 * np.mean(np.diag(s)) * np.eye(c)
    u = np.linalg.cholesky(np.linalg.inv(s)).T
    codes, values = np.zeros((n, c), int), np.zeros((n, c))
    for i in range(c):
        for r in range(n):
            if not order and i % group == 0:
                grids[r][i // group] = grid(w[r, i:i + group].astype(f32), bits, half)
            inv, scale, zero = grids[r][perm[i] // group]
            k = np.clip(np.rint(f32(f32(w[r, i]) * inv)) + zero, -2 ** (bits - 1), 2 ** (bits - 1) - 1)
            codes[r, perm[i]] = k
            values[r, i] = f32(f32(k - zero) * scale)
        error = (w[:, i] - values[:, i]) / u[i, i]
        w[:, i + 1:] -= np.outer(error, u[i, i + 1:])
    unsorted = np.zeros_like(values)
    unsorted[:, perm] = values
    return codes, unsorted, s[np.argsort(perm)][:, np.argsort(perm)]


w = random.randn(6, 64).astype(f32)
s = moment(64, 200, 30.0)
for bits in (2, 3, 4):
    for group in (64, 16):
        for order in (True, False):
            for half in (False, True):
                per = "channel" if group == 64 else f"g{group}"
                flags = [] if order else ["--no-order"]
                got = solve(w, s, f"gptq_asym{bits}-{per}" + "-half" * half, *flags)
                want, values, damped = reference(w, s, bits, group, order, half)
                same = np.array_equal(np.reshape(got["codes"], (6, 64)), want)
                assert same, (bits, group, order, half)
                # The largest inputs come last here: without order they pay.
                assert got["after"] < got["before"] or not order, (bits, group)
                d = w - values
                traced = np.trace(d @ damped @ d.T)
                # sum e^2 is the damped error, where grids do not move with the
                # columns
                if order or group == 64:
                    assert abs(got["compensated"] - traced) <= 1e-8 * traced
                # The size of blocks changes nothing.
                for block in ("1", "7", "1000"):
                    other = solve(w, s, f"gptq_asym{bits}-{per}" + "-half" * half, "--block", block, *flags)
                    assert other["codes"] == got["codes"]
                    assert abs(other["compensated"] - got["compensated"]) <= 1e-8 * got["compensated"]
                assert solve(w, s, f"gptq_asym{bits}-{per}" + "-half" * half, *flags) == got
print("codes: as NumPy's")

# An input that is always 0 costs nothing, and its weight becomes 0.
dead = s.copy()
dead[5, :] = dead[:, 5] = 0
got = solve(w, dead, "sym4-channel")
assert all(code == 0 for code in got["codes"][5::64]), got["codes"][5::64]
assert got["recovery"] == ""
# A moment that is not positive definite takes more damping, ...
bent = s - 2.0 * np.linalg.eigvalsh(s)[0] * np.eye(64) - 0.02 * np.mean(np.diag(s)) * np.eye(64)
got = solve(w, bent, "sym4-channel")
assert got["recovery"] == "more damping" and 0.01 < got["damping"] < 1, got["recovery"]
# ... and where no damping helps, the codes are rounded.
hopeless = -s
got = solve(w, hopeless, "sym4-channel")
assert got["recovery"] == "rounding to nearest"
np.save(folder / "nan.npy", np.full((64, 64), np.nan))
run = subprocess.run(["qopt-solve", folder / "w.npy", folder / "nan.npy", "sym4-channel"],
                     capture_output=True, text=True)
assert run.returncode == 1 and "not finite" in run.stderr
print("recovery: as documented")


def product(got, n, c):
    rank = len(got["a"]) // c
    return np.reshape(got["b"], (n, rank)) @ np.reshape(got["a"], (rank, c))


def values_of(got, n, c):
    return (np.reshape(got["codes"], (n, c))) * np.reshape(got["scales"], (n, 1))


for n, c in ((24, 16), (16, 24), (20, 20)):
    w = random.randn(n, c).astype(f32)
    s = moment(c, 400, 30.0)
    last = None
    for rank in (1, 4, 8, min(n, c)):
        qera = solve(w, s, "sym3-channel", "--rank", str(rank), "--init", "qera")
        svd = solve(w, s, "sym3-channel", "--rank", str(rank), "--init", "svd")
        zero = solve(w, s, "sym3-channel", "--rank", str(rank), "--init", "zero")
        # The best of their rank: SVD of the error in its own norm, or with the
        # root of the moment; EoRA, by eigenvectors, gives the same product.
        d = w - values_of(qera, n, c)
        l, e = np.linalg.eigh(s)
        u, x, v = np.linalg.svd(d @ e * np.sqrt(l), full_matrices=False)
        eora = (u[:, :rank] * x[:rank]) @ v[:rank] / np.sqrt(l) @ e.T
        scale = np.abs(d).max()
        assert np.abs(product(qera, n, c) - eora).max() <= 2e-6 * scale
        u, x, v = np.linalg.svd(d, full_matrices=False)
        best = (u[:, :rank] * x[:rank]) @ v[:rank]
        assert np.abs(product(svd, n, c) - best).max() <= 2e-6 * scale
        diagonal = np.sqrt(np.diag(s))
        u, x, v = np.linalg.svd(d * diagonal, full_matrices=False)
        approx = (u[:, :rank] * x[:rank]) @ v[:rank] / diagonal
        left = d - approx
        approx = np.trace(left @ s @ left.T)
        assert zero["left"] == zero["none"] and not np.any(zero["b"])
        none = qera["none"] * (1 + 1e-9)
        assert qera["left"] <= approx * (1 + 1e-6) + 1e-10 * none
        assert qera["left"] <= svd["left"] + 1e-10 * none
        if rank < min(n, c):
            assert svd["left"] < none
        else:
            assert qera["left"] <= 1e-9 * none and svd["left"] <= 1e-6 * none
        assert last is None or qera["left"] <= last
        last = qera["left"]
# Inputs that never occur: directions without energy do not count.
x = random.randn(300, 5) @ random.randn(5, 16)
s = 2 / 300 * x.T @ x
w = random.randn(24, 16).astype(f32)
got = solve(w, s, "sym3-channel", "--rank", "5", "--init", "qera")
assert np.all(np.isfinite(got["a"])) and got["left"] <= 1e-6 * got["none"]
print("branches: the best of their rank")
