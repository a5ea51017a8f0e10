// Builds the function of a model: inputs, nodes in order, outputs.

#include "qopt/frontends/onnx/Importer.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AffineExprVisitor.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace qopt::onnx {

/// Nodes that one model may have, functions expanded: exporters write 500 a
/// layer at most.
static constexpr int64_t maxNodes = 65536;
/// Inputs and outputs of one node, inputs of the model.
static constexpr int maxOperands = 1024, maxInputs = 4096;
/// Functions within functions.
static constexpr int maxCalls = 32;
/// Errors that are listed.
static constexpr int maxErrors = 100;

AffineExpr simplified(AffineExpr expr, unsigned symbols) {
  return expr ? simplifyAffineExpr(expr, 0, symbols) : expr;
}

Importer::Importer(const ModelFile &file, ModuleOp module,
                   Equalities &equalities)
    : builder(module.getBodyRegion()), file(file), module(module),
      equalities(equalities), context(module.getContext()), globals(module) {}

Location Importer::locationOf(StringRef node) {
  return NameLoc::get(StringAttr::get(context, node), module.getLoc());
}

LogicalResult Importer::readOpsets() {
  for (const auto &import : file.model().opset_import()) {
    StringRef domain(import.domain());
    opsets[domain == "ai.onnx" ? "" : domain] = int(import.version());
  }
  if (!opsets.count(""))
    opsets[""] = 1;
  if (int version = opsets[""]; version < 7 || version > newest)
    return module.emitError("unsupported opset ")
           << version << ", expects 7 to " << newest;
  return success();
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

AffineExpr Importer::symbol(StringRef name) {
  auto found = llvm::find(symbols, name);
  if (found == symbols.end()) {
    symbols.push_back(name.str());
    found = symbols.end() - 1;
  }
  return getAffineSymbolExpr(found - symbols.begin(), context);
}

/// "past + seq": names and numbers; null if it is anything else.
AffineExpr Importer::parseSum(StringRef text, int depth) {
  if (depth > maxCalls) // names that stand for each other
    return {};
  SmallVector<StringRef> parts;
  text.split(parts, '+');
  AffineExpr sum = getAffineConstantExpr(0, context);
  for (StringRef part : parts) {
    part = part.trim();
    int64_t number;
    bool isName = !part.empty() && llvm::all_of(part, [](char c) {
      return llvm::isAlnum(c) || c == '_' || c == '.' || c == '/' || c == ':' ||
             c == '-';
    });
    if (!part.getAsInteger(10, number) && number >= 0) {
      sum = sum + number;
    } else if (!isName) {
      return {};
    } else if (auto other = equalities.renamed.find(part);
               other != equalities.renamed.end()) {
      AffineExpr expr = parseSum(other->second, depth + 1);
      if (!expr)
        return {};
      sum = sum + expr;
    } else {
      sum = sum + symbol(part);
    }
  }
  return simplified(sum, symbols.size());
}

bool Importer::learn(AffineExpr a, AffineExpr b) {
  if (a == b)
    return true;
  AffineExpr difference = simplified(a - b, symbols.size());
  if (auto constant = dyn_cast<AffineConstantExpr>(difference))
    return constant.getValue() == 0;
  // The later symbol becomes the earlier sum.
  auto asSymbol = [](AffineExpr expr) {
    return dyn_cast<AffineSymbolExpr>(expr);
  };
  auto dependsOn = [&](AffineExpr expr, AffineSymbolExpr symbol) {
    return expr.isFunctionOfSymbol(symbol.getPosition());
  };
  AffineSymbolExpr sa = asSymbol(a), sb = asSymbol(b);
  if (sa && (!sb || sa.getPosition() > sb.getPosition()) && !dependsOn(b, sa))
    std::swap(a, b), std::swap(sa, sb);
  if (!sb || dependsOn(a, sb))
    return true; // cannot be told; the run time would see
  std::string text;
  std::function<bool(AffineExpr)> spell = [&](AffineExpr expr) {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
      text += std::to_string(constant.getValue());
      return constant.getValue() >= 0;
    }
    if (auto symbol = asSymbol(expr)) {
      text += symbols[symbol.getPosition()];
      return true;
    }
    auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
    if (!binary || binary.getKind() != AffineExprKind::Add)
      return false;
    bool left = spell(binary.getLHS());
    text += " + ";
    return left && spell(binary.getRHS());
  };
  if (!spell(a))
    return true;
  auto [entry, isNew] =
      equalities.renamed.try_emplace(symbols[sb.getPosition()], text);
  equalities.learned |= isNew;
  return true;
}

namespace {

/// Writes an expression as index arithmetic.
struct IndexWriter : AffineExprVisitor<IndexWriter, Value> {
  IndexWriter(Importer &importer, Location loc)
      : importer(importer), b(importer.builder), loc(loc),
        dims(*importer.dims) {}

  template <typename OpT> Value binary(AffineBinaryOpExpr expr) {
    Value lhs = importer.index(expr.getLHS());
    Value rhs = importer.index(expr.getRHS());
    auto op = OpT::create(b, loc, lhs, rhs);
    dims.add(op);
    return op;
  }
  Value visitAddExpr(AffineBinaryOpExpr e) { return binary<arith::AddIOp>(e); }
  Value visitMulExpr(AffineBinaryOpExpr e) { return binary<arith::MulIOp>(e); }
  Value visitModExpr(AffineBinaryOpExpr e) { return binary<arith::RemSIOp>(e); }
  Value visitFloorDivExpr(AffineBinaryOpExpr e) {
    return binary<arith::FloorDivSIOp>(e);
  }
  Value visitCeilDivExpr(AffineBinaryOpExpr e) {
    return binary<arith::CeilDivSIOp>(e);
  }
  Value visitConstantExpr(AffineConstantExpr expr) {
    auto op = arith::ConstantIndexOp::create(b, loc, expr.getValue());
    dims.add(op);
    return op;
  }
  Value visitDimExpr(AffineDimExpr) { return {}; }
  Value visitSymbolExpr(AffineSymbolExpr) { return {}; }

  Importer &importer;
  OpBuilder &b;
  Location loc;
  nn::Dims &dims;
};

} // namespace

Value Importer::index(AffineExpr expr) {
  Value known = indices.lookup(expr);
  if (known)
    return known;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(prologueEnd);
  Value value = IndexWriter(*this, module.getLoc()).visit(expr);
  return indices[expr] = value;
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

LogicalResult Importer::expand(const ::onnx::FunctionProto &function,
                               const ::onnx::NodeProto &node, Scope &scope,
                               int depth) {
  Location loc = locationOf(node.name().empty() ? node.op_type() : node.name());
  if (depth >= maxCalls)
    return emitError(loc, "function '")
           << node.op_type() << "' calls itself, or more than " << maxCalls
           << " functions deep";
  Scope inner;
  for (int i = 0; i < function.input_size() && i < node.input_size(); ++i)
    if (auto found = scope.find(node.input(i)); found != scope.end())
      inner[function.input(i)] = found->second;
  // Attributes of the call stand in for references in the body.
  google::protobuf::RepeatedPtrField<::onnx::NodeProto> body = function.node();
  for (auto &own : body)
    for (auto &attribute : *own.mutable_attribute())
      if (!attribute.ref_attr_name().empty())
        for (const auto &given : node.attribute())
          if (given.name() == attribute.ref_attr_name()) {
            std::string name = attribute.name();
            attribute = given;
            attribute.set_name(name);
          }
  llvm::StringMap<int> own;
  for (const auto &import : function.opset_import())
    own[import.domain() == "ai.onnx" ? "" : import.domain()] =
        int(import.version());
  if (failed(importNodes(body, inner, own.empty() ? opsets : own, depth + 1)))
    return failure();
  for (int i = 0; i < function.output_size() && i < node.output_size(); ++i) {
    auto found = inner.find(function.output(i));
    if (found == inner.end())
      return emitError(loc, "function '")
             << node.op_type() << "' gives no '" << function.output(i) << "'";
    scope[node.output(i)] = found->second;
  }
  return success();
}

/// The rule for a node; null if there is none.
static const OpImport *ruleFor(StringRef domain, StringRef name, int version) {
  for (ArrayRef<OpImport> table : tables())
    for (const OpImport &rule : table)
      if (rule.domain == domain && rule.name == name && rule.since <= version &&
          version <= rule.until)
        return &rule;
  return nullptr;
}

LogicalResult Importer::importNode(const ::onnx::NodeProto &proto, Scope &scope,
                                   const llvm::StringMap<int> &opsets,
                                   int depth) {
  StringRef domain(proto.domain());
  if (domain == "ai.onnx")
    domain = "";
  std::string name = proto.name();
  if (name.empty() && proto.output_size())
    name = proto.output(0);
  Location loc = locationOf(name);
  if (++imported > maxNodes)
    return emitError(loc, "expects at most ") << maxNodes << " nodes";
  if (proto.input_size() > maxOperands || proto.output_size() > maxOperands)
    return emitError(loc, "node '")
           << name << "' (" << proto.op_type() << ") has "
           << std::max(proto.input_size(), proto.output_size())
           << " inputs or outputs, expects at most " << maxOperands;
  for (const std::string &input : proto.input())
    if (!input.empty() && !scope.count(input))
      return emitError(loc, "node '")
             << name << "' (" << proto.op_type() << ") reads '" << input
             << "', which no node before it gives: the graph has a cycle or is "
                "not sorted";
  for (const auto &function : file.model().functions())
    if (function.name() == proto.op_type() &&
        StringRef(function.domain()) == StringRef(proto.domain()))
      return expand(function, proto, scope, depth);
  auto version = opsets.find(domain);
  int opset = version == opsets.end() ? 1 : version->second;
  Node node(*this, proto, scope, loc, opset);
  const OpImport *rule = ruleFor(domain, proto.op_type(), opset);
  if (!rule)
    return emitError(loc, "unsupported op '")
           << (domain.empty() ? "ai.onnx" : domain) << "." << proto.op_type()
           << "' (opset " << opset << ") at node '" << name << "'";
  for (const std::string &output : proto.output())
    if (!output.empty() && scope.count(output))
      return node.invalid("gives '" + output + "' a second time");
  bool readsCodes = rule >= lowBitOps.begin() && rule < lowBitOps.end();
  for (int i = 0; i < node.inputs() && !readsCodes; ++i)
    if (node.has(i) && node.tensor(i).packed)
      return node.unsupported("input '" + proto.input(i) +
                              "' of unsigned or narrow integers");
  if (failed(rule->import(node)))
    return failure();
  for (const std::string &output : proto.output()) {
    if (output.empty())
      continue;
    auto given = scope.find(output);
    if (given == scope.end())
      return node.unsupported("output '" + output + "'");
    Exprs sizes; // sizes that broadcast may still be too many elements
    for (int64_t size : given->second.type.getShape())
      sizes.push_back(node.expr(ShapedType::isStatic(size) ? size : 1));
    if (failed(node.checkSizes(sizes)))
      return failure();
  }
  return success();
}

LogicalResult Importer::importNodes(
    const google::protobuf::RepeatedPtrField<::onnx::NodeProto> &nodes,
    Scope &scope, const llvm::StringMap<int> &opsets, int depth) {
  llvm::StringSet<> poisoned; // what failed nodes would have given
  bool ok = true;
  for (const auto &node : nodes) {
    bool reads = llvm::any_of(node.input(), [&](const std::string &input) {
      return poisoned.contains(input);
    });
    if (!reads && succeeded(importNode(node, scope, opsets, depth)))
      continue;
    // The nodes behind it cannot be judged, all others are.
    errors += !reads;
    ok = false;
    if (errors >= maxErrors)
      break;
    for (const std::string &output : node.output()) {
      scope.erase(output);
      poisoned.insert(output);
    }
  }
  return success(ok);
}

void Importer::remark(Location loc, StringRef text) {
  for (Remark &known : remarks)
    if (known.text == text) {
      ++known.nodes;
      return;
    }
  remarks.push_back({loc, text.str(), 1});
}

void Importer::emitRemarks() {
  for (const Remark &known : remarks) {
    auto remark = emitRemark(known.loc) << known.text;
    if (known.nodes > 1)
      remark << " (and " << known.nodes - 1 << " more nodes)";
  }
}

LogicalResult Importer::run() {
  const auto &graph = file.model().graph();
  if (graph.node_size() > maxNodes || graph.input_size() > maxInputs ||
      graph.output_size() > maxInputs)
    return module.emitError("the graph has ")
           << graph.node_size() << " nodes, " << graph.input_size()
           << " inputs and " << graph.output_size()
           << " outputs, expects at most " << maxNodes << " and " << maxInputs;
  nameParameters();
  if (failed(readOpsets()) || failed(readInputs()) ||
      failed(readInitializers()))
    return failure();
  if (failed(importNodes(file.model().graph().node(), top, opsets, 0)))
    return failure();
  return finish();
}

} // namespace qopt::onnx
