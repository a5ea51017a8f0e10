// Recipes: pipelines that adapt a model, as text with comments.
//
// A recipe is the passes of the adapt stage and nothing else. The files in
// passes/recipes are part of the compiler; others are read where they lie. A
// comment begins with // at the beginning of a line or behind a space.

#ifndef QOPT_PASSES_RECIPES_H
#define QOPT_PASSES_RECIPES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"

#include <string>
#include <vector>

namespace qopt {

/// What a user asks for; empty strings are not asked for.
struct RecipeRequest {
  std::string recipe;                 ///< a name of `recipeNames`, or a file
  std::string weights, acts, kv;      ///< short forms, instead of a recipe
  int64_t group = 0;                  ///< of weights; 0: the recipe's own
  std::vector<std::string> overrides; ///< REGEX=SCHEME
};

/// A recipe that is ready to run.
struct Recipe {
  std::string name = "float"; ///< with what was changed: "w4a8 group=64"
  std::string pipeline;       ///< passes of a module; may be empty
};

/// The recipes that the compiler brings along, in order.
std::vector<llvm::StringRef> recipeNames();
/// The first comment of one of them.
llvm::StringRef recipeSummary(llvm::StringRef name);

/// Text of a recipe as one line of pipeline text.
std::string pipelineOf(llvm::StringRef text);

/// Reads, expands and changes what is asked for; fails with what is wrong in
/// `message`. The passes are not parsed yet.
llvm::LogicalResult makeRecipe(const RecipeRequest &request, Recipe &recipe,
                               std::string &message);

/// The recipe as the text of a file.
std::string recipeText(const Recipe &recipe);

} // namespace qopt

#endif // QOPT_PASSES_RECIPES_H
