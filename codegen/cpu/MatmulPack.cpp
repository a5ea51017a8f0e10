// Blocks of the operands of a product, copied as its tiles read them.
//
// The scratch holds the partial sums of a task, then a block of rhs, then one
// of lhs:
//
//   sums  [group][tile of rows][R][P][L]
//   rhs   [group][256][P * L]        columns of a group side by side
//   lhs   [tile][256][R]             where it lies as [K, M]: a word of every
//   row
//         [row][256]                 where its numbers have 16 bits
//
// A rhs that lies as [N, K] is turned in registers, L rows by L terms at a
// time.

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qopt/codegen/cpu/Matmul.h"
#include "qopt/runtime/abi.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace qopt::cpu {

/// Rows that are asked for ahead of being copied. Pieces of rows are too short
/// for the prefetcher of the machine, which begins anew in each.
static constexpr int64_t rowsAhead = 12;
/// Elements behind a tile of lhs that storing whole vectors may write.
static constexpr int64_t slack = 16;

int64_t MatmulPacker::tileStride() {
  return blockDepth * division.variant.rows + slack;
}

void MatmulPacker::placeScratch() {
  int64_t used = 0;
  auto take = [&](int64_t elements) {
    Value place = e.offset(e.scratch, e.constant(used), e.f32());
    used += llvm::alignTo(elements, 16);
    return place;
  };
  sums = take(division.rows * division.columns);
  packedRhs = take(blockDepth * division.columns);
  packedLhs = take(division.rows / division.variant.rows * tileStride());
  if (used * 4 > int64_t(QOPT_SCRATCH_BYTES))
    llvm_unreachable("a task is larger than the scratch");
}

Value MatmulPacker::wholeGroups() { return div(N, e.constant(division.group)); }

int64_t MatmulPacker::restVectors() {
  if (ShapedType::isDynamic(columns))
    return division.variant.vectors;
  return llvm::divideCeil(columns % division.group, lanes);
}

//===----------------------------------------------------------------------===//
// rhs
//===----------------------------------------------------------------------===//

Value MatmulPacker::groupAt(const MatmulBlock &block, Value group) {
  return e.mul(sub(group, block.group), blockDepth * division.group);
}

/// Row k of a group; behind its last column, zeros.
void MatmulPacker::copyRow(const MatmulBlock &block, Value k, Value group,
                           int64_t vectors, bool whole) {
  Type element = elementOf(contraction.rhs);
  Value base = e.pointer(contraction.rhs);
  Value row = e.add(matrixAt(contraction.rhs, block.batch), e.mul(k, N));
  Value to =
      e.add(groupAt(block, group), e.mul(sub(k, block.from), division.group));
  for (int64_t p = 0; p < vectors; ++p) {
    Value column = e.add(e.mul(group, division.group), e.constant(p * lanes));
    Value mask;
    if (!whole && (p + 1 == vectors || ShapedType::isDynamic(columns)))
      mask = maskOf(e, lanes, sub(N, column));
    Value at = e.add(row, column);
    prefetch(base, e.add(at, e.mul(N, rowsAhead)), element);
    Value x = loadVector(e, lanes, base, at, element, mask);
    e.store(x, packedRhs, e.add(to, e.constant(p * lanes)));
  }
}

/// Row by row, so that each is read in one piece.
void MatmulPacker::packRows(const MatmulBlock &block) {
  Value whole = least(block.groupEnd, wholeGroups());
  e.loop(block.from, block.to, 1, [&](Value k) {
    e.loop(block.group, whole, 1, [&](Value group) {
      copyRow(block, k, group, division.variant.vectors, true);
    });
    if (int64_t vectors = restVectors())
      e.branch(less(whole, block.groupEnd),
               [&] { copyRow(block, k, whole, vectors, false); });
  });
}

/// Columns of a matrix of L rows: pairs of words, pairs of pairs, then quarters
/// of 128 bits, each step in the lanes where the machine shuffles in a cycle.
SmallVector<Value> MatmulPacker::transposed(ArrayRef<Value> rows) {
  int64_t L = rows.size();
  auto shuffle = [&](Value a, Value b, function_ref<int64_t(int64_t)> of) {
    SmallVector<int64_t> places;
    for (int64_t lane = 0; lane < L; ++lane)
      places.push_back(of(lane));
    return vector::ShuffleOp::create(e.b, e.loc, a, b, places).getResult();
  };
  // Lane 4 q + w takes the words of quarter q that `words` names, those from 4
  // on of b.
  auto inQuarters = [&](Value a, Value b, ArrayRef<int64_t> words) {
    return shuffle(a, b, [&](int64_t lane) {
      int64_t word = words[lane % 4];
      return lane / 4 * 4 + word % 4 + (word >= 4 ? L : 0);
    });
  };
  SmallVector<Value> pairs, quads(L);
  for (int64_t i = 0; i < L; i += 2) {
    pairs.push_back(inQuarters(rows[i], rows[i + 1], {0, 4, 1, 5}));
    pairs.push_back(inQuarters(rows[i], rows[i + 1], {2, 6, 3, 7}));
  }
  // quads[4 i + j]: in quarter q, column 4 q + j of rows 4 i .. 4 i + 3.
  for (int64_t i = 0; i < L; i += 4) {
    for (int64_t half = 0; half < 2; ++half) {
      Value a = pairs[i + half], b = pairs[i + 2 + half];
      quads[i + 2 * half] = inQuarters(a, b, {0, 1, 4, 5});
      quads[i + 2 * half + 1] = inQuarters(a, b, {2, 3, 6, 7});
    }
  }
  // Quarters change places with rows: halves of halves.
  int64_t quarters = L / 4;
  for (int64_t size = quarters / 2; size >= 1; size /= 2) {
    SmallVector<Value> next(quads);
    for (int64_t i = 0; i < quarters; ++i) {
      if (i & size)
        continue;
      for (int64_t j = 0; j < 4; ++j) {
        Value a = quads[4 * i + j], b = quads[4 * (i + size) + j];
        auto half = [&](int64_t which) {
          return shuffle(a, b, [&](int64_t lane) {
            int64_t q = lane / 4;
            bool second = q & size;
            int64_t from = (q & ~size) | (which ? size : 0);
            return from * 4 + lane % 4 + (second ? L : 0);
          });
        };
        next[4 * i + j] = half(0);
        next[4 * (i + size) + j] = half(1);
      }
    }
    quads = std::move(next);
  }
  return quads;
}

/// L columns from `column` on, of all terms of the block; behind the last
/// column, copies of it.
void MatmulPacker::packTurnedPanel(const MatmulBlock &block, Value column,
                                   Value to) {
  Type element = elementOf(contraction.rhs);
  Value base = e.pointer(contraction.rhs);
  Value matrix = matrixAt(contraction.rhs, block.batch);
  Value last = e.add(N, e.constant(-1));
  SmallVector<Value> starts;
  for (int64_t i = 0; i < lanes; ++i)
    starts.push_back(
        e.add(matrix, e.mul(least(e.add(column, e.constant(i)), last), K)));
  auto turn = [&](Value k, Value mask) {
    SmallVector<Value> rows;
    for (Value start : starts) {
      // The panel behind this one, whose rows follow.
      Value at = e.add(start, k);
      prefetch(base, e.add(at, e.mul(K, lanes)), element);
      rows.push_back(loadVector(e, lanes, base, at, element, mask));
    }
    Value at = e.add(to, e.mul(sub(k, block.from), division.group));
    for (auto [j, terms] : llvm::enumerate(transposed(rows)))
      e.store(terms, packedRhs, e.add(at, e.constant(j * division.group)));
  };
  Value whole = e.mul(div(sub(block.to, block.from), e.constant(lanes)), lanes);
  Value end = e.add(block.from, whole);
  e.loop(block.from, end, lanes, [&](Value k) { turn(k, Value()); });
  e.branch(less(end, block.to),
           [&] { turn(end, maskOf(e, lanes, sub(block.to, end))); });
}

void MatmulPacker::packTurned(const MatmulBlock &block) {
  auto pack = [&](Value group, int64_t vectors) {
    e.loop(e.constant(0), e.constant(vectors), 1, [&](Value p) {
      Value inGroup = e.mul(p, lanes);
      packTurnedPanel(block, e.add(e.mul(group, division.group), inGroup),
                      e.add(groupAt(block, group), inGroup));
    });
  };
  Value whole = least(block.groupEnd, wholeGroups());
  e.loop(block.group, whole, 1,
         [&](Value group) { pack(group, division.variant.vectors); });
  if (int64_t vectors = restVectors())
    e.branch(less(whole, block.groupEnd), [&] { pack(whole, vectors); });
}

void MatmulPacker::packRhs(const MatmulBlock &block) {
  if (contraction.packed)
    packCodes(block);
  else if (contraction.rhsTurned)
    packTurned(block);
  else
    packRows(block);
}

//===----------------------------------------------------------------------===//
// lhs
//===----------------------------------------------------------------------===//

void MatmulPacker::packLhs(const MatmulBlock &block) {
  Type element = elementOf(contraction.lhs);
  Value base = e.pointer(contraction.lhs);
  Value matrix = matrixAt(contraction.lhs, block.batch);
  int64_t rows = division.variant.rows;
  if (contraction.lhsTurned) {
    // A vector holds the rows of a tile and more; what it writes behind them is
    // overwritten by the next k.
    int64_t width = llvm::PowerOf2Ceil(rows);
    e.loop(block.from, block.to, 1, [&](Value k) {
      Value from = e.add(matrix, e.mul(k, M));
      Value to = e.mul(sub(k, block.from), rows);
      auto copy = [&](Value tile, Value mask) {
        Value at = e.add(from, e.mul(tile, rows));
        prefetch(base, e.add(at, e.mul(M, rowsAhead)), element);
        Value x = loadVector(e, width, base, at, element, mask);
        Value place = e.mul(sub(tile, block.tile), tileStride());
        e.store(x, packedLhs, e.add(place, to));
      };
      // Tiles with as many rows behind their first.
      Value fit = div(sub(e.add(M, e.constant(rows)), e.constant(width)),
                      e.constant(rows));
      Value enough = less(e.constant(width - 1), M);
      fit = arith::SelectOp::create(e.b, e.loc, enough, fit, e.constant(0));
      Value whole = e.b.createOrFold<arith::MaxSIOp>(
          e.loc, least(block.tileEnd, fit), block.tile);
      e.loop(block.tile, whole, 1, [&](Value tile) { copy(tile, Value()); });
      e.loop(whole, block.tileEnd, 1, [&](Value tile) {
        copy(tile, maskOf(e, width, sub(M, e.mul(tile, rows))));
      });
    });
    return;
  }
  if (element == e.f32())
    return;
  Value first = e.mul(block.tile, rows);
  e.loop(first, least(e.mul(block.tileEnd, rows), M), 1, [&](Value row) {
    Value from = e.add(matrix, e.mul(row, K));
    Value to = e.mul(sub(row, first), blockDepth);
    e.loop(block.from, block.to, lanes, [&](Value k) {
      Value left = sub(block.to, k), at = e.add(from, k);
      Value place = e.add(to, sub(k, block.from));
      auto copy = [&](Value mask) {
        e.store(loadVector(e, lanes, base, at, element, mask), packedLhs,
                place);
      };
      e.branch(
          less(left, e.constant(lanes)), [&] { copy(maskOf(e, lanes, left)); },
          [&] { copy(Value()); });
    });
  });
}

MatmulRows MatmulPacker::rowsAt(const MatmulBlock &block, Value tile) {
  int64_t rows = division.variant.rows;
  Value inBlock = sub(tile, block.tile);
  if (contraction.lhsTurned)
    return {packedLhs, e.mul(inBlock, tileStride()), e.constant(1), rows};
  if (elementOf(contraction.lhs) != e.f32())
    return {packedLhs, e.mul(inBlock, rows * blockDepth),
            e.constant(blockDepth), 1};
  Value first = e.add(matrixAt(contraction.lhs, block.batch),
                      e.add(e.mul(e.mul(tile, rows), K), block.from));
  return {e.pointer(contraction.lhs), first, K, 1};
}

} // namespace qopt::cpu
