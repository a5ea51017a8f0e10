// Walks the wire format of protobuf to cut out the raw data of large tensors.
//
// Only the fields on the way to a tensor are entered: ModelProto.graph (7) and
// functions (25), GraphProto.node (1) and initializer (5), NodeProto.attribute
// (5), AttributeProto.t (5), g (6), tensors (10), graphs (11), and
// TensorProto.raw_data (9), which is replaced by an external_data entry that
// says where it lies.

#include "qopt/frontends/onnx/ModelFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

namespace qopt::onnx {

/// Raw data from this size on stays in the file.
static constexpr uint64_t largeBytes = 4096;
/// Messages within messages.
static constexpr int maxDepth = 64;
/// The key of an external_data entry that names the model file itself.
static constexpr llvm::StringLiteral selfKey = "qopt.self";

namespace {

enum class Kind { Model, Graph, Node, Attribute, Tensor, Function };

/// Copies a message, large raw data left out.
class Stripper {
public:
  explicit Stripper(llvm::StringRef data) : data(data) {}

  /// False if the bytes are no protobuf message.
  bool strip(Kind kind, uint64_t begin, uint64_t end, std::string &out,
             int depth);

private:
  bool varint(uint64_t &position, uint64_t end, uint64_t &value) const;

  llvm::StringRef data;
};

} // namespace

static void putVarint(std::string &out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(char(value | 0x80));
    value >>= 7;
  }
  out.push_back(char(value));
}

static void putBytes(std::string &out, int field, llvm::StringRef bytes) {
  putVarint(out, uint64_t(field) << 3 | 2);
  putVarint(out, bytes.size());
  out.append(bytes.data(), bytes.size());
}

/// The message in `field` of a message of this kind, if tensors are on its way.
static bool entered(Kind kind, uint64_t field, Kind &inner) {
  struct Step {
    Kind outer;
    uint64_t field;
    Kind inner;
  };
  static constexpr Step steps[] = {
      {Kind::Model, 7, Kind::Graph},       {Kind::Model, 25, Kind::Function},
      {Kind::Graph, 1, Kind::Node},        {Kind::Graph, 5, Kind::Tensor},
      {Kind::Function, 7, Kind::Node},     {Kind::Node, 5, Kind::Attribute},
      {Kind::Attribute, 5, Kind::Tensor},  {Kind::Attribute, 6, Kind::Graph},
      {Kind::Attribute, 10, Kind::Tensor}, {Kind::Attribute, 11, Kind::Graph}};
  for (const Step &step : steps)
    if (step.outer == kind && step.field == field) {
      inner = step.inner;
      return true;
    }
  return false;
}

bool Stripper::varint(uint64_t &position, uint64_t end, uint64_t &value) const {
  value = 0;
  for (int shift = 0; shift < 64 && position < end; shift += 7) {
    uint8_t byte = data[position++];
    value |= uint64_t(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return true;
  }
  return false;
}

bool Stripper::strip(Kind kind, uint64_t position, uint64_t end,
                     std::string &out, int depth) {
  if (depth > maxDepth)
    return false;
  while (position < end) {
    uint64_t start = position, tag, length;
    if (!varint(position, end, tag))
      return false;
    uint64_t field = tag >> 3;
    switch (tag & 7) {
    case 0:
      if (!varint(position, end, length))
        return false;
      break;
    case 1:
      length = 8;
      if (end - position < length)
        return false;
      position += length;
      break;
    case 5:
      length = 4;
      if (end - position < length)
        return false;
      position += length;
      break;
    case 2: {
      if (!varint(position, end, length) || end - position < length)
        return false;
      uint64_t from = position;
      position += length;
      Kind inner;
      if (kind == Kind::Tensor && field == 9 && length >= largeBytes) {
        std::string entry;
        putBytes(entry, 1, selfKey);
        putBytes(entry, 2, std::to_string(from) + "," + std::to_string(length));
        putBytes(out, 13, entry);
        continue;
      }
      if (entered(kind, field, inner)) {
        std::string body;
        if (!strip(inner, from, position, body, depth + 1))
          return false;
        putBytes(out, int(field), body);
        continue;
      }
      break;
    }
    default:
      return false;
    }
    out.append(data.data() + start, position - start);
  }
  return position == end;
}

std::unique_ptr<ModelFile> ModelFile::read(llvm::StringRef path,
                                           std::string &message) {
  auto file = std::make_unique<ModelFile>();
  file->directory = llvm::sys::path::parent_path(path).str();
  file->name = llvm::sys::path::filename(path).str();
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer) {
    message =
        "cannot read '" + path.str() + "': " + buffer.getError().message();
    return nullptr;
  }
  file->buffer = std::move(*buffer);
  llvm::StringRef data = file->buffer->getBuffer();
  std::string stripped;
  google::protobuf::SetLogHandler(nullptr); // we say it ourselves
  bool parsed = Stripper(data).strip(Kind::Model, 0, data.size(), stripped, 0);
  if (parsed) {
    google::protobuf::io::ArrayInputStream array(stripped.data(),
                                                 int(stripped.size()));
    google::protobuf::io::CodedInputStream stream(&array);
    stream.SetRecursionLimit(maxDepth * 2);
    parsed = stripped.size() < (1u << 31) - 1 &&
             file->proto.ParseFromCodedStream(&stream) &&
             stream.ConsumedEntireMessage();
  }
  if (!parsed || !file->proto.has_graph()) {
    message = "'" + path.str() + "' is no ONNX model, or a damaged one (" +
              std::to_string(data.size()) + " bytes)";
    return nullptr;
  }
  return file;
}

/// A path that stays in the folder: relative, without "..", not through a link.
static bool staysInside(llvm::StringRef folder, llvm::StringRef path) {
  if (path.empty() || llvm::sys::path::is_absolute(path) ||
      path.contains('\0') || path.contains('\\'))
    return false;
  for (llvm::StringRef part : llvm::make_range(llvm::sys::path::begin(path),
                                               llvm::sys::path::end(path)))
    if (part == "..")
      return false;
  llvm::SmallString<256> whole(folder.empty() ? "." : folder), real, root;
  if (llvm::sys::fs::real_path(whole, root))
    return false;
  llvm::sys::path::append(whole, path);
  if (llvm::sys::fs::real_path(whole, real))
    return true; // not there: said when it is opened
  return real.starts_with(root) &&
         (real.size() == root.size() || root == "/" ||
          llvm::sys::path::is_separator(real[root.size()]));
}

bool ModelFile::locate(const ::onnx::TensorProto &tensor, Region &region,
                       std::string &message) const {
  region = Region();
  bool any = false;
  for (const auto &entry : tensor.external_data()) {
    llvm::StringRef key(entry.key()), value(entry.value());
    bool bad = false;
    if (key == selfKey) {
      auto [offset, bytes] = value.split(',');
      bad = offset.getAsInteger(10, region.offset) ||
            bytes.getAsInteger(10, region.bytes);
      region.file = name;
      any = true;
    } else if (key == "location") {
      region.file = value.str();
      any = true;
      if (!staysInside(directory, value)) {
        message = "external data '" + value.str() +
                  "' is outside of the model's folder, expects a relative path "
                  "in it";
        return false;
      }
    } else if (key == "offset") {
      bad = value.getAsInteger(10, region.offset) || region.offset < 0;
    } else if (key == "length") {
      bad = value.getAsInteger(10, region.bytes) || region.bytes < 0;
    }
    if (bad) {
      message = "external data has " + key.str() + " '" + value.str() +
                "', expects a number that is not negative";
      return false;
    }
  }
  return any;
}

bool ModelFile::bytes(const ::onnx::TensorProto &tensor, std::string &out,
                      std::string &message) const {
  if (tensor.has_raw_data()) {
    out = tensor.raw_data();
    return true;
  }
  Region region;
  if (!locate(tensor, region, message))
    return false;
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, region.file);
  auto part =
      llvm::MemoryBuffer::getFileSlice(path, region.bytes, region.offset);
  if (!part) {
    message = "cannot read external data '" + region.file +
              "': " + part.getError().message();
    return false;
  }
  out = (*part)->getBuffer().str();
  if (int64_t(out.size()) != region.bytes) {
    message = "external data '" + region.file + "' is too short";
    return false;
  }
  return true;
}

} // namespace qopt::onnx
