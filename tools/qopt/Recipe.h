// The flags that choose a recipe, and those that print one.

#ifndef QOPT_TOOLS_QOPT_RECIPE_H
#define QOPT_TOOLS_QOPT_RECIPE_H

#include "qopt/passes/Recipes.h"
#include "qopt/tools/qopt/Stages.h"
#include "llvm/Support/CommandLine.h"

namespace qopt::driver {

/// Registers its flags for as long as it lives.
class RecipeFlags {
public:
  RecipeFlags(llvm::cl::OptionCategory &recipes,
              llvm::cl::OptionCategory &debug);

  /// Makes the recipe. An exit code if that is all there is to do: the list was
  /// printed (0), or the flags make no sense (2, with the reason on stderr).
  std::optional<int> finish(Recipe &recipe) const;
  /// Does what --save-recipe and --print-pipeline say; `train` are the passes
  /// behind the recipe. An exit code as above.
  std::optional<int> show(const Recipe &recipe, llvm::StringRef train,
                          Stage stopAfter) const;

private:
  llvm::cl::opt<std::string> name, weights, acts, kv, save;
  llvm::cl::opt<int64_t> group;
  llvm::cl::list<std::string> overrides;
  llvm::cl::opt<bool> list, pipeline;
};

} // namespace qopt::driver

#endif // QOPT_TOOLS_QOPT_RECIPE_H
