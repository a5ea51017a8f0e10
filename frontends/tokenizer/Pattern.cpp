// Compiles regular expressions into the runtime's matcher programs.
//
// A pattern is parsed into nodes whose leaves are sets of characters. The sets
// of all patterns together cut Unicode into classes (letters that are no
// digits, the 's' of a contraction, ...); an instruction then names its set as
// a mask of classes.

#include "qopt/frontends/tokenizer/PatternNode.h"

#include "llvm/ADT/StringExtras.h"

#include <map>

namespace qopt::tokenizer {

namespace {

/// Writes the instructions of a parsed pattern.
class Emitter {
public:
  Emitter(std::vector<format::Instruction> &program,
          llvm::ArrayRef<uint64_t> masks)
      : program(program), begin(program.size()), masks(masks) {}

  void emit(const Node &node) {
    switch (node.kind) {
    case Node::Set:
      add({masks[node.set], 1, 1, format::opOne, 0, 0});
      break;
    case Node::Repeat:
      add({masks[node.set], node.min, node.max, uint16_t(node.op), 0, 0});
      break;
    case Node::Ahead:
      add({masks[node.set], 1, 1,
           uint16_t(node.negative ? format::opNotAhead : format::opAhead), 0,
           0});
      break;
    case Node::Sequence:
      for (const NodePtr &child : node.children)
        emit(*child);
      break;
    case Node::Alternatives:
      emitAlternatives(node);
      break;
    case Node::Optional:
      emitOptional(node);
      break;
    }
  }

  void finish() { add({0, 1, 1, format::opMatch, 0, 0}); }

private:
  size_t add(format::Instruction instruction) {
    program.push_back(instruction);
    return program.size() - 1;
  }
  size_t addJump(format::Op op) { return add({0, 1, 1, uint16_t(op), 0, 0}); }
  void landHere(size_t jump) {
    program[jump].target = uint32_t(program.size() - begin);
  }

  void emitAlternatives(const Node &node) {
    std::vector<size_t> ends;
    for (const NodePtr &child : llvm::ArrayRef(node.children).drop_back()) {
      size_t split = addJump(format::opSplit);
      emit(*child);
      ends.push_back(addJump(format::opJump));
      landHere(split);
    }
    emit(*node.children.back());
    for (size_t end : ends)
      landHere(end);
  }

  void emitOptional(const Node &node) {
    size_t split = addJump(format::opSplit), skip = 0;
    if (node.lazy) {
      skip = addJump(format::opJump);
      landHere(split);
    }
    for (const NodePtr &child : node.children)
      emit(*child);
    landHere(node.lazy ? skip : split);
  }

  std::vector<format::Instruction> &program;
  size_t begin;
  llvm::ArrayRef<uint64_t> masks;
};

} // namespace

/// Cuts Unicode into classes: characters in the same sets share one. Sets
/// `masks`, the classes of each set.
static llvm::Error makeClasses(const Sets &sets, std::vector<uint64_t> &masks,
                               Programs &result) {
  // Refined one set at a time: a class splits into members and others.
  std::vector<uint8_t> classes(codePoints, 0);
  for (const CharSet &set : sets) {
    std::map<std::pair<uint8_t, bool>, uint8_t> refined;
    for (uint32_t code = 0; code < codePoints; ++code) {
      auto [at, isNew] = refined.try_emplace({classes[code], set.test(code)},
                                             uint8_t(refined.size()));
      if (isNew && refined.size() > format::maxClasses)
        return wrong("unsupported pattern: it tells more than 64 classes of "
                     "characters apart");
      classes[code] = at->second;
    }
  }
  masks.assign(sets.size(), 0);
  for (size_t i = 0; i < sets.size(); ++i)
    for (unsigned code : sets[i].set_bits())
      masks[i] |= uint64_t(1) << classes[code];
  makePages(classes, result.classPages, result.classBlocks);
  return llvm::Error::success();
}

llvm::Expected<Programs> compilePatterns(llvm::ArrayRef<PatternStep> steps) {
  if (steps.size() > format::maxSteps)
    return wrong("unsupported pre_tokenizer: more than 8 steps");
  Programs result;
  Sets sets(2, CharSet(codePoints));
  addSpaces(sets[0]);
  addWordChars(sets[1]);
  std::vector<NodePtr> nodes;
  for (const PatternStep &step : steps) {
    auto node = parsePattern(step.pattern, sets);
    if (!node)
      return node.takeError();
    nodes.push_back(std::move(*node));
  }
  std::vector<uint64_t> masks;
  if (llvm::Error error = makeClasses(sets, masks, result))
    return std::move(error);
  result.spaceMask = masks[0];
  result.wordMask = masks[1];
  for (size_t i = 0; i < steps.size(); ++i) {
    uint32_t begin = result.program.size();
    Emitter emitter(result.program, masks);
    emitter.emit(*nodes[i]);
    emitter.finish();
    result.steps.push_back(
        {begin, uint32_t(result.program.size()), steps[i].flags, 0});
    if (result.program.size() > format::maxInstructions)
      return wrong("unsupported pattern '" + steps[i].pattern +
                   "': it needs more than 4096 instructions");
  }
  return std::move(result);
}

std::string escapePattern(llvm::StringRef text) {
  std::string result;
  for (char c : text) {
    if (llvm::isPunct(c))
      result += '\\';
    result += c;
  }
  return result;
}

} // namespace qopt::tokenizer
