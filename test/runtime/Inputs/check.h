/* Checks that say what was wrong, and go on. */
#ifndef CHECK_H
#define CHECK_H

#include "qopt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;
static qopt_error error = {sizeof error, ""};

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      printf("%s:%d: %s [%s]\n", __FILE__, __LINE__, #condition,               \
             error.message);                                                   \
      ++failures;                                                              \
    }                                                                          \
  } while (0)

#define OK(call) CHECK((call) == QOPT_OK)

/* A call that must fail, with a message that holds `text`. */
#define FAILS(call, status, text)                                              \
  do {                                                                         \
    error.message[0] = 0;                                                      \
    CHECK((call) == (status));                                                 \
    CHECK(strstr(error.message, text));                                        \
    CHECK(!strchr(error.message, '\n'));                                       \
  } while (0)

static const qopt_dtype f32 = {2, 32, 1}, f16 = {2, 16, 1}, i64 = {0, 64, 1};

/* A row-major tensor. */
static inline qopt_tensor tensor(void *data, qopt_dtype type, int32_t rank,
                                 int64_t *shape) {
  qopt_tensor result;
  memset(&result, 0, sizeof result);
  result.data = data;
  result.device_type = 1;
  result.rank = rank;
  result.type = type;
  result.shape = shape;
  return result;
}

static inline int finish(void) {
  (void)f16, (void)i64, (void)f32;
  printf(failures ? "%d checks failed\n" : "all is well\n", failures);
  return failures != 0;
}

#endif
