/* abi.h - what compiled code and the runtime share.
 *
 * Floor 0: the only file that both worlds include. Plain C; structs of fixed
 * layout; no function but the ones that compiled code calls.
 *
 * A compiled model is one object with a table `qopt_program` in it. The table
 * holds a variant of the code for each CPU it was compiled for; a variant holds
 * the entries (`run`, `prefill`, `decode`, `nll`, `train_step`). Weights, the
 * values that variables begin with, tokenizer and the description for `info`
 * lie behind the linked file, see qopt_footer.
 */

#ifndef QOPT_RUNTIME_ABI_H
#define QOPT_RUNTIME_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QOPT_ABI_VERSION 4u

/** Of compiler and runtime. */
#define QOPT_VERSION "0.1.0"

/** Element types. */
typedef enum qopt_type {
  QOPT_F32 = 0,
  QOPT_F16,
  QOPT_BF16,
  QOPT_F64,
  QOPT_I8,
  QOPT_I16,
  QOPT_I32,
  QOPT_I64,
  QOPT_U8,
  QOPT_BOOL /**< one byte, 0 or 1 */
} qopt_type;

/** Instructions that a variant needs, one bit each. */
#define QOPT_CPU_AVX2 (1ull << 0)        /**< with FMA and F16C */
#define QOPT_CPU_AVX_VNNI (1ull << 1)    /**< u8 x s8 dot products, 32 bytes */
#define QOPT_CPU_AVX512 (1ull << 2)      /**< F, BW, CD, DQ, VL */
#define QOPT_CPU_AVX512_VNNI (1ull << 3) /**< the same, 64 bytes */
#define QOPT_CPU_AVX512_BF16 (1ull << 4) /**< bf16 dot products */

/** A dimension of a tensor: its size if not negative; else -1 - k says that it
 *  is the k-th symbol of the entry; QOPT_DERIVED that qopt_entry.shapes tells
 *  it (past + seq, say). */
#define QOPT_DERIVED INT64_MIN

/** An input, output or state of an entry. Row-major without gaps. */
typedef struct qopt_tensor_spec {
  const char *name;
  uint32_t type; /**< qopt_type */
  uint32_t rank;
  const int64_t *dims; /**< [rank] */
} qopt_tensor_spec;

/** One launch: tasks [begin, end) of it. `args` are the pointers and sizes that
 *  the compiled entry wrote; `scratch` is QOPT_SCRATCH_BYTES of the thread. */
typedef void (*qopt_kernel)(const int64_t *args, int64_t begin, int64_t end,
                            uint8_t *scratch);
#define QOPT_SCRATCH_BYTES (4u << 20)

/** The threads that a launch may use. They belong to the runtime that made
 *  them, which need not be the one that the code was linked with: a program can
 *  open the library of another model. So a pool brings its function along. */
typedef struct qopt_pool qopt_pool;
struct qopt_pool {
  void (*parallel)(qopt_pool *pool, qopt_kernel kernel, const int64_t *args,
                   int64_t tasks);
  /** The same for a program whose kernels run on a device, see qopt_launch. */
  void (*launch)(qopt_pool *pool, int64_t kernel, const int64_t *args,
                 int64_t count, int64_t blocks, int64_t threads,
                 int64_t shared_bytes);
};

/** What an entry is called with. All but `symbols` and `host_inputs` is memory
 *  that the kernels see: the device's, for a program with a qopt_device. */
typedef struct qopt_call {
  const uint8_t *weights; /**< the mapped weights, 64-byte aligned */
  uint8_t *arena;         /**< qopt_entry.arena_bytes, 64-byte aligned */
  const int64_t *symbols; /**< values of qopt_entry.symbols */
  const void *const *inputs;
  void *const *outputs;
  void *const *states; /**< KV caches, updated in place */
  qopt_pool *pool;
  uint8_t *variables; /**< of the context, 64-byte aligned; null if the program
                           has none */
  /** The inputs where the entry reads them itself, to choose its launches. */
  const void *const *host_inputs;
} qopt_call;

/** A tensor that a context changes and keeps: a trained parameter, a state of
 *  its optimizer, a sum of gradients. Row-major without gaps. */
typedef struct qopt_variable {
  const char *name; /**< "model.norm.weight", "model.norm.weight.adamw.m" */
  uint32_t type;    /**< qopt_type */
  uint32_t rank;
  const int64_t *dims; /**< [rank], none of them free */
  int64_t offset;      /**< in the variables of a context, a multiple of 64 */
} qopt_variable;

/** One way to run the model. `symbols` are the names of its free dimensions;
 *  "past" and "capacity" belong to entries with states: positions already in
 *  the caches, and positions that the caches have room for. */
typedef struct qopt_entry {
  const char *name;
  uint32_t symbol_count, input_count, output_count, state_count;
  const char *const *symbols;
  const qopt_tensor_spec *inputs, *outputs, *states;
  /** Writes every dimension of every input, then output, then state. */
  void (*shapes)(const int64_t *symbols, int64_t *dims);
  /** Bytes of the arena. */
  int64_t (*arena_bytes)(const int64_t *symbols);
  void (*run)(const qopt_call *call);
} qopt_entry;

/** A function that entries launch, for `bench --profile`: what it belongs to,
 *  and the bytes that it moves. */
typedef struct qopt_launch_info {
  const char *kernel;   /**< "linear_3"; several functions may be one kernel */
  const char *family;   /**< "lowbit_linear" */
  qopt_kernel function; /**< null with a qopt_device: there the place in this
                             table is the number of the kernel */
  /** Writes what the kernel has to read and what to write, in bytes: each
   *  tensor once, of tables and caches what is looked at. `args` are those of
   *  the launch. Null for all functions of a kernel but the first. */
  void (*traffic)(const int64_t *args, int64_t *bytes);
} qopt_launch_info;

/** The code for one kind of CPU. */
typedef struct qopt_variant {
  const char *name;  /**< "avx512vnni" */
  uint64_t features; /**< QOPT_CPU_...: what the CPU must have */
  uint32_t entry_count;
  uint32_t emulated; /**< 1: plain code for what `features` lack of the CPU
                          that `name` says; never to be timed */
  const qopt_entry *entries;
  uint64_t launch_count;
  const qopt_launch_info *launches;
} qopt_variant;

/** What runs on a GPU. A cubin runs on chips of its major version from its
 *  minor version on, one for a chip alone (sm_90a) on no other; PTX on chips
 *  from its version on, when the driver has compiled it. */
typedef enum qopt_code_kind {
  QOPT_CUBIN = 0,
  QOPT_CUBIN_OF_CHIP,
  QOPT_PTX
} qopt_code_kind;

/** Code of all kernels. */
typedef struct qopt_device_code {
  const char *chip; /**< "sm_80" */
  uint32_t version; /**< compute capability times 10 */
  uint32_t kind;    /**< qopt_code_kind */
  const uint8_t *data;
  uint64_t bytes;
} qopt_device_code;

/** The kernels of a program for GPUs. */
typedef struct qopt_device {
  uint32_t kernel_count, code_count;
  const char *const *kernels;    /**< the functions' names, by their number */
  const qopt_device_code *codes; /**< best first */
} qopt_device;

/** A compiled model: the symbol `qopt_program` of its object. */
typedef struct qopt_program {
  uint32_t abi_version;
  uint32_t variant_count;
  const qopt_variant *variants; /**< best first */
  int64_t max_batch, max_seq;   /**< what it was compiled for */
  int64_t vocabulary; /**< size of the last axis of the logits, or 0 */
  /** What ties code and data together: the size of its weights, and xxh64 of
   *  its info. */
  uint64_t weights_bytes, info_hash;
  uint32_t variable_count, reserved;
  const qopt_variable *variables;
  /** Bytes of a context's variables, a multiple of 64. The first
   *  `initial_bytes` of them begin as the file says, the others as zero. */
  uint64_t variables_bytes, initial_bytes;
  const qopt_device *device; /**< null: the CPU runs the kernels */
} qopt_program;

/** The program of a library, for a program that opens its file: every library
 *  exports it beside the functions of qopt.h. */
const qopt_program *qopt_library_program(void);

/** Runs `tasks` tasks of `kernel` and returns when all are done. Tasks are
 *  independent; who runs one does not change its result. */
void qopt_parallel(qopt_pool *pool, qopt_kernel kernel, const int64_t *args,
                   int64_t tasks);

/** Queues kernel number `kernel` on the device, with `count` parameters of 8
 *  bytes: `blocks` of `threads`, each with `shared_bytes` of memory beside what
 *  the kernel declares. No blocks: nothing. */
void qopt_launch(qopt_pool *pool, int64_t kernel, const int64_t *args,
                 int64_t count, int64_t blocks, int64_t threads,
                 int64_t shared_bytes);

/** The last bytes of a compiled file. Everything lies behind the linked file,
 *  at an offset that is a multiple of 4096, weights first. */
typedef struct qopt_footer {
  uint64_t weights_offset, weights_bytes;
  uint64_t initial_offset, initial_bytes;     /**< what variables begin with */
  uint64_t tokenizer_offset, tokenizer_bytes; /**< bytes 0: no tokenizer */
  uint64_t info_offset, info_bytes;           /**< JSON text for `info` */
  uint64_t info_hash;                         /**< qopt_program.info_hash */
  uint32_t abi_version;
  uint32_t reserved;
  char magic[8]; /**< QOPT_MAGIC */
} qopt_footer;
#define QOPT_MAGIC "qoptbin\n"

#ifdef __cplusplus
}
static_assert(sizeof(qopt_tensor_spec) == 24, "layout of the ABI");
static_assert(sizeof(qopt_call) == 72, "layout of the ABI");
static_assert(sizeof(qopt_variable) == 32, "layout of the ABI");
static_assert(sizeof(qopt_entry) == 80, "layout of the ABI");
static_assert(sizeof(qopt_launch_info) == 32, "layout of the ABI");
static_assert(sizeof(qopt_variant) == 48, "layout of the ABI");
static_assert(sizeof(qopt_device_code) == 32, "layout of the ABI");
static_assert(sizeof(qopt_device) == 24, "layout of the ABI");
static_assert(sizeof(qopt_program) == 96, "layout of the ABI");
static_assert(sizeof(qopt_footer) == 88, "layout of the ABI");
#endif

#endif /* QOPT_RUNTIME_ABI_H */
