// Compares gradients with differences of the loss.

#include "qopt/codegen/interpreter/CheckGradients.h"

#include <cmath>

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "qopt/codegen/interpreter/Compare.h"
#include "qopt/dialects/nn/Nn.h"
#include "llvm/Support/Format.h"

using namespace mlir;

namespace qopt::interpreter {

/// Tensors up to this size are moved element by element.
static constexpr size_t fewElements = 64;
static constexpr int directions = 3;

namespace {

/// One loss with the values it is run on.
class Checker {
public:
  Checker(const Interpreter &interpreter, func::FuncOp loss, func::FuncOp grad,
          double tolerance, RunOptions options)
      : interpreter(interpreter), loss(loss), grad(grad), tolerance(tolerance),
        options(options) {
    this->options.widen = true;
    this->options.state = &state;
  }

  LogicalResult checkAt(int64_t dim);

private:
  FailureOr<double> sumOfLoss();
  FailureOr<double> slope(Tensor &tensor, ArrayRef<double> direction);
  FailureOr<Tensor *> find(StringRef name);
  LogicalResult check(StringRef name, const Tensor &gradient, int64_t dim);

  const Interpreter &interpreter;
  func::FuncOp loss, grad;
  double tolerance;
  RunOptions options;
  State state; ///< parameters that are moved
  std::vector<Tensor> arguments;
};

} // namespace

FailureOr<double> Checker::sumOfLoss() {
  State moved = state; // what the function stores is dropped
  RunOptions own = options;
  own.state = &moved;
  auto results = interpreter.run(loss, arguments, own);
  if (failed(results))
    return failure();
  double sum = 0;
  for (double element : results->front().data)
    sum += element;
  return sum;
}

/// d loss / d t where `tensor` moves by t * direction: central differences at
/// two distances, of which the error of second order is taken out.
FailureOr<double> Checker::slope(Tensor &tensor, ArrayRef<double> direction) {
  std::vector<double> home = tensor.data;
  auto at = [&](double t) {
    for (auto [x, from, d] : llvm::zip(tensor.data, home, direction))
      x = from + t * d;
    return sumOfLoss();
  };
  double slopes[2], h = 4e-4;
  for (double &slope : slopes) {
    auto above = at(h), below = at(-h);
    if (failed(above) || failed(below))
      return failure();
    slope = (*above - *below) / (2 * h);
    h /= 2;
  }
  tensor.data = std::move(home);
  return (4 * slopes[1] - slopes[0]) / 3;
}

/// The parameter or argument of that name, which may be moved.
FailureOr<Tensor *> Checker::find(StringRef name) {
  for (unsigned i = 0; i < loss.getNumArguments(); ++i) {
    auto attr = loss.getArgAttrOfType<StringAttr>(i, nn::NnDialect::nameAttr);
    if (name == (attr ? attr.str() : "arg" + std::to_string(i)))
      return &arguments[i];
  }
  auto global =
      loss->getParentOfType<ModuleOp>().lookupSymbol<ml_program::GlobalOp>(
          name);
  if (!global)
    return loss.emitError("has neither argument nor parameter '")
           << name << "'";
  auto found = state.find(name.str());
  if (found == state.end()) {
    // Its value is what a function that only loads it gives.
    OpBuilder builder(loss);
    auto reader =
        func::FuncOp::create(builder, loss.getLoc(), "reader",
                             builder.getFunctionType({}, global.getType()));
    builder.setInsertionPointToStart(reader.addEntryBlock());
    Value value = ml_program::GlobalLoadOp::create(
        builder, loss.getLoc(), global.getType(), SymbolRefAttr::get(global));
    func::ReturnOp::create(builder, loss.getLoc(), value);
    auto values = interpreter.run(reader, {}, options);
    reader.erase();
    if (failed(values))
      return failure();
    found = state.insert({name.str(), std::move(values->front())}).first;
  }
  return &found->second;
}

LogicalResult Checker::check(StringRef name, const Tensor &gradient,
                             int64_t dim) {
  auto tensor = find(name);
  if (failed(tensor))
    return failure();
  if (gradient.shape != (*tensor)->shape)
    return loss.emitError("has a gradient of shape [")
           << gradient.shape << "] of '" << name << "', which is ["
           << (*tensor)->shape << "]";
  size_t size = gradient.data.size();
  double largest = 0, norm = 0, worst = 0;
  for (double g : gradient.data) {
    largest = std::max(largest, std::abs(g));
    norm += g * g;
  }
  bool few = size <= fewElements;
  double unit = few ? largest : std::sqrt(norm);
  auto type = RankedTensorType::get(gradient.shape,
                                    Float64Type::get(loss.getContext()));
  for (size_t k = 0; k < (few ? size : directions); ++k) {
    std::vector<double> direction(size);
    if (few)
      direction[k] = 1;
    else
      direction = randomTensor(type, name, k + 1, gradient.shape).data;
    double want = 0;
    for (auto [g, d] : llvm::zip(gradient.data, direction))
      want += g * d;
    auto got = slope(**tensor, direction);
    if (failed(got))
      return failure();
    double error = std::abs(*got - want);
    if (!(error <= tolerance * unit))
      return loss.emitError("dimension ")
             << dim << ": the gradient of '" << name << "', "
             << (few ? "element " : "direction ") << k << ", is " << want
             << ", but the loss changes by " << *got;
    worst = std::max(worst, error);
  }
  llvm::outs() << loss.getSymName() << " " << name << ", dimension " << dim
               << ": relative error "
               << llvm::format("%.2e\n", worst > 0 ? worst / unit : 0);
  return success();
}

LogicalResult Checker::checkAt(int64_t dim) {
  arguments.clear();
  state.clear();
  for (unsigned i = 0; i < loss.getNumArguments(); ++i) {
    auto shape = argumentShape(loss, i, dim);
    if (failed(shape))
      return failure();
    arguments.push_back(argumentValue(loss, i, *shape, options.seed));
  }
  auto results = interpreter.run(grad, arguments, options);
  if (failed(results))
    return failure();
  state.clear();
  for (unsigned i = 1; i < grad.getNumResults(); ++i) {
    auto name =
        grad.getResultAttrOfType<StringAttr>(i, nn::NnDialect::nameAttr);
    StringRef of = name ? name.getValue() : "";
    if (!of.consume_back(".grad"))
      return grad.emitError("expects result ")
             << i << " to be named after what it is the gradient of";
    if (failed(check(of, (*results)[i], dim)))
      return failure();
  }
  return success();
}

LogicalResult checkGradients(const Interpreter &interpreter, ModuleOp program,
                             double tolerance, const RunOptions &options) {
  bool any = false;
  for (auto loss : llvm::to_vector(program.getOps<func::FuncOp>())) {
    auto grad =
        program.lookupSymbol<func::FuncOp>((loss.getSymName() + ".grad").str());
    if (!grad)
      continue;
    any = true;
    Checker checker(interpreter, loss, grad, tolerance, options);
    bool dynamic = llvm::any_of(loss.getArgumentTypes(), [](Type type) {
      return !cast<RankedTensorType>(type).hasStaticShape();
    });
    if (failed(checker.checkAt(3)) || (dynamic && failed(checker.checkAt(1))))
      return failure();
  }
  return any ? success()
             : program.emitError("checks nothing: there is no gradient");
}

} // namespace qopt::interpreter
