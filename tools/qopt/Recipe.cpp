// Reads the flags that choose a recipe.

#include "qopt/tools/qopt/Recipe.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
namespace cl = llvm::cl;

namespace qopt::driver {

RecipeFlags::RecipeFlags(cl::OptionCategory &recipes, cl::OptionCategory &debug)
    : name("recipe", cl::cat(recipes), cl::value_desc("NAME|FILE"),
           cl::desc("how to adapt the model (default: float)")),
      weights("weights", cl::cat(recipes), cl::value_desc("SCHEME"),
              cl::desc("i8, i4, i3, i2, ternary, or a scheme such as "
                       "sym4-g64-mse")),
      acts("acts", cl::cat(recipes), cl::value_desc("i8|i4|float"),
           cl::desc("inputs of quantized layers")),
      kv("kv", cl::cat(recipes), cl::value_desc("i8|float"),
         cl::desc("keys and values of the past")),
      save("save-recipe", cl::cat(recipes), cl::value_desc("FILE"),
           cl::desc("write the recipe, as --recipe takes it")),
      group("group", cl::cat(recipes), cl::init(0), cl::value_desc("G"),
            cl::desc("weights that share a scale; must divide the channels "
                     "(default: the largest of 128, 64, 32 that does)")),
      overrides("override", cl::cat(recipes), cl::value_desc("REGEX=SCHEME"),
                cl::desc("scheme of the layers whose names match; @FILE has "
                         "one a line; the last match wins")),
      list("list-recipes", cl::cat(recipes), cl::desc("list the recipes")),
      pipeline("print-pipeline", cl::cat(debug),
               cl::desc("print the passes, as qopt-opt takes them")) {}

static int refuse(const llvm::Twine &message) {
  llvm::errs() << "qopt: error: " << message << "\n";
  return 2;
}

/// @FILE stands for its lines.
static llvm::Error readOverrides(ArrayRef<std::string> given,
                                 std::vector<std::string> &result) {
  for (StringRef entry : given) {
    if (!entry.consume_front("@")) {
      result.push_back(entry.str());
      continue;
    }
    auto file = llvm::MemoryBuffer::getFile(entry, /*IsText=*/true);
    if (!file)
      return llvm::createStringError("cannot read '" + entry +
                                     "': " + file.getError().message());
    SmallVector<StringRef> lines;
    (*file)->getBuffer().split(lines, '\n');
    for (StringRef line : lines)
      if (!line.trim().empty() && !line.trim().starts_with("//"))
        result.push_back(line.trim().str());
  }
  return llvm::Error::success();
}

/// ": did you mean 'w4a8'?", if a recipe has nearly this name.
static std::string suggestionFor(StringRef name) {
  StringRef best;
  unsigned least = 3;
  for (StringRef known : recipeNames())
    if (unsigned distance = name.edit_distance(known); distance < least) {
      best = known;
      least = distance;
    }
  return best.empty() ? "" : ("; did you mean '" + best + "'?").str();
}

/// Checks the text of a recipe by itself, so that what is wrong is shown where
/// it stands in the file.
static LogicalResult checkFile(StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!file)
    return success(); // said elsewhere
  StringRef text = (*file)->getBuffer();
  std::string message;
  llvm::raw_string_ostream out(message);
  OpPassManager passes("builtin.module");
  if (succeeded(parsePassPipeline(pipelineOf(text), passes, out)))
    return success();
  // "MLIR Textual PassPipeline Parser:1:43: error: ...", of the flat text; or,
  // about options, "failed to add `pass` with options ...".
  StringRef rest = message, line;
  unsigned column = 0;
  size_t error = rest.find("error: ");
  StringRef said = rest.substr(error == StringRef::npos ? 0 : error + 7);
  said.consume_front("<Pass-Options-Parser>: ");
  rest.split("Parser:1:").second.consumeInteger(10, column);
  StringRef pass = rest.split('`').second.split('`').first;
  size_t number = 0;
  for (size_t end = 0; end < text.size(); ++number) {
    size_t next = std::min(text.find('\n', end), text.size());
    line = text.slice(end, next);
    end = next + 1;
    bool isThere = column == 0
                       ? !pass.empty() && line.contains(pass)
                       : pipelineOf(text.take_front(end)).size() >= column;
    if (isThere)
      break;
  }
  llvm::errs() << path << ":" << number + 1
               << ": error: " << said.split('\n').first << "\n  " << line.trim()
               << "\n";
  return failure();
}

std::optional<int> RecipeFlags::finish(Recipe &recipe) const {
  if (list) {
    llvm::outs() << "float            The model as it is.\n";
    for (StringRef name : recipeNames())
      llvm::outs() << llvm::left_justify(name, 16) << " " << recipeSummary(name)
                   << "\n";
    return 0;
  }
  RecipeRequest request{name, weights, acts, kv, group, {}};
  if (llvm::Error error = readOverrides(overrides, request.overrides))
    return refuse(toString(std::move(error)));
  std::string message;
  bool isFile = llvm::sys::fs::exists(name);
  if (isFile && !llvm::is_contained(recipeNames(), StringRef(name)) &&
      failed(checkFile(name)))
    return 2;
  if (failed(makeRecipe(request, recipe, message)))
    return refuse(message + (isFile ? "" : suggestionFor(name)));
  llvm::raw_string_ostream out(message);
  OpPassManager passes("builtin.module");
  if (failed(parsePassPipeline(recipe.pipeline, passes, out)))
    return refuse("recipe '" + recipe.name +
                  "': " + StringRef(message).rtrim());
  return std::nullopt;
}

std::optional<int> RecipeFlags::show(const Recipe &recipe, StringRef train,
                                     Stage stopAfter) const {
  if (!save.empty()) {
    std::error_code code;
    llvm::raw_fd_ostream file(save, code);
    if (!code) {
      file << recipeText(recipe);
      file.close();
      code = file.error();
      file.clear_error();
    }
    if (code)
      return refuse("cannot write '" + save + "': " + code.message());
  }
  if (!pipeline)
    return std::nullopt;
  llvm::outs() << pipelineText(stopAfter, {recipe.pipeline, train.str()})
               << "\n";
  return 0;
}

} // namespace qopt::driver
