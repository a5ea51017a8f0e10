// Finds recipes and expands short forms into pipeline text.

#include "qopt/passes/Recipes.h"

#include "qopt/passes/Weights.h"
#include "qopt/passes/quantize/SchemeText.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;

namespace qopt {

namespace {
struct EmbeddedRecipe {
  StringLiteral name, text;
};
} // namespace

static constexpr EmbeddedRecipe embedded[] = {
#include "qopt/passes/Recipes.inc"
};

static const EmbeddedRecipe *findEmbedded(StringRef name) {
  const EmbeddedRecipe *found = find_if(
      embedded, [&](const EmbeddedRecipe &r) { return r.name == name; });
  return found == std::end(embedded) ? nullptr : found;
}

std::vector<StringRef> recipeNames() {
  std::vector<StringRef> names;
  for (const EmbeddedRecipe &recipe : embedded)
    names.push_back(recipe.name);
  return names;
}

StringRef recipeSummary(StringRef name) {
  const EmbeddedRecipe *recipe = findEmbedded(name);
  StringRef line = recipe ? recipe->text.ltrim().split('\n').first : "";
  return line.consume_front("//") ? line.trim() : "";
}

/// Where a comment of the line begins.
static size_t commentOf(StringRef line) {
  for (size_t at = line.find("//"); at != StringRef::npos;
       at = line.find("//", at + 1))
    if (at == 0 || isSpace(line[at - 1]))
      return at;
  return StringRef::npos;
}

std::string pipelineOf(StringRef text) {
  std::string plain;
  SmallVector<StringRef> lines;
  text.split(lines, '\n');
  for (StringRef line : lines)
    plain += (line.substr(0, commentOf(line)) + " ").str();
  // Outside of options spaces mean nothing, and there they are one.
  std::string result;
  int depth = 0;
  for (char c : plain) {
    depth += (c == '{') - (c == '}');
    if (!isSpace(c))
      result += c;
    else if (depth > 0 && !result.empty() && result.back() != ' ')
      result += ' ';
  }
  while (!result.empty() && result.back() == ',')
    result.pop_back();
  return result;
}

/// The options of a pass in the text, or npos: [first, last).
static std::pair<size_t, size_t> optionsOf(StringRef text, StringRef pass) {
  size_t at = text.find(pass);
  if (at == StringRef::npos)
    return {at, at};
  at += pass.size();
  if (at >= text.size() || text[at] != '{')
    return {at, at};
  int depth = 0;
  size_t end = at;
  do
    depth += (text[end] == '{') - (text[end] == '}');
  while (depth > 0 && ++end < text.size());
  return {at + 1, end};
}

/// Appends to the list of overrides of qopt-quantize-weights.
static LogicalResult addOverrides(std::string &text,
                                  ArrayRef<std::string> overrides) {
  static constexpr StringLiteral pass("qopt-quantize-weights");
  auto [first, last] = optionsOf(text, pass);
  if (first == std::string::npos)
    return failure();
  std::string list = join(map_range(overrides, encodeOption), ";");
  size_t old = text.find("overrides=", first);
  if (first == last && (first == text.size() || text[first] != '}'))
    text.insert(first, "{overrides=" + list + "}");
  else if (old > last)
    text.insert(last, " overrides=" + list);
  else // behind what stands there: the last match wins
    text.insert(std::min(text.find(' ', old), last), ";" + list);
  return success();
}

/// Every group that the text names becomes `group`; fails if it names none.
static LogicalResult setGroup(std::string &text, int64_t group) {
  std::string result;
  bool found = false;
  // i4 and the like stand for groups of any size.
  static constexpr std::pair<StringLiteral, StringLiteral> words[] = {
      {"=i4", "=gptq_sym4-gauto-weighted-half"},
      {"=i3", "=gptq_sym3-gauto-weighted-half"},
      {"=i2", "=gptq_asym2-gauto-mse-half"}};
  std::string spelled = text;
  for (auto [word, meaning] : words)
    for (size_t at = 0; (at = spelled.find(word, at)) != std::string::npos;
         at += meaning.size())
      spelled.replace(at, word.size(), meaning);
  StringRef rest = spelled;
  while (!rest.empty()) {
    size_t at = rest.find("-g");
    result += rest.substr(0, at);
    if (at == StringRef::npos)
      break;
    rest = rest.drop_front(at + 2);
    if (!rest.consume_front("auto") &&
        rest.take_while([](char c) { return isDigit(c); }).empty()) {
      result += "-g";
      continue;
    }
    rest = rest.drop_while([](char c) { return isDigit(c); });
    result += "-g" + std::to_string(group);
    found = true;
  }
  text = result;
  return success(found);
}

/// Whether a scheme of --weights or --override makes sense.
static LogicalResult checkScheme(StringRef scheme, std::string &message) {
  mlir::MLIRContext context;
  context.loadDialect<lowbit::LowbitDialect>();
  return parseScheme(&context, scheme, message);
}

/// The text of a recipe by name or from a file.
static LogicalResult readRecipe(StringRef recipe, std::string &text,
                                std::string &message) {
  if (const EmbeddedRecipe *known = findEmbedded(recipe)) {
    text = known->text.str();
    return success();
  }
  auto file = MemoryBuffer::getFile(recipe, /*IsText=*/true);
  if (!file) {
    message =
        ("'" + recipe + "' is neither a recipe (" + join(recipeNames(), ", ") +
         ") nor a file: " + file.getError().message())
            .str();
    return failure();
  }
  text = (*file)->getBuffer().str();
  return success();
}

/// --weights, --acts and --kv in passes.
static LogicalResult expandShortForms(const RecipeRequest &request,
                                      Recipe &recipe, std::string &message) {
  auto isFloat = [](StringRef scheme) {
    return scheme.empty() || scheme == "float" || scheme == "f32" ||
           scheme == "f16";
  };
  std::vector<std::string> passes, names;
  auto name = [&](StringRef option, StringRef value) {
    if (!value.empty())
      names.push_back((option + "=" + value).str());
  };
  name("weights", request.weights);
  name("acts", request.acts);
  name("kv", request.kv);
  if (!isFloat(request.kv)) {
    if (request.kv != "i8") {
      message = "expects --kv=i8 or float, got '" + request.kv + "'";
      return failure();
    }
    passes.push_back("qopt-quantize-cache");
  }
  if (!isFloat(request.weights)) {
    std::string weights = request.weights;
    if (failed(checkScheme(weights, message)))
      return failure();
    if (weights == "i8" && request.group)
      weights = "sym8-gauto-half";
    passes.push_back("qopt-quantize-weights{matrix=" + weights +
                     " embedding=i8 head=i8}");
  }
  if (!isFloat(request.acts)) {
    StringRef bits = request.acts;
    unsigned number;
    if (!bits.consume_front("i") || bits.getAsInteger(10, number) ||
        (number != 8 && number != 4)) {
      message = "expects --acts=i8, i4 or float, got '" + request.acts + "'";
      return failure();
    }
    if (isFloat(request.weights)) {
      message = "--acts needs --weights: codes are multiplied by codes";
      return failure();
    }
    passes.push_back("qopt-quantize-activations{bits=" + bits.str() + "}");
  }
  if (!passes.empty())
    passes.push_back("cse");
  recipe.pipeline = join(passes, ",");
  recipe.name = join(names, " ");
  return success();
}

LogicalResult makeRecipe(const RecipeRequest &request, Recipe &recipe,
                         std::string &message) {
  bool isShort =
      !request.weights.empty() || !request.acts.empty() || !request.kv.empty();
  if (isShort && !request.recipe.empty()) {
    message = "expects --recipe, or --weights, --acts and --kv instead";
    return failure();
  }
  if (isShort) {
    if (failed(expandShortForms(request, recipe, message)))
      return failure();
  } else if (!request.recipe.empty() && request.recipe != "float") {
    std::string text;
    if (failed(readRecipe(request.recipe, text, message)))
      return failure();
    recipe.pipeline = pipelineOf(text);
    StringRef name = request.recipe;
    name = name.substr(name.find_last_of("/\\") + 1);
    name.consume_back(".recipe");
    recipe.name = name.str();
  }
  if (request.group) {
    if (request.group < 0 || failed(setGroup(recipe.pipeline, request.group))) {
      message = "--group needs a recipe whose weights have groups, and a "
                "positive number";
      return failure();
    }
    recipe.name += " group=" + std::to_string(request.group);
  }
  for (const std::string &entry : request.overrides) {
    auto [pattern, scheme] = StringRef(entry).rsplit('=');
    if (failed(checkScheme(scheme, message))) {
      message = "override '" + entry + "': " + message;
      return failure();
    }
  }
  if (!request.overrides.empty()) {
    if (failed(addOverrides(recipe.pipeline, request.overrides))) {
      message = "--override needs a recipe that quantizes weights";
      return failure();
    }
    for (const std::string &entry : request.overrides)
      recipe.name += " override=" + entry;
  }
  return success();
}

std::string recipeText(const Recipe &recipe) {
  std::string text = "// " + recipe.name + "\n\n";
  int depth = 0;
  for (char c : recipe.pipeline) {
    depth += (c == '{' || c == '(') - (c == '}' || c == ')');
    text += c;
    if (c == ',' && depth == 0)
      text += '\n';
  }
  return text + "\n";
}

} // namespace qopt
