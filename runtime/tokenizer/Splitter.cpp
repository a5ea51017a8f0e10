// Cuts text into words with the patterns of the pre-tokenizer.
//
// A pattern is a short program over classes of characters. It is run with
// backtracking, since which alternative wins depends on their order, and in
// what a repeat leaves to the rest. Repeats are of single characters, and jumps
// go forward: an instruction has at most one backtracking point at a time.

#include "qopt/runtime/tokenizer/Parts.h"

namespace qopt::runtime::tokenizer {

void Splitter::classify(Text text) {
  if (!classes.resize(text.size))
    return;
  for (size_t i = 0; i < text.size;) {
    Character character = readCharacter(text.data + i, text.size - i);
    classes[i++] = uint8_t(tables.classOf(character.code));
    for (uint32_t rest = 1; rest < character.bytes; ++rest)
      classes[i++] = inside;
  }
}

size_t Splitter::next(size_t position, size_t end) const {
  do
    ++position;
  while (position < end && classes[position] == inside);
  return position;
}

/// Takes up the latest point that has something left to try.
bool Splitter::backtrack(const Step &step, size_t end, uint32_t &instruction,
                         size_t &position) {
  while (points.size()) {
    Point &point = points.back();
    const Instruction &at = tables.program[step.begin + point.instruction];
    if (at.op == opSplit) {
      instruction = at.target;
      position = point.position;
      points.pop();
      return true;
    }
    if (at.op == opRepeat && point.position > point.least) {
      do
        --point.position;
      while (point.position > point.least && classes[point.position] == inside);
    } else if (at.op == opLazy && point.position < end &&
               point.count < at.max && in(at, point.position)) {
      point.position = next(point.position, end);
      ++point.count;
    } else {
      points.pop();
      continue;
    }
    instruction = point.instruction + 1;
    position = point.position;
    return true;
  }
  return false;
}

size_t Splitter::match(const Step &step, size_t begin, size_t end) {
  points.clear();
  uint32_t instruction = 0;
  size_t position = begin;
  // No known pattern goes back more than once a character and alternative; one
  // that does is taken not to match here rather than to run for years.
  size_t patience = 4096 + 64 * (end - begin);
  for (;;) {
    const Instruction &at = tables.program[step.begin + instruction];
    bool matches = true;
    bool here = position < end && in(at, position);
    switch (at.op) {
    case opOne:
      matches = here;
      if (here)
        position = next(position, end);
      break;
    case opAhead:
      matches = here;
      break;
    case opNotAhead:
      matches = !here;
      break;
    case opRepeat:
    case opKeep:
    case opLazy: {
      uint32_t most = at.op == opLazy ? at.min : at.max, count = 0;
      size_t least = position;
      while (count < most && position < end && in(at, position)) {
        position = next(position, end);
        if (++count == at.min)
          least = position;
      }
      matches = count >= at.min;
      if (matches && at.op != opKeep)
        points.push({instruction, count, position, least});
      break;
    }
    case opSplit:
      points.push({instruction, 0, position, 0});
      break;
    case opJump:
      instruction = at.target;
      continue;
    default: // opMatch
      return position;
    }
    if (matches)
      ++instruction;
    else if (!patience-- || !backtrack(step, end, instruction, position))
      return begin;
  }
}

void Splitter::cut(size_t stepIndex, Text text, size_t begin, size_t end) {
  if (begin == end)
    return;
  if (stepIndex == tables.steps.size)
    return joiner.addWord({text.data + begin, end - begin});
  const Step &step = tables.steps[stepIndex];
  size_t gap = begin; // where what is in no match begins
  for (size_t i = begin; i < end;) {
    size_t matchEnd = match(step, i, end);
    if (matchEnd == i) { // none, or an empty one
      i = next(i, end);
      continue;
    }
    if (!(step.flags & dropGaps))
      cut(stepIndex + 1, text, gap, i);
    if (!(step.flags & dropMatches))
      cut(stepIndex + 1, text, i, matchEnd);
    gap = i = matchEnd;
  }
  if (!(step.flags & dropGaps))
    cut(stepIndex + 1, text, gap, end);
}

void Splitter::addText(Text text) {
  if (tables.steps.size)
    classify(text);
  if (!failed())
    cut(0, text, 0, text.size);
}

} // namespace qopt::runtime::tokenizer
