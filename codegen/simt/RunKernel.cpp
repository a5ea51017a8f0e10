// Runs one kernel of a program on files.

#include "qopt/codegen/simt/Buffers.h"
#include "qopt/codegen/simt/RunSimt.h"

using namespace mlir;

namespace qopt::simt {

namespace {

/// A buffer that is written to a file behind the launch.
struct Result {
  Allocation *buffer;
  uint32_t type;
  SmallVector<int64_t> shape;
  bool isWhole; ///< each byte must be written
};

} // namespace

/// "f32[4,37]"
static std::optional<std::pair<uint32_t, SmallVector<int64_t>>>
parseFresh(StringRef text) {
  auto [name, rest] = text.split('[');
  auto type = typeNamed(name);
  if (!type || !rest.consume_back("]"))
    return std::nullopt;
  SmallVector<int64_t> shape;
  SmallVector<StringRef> sizes;
  rest.split(sizes, ',', -1, /*KeepEmpty=*/false);
  for (StringRef size : sizes)
    if (size.trim().getAsInteger(10, shape.emplace_back()) || shape.back() < 0)
      return std::nullopt;
  return std::make_pair(*type, shape);
}

static LogicalResult addArgument(Simulator &simulator, StringRef text,
                                 SmallVector<uint64_t> &words,
                                 std::vector<Result> &results) {
  ModuleOp program = simulator.program();
  int64_t number;
  if (!text.getAsInteger(10, number)) {
    words.push_back(number);
    return success();
  }
  auto [name, value] = text.split('=');
  bool isChanged = name.consume_back("+");
  if (auto fresh = parseFresh(value)) {
    uint64_t bytes = elementBytes(fresh->first);
    for (int64_t size : fresh->second)
      bytes *= size;
    Allocation &buffer =
        simulator.memory().allocate(name, bytes, Contents::fresh);
    words.push_back(buffer.address);
    results.push_back({&buffer, fresh->first, fresh->second, true});
    return success();
  }
  if (value.empty())
    return program.emitError("expects an argument as NUMBER, NAME=FILE.npy, "
                             "NAME+=FILE.npy or NAME=TYPE[SIZES], got '")
           << text << "'";
  auto array = readArray(value);
  if (!array)
    return program.emitError(llvm::toString(array.takeError()));
  Allocation &buffer = simulator.memory().allocate(
      name, array->bytes.size(),
      isChanged ? Contents::written : Contents::constant);
  llvm::copy(array->bytes, buffer.data);
  words.push_back(buffer.address);
  if (isChanged)
    results.push_back({&buffer, array->type, array->shape, false});
  return success();
}

LogicalResult runKernel(Simulator &simulator, const KernelRun &run) {
  ModuleOp program = simulator.program();
  LLVM::LLVMFuncOp kernel = simulator.kernel(run.kernel);
  if (!kernel)
    return program.emitError("has no kernel '") << run.kernel << "'";
  SmallVector<uint64_t> words;
  std::vector<Result> results;
  for (StringRef text : run.arguments)
    if (failed(addArgument(simulator, text, words, results)))
      return failure();
  if (failed(simulator.launch(program, kernel, words, run.grid)))
    return failure();
  for (const Result &result : results) {
    const Allocation &buffer = *result.buffer;
    uint64_t unwritten = buffer.shadow->firstUnwritten(buffer.bytes);
    if (result.isWhole && unwritten < buffer.bytes)
      return program.emitError("expects all of '")
             << buffer.name << "' to be written, but byte " << unwritten
             << " was not";
    if (run.folder.empty())
      continue;
    if (llvm::Error error = writeArray(run.folder, buffer.name, result.type,
                                       result.shape, buffer.data))
      return program.emitError(llvm::toString(std::move(error)));
  }
  return success();
}

} // namespace qopt::simt
