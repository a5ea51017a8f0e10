// Compares the plain code for fused products with std::fma, bit for bit: on
// numbers of all sizes, and on sums that cancel, tie, or leave the normal
// range.

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "qopt/codegen/cpu/Generate.h"
#include "qopt/codegen/cpu/Load.h"
#include "qopt/codegen/tile/Math.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace mlir;
using namespace qopt;

/// void `name`(x, y, z, result): one vector.
static void writeFunction(ModuleOp module, StringRef name, Type element) {
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  Location loc = module.getLoc();
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto function = LLVM::LLVMFuncOp::create(
      b, loc, name,
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                  {pointer, pointer, pointer, pointer}));
  Block *body = function.addEntryBlock(b);
  b.setInsertionPointToEnd(body);
  auto load = [&](int i) {
    return LLVM::LoadOp::create(b, loc, VectorType::get(8, element),
                                body->getArgument(i), 1)
        .getResult();
  };
  tile::Math m{b, loc};
  LLVM::StoreOp::create(b, loc, m.fma(load(0), load(1), load(2)),
                        body->getArgument(3), 1);
  LLVM::ReturnOp::create(b, loc, ValueRange());
}

/// Both are NaN or the same bits.
template <typename T> static bool isSame(T x, T y) {
  return (std::isnan(x) && std::isnan(y)) || !std::memcmp(&x, &y, sizeof x);
}

/// `sizes`: the exponents of the factors are as large as that.
template <typename T> static int count(void *function, int sizes) {
  auto run = reinterpret_cast<void (*)(T *, T *, T *, T *)>(function);
  std::mt19937_64 random(1);
  auto number = [&](int size) {
    int64_t mantissa = random() >> random() % 64;
    return std::ldexp(T(mantissa) / T(INT64_MAX),
                      int(random() % (2 * size + 1)) - size) *
           (random() % 2 ? 1 : -1);
  };
  const T edges[] = {0, -T(0), T(INFINITY), T(NAN), 1};
  int wrong = 0;
  for (int round = 0; round < 20000; ++round) {
    T x[8], y[8], z[8], got[8];
    for (int i = 0; i < 8; ++i) {
      x[i] = number(sizes);
      y[i] = number(sizes);
      T product = x[i] * y[i];
      switch (random() % 4) {
      case 0: // of any size
        z[i] = number(sizes);
        break;
      case 1: // takes nearly all away
        z[i] = -product *
               (1 + T(random() % 3) * std::numeric_limits<T>::epsilon());
        break;
      case 2: // far above, where the product decides a tie
        z[i] =
            std::ldexp(product, std::numeric_limits<T>::digits + random() % 3);
        break;
      default:
        (random() % 2 ? x : z)[i] = edges[random() % 5];
        z[i] = random() % 2 ? edges[random() % 5] : product;
      }
    }
    run(x, y, z, got);
    for (int i = 0; i < 8; ++i)
      if (!isSame(got[i], std::fma(x[i], y[i], z[i])) && ++wrong <= 3)
        llvm::outs() << "fma(" << x[i] << ", " << y[i] << ", " << z[i]
                     << ") is " << got[i] << "\n";
  }
  return wrong;
}

int main() {
  MLIRContext context;
  context
      .loadDialect<arith::ArithDialect, math::MathDialect, LLVM::LLVMDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  OpBuilder b(&context);
  writeFunction(*module, "fused32", b.getF32Type());
  writeFunction(*module, "fused64", b.getF64Type());
  b.setInsertionPointToEnd(module->getBody());
  // What tells a loaded program; this one has no table.
  LLVM::GlobalOp::create(b, module->getLoc(), b.getI64Type(), true,
                         LLVM::Linkage::External, "qopt_program",
                         b.getI64IntegerAttr(0));
  std::string message;
  Target target =
      cpu::emulate(*cpu::targetNamed("avx2", message), feature::none);
  cpu::lowerFusedProducts(*module, target);
  cpu::setTarget(*module, target);
  if (failed(cpu::lowerToLlvmDialect(*module)))
    return 1;
  auto object = cpu::compileObject(*module);
  if (failed(object))
    return 1;
  auto code = llvm::cantFail(cpu::LoadedCode::load(*object));
  // Of f32 down to denormal numbers and up to infinity; of f64 as far as the
  // parts of a product are normal.
  int wrong = count<float>(llvm::cantFail(code->find("fused32")), 80) +
              count<double>(llvm::cantFail(code->find("fused64")), 400);
  llvm::outs() << "320000 fused products, " << wrong << " wrong\n";
  return wrong > 0;
}
