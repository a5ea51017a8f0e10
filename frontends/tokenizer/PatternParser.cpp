// Parses the regular expressions of pre-tokenizers.

#include "qopt/frontends/tokenizer/PatternNode.h"

#include "llvm/ADT/StringExtras.h"

namespace qopt::tokenizer {

namespace {

/// Upper limit of a quantifier without one.
constexpr uint32_t unlimited = 0xffffffff;
/// A group with a quantifier is written out as often as it says.
constexpr uint32_t maxCopies = 16;
constexpr unsigned maxDepth = 32;

/// Parses one pattern; the first error stops it.
class Parser {
public:
  Parser(llvm::StringRef pattern, Sets &sets)
      : whole(pattern), rest(pattern), sets(sets) {}

  llvm::Expected<NodePtr> parse() {
    NodePtr node = alternatives(0);
    if (!failed() && !rest.empty())
      fail("')' without '('");
    if (failed())
      return wrong("unsupported pattern '" + whole + "': " + message);
    return node;
  }

private:
  bool failed() const { return !message.empty(); }
  NodePtr fail(const llvm::Twine &what) {
    if (!failed())
      message = what.str();
    rest = "";
    return nullptr;
  }

  unsigned addSet(const CharSet &set) {
    CharSet wanted = set;
    if (ignoreCase)
      addCaseVariants(wanted);
    for (unsigned i = 0; i < sets.size(); ++i)
      if (sets[i] == wanted)
        return i;
    sets.push_back(wanted);
    return sets.size() - 1;
  }

  NodePtr makeSet(const CharSet &set) {
    auto node = std::make_unique<Node>(Node::Set);
    node->set = addSet(set);
    return node;
  }

  NodePtr alternatives(unsigned depth) {
    if (depth > maxDepth)
      return fail("more than 32 groups inside of each other");
    auto node = std::make_unique<Node>(Node::Alternatives);
    do {
      auto sequence = std::make_unique<Node>(Node::Sequence);
      while (!rest.empty() && rest[0] != '|' && rest[0] != ')')
        if (NodePtr item = quantified(depth))
          sequence->children.push_back(std::move(item));
      node->children.push_back(std::move(sequence));
    } while (rest.consume_front("|"));
    return failed() ? nullptr : std::move(node);
  }

  NodePtr quantified(unsigned depth) {
    llvm::StringRef before = rest;
    NodePtr item = atom(depth);
    if (failed())
      return nullptr;
    uint32_t min = 1, max = 1;
    if (!quantifier(min, max))
      return item;
    bool interval = before.drop_back(rest.size()).ends_with("}");
    bool lazy = rest.consume_front("?");
    bool possessive = !lazy && rest.consume_front("+");
    if (possessive && interval)
      return fail("a '+' behind '{..}'");
    if (!rest.empty() && llvm::StringRef("*+?").contains(rest[0]))
      return fail("a quantifier behind another");
    if (item->kind == Node::Ahead)
      return fail("a quantifier behind lookahead");
    if (item->kind == Node::Set) {
      item->kind = Node::Repeat;
      item->min = min;
      item->max = max;
      item->op = lazy         ? format::opLazy
                 : possessive ? format::opKeep
                              : format::opRepeat;
      return item;
    }
    if (possessive || max > maxCopies)
      return fail("a group that repeats without limit");
    return writeOut(before, depth, min, max, lazy);
  }

  /// The group that `before` begins with, `min` times, then up to `max` times.
  NodePtr writeOut(llvm::StringRef before, unsigned depth, uint32_t min,
                   uint32_t max, bool lazy) {
    llvm::StringRef after = rest;
    auto sequence = std::make_unique<Node>(Node::Sequence);
    Node *into = sequence.get();
    for (uint32_t copy = 0; copy < max && !failed(); ++copy) {
      rest = before;
      NodePtr group = atom(depth);
      if (copy >= min) {
        auto optional = std::make_unique<Node>(Node::Optional);
        optional->lazy = lazy;
        optional->children.push_back(std::move(group));
        Node *next = optional.get();
        into->children.push_back(std::move(optional));
        into = next; // the second copy only after the first
      } else {
        into->children.push_back(std::move(group));
      }
      // Copies of groups of copies multiply.
      if (++copies > format::maxInstructions)
        return fail("too many repeated groups");
    }
    if (!failed())
      rest = after;
    return sequence;
  }

  bool quantifier(uint32_t &min, uint32_t &max) {
    if (rest.consume_front("?")) {
      min = 0;
      return true;
    }
    if (rest.consume_front("*")) {
      min = 0;
      max = unlimited;
      return true;
    }
    if (rest.consume_front("+")) {
      max = unlimited;
      return true;
    }
    llvm::StringRef interval = rest;
    if (!interval.consume_front("{"))
      return false;
    // As in Oniguruma, braces that are no interval are characters.
    bool hasMin = !interval.consumeInteger(10, min);
    if (!hasMin)
      min = 0;
    max = min;
    bool hasMax = hasMin;
    if (interval.consume_front(",")) {
      max = unlimited;
      hasMax = !interval.consumeInteger(10, max);
      if (!hasMax)
        max = unlimited;
    }
    if (!interval.consume_front("}") || (!hasMin && !hasMax) || min > max ||
        min > 1000) {
      min = max = 1;
      return false;
    }
    rest = interval;
    return true;
  }

  NodePtr atom(unsigned depth) {
    if (rest.starts_with("("))
      return group(depth);
    CharSet set(codePoints);
    if (rest.starts_with("[")) {
      bracket(set);
      return failed() ? nullptr : makeSet(set);
    }
    if (rest.consume_front(".")) {
      set.set();
      set.reset('\n');
      return makeSet(set);
    }
    for (char c : {'^', '$', '*', '+', '?'})
      if (rest[0] == c)
        return fail(llvm::Twine("'") + llvm::Twine(c) + "' here");
    single(set);
    return failed() ? nullptr : makeSet(set);
  }

  NodePtr group(unsigned depth) {
    bool wasIgnoring = ignoreCase;
    bool ahead = false, negative = false;
    if (rest.consume_front("(?i:")) {
      ignoreCase = true;
    } else if (rest.consume_front("(?=")) {
      ahead = true;
    } else if (rest.consume_front("(?!")) {
      ahead = negative = true;
    } else if (!rest.consume_front("(?:")) {
      if (rest.starts_with("(?"))
        return fail("'" + rest.take_front(4) + "'");
      rest.consume_front("(");
    }
    NodePtr node = alternatives(depth + 1);
    if (!failed() && !rest.consume_front(")"))
      return fail("'(' without ')'");
    ignoreCase = wasIgnoring;
    if (failed() || !ahead)
      return node;
    const Node *only = node.get();
    while (only->kind != Node::Set && only->children.size() == 1)
      only = only->children[0].get();
    if (only->kind != Node::Set)
      return fail("lookahead of other than one character");
    auto result = std::make_unique<Node>(Node::Ahead);
    result->set = only->set;
    result->negative = negative;
    return result;
  }

  /// [...], without sets inside of it.
  void bracket(CharSet &set) {
    rest.consume_front("[");
    bool negative = rest.consume_front("^");
    for (bool first = true; !failed(); first = false) {
      if (rest.empty())
        return (void)fail("'[' without ']'");
      if (!first && rest.consume_front("]"))
        break;
      if (rest.starts_with("[") || rest.starts_with("&&"))
        return (void)fail("'" + rest.take_front(2) + "' in a set");
      uint32_t low = 0, high = 0;
      if (!single(set, &low) || !rest.starts_with("-") ||
          rest.starts_with("-]"))
        continue;
      rest.consume_front("-");
      CharSet end(codePoints);
      if (!single(end, &high) || high < low)
        return (void)fail("a range whose ends are no characters in order");
      set.set(low, high + 1);
    }
    if (negative)
      set.flip();
  }

  /// Adds a character or a class like \s; true if it is a character.
  bool single(CharSet &set, uint32_t *code = nullptr) {
    uint32_t character = 0;
    if (rest.consume_front("\\")) {
      if (escape(set, character))
        return false;
    } else if (rest.empty() || !takeCharacter(rest, character)) {
      fail("not UTF-8");
    }
    if (failed())
      return false;
    set.set(character);
    if (code)
      *code = character;
    return true;
  }

  /// Behind a backslash: true if it is a class, which is added to `set`.
  bool escape(CharSet &set, uint32_t &character) {
    if (rest.empty())
      return fail("a backslash at the end"), false;
    char c = rest[0];
    CharSet named(codePoints);
    if (c == 'p' || c == 'P') {
      rest = rest.drop_front();
      property(named, c == 'P');
    } else if (llvm::StringRef("sSdDwW").contains(c)) {
      rest = rest.drop_front();
      if (c == 's' || c == 'S')
        addSpaces(named);
      else if (c == 'd' || c == 'D')
        addCategory("Nd", named);
      else
        addWordChars(named);
      if (c == 'S' || c == 'D' || c == 'W')
        named.flip();
    } else {
      literalEscape(character);
      return false;
    }
    set |= named;
    return true;
  }

  void property(CharSet &named, bool negative) {
    size_t end = rest.find('}');
    if (!rest.consume_front("{") || end == llvm::StringRef::npos)
      return (void)fail("\\p without {..}");
    llvm::StringRef name = rest.take_front(end - 1);
    rest = rest.drop_front(end);
    if (name.consume_front("^"))
      negative = !negative;
    if (!addCategory(name, named))
      return (void)fail("the property '" + name + "'");
    if (negative)
      named.flip();
  }

  void literalEscape(uint32_t &character) {
    static constexpr std::pair<char, char> controls[] = {
        {'r', '\r'}, {'n', '\n'},   {'t', '\t'}, {'f', '\f'},
        {'v', '\v'}, {'e', '\x1b'}, {'a', '\a'}};
    for (auto [name, control] : controls)
      if (rest.consume_front(llvm::StringRef(&name, 1))) {
        character = uint32_t(control);
        return;
      }
    llvm::StringRef before = rest;
    if (rest.consume_front("x{") || rest.consume_front("u{")) {
      if (rest.consumeInteger(16, character) || !rest.consume_front("}") ||
          character >= codePoints)
        fail("'\\" + before.take_front(4) + "'");
    } else if (rest[0] == 'x' || rest[0] == 'u') {
      size_t digits = rest[0] == 'x' ? 2 : 4;
      if (rest.drop_front().take_front(digits).size() != digits ||
          rest.substr(1, digits).getAsInteger(16, character))
        fail("'\\" + before.take_front(4) + "'");
      rest = rest.drop_front(std::min(rest.size(), digits + 1));
    } else if (llvm::isAlnum(rest[0])) {
      fail("'\\" + rest.take_front(1) + "'");
    } else if (!takeCharacter(rest, character)) {
      fail("not UTF-8");
    }
  }

  llvm::StringRef whole, rest;
  Sets &sets;
  std::string message;
  bool ignoreCase = false;
  uint32_t copies = 0;
};

} // namespace

llvm::Expected<NodePtr> parsePattern(llvm::StringRef pattern, Sets &sets) {
  return Parser(pattern, sets).parse();
}

} // namespace qopt::tokenizer
