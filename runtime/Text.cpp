// Text to tokens and back.

#include "qopt/runtime/Model.h"

#include <stdlib.h>

using namespace qopt::runtime;

static qopt_status checkTokenizer(const qopt_model *model, qopt_error *error) {
  if (!model)
    return fail(error, QOPT_INVALID_ARGUMENT, "expected a model, got NULL");
  if (!model->tokenizer)
    return fail(error, QOPT_NOT_FOUND,
                "the model has no tokenizer; compile it with a tokenizer.json "
                "beside model.onnx, or with --tokenizer FILE");
  return QOPT_OK;
}

qopt_status qopt_encode(const qopt_model *model, const char *text,
                        uint64_t bytes, int64_t *ids, uint64_t capacity,
                        uint64_t *count, qopt_error *error) {
  if (qopt_status status = checkTokenizer(model, error))
    return status;
  if ((!text && bytes) || (!ids && capacity) || !count)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected a text and places for ids and count, got NULL");
  int32_t *tokens = nullptr;
  int64_t found =
      tokenizerEncode(model->tokenizer, text ? text : "", bytes,
                      /*addSpecial=*/true, /*parseSpecial=*/false, &tokens);
  if (found < 0)
    return failMemory(error, "the text", bytes * 8);
  *count = uint64_t(found);
  for (uint64_t i = 0; i < *count && i < capacity; ++i)
    ids[i] = tokens[i];
  free(tokens);
  return QOPT_OK;
}

qopt_status qopt_decode(const qopt_model *model, const int64_t *ids,
                        uint64_t count, char *text, uint64_t capacity,
                        uint64_t *bytes, qopt_error *error) {
  if (qopt_status status = checkTokenizer(model, error))
    return status;
  if ((!ids && count) || (!text && capacity) || !bytes)
    return fail(error, QOPT_INVALID_ARGUMENT,
                "expected ids and places for text and bytes, got NULL");
  uint64_t used = 0;
  bool first = true;
  for (uint64_t i = 0; i < count; ++i) {
    // What is no token at all has no text, like the special ones.
    int32_t id = ids[i] < 0 || ids[i] > INT32_MAX ? -1 : int32_t(ids[i]);
    uint64_t room = used < capacity ? capacity - used : 0;
    used += tokenizerDecode(model->tokenizer, id, first, /*showSpecial=*/false,
                            room ? text + used : nullptr, room);
    first &= !tokenizerDecode(model->tokenizer, id, /*first=*/false,
                              /*showSpecial=*/false, nullptr, 0);
  }
  *bytes = used;
  return QOPT_OK;
}

int qopt_model_is_end(const qopt_model *model, int64_t token) {
  return model->tokenizer && token >= 0 && token <= INT32_MAX &&
         tokenizerIsEnd(model->tokenizer, int32_t(token));
}
