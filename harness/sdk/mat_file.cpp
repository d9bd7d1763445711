#include <zlib.h>

#include <algorithm>
#include <array>
#include <clb/sdk/mat_file.hpp>
#include <clb/sdk/packed_file.hpp>
#include <cstring>
#include <span>

namespace clb {

namespace {

constexpr uint64_t kLimit = 512 << 20;  // bytes of a file, and of what a packed variable holds; SVHN has 225 MB
constexpr size_t kWide = 32 << 20;      // bytes of numbers that are no bytes, which take more room in memory
constexpr size_t kHeader = 128;
constexpr int kDepth = 8;  // of cells and structs in each other
constexpr int64_t kMostElements = 1 << 24;

enum Type : uint32_t {
  kInt8 = 1,
  kUint8,
  kInt16,
  kUint16,
  kInt32,
  kUint32,
  kSingle,
  kDouble = 9,
  kInt64 = 12,
  kUint64,
  kMatrix,
  kPacked,
  kUtf8
};
enum Class : uint8_t { kCell = 1, kStruct, kObject, kChar, kSparse, kFirstNumber, kLastNumber = 15 };

[[noreturn]] void fail(const std::string& problem) { throw PluginError(CLB_E_IO, problem); }

template <class T>
T load(std::span<const uint8_t> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

struct Element {
  uint32_t type;
  std::span<const uint8_t> data;
};

// Elements one behind the other.
class Cursor {
 public:
  explicit Cursor(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  bool ended() const { return at_ == bytes_.size(); }

  Element next() {
    const auto need = [&](size_t count) {
      if (count > bytes_.size() - at_) fail("ends inside an element");
    };
    need(8);
    const uint32_t tag = load<uint32_t>(bytes_, at_);
    if (const uint32_t small = tag >> 16; small != 0) {  // up to four bytes, in the tag
      if (small > 4) fail("has a small element of " + std::to_string(small) + " bytes");
      const Element element{tag & 0xffff, bytes_.subspan(at_ + 4, small)};
      at_ += 8;
      return element;
    }
    const uint32_t size = load<uint32_t>(bytes_, at_ + 4);
    at_ += 8;
    need(size);
    const Element element{tag, bytes_.subspan(at_, size)};
    const size_t padded = tag == kPacked ? size : (size_t{size} + 7) / 8 * 8;
    at_ += std::min(padded, bytes_.size() - at_);
    return element;
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
};

template <class T>
void append_as(std::span<const uint8_t> data, std::vector<double>& to) {
  if (data.size() % sizeof(T) != 0) fail("has a part of a number");
  for (size_t at = 0; at < data.size(); at += sizeof(T)) to.push_back(static_cast<double>(load<T>(data, at)));
}

std::vector<double> numbers_of(const Element& element) {
  std::vector<double> numbers;
  if (element.data.size() > kWide) fail("has " + std::to_string(element.data.size()) + " bytes of numbers that are no bytes");
  switch (element.type) {
    case kInt8:
      append_as<int8_t>(element.data, numbers);
      break;
    case kUtf8:
    case kUint8:
      append_as<uint8_t>(element.data, numbers);
      break;
    case kInt16:
      append_as<int16_t>(element.data, numbers);
      break;
    case kUint16:
      append_as<uint16_t>(element.data, numbers);
      break;
    case kInt32:
      append_as<int32_t>(element.data, numbers);
      break;
    case kUint32:
      append_as<uint32_t>(element.data, numbers);
      break;
    case kSingle:
      append_as<float>(element.data, numbers);
      break;
    case kDouble:
      append_as<double>(element.data, numbers);
      break;
    case kInt64:
      append_as<int64_t>(element.data, numbers);
      break;
    case kUint64:
      append_as<uint64_t>(element.data, numbers);
      break;
    default:
      fail("has numbers of the unknown type " + std::to_string(element.type));
  }
  return numbers;
}

std::string text_of(const Element& element) {
  std::string text;
  for (const double letter : numbers_of(element))
    text += letter >= 0 && letter < 256 ? static_cast<char>(static_cast<uint8_t>(letter)) : '?';
  return text;
}

MatArray matrix(std::span<const uint8_t> data, int depth);

void read_elements(Cursor& cursor, int64_t count, int depth, MatArray& to) {
  if (count > kMostElements) fail("has a cell or struct of " + std::to_string(count) + " elements");
  for (int64_t i = 0; i < count; ++i) {
    const Element element = cursor.next();
    if (element.type != kMatrix) fail("has something else than an array in a cell or struct");
    to.elements.push_back(matrix(element.data, depth + 1));
  }
}

void read_struct(Cursor& cursor, int depth, MatArray& to) {
  const std::vector<double> length = numbers_of(cursor.next());
  const std::string names = text_of(cursor.next());
  if (length.size() != 1 || length[0] < 1 || length[0] > 64) fail("has names of fields of an impossible length");
  const auto each = static_cast<size_t>(length[0]);
  for (size_t at = 0; at + each <= names.size(); at += each) to.fields.emplace_back(names.substr(at, each).c_str());
  if (to.size() > kMostElements) fail("has a struct of " + std::to_string(to.size()) + " elements");
  read_elements(cursor, to.size() * static_cast<int64_t>(to.fields.size()), depth, to);
}

void read_numbers(Cursor& cursor, MatArray& to) {
  const Element element = cursor.next();
  if (element.type == kUint8)
    to.bytes.assign(element.data.begin(), element.data.end());
  else
    to.numbers = numbers_of(element);
  const size_t there = to.bytes.size() + to.numbers.size();
  if (static_cast<int64_t>(there) != to.size())
    fail("has " + std::to_string(there) + " values of \"" + to.name + "\", whose sides say " + std::to_string(to.size()));
}

MatArray matrix(std::span<const uint8_t> data, int depth) {
  if (depth > kDepth) fail("has cells and structs in each other more than " + std::to_string(kDepth) + " deep");
  MatArray array{};
  if (data.empty()) {  // an empty cell
    array.sides = {0, 0};
    return array;
  }
  Cursor cursor(data);
  const std::vector<double> flags = numbers_of(cursor.next()), sides = numbers_of(cursor.next());
  if (flags.empty() || sides.size() < 2 || sides.size() > 8) fail("has an array without flags or sides");
  uint64_t count = 1;
  for (const double side : sides) {
    if (side < 0 || (side > 0 && static_cast<double>(kLimit) / side < static_cast<double>(count))) fail("has an array of impossible sides");
    array.sides.push_back(static_cast<int64_t>(side));
    count *= static_cast<uint64_t>(side);
  }
  array.name = text_of(cursor.next());
  const auto kind = static_cast<uint8_t>(static_cast<uint64_t>(flags[0]) & 0xff);
  if (kind == kCell) {
    read_elements(cursor, array.size(), depth, array);
  } else if (kind == kStruct) {
    read_struct(cursor, depth, array);
  } else if (kind == kChar) {
    array.text = text_of(cursor.next());
  } else if (kind >= kFirstNumber && kind <= kLastNumber) {
    read_numbers(cursor, array);
  } else {
    fail("has an array of the kind " + std::to_string(kind) + ", which is not read");
  }
  return array;
}

std::vector<uint8_t> unpacked(std::span<const uint8_t> packed) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw PluginError(CLB_E_NO_MEMORY, "out of memory");
  stream.next_in = const_cast<uint8_t*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::vector<uint8_t> bytes;
  int result = Z_OK;
  while (result == Z_OK && bytes.size() < kLimit) {
    constexpr size_t kStep = 4 << 20;
    const size_t old = bytes.size();
    bytes.resize(old + kStep);
    stream.next_out = bytes.data() + old;
    stream.avail_out = kStep;
    result = inflate(&stream, Z_NO_FLUSH);
    bytes.resize(old + (kStep - std::min<size_t>(kStep, stream.avail_out)));
    if (bytes.size() == old && result == Z_OK) break;
  }
  inflateEnd(&stream);
  if (result != Z_STREAM_END) fail("holds packed data that are damaged or too long");
  return bytes;
}

void require_level_5(const std::vector<uint8_t>& file) {
  constexpr std::array<uint8_t, 4> kHdf{0x89, 'H', 'D', 'F'};
  const std::string_view text(reinterpret_cast<const char*>(file.data()), std::min<size_t>(file.size(), kHeader));
  if (std::equal(kHdf.begin(), kHdf.end(), file.begin(), file.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(4, file.size()))) ||
      text.find("MATLAB 7.3") != std::string_view::npos)
    fail("is a MATLAB file of level 7.3, which is HDF5 and not read; save it again with -v7");
  if (file.size() < kHeader || file[126] != 'I' || file[127] != 'M') fail("is no little-endian MATLAB file of level 5");
}

}  // namespace

int64_t MatArray::size() const {
  int64_t count = 1;
  for (const int64_t side : sides) count *= side;
  return count;
}

double MatArray::number(int64_t i, const char* what) const {
  if (i >= 0 && i < static_cast<int64_t>(bytes.size())) return bytes[static_cast<size_t>(i)];
  if (i >= 0 && i < static_cast<int64_t>(numbers.size())) return numbers[static_cast<size_t>(i)];
  fail(std::string("has no number ") + std::to_string(i) + " in " + what);
}

const MatArray& MatArray::field(int64_t i, const std::string& wanted) const {
  const auto found = std::find(fields.begin(), fields.end(), wanted);
  const auto at = static_cast<size_t>(i) * fields.size() + static_cast<size_t>(found - fields.begin());
  if (found == fields.end() || i < 0 || at >= elements.size()) fail("has no field \"" + wanted + "\" in element " + std::to_string(i));
  return elements[at];
}

std::vector<MatArray> read_mat(const std::filesystem::path& name) {
  std::vector<uint8_t> file = read_packed(name, kLimit);
  try {
    require_level_5(file);
    std::vector<MatArray> all;
    for (Cursor cursor(std::span<const uint8_t>(file).subspan(kHeader)); !cursor.ended();) {
      Element element = cursor.next();
      std::vector<uint8_t> inside;
      if (element.type == kPacked) {
        inside = unpacked(element.data);
        element = Cursor(inside).next();
      }
      if (element.type == kMatrix) all.push_back(matrix(element.data, 0));
    }
    return all;
  } catch (const PluginError& error) {
    throw PluginError(error.status(), name.string() + ": " + error.what());
  }
}

const MatArray& variable(const std::vector<MatArray>& all, const std::string& name, const std::filesystem::path& file) {
  std::string there;
  for (const MatArray& one : all) {
    if (one.name == name) return one;
    there += (there.empty() ? "" : ", ") + one.name;
  }
  throw PluginError(CLB_E_IO, file.string() + ": has no variable " + name + ", but " + (there.empty() ? "none" : there));
}

}  // namespace clb
