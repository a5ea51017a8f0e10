// Result types that follow from operands, and the constraints (Cn) of these
// ops: inference and verifier are one.

#include "qopt/dialects/nn/Nn.h"
#include "qopt/dialects/nn/Verify.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace qopt::nn;

using Types = SmallVectorImpl<Type>;

static RankedTensorType ranked(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The parser infers before it verifies, so operands may be anything.
static LogicalResult expectTensors(std::optional<Location> loc,
                                   ValueRange operands) {
  for (Value operand : operands)
    if (!isa<RankedTensorType>(operand.getType()))
      return emitOptionalError(loc, "expects ranked tensors, got ",
                               operand.getType());
  return success();
}

FailureOr<SmallVector<int64_t>> qopt::nn::broadcastShapes(ArrayRef<int64_t> a,
                                                          ArrayRef<int64_t> b) {
  SmallVector<int64_t> shape(std::max(a.size(), b.size()));
  for (size_t i = 0; i < shape.size(); ++i) {
    size_t back = shape.size() - i; // dimensions align at the last one
    int64_t da = back > a.size() ? 1 : a[a.size() - back];
    int64_t db = back > b.size() ? 1 : b[b.size() - back];
    if (da == 1 || db == 1)
      shape[i] = da == 1 ? db : da;
    else if (da == db || ShapedType::isDynamic(da) || ShapedType::isDynamic(db))
      shape[i] = ShapedType::isDynamic(da) ? db : da;
    else
      return failure();
  }
  return shape;
}

/// The common shape of two operands with elements of `element`: (C2) of all
/// binary ops.
static LogicalResult inferBroadcast(std::optional<Location> loc, Value a,
                                    Value b, Type element, Types &types) {
  auto shape = broadcastShapes(ranked(a).getShape(), ranked(b).getShape());
  if (failed(shape))
    return emitOptionalError(loc, "expects shapes that broadcast, got ",
                             a.getType(), " and ", b.getType());
  types.push_back(RankedTensorType::get(*shape, element));
  return success();
}

/// Also (C1) of all binary ops.
template <typename Adaptor>
static LogicalResult inferBinary(std::optional<Location> loc, Adaptor adaptor,
                                 Types &types) {
  if (failed(expectTensors(loc, adaptor.getOperands())))
    return failure();
  Type element = ranked(adaptor.getLhs()).getElementType();
  if (element != ranked(adaptor.getRhs()).getElementType())
    return emitOptionalError(loc, "expects equal element types, got ",
                             adaptor.getLhs().getType(), " and ",
                             adaptor.getRhs().getType());
  return inferBroadcast(loc, adaptor.getLhs(), adaptor.getRhs(), element,
                        types);
}

#define QOPT_INFER_BINARY(Op)                                                  \
  LogicalResult Op::inferReturnTypes(MLIRContext *,                            \
                                     std::optional<Location> loc,              \
                                     Adaptor adaptor, Types &types) {          \
    return inferBinary(loc, adaptor, types);                                   \
  }
QOPT_INFER_BINARY(AddOp)
QOPT_INFER_BINARY(SubOp)
QOPT_INFER_BINARY(MulOp)
QOPT_INFER_BINARY(DivOp)
QOPT_INFER_BINARY(RemainderOp)
QOPT_INFER_BINARY(PowOp)
QOPT_INFER_BINARY(MaximumOp)
QOPT_INFER_BINARY(MinimumOp)
QOPT_INFER_BINARY(AndOp)
QOPT_INFER_BINARY(OrOp)
QOPT_INFER_BINARY(XorOp)

static LogicalResult inferTest(std::optional<Location> loc, Value input,
                               Types &types) {
  if (failed(expectTensors(loc, input)))
    return failure();
  types.push_back(ranked(input).clone(IntegerType::get(input.getContext(), 1)));
  return success();
}

LogicalResult IsNanOp::inferReturnTypes(MLIRContext *,
                                        std::optional<Location> loc,
                                        Adaptor adaptor, Types &types) {
  return inferTest(loc, adaptor.getInput(), types);
}

LogicalResult IsInfOp::inferReturnTypes(MLIRContext *,
                                        std::optional<Location> loc,
                                        Adaptor adaptor, Types &types) {
  return inferTest(loc, adaptor.getInput(), types);
}

LogicalResult CompareOp::inferReturnTypes(MLIRContext *context,
                                          std::optional<Location> loc,
                                          Adaptor adaptor, Types &types) {
  if (failed(inferBinary(loc, adaptor, types)))
    return failure();
  types[0] =
      cast<RankedTensorType>(types[0]).clone(IntegerType::get(context, 1));
  return success();
}

LogicalResult SelectOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor, Types &types) {
  if (failed(expectTensors(loc, adaptor.getOperands())))
    return failure();
  // select_c1
  Value yes = adaptor.getOnTrue(), no = adaptor.getOnFalse();
  Type element = ranked(yes).getElementType();
  if (element != ranked(no).getElementType())
    return emitOptionalError(loc, "expects equal element types, got ",
                             yes.getType(), " and ", no.getType());

  // select_c2
  auto values = broadcastShapes(ranked(yes).getShape(), ranked(no).getShape());
  auto shape =
      succeeded(values)
          ? broadcastShapes(*values, ranked(adaptor.getCondition()).getShape())
          : values;
  if (failed(shape))
    return emitOptionalError(loc, "expects shapes that broadcast, got ",
                             adaptor.getCondition().getType(), ", ",
                             yes.getType(), " and ", no.getType());
  types.push_back(RankedTensorType::get(*shape, element));
  return success();
}

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor adaptor, Types &types) {
  if (failed(expectTensors(loc, adaptor.getOperands())))
    return failure();
  // transpose_c1
  RankedTensorType input = ranked(adaptor.getInput());
  ArrayRef<int64_t> permutation = adaptor.getPermutation();
  if (int64_t(permutation.size()) != input.getRank() ||
      !isPermutationVector(permutation))
    return emitOptionalError(loc, "expects a permutation of the ",
                             input.getRank(), " axes, got [", permutation, "]");
  SmallVector<int64_t> shape;
  for (int64_t axis : permutation)
    shape.push_back(input.getDimSize(axis));
  types.push_back(input.clone(shape));
  return success();
}

static LogicalResult checkAxis(std::optional<Location> loc, int64_t axis,
                               RankedTensorType type) {
  if (isAxis(axis, type))
    return success();
  return emitOptionalError(loc, "expects an axis of ", type, ", got ", axis);
}

LogicalResult GatherOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor, Types &types) {
  if (failed(expectTensors(loc, adaptor.getOperands())))
    return failure();
  RankedTensorType input = ranked(adaptor.getInput());
  int64_t axis = adaptor.getAxis();
  if (failed(checkAxis(loc, axis, input))) // gather_c1
    return failure();
  SmallVector<int64_t> shape(input.getShape().take_front(axis));
  llvm::append_range(shape, ranked(adaptor.getIndices()).getShape());
  llvm::append_range(shape, input.getShape().drop_front(axis + 1));
  types.push_back(input.clone(shape));
  return success();
}

LogicalResult GatherNdOp::inferReturnTypes(MLIRContext *,
                                           std::optional<Location> loc,
                                           Adaptor adaptor, Types &types) {
  if (failed(expectTensors(loc, adaptor.getOperands())))
    return failure();
  RankedTensorType input = ranked(adaptor.getInput());
  RankedTensorType indices = ranked(adaptor.getIndices());
  // While it parses, a default is not filled in yet.
  IntegerAttr batchDims = adaptor.getBatchDimsAttr();
  int64_t batch = batchDims ? batchDims.getInt() : 0;

  // gather_nd_c1
  if (indices.getRank() == 0 || indices.isDynamicDim(indices.getRank() - 1))
    return emitOptionalError(loc, "expects a static last dimension, got ",
                             indices);

  // gather_nd_c2
  int64_t depth = indices.getShape().back(), rank = input.getRank();
  if (batch < 0 || batch > rank || batch >= indices.getRank() || depth < 1 ||
      depth > rank - batch)
    return emitOptionalError(loc, "expects indices into ", input, ", got ",
                             indices, " with batch_dims ", batch);

  // gather_nd_c3
  if (!agree(indices.getShape().take_front(batch),
             input.getShape().take_front(batch)))
    return emitOptionalError(loc, "expects ", batch,
                             " batch_dims of one size, got ", input, " and ",
                             indices);
  SmallVector<int64_t> shape(indices.getShape().drop_back());
  llvm::append_range(shape, input.getShape().drop_front(batch + depth));
  types.push_back(input.clone(shape));
  return success();
}

LogicalResult GatherElementsOp::inferReturnTypes(MLIRContext *,
                                                 std::optional<Location> loc,
                                                 Adaptor adaptor,
                                                 Types &types) {
  if (failed(expectTensors(loc, adaptor.getOperands())))
    return failure();
  RankedTensorType input = ranked(adaptor.getInput());
  RankedTensorType indices = ranked(adaptor.getIndices());
  int64_t axis = adaptor.getAxis();
  if (failed(checkAxis(loc, axis, input))) // gather_elements_c1
    return failure();

  // gather_elements_c3
  bool fits = indices.getRank() == input.getRank();
  for (auto [i, size] : llvm::enumerate(indices.getShape()))
    fits = fits && (int64_t(i) == axis || indices.isDynamicDim(i) ||
                    input.isDynamicDim(i) || size <= input.getDimSize(i));
  if (!fits)
    return emitOptionalError(loc, "expects indices no larger than ", input,
                             " but along axis ", axis, ", got ", indices);
  types.push_back(input.clone(ranked(adaptor.getIndices()).getShape()));
  return success();
}

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor, Types &types) {
  if (failed(expectTensors(loc, adaptor.getOperands())))
    return failure();
  RankedTensorType input = ranked(adaptor.getInput());
  SmallVector<int64_t> shape;
  for (int64_t axis : adaptor.getAxes())
    if (failed(checkAxis(loc, axis, input))) // reduce_c1
      return failure();

  // reduce_c2
  for (int64_t axis : adaptor.getAxes())
    if (llvm::count(adaptor.getAxes(), axis) > 1)
      return emitOptionalError(loc, "expects each axis once, got [",
                               adaptor.getAxes(), "]");
  for (auto [axis, size] : llvm::enumerate(input.getShape()))
    if (!llvm::is_contained(adaptor.getAxes(), int64_t(axis)))
      shape.push_back(size);
    else if (adaptor.getKeepDims())
      shape.push_back(1);
  types.push_back(input.clone(shape));
  return success();
}

LogicalResult CrossEntropyOp::inferReturnTypes(MLIRContext *,
                                               std::optional<Location> loc,
                                               Adaptor adaptor, Types &types) {
  if (failed(expectTensors(loc, adaptor.getOperands())))
    return failure();
  RankedTensorType logits = ranked(adaptor.getLogits());
  if (logits.getRank() == 0)
    return emitOptionalError(loc, "expects rows of logits, got ", logits);

  // cross_entropy_c3
  RankedTensorType targets = ranked(adaptor.getTargets());
  if (!agree(targets.getShape(), logits.getShape().drop_back()))
    return emitOptionalError(loc, "expects a target for each row of ", logits,
                             ", got ", targets);
  types.push_back(logits.clone(logits.getShape().drop_back()));
  return success();
}

LogicalResult KlDivergenceOp::inferReturnTypes(MLIRContext *,
                                               std::optional<Location> loc,
                                               Adaptor adaptor, Types &types) {
  if (failed(expectTensors(loc, adaptor.getOperands())))
    return failure();
  RankedTensorType student = ranked(adaptor.getStudent());
  if (student.getRank() == 0)
    return emitOptionalError(loc, "expects rows of logits, got ", student);

  // kl_divergence_c2
  RankedTensorType teacher = ranked(adaptor.getTeacher());
  if (!agree(teacher.getShape(), student.getShape()) ||
      teacher.getElementType() != student.getElementType())
    return emitOptionalError(loc, "expects a teacher like ", student, ", got ",
                             teacher);
  types.push_back(student.clone(student.getShape().drop_back()));
  return success();
}

LogicalResult EmbeddingOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor adaptor, Types &types) {
  if (failed(expectTensors(loc, adaptor.getOperands())))
    return failure();
  if (ranked(adaptor.getTable()).getRank() != 2)
    return emitOptionalError(loc, "expects a table of rows, got ",
                             adaptor.getTable().getType());
  SmallVector<int64_t> shape(ranked(adaptor.getIds()).getShape());
  shape.push_back(ranked(adaptor.getTable()).getDimSize(1));
  types.push_back(ranked(adaptor.getTable()).clone(shape));
  return success();
}

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor, Types &types) {
  if (failed(expectTensors(loc, adaptor.getOperands())))
    return failure();
  RankedTensorType lhs = ranked(adaptor.getLhs());
  RankedTensorType rhs = ranked(adaptor.getRhs());

  // matmul_c1
  if (lhs.getRank() < 2 || rhs.getRank() < 2 ||
      lhs.getElementType() != rhs.getElementType())
    return emitOptionalError(loc, "expects matrices of one element type, got ",
                             lhs, " and ", rhs);

  // matmul_c2
  ArrayRef<int64_t> a = lhs.getShape().take_back(2);
  ArrayRef<int64_t> b = rhs.getShape().take_back(2);
  int64_t m = a[adaptor.getTransposeLhs()], ka = a[!adaptor.getTransposeLhs()];
  int64_t n = b[!adaptor.getTransposeRhs()], kb = b[adaptor.getTransposeRhs()];
  if (!agree(ka, kb))
    return emitOptionalError(loc, "expects matrices that multiply, got ", lhs,
                             " and ", rhs);

  // matmul_c3
  auto batch =
      broadcastShapes(lhs.getShape().drop_back(2), rhs.getShape().drop_back(2));
  if (failed(batch))
    return emitOptionalError(loc, "expects leading axes that broadcast, got ",
                             lhs, " and ", rhs);
  batch->append({m, n});
  types.push_back(lhs.clone(*batch));
  return success();
}
