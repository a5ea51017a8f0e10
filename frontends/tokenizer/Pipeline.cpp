// Reads the steps around the model of a tokenizer.json: normalizer,
// pre_tokenizer, post_processor and decoder.

#include "qopt/frontends/tokenizer/Pattern.h"

namespace qopt::tokenizer {

using llvm::json::Array;
using llvm::json::Object;
using llvm::json::Value;

/// The pattern of GPT-2, which ByteLevel has built in.
static constexpr llvm::StringLiteral gpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
static constexpr llvm::StringLiteral spaceMark = "\xe2\x96\x81";

/// A component, or the parts of a Sequence, in order.
static llvm::Error flatten(const Object &root, llvm::StringRef field,
                           llvm::StringRef partsField,
                           llvm::SmallVectorImpl<const Object *> &parts) {
  const Value *value = root.get(field);
  if (!value || value->getAsNull())
    return llvm::Error::success();
  llvm::SmallVector<const Value *> todo{value};
  while (!todo.empty()) {
    const Object *part = todo.pop_back_val()->getAsObject();
    if (!part || !part->getString("type"))
      return wrong("expected an object with a 'type' as " + field);
    const Array *children = part->getArray(partsField);
    if (*part->getString("type") != "Sequence")
      parts.push_back(part);
    else if (!children)
      return wrong("expected a list '" + partsField + "' in " + field);
    else
      for (const Value &child : llvm::reverse(*children))
        todo.push_back(&child);
  }
  return llvm::Error::success();
}

static llvm::StringRef typeOf(const Object *part) {
  return part->getString("type").value_or("");
}

/// The text that a Replace or Split looks for, if it is no regex.
static std::optional<llvm::StringRef> literalOf(const Object *part) {
  const Object *pattern = part->getObject("pattern");
  return pattern ? pattern->getString("String") : std::nullopt;
}

static llvm::Error readNormalizer(const Object &root, Description &result) {
  llvm::SmallVector<const Object *> parts;
  if (llvm::Error error = flatten(root, "normalizer", "normalizers", parts))
    return error;
  for (const Object *part : parts) {
    llvm::StringRef type = typeOf(part);
    auto content = part->getString("content");
    if (type == "NFC" && !result.flags) {
      result.flags |= format::composes;
    } else if (type == "Prepend" && part->getString("prepend") == spaceMark) {
      result.flags |= format::prefixSpace | format::prefixEarly;
    } else if (type == "Replace" && literalOf(part) == " " &&
               content == spaceMark) {
      result.flags |= format::spaceMarker;
    } else {
      return wrong("unsupported normalizer '" + type +
                   "', expects NFC, or Prepend and Replace of spaces");
    }
  }
  return llvm::Error::success();
}

static llvm::Error readMetaspace(const Object *part, Description &result) {
  if (part->getString("replacement").value_or(spaceMark) != spaceMark)
    return wrong("unsupported Metaspace, expects the replacement U+2581");
  llvm::StringRef scheme = part->getString("prepend_scheme").value_or("always");
  if (!part->getBoolean("add_prefix_space").value_or(true))
    scheme = "never";
  result.flags |= format::spaceMarker;
  if (scheme != "never" && !result.has(format::prefixSpace))
    result.flags |= format::prefixSpace | format::prefixMissing;
  if (scheme == "first")
    result.flags |= format::prefixFirst;
  else if (scheme != "never" && scheme != "always")
    return wrong("unsupported prepend_scheme '" + scheme + "'");
  if (part->getBoolean("split").value_or(true))
    result.steps.push_back({" [^ ]*|[^ ]+", 0});
  return llvm::Error::success();
}

static llvm::Error readByteLevel(const Object *part, Description &result) {
  if (result.has(format::byteLevel))
    return wrong("unsupported pre_tokenizer: ByteLevel twice");
  result.flags |= format::byteLevel;
  if (part->getBoolean("add_prefix_space").value_or(true)) {
    if (!result.steps.empty())
      return wrong("unsupported pre_tokenizer: ByteLevel with "
                   "add_prefix_space behind another");
    result.flags |= format::prefixSpace | format::prefixMissing;
  }
  if (part->getBoolean("use_regex").value_or(true))
    result.steps.push_back({gpt2Pattern.str(), 0});
  return llvm::Error::success();
}

static llvm::Error readSplit(const Object *part, Description &result) {
  llvm::StringRef behavior = part->getString("behavior").value_or("");
  bool invert = part->getBoolean("invert").value_or(false);
  auto literal = literalOf(part);
  // Spaces are U+2581 by now: such a step, which Gemma has, does nothing.
  if (literal == " " && result.has(format::spaceMarker))
    return llvm::Error::success();
  const Object *pattern = part->getObject("pattern");
  auto regex = pattern ? pattern->getString("Regex") : std::nullopt;
  if (!regex && !literal)
    return wrong("expected a pattern, Regex or String, in Split");
  PatternStep step;
  step.pattern = regex ? regex->str() : escapePattern(*literal);
  if (behavior == "Removed")
    step.flags = invert ? format::dropGaps : format::dropMatches;
  else if (behavior != "Isolated")
    return wrong("unsupported behavior '" + behavior +
                 "' of Split, expects Isolated or Removed");
  result.steps.push_back(std::move(step));
  return llvm::Error::success();
}

static llvm::Error readPreTokenizerPart(const Object *part,
                                        Description &result) {
  llvm::StringRef type = typeOf(part);
  if (result.has(format::byteLevel))
    return wrong("unsupported pre_tokenizer '" + type + "' behind ByteLevel");
  if (type == "ByteLevel")
    return readByteLevel(part, result);
  if (type == "Split")
    return readSplit(part, result);
  if (type == "Metaspace")
    return readMetaspace(part, result);
  if (type != "Digits")
    return wrong("unsupported pre_tokenizer '" + type +
                 "', expects ByteLevel, Split, Digits or Metaspace");
  bool single = part->getBoolean("individual_digits").value_or(false);
  result.steps.push_back({single ? "\\p{N}" : "\\p{N}+", 0});
  return llvm::Error::success();
}

static llvm::Error readPreTokenizer(const Object &root, Description &result) {
  llvm::SmallVector<const Object *> parts;
  if (llvm::Error error =
          flatten(root, "pre_tokenizer", "pretokenizers", parts))
    return error;
  for (const Object *part : parts)
    if (llvm::Error error = readPreTokenizerPart(part, result))
      return error;
  bool byteLevel = result.has(format::byteLevel);
  if (byteLevel && (result.flags & (format::spaceMarker | format::prefixEarly)))
    return wrong("unsupported normalizer: Prepend or Replace before ByteLevel");
  // \s would have to know U+2581 from a space.
  if (result.has(format::spaceMarker) && result.steps.size() > 1)
    return wrong("unsupported pre_tokenizer: patterns beside U+2581");
  return llvm::Error::success();
}

/// Appends the ids of the special token `name` of a TemplateProcessing.
static llvm::Error readSpecial(const Object *part, llvm::StringRef name,
                               std::vector<uint32_t> &ids) {
  const Object *specials = part->getObject("special_tokens");
  const Object *special = specials ? specials->getObject(name) : nullptr;
  const Array *list = special ? special->getArray("ids") : nullptr;
  if (!list)
    return wrong("special token '" + name + "' of post_processor has no ids");
  for (const Value &value : *list) {
    auto id = value.getAsInteger();
    if (!id || *id < 0 || *id >= format::maxVocabulary)
      return wrong("special token '" + name +
                   "' of post_processor has an id "
                   "out of range");
    ids.push_back(uint32_t(*id));
  }
  return llvm::Error::success();
}

static llvm::Error readTemplate(const Object *part, Description &result) {
  const Array *single = part->getArray("single");
  if (!single)
    return wrong("expected a list 'single' in TemplateProcessing");
  bool behind = false;
  for (const Value &value : *single) {
    const Object *item = value.getAsObject();
    const Object *special = item ? item->getObject("SpecialToken") : nullptr;
    if (!special) {
      behind = true;
      continue;
    }
    if (llvm::Error error =
            readSpecial(part, special->getString("id").value_or(""),
                        behind ? result.suffix : result.prefix))
      return error;
  }
  return llvm::Error::success();
}

/// The pair [text, id] of RobertaProcessing and BertProcessing.
static llvm::Error readPairId(const Object *part, llvm::StringRef name,
                              std::vector<uint32_t> &ids) {
  const Array *pair = part->getArray(name);
  auto id = pair && pair->size() == 2 ? (*pair)[1].getAsInteger()
                                      : std::optional<int64_t>();
  if (!id || *id < 0 || *id >= format::maxVocabulary)
    return wrong("expected a token and its id as '" + name +
                 "' of post_processor");
  ids.push_back(uint32_t(*id));
  return llvm::Error::success();
}

static llvm::Error readPostProcessorPart(const Object *part,
                                         Description &result) {
  llvm::StringRef type = typeOf(part);
  if (type == "ByteLevel") // only trims offsets
    return llvm::Error::success();
  if (type == "TemplateProcessing")
    return readTemplate(part, result);
  if (type != "RobertaProcessing" && type != "BertProcessing")
    return wrong("unsupported post_processor '" + type +
                 "', expects TemplateProcessing or ByteLevel");
  if (llvm::Error error = readPairId(part, "cls", result.prefix))
    return error;
  return readPairId(part, "sep", result.suffix);
}

static llvm::Error readPostProcessor(const Object &root, Description &result) {
  llvm::SmallVector<const Object *> parts;
  if (llvm::Error error = flatten(root, "post_processor", "processors", parts))
    return error;
  for (const Object *part : parts)
    if (llvm::Error error = readPostProcessorPart(part, result))
      return error;
  return llvm::Error::success();
}

static llvm::Error readDecoder(const Object &root, Description &result) {
  llvm::SmallVector<const Object *> parts;
  if (llvm::Error error = flatten(root, "decoder", "decoders", parts))
    return error;
  for (const Object *part : parts) {
    llvm::StringRef type = typeOf(part);
    bool strips = type == "Strip" && part->getString("content") == " " &&
                  part->getInteger("start") == 1 &&
                  part->getInteger("stop") == 0;
    strips |= type == "Metaspace" &&
              part->getString("prepend_scheme").value_or("always") != "never" &&
              part->getBoolean("add_prefix_space").value_or(true);
    if (strips)
      result.flags |= format::dropFirstSpace;
    else if (type != "ByteLevel" && type != "Metaspace" && type != "Replace" &&
             type != "ByteFallback" && type != "Fuse")
      return wrong("unsupported decoder '" + type +
                   "', expects ByteLevel, Metaspace, or Replace, "
                   "ByteFallback, Fuse and Strip");
  }
  return llvm::Error::success();
}

llvm::Error readPipeline(const Object &root, Description &result) {
  for (auto *read :
       {readNormalizer, readPreTokenizer, readPostProcessor, readDecoder})
    if (llvm::Error error = read(root, result))
      return error;
  return llvm::Error::success();
}

} // namespace qopt::tokenizer
