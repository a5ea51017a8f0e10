// Loads generated code into this process and runs it beside the interpreter.

#include "qopt/tools/qopt/Compare.h"

#include <cmath>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qopt/codegen/cpu/Load.h"
#include "qopt/codegen/interpreter/Compare.h"
#include "qopt/codegen/interpreter/Npy.h"
#include "qopt/codegen/link/Evaluate.h"
#include "qopt/codegen/link/Output.h"
#include "qopt/passes/kernel/Layouts.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace qopt;
using cpu::LoadedCode;
using cpu::Memory;
using cpu::shapesOf;
using interpreter::Tensor;
namespace path = llvm::sys::path;
namespace fs = llvm::sys::fs;

namespace qopt::driver {

namespace {

/// One set of inputs, and what results must be.
struct Case {
  std::string name;
  std::vector<Tensor> inputs, outputs;
};

} // namespace

static LogicalResult fail(const Twine &message) {
  llvm::errs() << "qopt: error: " << message << "\n";
  return failure();
}

/// The entry with the model's own signature, else the first; fails where it
/// cannot be run here.
static FailureOr<const qopt_entry *> findRun(const LoadedCode &code) {
  const qopt_variant *variant = code.variant();
  if (!variant)
    return fail("this CPU cannot run the code: compare with --mcpu=native or "
                "--emulate-isa");
  const qopt_entry *entry = cpu::findEntry(*variant, "run");
  entry = entry ? entry : variant->entries;
  if (entry->state_count)
    return fail("expects an entry without caches to compare");
  return entry;
}

/// The entry's symbols from its inputs' sizes.
static LogicalResult solve(const qopt_entry &entry, ArrayRef<Tensor> inputs,
                           SmallVector<int64_t> &symbols) {
  symbols.assign(entry.symbol_count, -1);
  for (uint32_t i = 0; i < entry.input_count; ++i)
    for (uint32_t d = 0; d < entry.inputs[i].rank; ++d) {
      int64_t dim = entry.inputs[i].dims[d];
      if (dim != QOPT_DERIVED && dim < 0)
        symbols[-1 - dim] = inputs[i].shape[d];
    }
  for (auto [i, value] : llvm::enumerate(symbols))
    if (value < 0)
      return fail(Twine("no input tells the size '") + entry.symbols[i] + "'");
  return success();
}

static FailureOr<std::vector<Tensor>> execute(const qopt_entry &entry,
                                              func::FuncOp function,
                                              ArrayRef<Tensor> inputs,
                                              const Memory &weights) {
  SmallVector<int64_t> symbols;
  if (failed(solve(entry, inputs, symbols)))
    return failure();
  auto shapes = shapesOf(entry, symbols);
  std::vector<Memory> buffers;
  std::vector<const void *> in;
  std::vector<void *> out;
  std::vector<size_t> sizes;
  for (uint32_t i = 0; i < entry.input_count; ++i) {
    std::vector<char> bytes;
    auto type = cast<RankedTensorType>(function.getArgumentTypes()[i]);
    if (ArrayRef<int64_t>(shapes[i]) != ArrayRef<int64_t>(inputs[i].shape))
      return fail(Twine("input '") + entry.inputs[i].name +
                  "' has a size that the others do not allow");
    link::store(inputs[i], type.getElementType(), bytes);
    std::memcpy(buffers.emplace_back(bytes.size()).data, bytes.data(),
                bytes.size());
    in.push_back(buffers.back().data);
  }
  for (uint32_t i = 0; i < entry.output_count; ++i) {
    auto type = cast<RankedTensorType>(function.getResultTypes()[i]);
    sizes.push_back(ShapedType::getNumElements(shapes[entry.input_count + i]) *
                    llvm::divideCeil(type.getElementTypeBitWidth(), 8));
    out.push_back(buffers.emplace_back(sizes.back()).data);
  }
  Memory arena(entry.arena_bytes(symbols.data()));
  qopt_call call = {weights.data, arena.data, symbols.data(), in.data(),
                    out.data(),   nullptr,    nullptr};
  entry.run(&call);
  std::vector<Tensor> results;
  for (uint32_t i = 0; i < entry.output_count; ++i) {
    auto type = cast<RankedTensorType>(function.getResultTypes()[i]);
    results.push_back(interpreter::decode(
        ArrayRef<char>(static_cast<char *>(out[i]), sizes[i]),
        type.getElementType(), shapes[entry.input_count + i]));
  }
  return results;
}

/// Share of rows in which the largest element is the same one.
static double topAgreement(const Tensor &want, const Tensor &got) {
  int64_t width = want.shape.empty() ? 1 : want.shape.back();
  int64_t rows = width ? want.data.size() / width : 0, same = 0;
  for (int64_t row = 0; row < rows; ++row) {
    auto w = want.data.begin() + row * width,
         g = got.data.begin() + row * width;
    same += std::max_element(w, w + width) - w ==
            std::max_element(g, g + width) - g;
  }
  return rows ? double(same) / rows : 1;
}

static LogicalResult judge(StringRef name, const Tensor &want,
                           const Tensor &got, double tolerance) {
  if (want.shape != got.shape || want.data.size() != got.data.size() ||
      want.integers.size() != got.integers.size())
    return fail("result '" + name + "' has another shape or kind of element");
  if (want.data.empty()) {
    bool same = want.integers == got.integers;
    llvm::outs() << name << ": " << (same ? "equal" : "not equal") << "\n";
    return success(same);
  }
  double least = INFINITY, most = -INFINITY, error = 0, ww = 0, gg = 0, wg = 0;
  bool kinds = true; // not-a-numbers and infinities in the same places
  for (auto [w, g] : llvm::zip(want.data, got.data)) {
    if (!std::isfinite(w) || !std::isfinite(g)) {
      kinds &= std::isnan(w) ? std::isnan(g) : w == g;
      continue;
    }
    least = std::min(least, w);
    most = std::max(most, w);
    error = std::max(error, std::abs(w - g));
    ww += w * w, gg += g * g, wg += w * g;
  }
  double range = most > least ? most - least : std::max(std::abs(most), 1e-30);
  double relative = error > 0 ? error / range : 0;
  double cosine = ww > 0 && gg > 0 ? wg / std::sqrt(ww * gg) : 1;
  bool fine = kinds && relative <= tolerance;
  llvm::outs() << name << ": "
               << llvm::format("max error %.3g, relative %.3g, cosine %.9f, "
                               "top-1 %.4f",
                               error, relative, cosine, topAgreement(want, got))
               << (kinds ? "" : ", NaN or infinities differ")
               << (fine ? "" : "  over tolerance") << "\n";
  return success(fine);
}

/// Stored cases: DIR/in_NAME.npy and out_NAME.npy, or folders of these in DIR.
static LogicalResult readCase(const qopt_entry &entry, StringRef folder,
                              Case &stored) {
  auto read = [&](StringRef prefix, const qopt_tensor_spec &spec,
                  std::vector<Tensor> &tensors) -> LogicalResult {
    std::string name = spec.name;
    for (char &c : name)
      if (!llvm::isAlnum(c) && c != '-' && c != '_')
        c = '_';
    auto array =
        interpreter::readNpy((folder + "/" + prefix + name + ".npy").str());
    if (!array)
      return fail(toString(array.takeError()));
    tensors.push_back(std::move(array->tensor));
    return success();
  };
  stored.name = path::filename(folder).str();
  for (uint32_t i = 0; i < entry.input_count; ++i)
    if (failed(read("in_", entry.inputs[i], stored.inputs)))
      return failure();
  for (uint32_t i = 0; i < entry.output_count; ++i)
    if (failed(read("out_", entry.outputs[i], stored.outputs)))
      return failure();
  return success();
}

static FailureOr<std::vector<Case>> readCases(const qopt_entry &entry,
                                              StringRef folder) {
  std::vector<std::string> folders;
  std::error_code code;
  bool flat = false;
  for (fs::directory_iterator it(folder, code), end; it != end && !code;
       it.increment(code)) {
    if (fs::is_directory(it->path()))
      folders.push_back(it->path());
    flat |= path::filename(it->path()).starts_with("in_");
  }
  if (flat)
    folders = {folder.str()};
  if (folders.empty())
    return fail("'" + folder +
                "' holds no cases: expects in_NAME.npy and "
                "out_NAME.npy, or folders of these");
  llvm::sort(folders);
  std::vector<Case> cases(folders.size());
  for (auto [name, stored] : llvm::zip(folders, cases))
    if (failed(readCase(entry, name, stored)))
      return failure();
  return cases;
}

/// Random inputs of two sizes, and what the interpreter says of them.
static FailureOr<std::vector<Case>> makeCases(const qopt_entry &entry,
                                              func::FuncOp function,
                                              nn::WeightFiles &files) {
  interpreter::Interpreter interpreter;
  addAll(interpreter);
  interpreter::RunOptions how;
  how.files = &files;
  std::vector<Case> cases;
  for (int64_t dim : {3, 1}) {
    SmallVector<int64_t> symbols;
    for (uint32_t k = 0; k < entry.symbol_count; ++k)
      symbols.push_back(dim == 1 ? 1 : dim + k);
    auto shapes = shapesOf(entry, symbols);
    Case &made = cases.emplace_back();
    made.name = "dimension " + std::to_string(dim);
    for (uint32_t i = 0; i < entry.input_count; ++i)
      made.inputs.push_back(
          interpreter::argumentValue(function, i, shapes[i], /*seed=*/1));
    auto want = interpreter.run(function, made.inputs, how);
    if (failed(want))
      return failure();
    made.outputs = std::move(*want);
    if (entry.symbol_count == 0)
      break;
  }
  return cases;
}

/// A row whose position the mask hides sees no key when the padding is on the
/// left; what it holds depends on how the mask was written. It is not compared:
/// `want` gets what was computed there.
static void forgetHiddenRows(const qopt_entry &entry, ArrayRef<Tensor> inputs,
                             const Tensor &got, Tensor &want) {
  for (uint32_t i = 0; i < entry.input_count; ++i) {
    const Tensor &mask = inputs[i];
    if (StringRef(entry.inputs[i].name) != "attention_mask" ||
        mask.shape.size() != 2 || want.shape.size() != 3 ||
        want.shape != got.shape || want.shape[0] != mask.shape[0] ||
        want.shape[1] > mask.shape[1] || mask.integers.empty() ||
        want.data.size() != got.data.size() || want.data.empty())
      continue;
    int64_t rows = want.shape[1], width = want.shape[2];
    for (int64_t b = 0; b < want.shape[0]; ++b)
      for (int64_t r = 0; r < rows; ++r) {
        int64_t at = (b + 1) * mask.shape[1] - rows + r;
        int64_t from = (b * rows + r) * width;
        if (!mask.integers[at])
          std::copy_n(got.data.begin() + from, width, want.data.begin() + from);
      }
  }
}

LogicalResult comparePrograms(ModuleOp original, ModuleOp kernels,
                              ArrayRef<char> object, nn::WeightFiles &files,
                              const Options &options) {
  auto code = LoadedCode::load(object);
  if (!code)
    return fail("cannot load the code: " + toString(code.takeError()));
  FailureOr<const qopt_entry *> found = findRun(**code);
  if (failed(found))
    return failure();
  const qopt_entry &entry = **found;
  auto function = original.lookupSymbol<func::FuncOp>(entry.name);
  if (!function || function.getNumArguments() != entry.input_count)
    return fail("expects the program before its kernels stage to compare with");
  auto cases = options.compareFolder.empty()
                   ? makeCases(entry, function, files)
                   : readCases(entry, options.compareFolder);
  if (failed(cases))
    return failure();
  Memory weights(weightBytes(kernels));
  uint8_t *next = weights.data;
  if (failed(link::writeWeights(kernels, files, [&](ArrayRef<char> part) {
        std::memcpy(next, part.data(), part.size());
        next += part.size();
        return success();
      })))
    return failure();
  bool fine = true;
  for (Case &each : *cases) {
    auto got = execute(entry, function, each.inputs, weights);
    if (failed(got))
      return failure();
    for (uint32_t i = 0; i < entry.output_count; ++i) {
      forgetHiddenRows(entry, each.inputs, (*got)[i], each.outputs[i]);
      fine &=
          succeeded(judge(each.name + ", " + std::string(entry.outputs[i].name),
                          each.outputs[i], (*got)[i], options.tolerance));
    }
  }
  llvm::outs().flush();
  return fine ? success()
              : fail("the code differs from the model by more than "
                     "--tolerance " +
                     llvm::Twine(std::to_string(options.tolerance)));
}

} // namespace qopt::driver
