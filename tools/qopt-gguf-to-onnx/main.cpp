// qopt-gguf-to-onnx: writes the model of a GGUF file as ONNX. Here only the
// command line is read.

#include "qopt/frontends/gguf/Convert.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"

namespace cl = llvm::cl;

int main(int argc, char **argv) {
  // The libraries' own options are not ours.
  cl::ResetCommandLineParser();
  llvm::InitLLVM init(argc, argv);
  cl::OptionCategory category("Options");
  cl::opt<std::string> input(cl::Positional, cl::cat(category),
                             cl::desc("<IN.gguf>"));
  cl::opt<std::string> output(cl::Positional, cl::cat(category),
                              cl::desc("<OUT_DIR>"));
  cl::opt<bool> tokenizerOnly(
      "tokenizer-only", cl::cat(category),
      cl::desc("write the tokenizer and leave the model out"));
  cl::opt<bool> noTokenizer(
      "no-tokenizer", cl::cat(category),
      cl::desc("write the model and leave the tokenizer out"));
  cl::HideUnrelatedOptions(category);
  if (!cl::ParseCommandLineOptions(
          argc, argv,
          "qopt-gguf-to-onnx: writes a Llama of a GGUF file as OUT_DIR/"
          "model.onnx, with its tokenizer\n",
          &llvm::errs()))
    return 2;
  auto report = [](const llvm::Twine &message, int status) {
    llvm::errs() << "qopt-gguf-to-onnx: error: " << message << "\n";
    return status;
  };
  if (input.empty() || output.empty())
    return report("expects a file and a folder: qopt-gguf-to-onnx IN.gguf "
                  "OUT_DIR; see --help",
                  2);
  if (tokenizerOnly && noTokenizer)
    return report("expects one of --tokenizer-only and --no-tokenizer", 2);
  qopt::gguf::ConvertOptions options;
  options.model = !tokenizerOnly;
  options.tokenizer = !noTokenizer;
  if (llvm::Error error = qopt::gguf::convert(input, output, options))
    return report(llvm::toString(std::move(error)), 1);
  return 0;
}
