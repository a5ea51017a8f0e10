// PTX to a cubin, by ptxas of the CUDA toolkit.

#include "qopt/codegen/cuda/Cuda.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
namespace fs = llvm::sys::fs;

namespace qopt::cuda {

std::string findAssembler() {
  if (auto found = llvm::sys::findProgramByName("ptxas"))
    return *found;
  StringRef folders[] = {"/usr/local/cuda/bin"};
  auto found = llvm::sys::findProgramByName("ptxas", folders);
  return found ? *found : "";
}

/// Reads what `ptxas -v` prints, kernel by kernel.
static std::vector<Resources> parseResources(StringRef text) {
  std::vector<Resources> all;
  llvm::Regex name("Compiling entry function '([^']+)'");
  llvm::Regex spills("([0-9]+) bytes spill stores, ([0-9]+) bytes spill loads");
  llvm::Regex registers("Used ([0-9]+) registers");
  llvm::Regex shared("([0-9]+) bytes smem");
  SmallVector<StringRef> lines, match;
  text.split(lines, '\n');
  auto number = [&](size_t i) {
    int value = 0;
    match[i].getAsInteger(10, value);
    return value;
  };
  for (StringRef line : lines) {
    if (name.match(line, &match))
      all.push_back({match[1].str()});
    if (all.empty())
      continue;
    if (spills.match(line, &match))
      all.back().spillBytes = number(1) + number(2);
    if (registers.match(line, &match))
      all.back().registers = number(1);
    if (shared.match(line, &match))
      all.back().sharedBytes = number(1);
  }
  return all;
}

namespace {

/// A file that goes with its scope.
struct TemporaryFile {
  explicit TemporaryFile(StringRef suffix) {
    code = fs::createTemporaryFile("qopt", suffix, path);
    remover.setFile(path);
  }
  SmallString<128> path;
  std::error_code code;
  llvm::FileRemover remover;
};

} // namespace

llvm::Expected<std::string> assemble(StringRef ptx, const Target &target,
                                     StringRef assembler,
                                     std::vector<Resources> &resources) {
  TemporaryFile source("ptx"), result("cubin"), report("txt");
  for (const TemporaryFile *file : {&source, &result, &report})
    if (file->code)
      return llvm::createStringError("cannot make a temporary file: " +
                                     file->code.message());
  std::error_code code;
  llvm::raw_fd_ostream out(source.path, code);
  out << ptx;
  out.close();
  if (code || out.has_error())
    return llvm::createStringError("cannot write '" + source.path.str() + "'");
  std::string chip = "-arch=" + target.name;
  StringRef arguments[] = {assembler,   "-v", chip,
                           source.path, "-o", result.path};
  std::optional<StringRef> redirects[] = {std::nullopt, report.path.str(),
                                          report.path.str()};
  std::string message;
  int exit = llvm::sys::ExecuteAndWait(assembler, arguments, std::nullopt,
                                       redirects, 0, 0, &message);
  auto said = llvm::MemoryBuffer::getFile(report.path);
  StringRef text = said ? (*said)->getBuffer() : "";
  if (exit != 0)
    return llvm::createStringError("'" + assembler + "' fails on code for " +
                                   target.name + ": " + message + text);
  resources = parseResources(text);
  auto cubin = llvm::MemoryBuffer::getFile(result.path);
  if (!cubin)
    return llvm::createStringError("'" + assembler + "' has made no cubin");
  return (*cubin)->getBuffer().str();
}

} // namespace qopt::cuda
