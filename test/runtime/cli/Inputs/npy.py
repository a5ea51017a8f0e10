"""Arrays go through a model unchanged, however numpy wrote them; files that are
wrong are refused: npy.py MODEL FOLDER.
"""

import pathlib
import resource
import struct
import subprocess
import sys

import numpy as np

model, folder = sys.argv[1], pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
bf16 = np.dtype("V2")
types = {"f16": np.float16, "f32": np.float32, "f64": np.float64, "bf16": bf16, "i8": np.int8,
         "i16": np.int16, "i32": np.int32, "i64": np.int64, "bool": np.bool_}


def sample(kind, n):
    values = np.random.RandomState(n).randint(-100, 100, (n, 3))
    if kind == "bf16":  # the upper half of an f32
        return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).view(bf16)
    return (values % 2 == 0) if kind == "bool" else values.astype(types[kind])


def run(out, paths):
    words = [word for name, path in paths.items() for word in ("--input", f"{name}={path}")]
    return subprocess.run([model, "run", *words, "--output-dir", str(out)],
                          capture_output=True, text=True)


def passes(case, n, write):
    """All types, written by `write`, come out as they went in."""
    paths, arrays, out = {}, {}, folder / case / "out" / "deep"
    (folder / case).mkdir(exist_ok=True)
    for kind in types:
        arrays[kind] = sample(kind, n)
        paths[kind] = folder / case / f"{kind}.npy"
        write(paths[kind], arrays[kind])
    result = run(out, paths)
    assert result.returncode == 0, (case, result.stderr)
    assert result.stdout == "", result.stdout
    assert len(list(out.iterdir())) == len(types), list(out.iterdir())
    for kind, array in arrays.items():
        got = np.load(out / f"y_{kind}_0.npy")
        assert got.dtype == array.dtype and got.shape == array.shape, (case, kind, got.dtype)
        assert got.tobytes() == np.ascontiguousarray(array).tobytes(), (case, kind)
        assert got.flags.c_contiguous
    return paths


def version(major):
    def write(path, array):
        with open(path, "wb") as file:
            np.lib.format.write_array(file, array, version=(major, 0))
    return write


good = passes("plain", 4, np.save)
passes("fortran", 5, lambda path, array: np.save(path, np.asfortranarray(array)))
passes("empty", 0, np.save)
passes("empty-fortran", 0, lambda path, array: np.save(path, np.asfortranarray(array)))
passes("one", 1, np.save)
for major in 1, 2, 3:
    passes(f"version-{major}", 3, version(major))


def header(text, major=1, length=None, data=b"\0" * 48):
    """A file around the given dictionary."""
    text = text.encode() + b"\n"
    length = len(text) if length is None else length
    form = "<H" if major == 1 else "<I"
    return b"\x93NUMPY" + bytes([major, 0]) + struct.pack(form, length) + text + data


def refused(case, content, *expected):
    """The file `content` as the f32 input is refused with these words."""
    path = folder / "bad.npy"
    path.write_bytes(content)
    result = run(folder / "bad", {**good, "f32": path})
    assert result.returncode == 1, (case, result.returncode, result.stderr)
    for text in ("bad.npy", *expected):
        assert text in result.stderr, (case, text, result.stderr)
    assert len(result.stderr.splitlines()) == 1, (case, result.stderr)
    assert not (folder / "bad").exists(), case


def fields(descr="'<f4'", order="False", shape="(4, 3)", more=""):
    return "{'descr': %s, 'fortran_order': %s, 'shape': %s, %s}" % (descr, order, shape, more)


refused("no npy", b"hello, this is text", "it is no .npy file")
refused("nothing", b"", "it is no .npy file")
refused("version", header(fields(), major=4), "its format version is none of 1, 2, 3")
refused("big-endian", header(fields("'>f4'")), "big-endian ('>f4'); save a.astype('<f4')")
refused("complex", header(fields("'<c8'")), "its type is '<c8', expects f16")
refused("text", header(fields("'<U5'")), "its type is '<U5'")
refused("records", header(fields("[('a', '<f4')]")), "its elements are records")
refused("cut data", header(fields(), data=b"\0" * 47), "asks for 48 bytes of data, but it holds 47")
refused("cut header", header(fields(), length=500), "it is cut short in its header")
refused("cut length", b"\x93NUMPY\x02\x00\x10\x00", "it is cut short in its header")
refused("long header", header(fields(), major=2, length=2**31), "its header is damaged")
refused("large", header(fields(shape="(4611686018427387904, 3)")), "its shape is too large")
refused("large bytes", header(fields(shape="(1152921504606846976, 3)")), "bytes of data")
refused("hidden", header(fields(shape="(0, 9223372036854775807, 9223372036854775807)")),
        "its shape is too large")
refused("wide", header(fields(shape="(99999999999999999999,)")), "its header is damaged")
refused("negative", header(fields(shape="(-4, 3)")), "its header is damaged")
refused("deep", header(fields(shape="(" + "1, " * 40 + ")")), "its header is damaged")
for damage in ("{", "", "{}", "[1]", fields(order="Maybe"), fields(shape="4"), fields(shape="(4 3)"),
               fields(shape="(4, 3"), fields(more="'shape': (1,)"), fields(more="'x': 1"),
               fields(descr="<f4"), fields(descr="'" + "<" * 40 + "'"),
               "{'descr': '<f4', 'shape': (4, 3), }"):
    refused(damage, header(damage), "its header is damaged")
refused("other type", header(fields("'<i4'")), "input 'f32' expects f32, got i32",
        "save a.astype('float32')")

# Any byte of the header may be wrong: never a crash, and mostly an error.
whole = (folder / "plain" / "f32.npy").read_bytes()
random = np.random.RandomState(1)
for _ in range(150):
    content = bytearray(whole[:random.randint(1, len(whole) + 1)])
    for _ in range(random.randint(0, 4)):
        content[random.randint(0, min(len(content), 128))] = random.randint(0, 256)
    (folder / "bad.npy").write_bytes(content)
    result = run(folder / "bad", {**good, "f32": folder / "bad.npy"})
    assert result.returncode in (0, 1), (bytes(content), result)

# Every byte that is not 0 is true; trailing bytes are not the array's.
(folder / "bool.npy").write_bytes(
    header(fields("'|b1'"), data=bytes([0, 1, 2, 255] * 3)) + b"more")
result = run(folder / "true", {**good, "bool": folder / "bool.npy"})
assert result.returncode == 0, result.stderr
assert np.load(folder / "true" / "y_bool_0.npy").view(np.uint8).ravel().tolist() == [0, 1, 1, 1] * 3

# A disk that is full, by a limit on the size of files, and a name that is taken:
# nothing is left behind.
def small_disk():
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, 150))


(folder / "full").mkdir()
words = [word for name, path in good.items() for word in ("--input", f"{name}={path}")]
result = subprocess.run([model, "run", *words, "--output-dir", str(folder / "full")],
                        capture_output=True, text=True, preexec_fn=small_disk, restore_signals=False)
assert result.returncode == 1 and "File too large" in result.stderr, result
assert not list((folder / "full").iterdir())
(folder / "taken" / "y_i64_0.npy").mkdir(parents=True)
result = run(folder / "taken", good)
assert result.returncode == 1 and "y_i64_0.npy': Is a directory" in result.stderr, result
assert not [path for path in (folder / "taken").iterdir() if path.name.startswith(".")]
print("all arrays agree")
