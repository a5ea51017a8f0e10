// ONNX's messages, from Debian's libonnx; warnings of theirs are not ours.

#ifndef QOPT_FRONTENDS_ONNX_PROTOBUF_H
#define QOPT_FRONTENDS_ONNX_PROTOBUF_H

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wall"
#pragma clang diagnostic ignored "-Wextra"
#pragma clang diagnostic ignored "-Wunused-parameter"
#define ONNX_ML 1
#define ONNX_NAMESPACE onnx
#include <onnx/onnx_pb.h>
#pragma clang diagnostic pop

#endif // QOPT_FRONTENDS_ONNX_PROTOBUF_H
