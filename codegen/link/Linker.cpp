// Writes the command line of LLD and runs it.

#include "qopt/codegen/link/Linker.h"

#include "lld/Common/Driver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

LLD_HAS_DRIVER(elf)

using namespace llvm;

namespace qopt::link {

/// Only the C API is for others; the code finds the rest inside.
static constexpr StringLiteral libraryExports =
    "{ global: qopt_*; local: qopt_program; qopt_parallel; *; };\n";

/// libc.so.6 where distributions put it; not libc.so, a script of its headers'
/// package.
static Expected<std::string> findLibc() {
  static constexpr StringLiteral folders[] = {"/lib/x86_64-linux-gnu",
                                              "/usr/lib/x86_64-linux-gnu",
                                              "/lib64",
                                              "/usr/lib64",
                                              "/lib",
                                              "/usr/lib"};
  for (StringRef folder : folders) {
    std::string path = (folder + "/libc.so.6").str();
    if (sys::fs::exists(path))
      return path;
  }
  return createStringError("cannot find libc.so.6 in %s and the like: models "
                           "are linked against this machine's glibc",
                           folders[0].data());
}

static Error writeTemporary(StringRef suffix, ArrayRef<char> bytes,
                            SmallString<128> &path) {
  int fd;
  if (auto code = sys::fs::createTemporaryFile("qopt", suffix, fd, path))
    return createStringError(code, "cannot make a temporary file: %s",
                             code.message().c_str());
  raw_fd_ostream out(fd, /*shouldClose=*/true);
  out.write(bytes.data(), bytes.size());
  out.close();
  if (!out.has_error())
    return Error::success();
  std::error_code code = out.error();
  out.clear_error();
  return createStringError(code, "cannot write %s: %s", path.c_str(),
                           code.message().c_str());
}

static Error run(ArrayRef<std::string> arguments) {
  std::vector<const char *> pointers;
  for (const std::string &argument : arguments)
    pointers.push_back(argument.c_str());
  std::string said;
  raw_string_ostream stream(said);
  lld::Result result =
      lld::lldMain(pointers, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode == 0)
    return Error::success();
  return createStringError("cannot link: %s",
                           StringRef(said).trim().str().c_str());
}

Error linkObject(ArrayRef<char> object, Kind kind, StringRef bundle,
                 StringRef output, StringRef name) {
  auto libc = findLibc();
  if (!libc)
    return libc.takeError();
  auto inBundle = [&](StringRef file) { return (bundle + "/" + file).str(); };
  SmallString<128> objectPath, exportsPath;
  FileRemover removeObject, removeExports;
  Error error = writeTemporary("o", object, objectPath);
  removeObject.setFile(objectPath);
  if (error)
    return error;
  if (kind != Kind::executable) {
    error = writeTemporary(
        "map", ArrayRef<char>(libraryExports.data(), libraryExports.size()),
        exportsPath);
    removeExports.setFile(exportsPath);
    if (error)
      return error;
  }

  std::vector<std::string> files;
  if (kind == Kind::executable)
    files = {inBundle("Scrt1.o"),
             inBundle("crti.o"),
             objectPath.str().str(),
             inBundle("libqopt_cli.a"),
             inBundle("libqopt_runtime.a"),
             inBundle("libqopt_builtins.a"),
             *libc,
             inBundle("crtn.o")};
  else
    files = {objectPath.str().str(),         "--whole-archive",
             inBundle("libqopt_runtime.a"),  "--no-whole-archive",
             inBundle("libqopt_builtins.a"), *libc};
  for (StringRef file : files)
    if (!file.starts_with("--") && !sys::fs::exists(file))
      return createStringError("cannot find '%s': the folder lib/qopt beside "
                               "bin/qopt is incomplete, install it again",
                               file.str().c_str());

  std::vector<std::string> arguments = {
      "ld.lld", "-m", "elf_x86_64", "-o", output.str(), "--gc-sections",
      "--build-id=none", "--hash-style=gnu", "--strip-debug", "-z", "relro",
      "-z", "now", "-z", "noexecstack", "--as-needed",
      // libc.so.6 needs its loader, which nobody else names.
      "--allow-shlib-undefined"};
  if (kind == Kind::executable) {
    arguments.insert(arguments.end(),
                     {"-pie", "--no-undefined", "--dynamic-linker",
                      "/lib64/ld-linux-x86-64.so.2"});
  } else {
    arguments.insert(arguments.end(),
                     {"-shared", "-soname", name.str(), "--version-script",
                      exportsPath.str().str(),
                      // Two libraries in one process: each calls its own.
                      "-Bsymbolic", "--no-undefined"});
  }
  llvm::append_range(arguments, files);
  return run(arguments);
}

} // namespace qopt::link
