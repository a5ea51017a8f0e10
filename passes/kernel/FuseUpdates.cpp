// Updates many parameters in one launch.
//
// A step of training ends with an update of each parameter. The kernels of
// those that are alike (the same op on the same types, reading the same numbers
// of the run) become one, whose body is theirs behind each other; families
// write its code once. It is launched where the first of them was: the others
// move up, which they may where all that they read is there (the factor of all
// gradients is known only when all are) and nobody in between reads what they
// overwrite.

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/Pass.h"
#include "qopt/dialects/kernel/Kernel.h"
#include "qopt/dialects/nn/Nn.h"
#include "qopt/dialects/train/Train.h"
#include "qopt/passes/Passes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using ml_program::GlobalLoadOp;
using ml_program::GlobalStoreOp;

namespace qopt {

#define GEN_PASS_DEF_FUSEUPDATES
#include "qopt/passes/Passes.h.inc"

namespace {

/// What updates must have in common: types and names of ops, constants, and
/// the numbers that the run chooses, as opaque pointers.
using Likeness = SmallVector<const void *>;

/// A launch that updates one parameter.
struct Member {
  kernel::LaunchOp launch;
  kernel::FuncOp kernel;
};

using Kernels = llvm::SetVector<kernel::FuncOp>;

/// Fuses the updates of one entry.
class Fuser {
public:
  Fuser(func::FuncOp entry, SymbolTable &kernels, Kernels &fused, int64_t most)
      : entry(entry), kernels(kernels), fused(fused), most(most) {}

  void run();

private:
  std::optional<Likeness> likenessOf(Member member);
  bool canMove(Member member, Operation *place);
  void fuse(ArrayRef<Member> members);
  kernel::FuncOp kernelOf(ArrayRef<Member> members, ArrayRef<Value> operands);
  kernel::FuncOp unique(kernel::FuncOp kernel);

  func::FuncOp entry;
  SymbolTable &kernels;
  Kernels &fused; ///< those of one parameter, which may not be needed any more
  int64_t most;   ///< arguments and results of a launch; 0: any number
};

} // namespace

/// Arguments and results of one launch for all.
static int64_t countOf(ArrayRef<Member> members) {
  llvm::DenseSet<Value> operands;
  int64_t results = 0;
  for (Member member : members) {
    operands.insert_range(member.launch.getArguments());
    results += member.launch->getNumResults();
  }
  return operands.size() + results;
}

static bool isNumber(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 0;
}

/// Empty unless the kernel is one step of an optimizer, with what stores it.
std::optional<Likeness> Fuser::likenessOf(Member member) {
  kernel::FuncOp kernel = member.kernel;
  if (kernel.getNumSymbols() > 0 || kernel.getResultLayouts() ||
      member.launch.getStates())
    return std::nullopt;
  Likeness likeness;
  auto say = [&](const void *what) { likeness.push_back(what); };
  DenseMap<Value, int64_t> numbers; // of what the ops give
  int64_t steps = 0;
  for (Operation &op : kernel.getBlock().without_terminator()) {
    if (isa<arith::ConstantOp>(op))
      continue;
    if (!isa<train::TrainDialect>(op.getDialect()) && !isa<nn::CastOp>(op))
      return std::nullopt;
    steps += isa<train::SgdOp, train::AdamwOp>(op);
    say(op.getName().getAsOpaquePointer());
    for (NamedAttribute attr : op.getAttrs()) {
      say(attr.getName().getAsOpaquePointer());
      // What tells parameters apart that draw by chance.
      if (!isa<train::StochasticRoundOp>(op))
        say(attr.getValue().getAsOpaquePointer());
    }
    auto adamw = dyn_cast<train::AdamwOp>(op);
    for (OpOperand &use : op.getOpOperands()) {
      Value value = use.get();
      say(getElementTypeOrSelf(value).getAsOpaquePointer());
      if (adamw && &use == &adamw.getDecayMutable())
        continue; // norms have none
      if (auto constant = value.getDefiningOp<arith::ConstantOp>())
        say(constant.getValue().getAsOpaquePointer());
      else if (auto argument = dyn_cast<BlockArgument>(value))
        say(isNumber(value)
                ? member.launch.getArguments()[argument.getArgNumber()]
                      .getAsOpaquePointer()
                : nullptr);
      else
        say(reinterpret_cast<const void *>(numbers.lookup(value)));
    }
    for (Value result : op.getResults()) {
      numbers[result] = numbers.size() + 1;
      say(getElementTypeOrSelf(result).getAsOpaquePointer());
    }
  }
  return steps == 1 ? std::optional(likeness) : std::nullopt;
}

/// Whether some op that is not before `place` reads `value` where it lies, but
/// for `launch`.
static bool isReadFrom(Operation *place, Value value, Operation *launch) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    if (user == launch)
      return false;
    if (isa<nn::ReshapeOp, train::ChooseOp>(user) &&
        isReadFrom(place, user->getResult(0), launch))
      return true;
    return !user->isBeforeInBlock(place);
  });
}

/// Whether the launch can stand at `place`, which is before it: what it reads
/// is there, or a weight, or a variable that nobody has changed yet, and what
/// it overwrites is read before only.
bool Fuser::canMove(Member member, Operation *place) {
  Block &block = entry.getBody().front();
  for (Value operand : member.launch.getArguments()) {
    Operation *source = operand.getDefiningOp();
    if (!source || source->isBeforeInBlock(place) ||
        isa<kernel::LoadOp>(source))
      continue;
    auto load = dyn_cast<GlobalLoadOp>(source);
    if (!load || llvm::any_of(block.getOps<GlobalStoreOp>(), [&](auto store) {
          return store.getGlobal() == load.getGlobal() &&
                 store->isBeforeInBlock(load);
        }))
      return false;
  }
  for (Operation *user : member.launch->getUsers()) {
    auto store = dyn_cast<GlobalStoreOp>(user);
    if (!store)
      continue;
    for (auto load : block.getOps<GlobalLoadOp>())
      if (load.getGlobal() == store.getGlobal() &&
          isReadFrom(place, load, member.launch))
        return false;
  }
  return true;
}

/// Of bodies behind each other; arguments that are the same operand are one.
kernel::FuncOp Fuser::kernelOf(ArrayRef<Member> members,
                               ArrayRef<Value> operands) {
  OpBuilder b(entry);
  Member first = members[0];
  Location loc = first.kernel.getLoc();
  SmallVector<Attribute> dims(operands.size()), layouts(operands.size());
  SmallVector<int64_t> places;
  for (Member member : members)
    for (auto [i, operand] : llvm::enumerate(member.launch.getArguments())) {
      places.push_back(llvm::find(operands, operand) - operands.begin());
      dims[places.back()] = member.kernel.getDims()[i];
      layouts[places.back()] = member.kernel.getLayouts()[i];
    }
  std::string name;
  for (Operation &op : first.kernel.getBlock())
    if (isa<train::SgdOp, train::AdamwOp>(op))
      name = op.getName().stripDialect().str() + "_all";
  auto kernel = kernel::FuncOp::create(b, loc, name, b.getArrayAttr(dims),
                                       b.getArrayAttr(layouts), ArrayAttr());
  Block *body = b.createBlock(&kernel.getBody());
  for (Value operand : operands)
    body->addArgument(operand.getType(), loc);
  SmallVector<Value> given;
  int64_t *place = places.begin();
  for (Member member : members) {
    IRMapping mapping;
    for (Value argument : member.kernel.getBlock().getArguments())
      mapping.map(argument, body->getArgument(*place++));
    for (Operation &op : member.kernel.getBlock().without_terminator())
      b.clone(op, mapping);
    for (Value result : member.kernel.getResultValues())
      given.push_back(mapping.lookup(result));
  }
  kernel::ReturnOp::create(b, loc, given);
  return kernel;
}

/// One that another entry has already, or this one under a name of its own.
kernel::FuncOp Fuser::unique(kernel::FuncOp kernel) {
  StringAttr name = kernel.getSymNameAttr();
  for (auto known : entry->getParentOp()->getRegion(0).getOps<kernel::FuncOp>())
    if (known != kernel) {
      kernel.setSymNameAttr(known.getSymNameAttr());
      if (OperationEquivalence::isEquivalentTo(
              known, kernel, OperationEquivalence::IgnoreLocations)) {
        kernel.erase();
        return known;
      }
    }
  kernel.setSymNameAttr(name);
  kernels.insert(kernel);
  return kernel;
}

void Fuser::fuse(ArrayRef<Member> members) {
  Member first = members[0];
  Operation *place = first.launch;
  llvm::SetVector<Value> operands;
  SmallVector<Type> types;
  SmallVector<Attribute> dims;
  for (Member member : members) {
    for (Value operand : member.launch.getArguments()) {
      operands.insert(operand);
      Operation *source = operand.getDefiningOp();
      if (source && !source->isBeforeInBlock(place))
        source->moveBefore(place);
    }
    llvm::append_range(types, member.launch.getResultTypes());
    if (auto own =
            member.launch->getAttrOfType<ArrayAttr>(nn::NnDialect::dimsAttr))
      llvm::append_range(dims, own);
  }
  kernel::FuncOp kernel = unique(kernelOf(members, operands.getArrayRef()));
  OpBuilder b(place);
  auto all = kernel::LaunchOp::create(
      b, place->getLoc(), types,
      FlatSymbolRefAttr::get(kernel.getSymNameAttr()), operands.getArrayRef(),
      first.launch.getSymbolsAttr(), ArrayAttr(), DenseI64ArrayAttr());
  if (dims.size() == types.size())
    all->setAttr(nn::NnDialect::dimsAttr, b.getArrayAttr(dims));
  unsigned next = 0;
  for (Member member : members) {
    for (Value result : member.launch.getResults())
      result.replaceAllUsesWith(all.getResult(next++));
    member.launch.erase();
    fused.insert(member.kernel);
  }
}

void Fuser::run() {
  llvm::MapVector<Likeness, SmallVector<SmallVector<Member>>,
                  std::map<Likeness, unsigned>>
      groups;
  for (auto launch : entry.getOps<kernel::LaunchOp>()) {
    Member member{launch, kernels.lookup<kernel::FuncOp>(launch.getKernel())};
    auto likeness = likenessOf(member);
    if (!likeness)
      continue;
    SmallVector<SmallVector<Member>> &parts = groups[*likeness];
    if (!parts.empty() && canMove(member, parts.back()[0].launch)) {
      parts.back().push_back(member);
      if (most == 0 || countOf(parts.back()) <= most)
        continue;
      parts.back().pop_back();
    }
    parts.emplace_back().push_back(member);
  }
  for (auto &[likeness, parts] : groups)
    for (ArrayRef<Member> members : parts)
      if (members.size() > 1)
        fuse(members);
}

namespace {

struct FuseUpdates final : impl::FuseUpdatesBase<FuseUpdates> {
  using FuseUpdatesBase::FuseUpdatesBase;

  void runOnOperation() override {
    ModuleOp program = getOperation();
    SymbolTable kernels(program);
    Kernels fused;
    for (auto entry : program.getOps<func::FuncOp>())
      Fuser(entry, kernels, fused, arguments).run();
    llvm::DenseSet<StringRef> launched;
    program.walk(
        [&](kernel::LaunchOp launch) { launched.insert(launch.getKernel()); });
    for (kernel::FuncOp kernel : fused)
      if (!launched.contains(kernel.getSymName()))
        kernel.erase();
  }
};

} // namespace
} // namespace qopt
