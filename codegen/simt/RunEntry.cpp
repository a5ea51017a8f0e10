// Runs an entry of a program on files, as the runtime would on the device.

#include "qopt/codegen/simt/Buffers.h"
#include "qopt/codegen/simt/RunSimt.h"
#include "qopt/runtime/abi.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace qopt::simt {

namespace {

/// A qopt_tensor_spec, out of the device's memory.
struct Spec {
  std::string name;
  uint32_t type;
  SmallVector<int64_t> dims;  ///< as the table has them
  SmallVector<int64_t> shape; ///< of this call
  Allocation *buffer = nullptr;

  uint64_t bytes() const {
    uint64_t product = elementBytes(type);
    for (int64_t size : shape)
      product *= size;
    return product;
  }
};

class EntryCall {
public:
  EntryCall(Simulator &simulator, const EntryRun &run)
      : simulator(simulator), memory(simulator.memory()),
        module(simulator.program()), run(run) {}

  LogicalResult execute();

private:
  LogicalResult find();
  LogicalResult readFiles();
  LogicalResult readRaw();
  LogicalResult solveSizes();
  LogicalResult computeShapes();
  LogicalResult place();
  LogicalResult call();
  LogicalResult write();

  std::vector<Spec> specsAt(const qopt_tensor_spec *specs, uint32_t count);
  LogicalResult bind(const Spec &spec, ArrayRef<int64_t> shape);
  LogicalResult setSize(StringRef symbol, int64_t value, StringRef by);
  Allocation &words(StringRef name, ArrayRef<uint64_t> values);
  FailureOr<uint64_t> callHost(const void *function,
                               ArrayRef<uint64_t> arguments);
  template <class T> const T *arrayAt(const T *address, uint64_t count) {
    return memory.arrayAt<T>(reinterpret_cast<uint64_t>(address), count);
  }
  std::string textAt(const char *address) {
    return memory.textAt(reinterpret_cast<uint64_t>(address));
  }

  Simulator &simulator;
  Memory &memory;
  ModuleOp module;
  const EntryRun &run;
  const qopt_program *program = nullptr;
  const qopt_entry *entry = nullptr;
  std::vector<std::string> symbols;
  llvm::MapVector<StringRef, int64_t> sizes;
  std::vector<Spec> inputs, outputs, states;
  llvm::StringMap<Array> files;
  std::vector<char> weights, variables;
  Allocation *variablePlace = nullptr;
};

} // namespace

std::vector<Spec> EntryCall::specsAt(const qopt_tensor_spec *specs,
                                     uint32_t count) {
  std::vector<Spec> found;
  const qopt_tensor_spec *array = arrayAt(specs, count);
  for (uint32_t i = 0; array && i < count; ++i) {
    Spec &spec = found.emplace_back();
    spec.name = textAt(array[i].name);
    spec.type = array[i].type;
    if (const int64_t *dims = arrayAt(array[i].dims, array[i].rank))
      spec.dims.assign(dims, dims + array[i].rank);
  }
  return found;
}

LogicalResult EntryCall::find() {
  auto table = module.lookupSymbol<LLVM::GlobalOp>("qopt_program");
  if (!table)
    return module.emitError("has no table 'qopt_program': expects what 'qopt "
                            "--target=cuda --stop-after=generate' prints");
  auto address = simulator.addressOf(
      table, FlatSymbolRefAttr::get(table.getSymNameAttr()));
  if (failed(address))
    return failure();
  program = memory.arrayAt<qopt_program>(*address, 1);
  if (program && program->abi_version != QOPT_ABI_VERSION)
    return module.emitError("expects a table of version ")
           << QOPT_ABI_VERSION << ", got " << program->abi_version
           << ": compile the model again";
  const qopt_variant *variant =
      program ? arrayAt(program->variants, program->variant_count) : nullptr;
  const qopt_entry *entries =
      variant ? arrayAt(variant->entries, variant->entry_count) : nullptr;
  if (!entries)
    return module.emitError("has no entry in its table");
  std::string names;
  for (uint32_t i = 0; i < variant->entry_count; ++i) {
    std::string name = textAt(entries[i].name);
    names += (i ? ", " : "") + name;
    if (name == run.entry)
      entry = &entries[i];
  }
  if (!entry)
    return module.emitError("has no entry '")
           << run.entry << "': there are " << names;
  const char *const *texts = arrayAt(entry->symbols, entry->symbol_count);
  for (uint32_t i = 0; texts && i < entry->symbol_count; ++i)
    symbols.push_back(textAt(texts[i]));
  inputs = specsAt(entry->inputs, entry->input_count);
  outputs = specsAt(entry->outputs, entry->output_count);
  states = specsAt(entry->states, entry->state_count);
  return success();
}

LogicalResult EntryCall::readFiles() {
  for (StringRef text : run.inputs) {
    StringRef name = text.split('=').first, path = text.split('=').second;
    auto spec = llvm::find_if(inputs, [&](Spec &s) { return s.name == name; });
    if (spec == inputs.end()) {
      spec = llvm::find_if(states, [&](Spec &s) { return s.name == name; });
      if (spec == states.end())
        return module.emitError("entry '")
               << run.entry << "' has no input or state '" << name << "'";
    }
    auto array = readArray(path, spec->type);
    if (!array)
      return module.emitError("input '")
             << name << "': " << llvm::toString(array.takeError());
    if (failed(bind(*spec, array->shape)))
      return failure();
    files[name] = std::move(*array);
  }
  std::string missing;
  for (const Spec &input : inputs)
    if (!files.contains(input.name))
      missing += (missing.empty() ? "" : ", ") + input.name;
  if (!missing.empty())
    return module.emitError("entry '")
           << run.entry << "' lacks the inputs " << missing
           << "; give each as --input NAME=FILE";
  return readRaw();
}

/// Weights and variables, as they are.
LogicalResult EntryCall::readRaw() {
  auto read = [&](StringRef path, StringRef what, uint64_t most, bool all,
                  std::vector<char> &into) -> LogicalResult {
    if (path.empty())
      return success();
    auto bytes = readBytes(path);
    if (!bytes)
      return module.emitError(llvm::toString(bytes.takeError()));
    if (all ? bytes->size() != most : bytes->size() > most)
      return module.emitError("expects ")
             << most << " bytes of " << what << ", got " << bytes->size();
    into = std::move(*bytes);
    return success();
  };
  // A program that was not linked does not know how many it has.
  auto size = [](uint64_t known) { return known ? known : UINT64_MAX; };
  return success(
      succeeded(read(run.weights, "weights", size(program->weights_bytes),
                     program->weights_bytes, weights)) &&
      succeeded(read(run.variables, "variables", program->variables_bytes,
                     false, variables)));
}

LogicalResult EntryCall::setSize(StringRef symbol, int64_t value,
                                 StringRef by) {
  auto [known, isNew] = sizes.insert({symbol, value});
  if (!isNew && known->second != value)
    return module.emitError("expects '")
           << symbol << "' to be " << known->second << " everywhere, got "
           << value << " by " << by;
  return success();
}

/// What the shape of a file says about the entry's sizes.
LogicalResult EntryCall::bind(const Spec &spec, ArrayRef<int64_t> shape) {
  if (shape.size() != spec.dims.size())
    return module.emitError("expects '")
           << spec.name << "' to have " << spec.dims.size() << " axes, got "
           << shape.size();
  for (auto [code, size] : llvm::zip(spec.dims, shape))
    if (code < 0 && code != QOPT_DERIVED)
      if (failed(setSize(symbols[-1 - code], size, spec.name)))
        return failure();
  return success();
}

LogicalResult EntryCall::solveSizes() {
  for (StringRef text : run.sizes) {
    auto [name, value] = text.split('=');
    int64_t number;
    auto symbol = llvm::find(symbols, name);
    if (symbol == symbols.end() || value.getAsInteger(10, number) || number < 0)
      return module.emitError("expects --size SYMBOL=NUMBER of the entry's "
                              "symbols, got '")
             << text << "'";
    if (failed(setSize(*symbol, number, "--size")))
      return failure();
  }
  for (const std::string &symbol : symbols)
    if (symbol == "past")
      sizes.insert({symbol, 0});
  for (const std::string &symbol : symbols)
    if (symbol == "capacity")
      sizes.insert({symbol, sizes.lookup("past") + sizes.lookup("seq")});
  for (const std::string &symbol : symbols)
    if (!sizes.contains(symbol))
      return module.emitError("cannot tell the size '")
             << symbol << "': give --size " << symbol << "=NUMBER";
  return success();
}

Allocation &EntryCall::words(StringRef name, ArrayRef<uint64_t> values) {
  Allocation &made = memory.allocate(
      name, std::max<size_t>(values.size(), 1) * 8, Contents::written);
  std::memcpy(made.data, values.data(), values.size() * 8);
  return made;
}

FailureOr<uint64_t> EntryCall::callHost(const void *function,
                                        ArrayRef<uint64_t> arguments) {
  auto address = reinterpret_cast<uint64_t>(function);
  LLVM::LLVMFuncOp code = simulator.functionAt(address);
  if (!code || code.isExternal())
    return module.emitError("entry '") << run.entry << "' has no code";
  return simulator.call(code, arguments);
}

LogicalResult EntryCall::computeShapes() {
  SmallVector<uint64_t> values;
  for (const std::string &symbol : symbols)
    values.push_back(sizes.lookup(symbol));
  SmallVector<Spec *> all;
  for (auto *specs : {&inputs, &outputs, &states})
    for (Spec &spec : *specs)
      all.push_back(&spec);
  size_t count = 0;
  for (Spec *spec : all)
    count += spec->dims.size();
  uint64_t symbolPlace = words("symbols", values).address;
  Allocation &dims = words("dims", SmallVector<uint64_t>(count));
  if (failed(callHost(reinterpret_cast<const void *>(entry->shapes),
                      {symbolPlace, dims.address})))
    return failure();
  auto *next = reinterpret_cast<const int64_t *>(dims.data);
  for (Spec *spec : all) {
    spec->shape.assign(next, next + spec->dims.size());
    next += spec->dims.size();
    auto file = files.find(spec->name);
    if (file != files.end() && file->second.shape != spec->shape)
      return module.emitError("expects '")
             << spec->name << "' of shape [" << ArrayRef(spec->shape)
             << "], got [" << ArrayRef(file->second.shape) << "]";
  }
  return success();
}

LogicalResult EntryCall::place() {
  for (Spec &input : inputs) {
    const Array &file = files[input.name];
    input.buffer =
        &memory.allocate(input.name, input.bytes(), Contents::constant);
    llvm::copy(file.bytes, input.buffer->data);
  }
  for (Spec &output : outputs)
    output.buffer =
        &memory.allocate(output.name, output.bytes(), Contents::fresh);
  for (Spec &state : states) {
    auto file = files.find(state.name);
    state.buffer = &memory.allocate(state.name, state.bytes(),
                                    file == files.end() ? Contents::fresh
                                                        : Contents::written);
    if (file != files.end())
      llvm::copy(file->second.bytes, state.buffer->data);
  }
  return success();
}

LogicalResult EntryCall::call() {
  auto addresses = [](ArrayRef<Spec> specs) {
    SmallVector<uint64_t> list;
    for (const Spec &spec : specs)
      list.push_back(spec.buffer->address);
    return list;
  };
  SmallVector<uint64_t> values;
  for (const std::string &symbol : symbols)
    values.push_back(sizes.lookup(symbol));
  uint64_t symbolPlace = words("symbols", values).address;
  auto arenaBytes = callHost(reinterpret_cast<const void *>(entry->arena_bytes),
                             {symbolPlace});
  if (failed(arenaBytes))
    return failure();
  Allocation &weightPlace =
      memory.allocate("weights", weights.size(), Contents::constant);
  llvm::copy(weights, weightPlace.data);
  variablePlace = &memory.allocate("variables", program->variables_bytes,
                                   Contents::written);
  llvm::copy(variables, variablePlace->data);
  Allocation &arena = memory.allocate("arena", *arenaBytes, Contents::fresh);
  // The fields of qopt_call, in order.
  uint64_t fields[] = {weightPlace.address,
                       arena.address,
                       symbolPlace,
                       words("inputs", addresses(inputs)).address,
                       words("outputs", addresses(outputs)).address,
                       words("states", addresses(states)).address,
                       0, // the pool: launches do not use it
                       variablePlace->address,
                       words("host_inputs", addresses(inputs)).address};
  static_assert(sizeof fields == sizeof(qopt_call), "fields of the ABI");
  return callHost(reinterpret_cast<const void *>(entry->run),
                  {words("call", fields).address});
}

LogicalResult EntryCall::write() {
  for (const Spec &output : outputs) {
    uint64_t unwritten =
        output.buffer->shadow->firstUnwritten(output.buffer->bytes);
    if (unwritten < output.buffer->bytes)
      return module.emitError("expects all of output '")
             << output.name << "' to be written, but byte " << unwritten
             << " was not";
  }
  if (run.folder.empty())
    return success();
  for (auto *specs : {&outputs, &states})
    for (const Spec &spec : *specs)
      if (llvm::Error error = writeArray(run.folder, spec.name, spec.type,
                                         spec.shape, spec.buffer->data))
        return module.emitError(llvm::toString(std::move(error)));
  if (!variablePlace->bytes)
    return success();
  SmallString<256> path(run.folder);
  llvm::sys::path::append(path, "variables.bin");
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  if (error)
    return module.emitError("cannot write '")
           << path << "': " << error.message();
  out.write(variablePlace->data, variablePlace->bytes);
  return success();
}

LogicalResult EntryCall::execute() {
  if (failed(find()) || failed(readFiles()) || failed(solveSizes()) ||
      failed(computeShapes()) || failed(place()) || failed(call()))
    return failure();
  return write();
}

LogicalResult runEntry(Simulator &simulator, const EntryRun &run) {
  return EntryCall(simulator, run).execute();
}

} // namespace qopt::simt
