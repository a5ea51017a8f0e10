// What the ways of computing attention share.

#ifndef QOPT_CODEGEN_CUDA_ATTENTION_H
#define QOPT_CODEGEN_CUDA_ATTENTION_H

#include "qopt/codegen/cuda/Emitter.h"
#include "qopt/dialects/nn/Nn.h"

namespace qopt::cuda {

/// One query of a head.
struct QueryPlace {
  mlir::Value batch, head, keyHead, query; ///< i64
};

/// The query of that number among all [B, H, T]; `query` may be the first of
/// several.
QueryPlace queryPlace(Emitter &e, nn::AttentionOp op, mlir::Value head,
                      mlir::Value query);
/// Keys that a query may see: those of its past and its own.
mlir::Value visibleKeys(Emitter &e, nn::AttentionOp op, mlir::Value query);
/// The score of a key for q . k, and a flag: whether it is visible.
std::pair<mlir::Value, mlir::Value> maskedScore(Emitter &e, nn::AttentionOp op,
                                                const QueryPlace &place,
                                                mlir::Value key,
                                                mlir::Value product);

/// Writes a query by itself: all threads of a block.
void attendQuery(Emitter &e, nn::AttentionOp op, const QueryPlace &place);

/// A launch of tiles of queries for each of `heads`, if they fit into shared
/// memory and registers; see AttentionTile.cpp.
std::optional<Phase> attentionTiles(nn::AttentionOp op, mlir::AffineExpr heads,
                                    mlir::AffineExpr queries);

} // namespace qopt::cuda

#endif // QOPT_CODEGEN_CUDA_ATTENTION_H
