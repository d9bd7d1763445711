#include <algorithm>
#include <clb/base/error.hpp>
#include <clb/base/foreign_format.hpp>
#include <clb/base/json.hpp>
#include <clb/base/safetensors.hpp>
#include <utility>

namespace clb::base {

namespace {

constexpr uint64_t kPrefix = 8;                    // bytes of the header's length
constexpr uint64_t kMaxHeader = 100'000'000;       // of the format's reference implementation
constexpr uint64_t kMaxBytes = uint64_t{1} << 62;  // of one tensor; keeps every sum below 2^63

// Whoever gets another kind of file hears what it is, not what its bytes mean as a header.
void refuse_other_formats(std::span<const uint8_t> file, const std::string& name) {
  if (file.empty()) throw Error(name + ": is empty; a safetensors file was expected");
  const std::string said = foreign_format(file.first(std::min<size_t>(file.size(), 512)));
  if (said.empty() && file[0] != '{') return;
  const auto is = [&](const char* format) { return said.find(format) != said.npos; };
  if (is("PyTorch") || is("pickle") || is(".npz"))
    throw Error(name + ": " + said + "; a safetensors file was expected, which tools/convert_weights.py writes from it");
  if (!said.empty()) throw Error(name + ": " + said + "; a safetensors file was expected, for weights as docs/weights.md says");
  throw Error(name + ": is JSON text, an index of several files perhaps; one safetensors file was expected");
}

uint64_t header_length(std::span<const uint8_t> file, const std::string& name) {
  if (file.size() < kPrefix)
    throw Error(name + ": truncated at byte " + std::to_string(file.size()) + ", the header's length needs 8 bytes");
  uint64_t length = 0;
  for (size_t i = 0; i < kPrefix; ++i) length |= uint64_t{file[i]} << (8 * i);
  if (length > kMaxHeader || length > file.size() - kPrefix) {
    throw Error(name + ": header length at offset 0 is " + std::to_string(length) + " bytes, but the file holds " +
                std::to_string(file.size()) + " and a header at most " + std::to_string(kMaxHeader) +
                "; it is truncated or no safetensors file");
  }
  return length;
}

// Elements times bytes per element; kMaxBytes and more means overflow.
uint64_t byte_count(const TensorEntry& entry) {
  uint64_t bytes = dtype_size(entry.dtype);
  for (int64_t side : entry.shape) {
    if (side == 0) return 0;
  }
  for (int64_t side : entry.shape) {
    if (bytes > kMaxBytes / static_cast<uint64_t>(side)) return kMaxBytes;
    bytes *= static_cast<uint64_t>(side);
  }
  return bytes;
}

uint64_t unsigned_element(const Json& list, size_t i, const std::string& where) {
  const Json& value = list[i];
  if (!value.is_number_unsigned() || value.get<uint64_t>() >= kMaxBytes) {
    throw Error(where + "[" + std::to_string(i) + "] must be a whole number from 0, found " + canonical(value));
  }
  return value.get<uint64_t>();
}

TensorEntry parse_entry(const Json& json, uint64_t data_start, uint64_t file_size, const std::string& where) {
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json.contains("shape") || !json.contains("data_offsets")) {
    throw Error(where + " must hold exactly dtype, shape and data_offsets");
  }
  TensorEntry entry;
  const Json& dtype = json["dtype"];
  if (!dtype.is_string() || dtype_size(dtype.get<std::string>()) == 0) throw Error(where + " has the unknown dtype " + canonical(dtype));
  entry.dtype = dtype.get<std::string>();
  const Json& shape = json["shape"];
  if (!shape.is_array()) throw Error(where + " has a shape that is no list");
  for (size_t i = 0; i < shape.size(); ++i) entry.shape.push_back(static_cast<int64_t>(unsigned_element(shape, i, where + " shape")));
  const Json& offsets = json["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) throw Error(where + " has data_offsets that are not two numbers");
  const uint64_t begin = unsigned_element(offsets, 0, where + " data_offsets"), end = unsigned_element(offsets, 1, where + " data_offsets");
  const uint64_t room = file_size - data_start;
  if (begin > end || end > room) {
    throw Error(where + " has data_offsets [" + std::to_string(begin) + ", " + std::to_string(end) + ") outside the " +
                std::to_string(room) + " bytes of data that follow the header at offset " + std::to_string(data_start));
  }
  if (end - begin != byte_count(entry)) {
    throw Error(where + " at offset " + std::to_string(data_start + begin) + " has " + std::to_string(end - begin) +
                " bytes, but dtype and shape " + canonical(shape) + " say otherwise");
  }
  entry.begin = data_start + begin;
  entry.end = data_start + end;
  return entry;
}

void check_contiguous(const SafetensorsHeader& header, uint64_t data_start, uint64_t file_size, const std::string& name) {
  std::vector<std::pair<const TensorEntry*, const std::string*>> order;
  for (const auto& [tensor, entry] : header.tensors) order.emplace_back(&entry, &tensor);
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return std::pair(a.first->begin, a.first->end) < std::pair(b.first->begin, b.first->end); });
  uint64_t at = data_start;
  for (const auto& [entry, tensor] : order) {
    if (entry->begin != at) {
      throw Error(name + ": tensor \"" + *tensor + "\" begins at offset " + std::to_string(entry->begin) + ", expected " +
                  std::to_string(at) + ": the tensors " + (entry->begin > at ? "leave a gap" : "overlap"));
    }
    at = entry->end;
  }
  if (at != file_size) {
    throw Error(name + ": the tensors end at offset " + std::to_string(at) + ", the file at " + std::to_string(file_size));
  }
}

}  // namespace

uint64_t dtype_size(const std::string& dtype) {
  static const std::map<std::string, uint64_t> kSizes{{"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
                                                      {"U16", 2},  {"I16", 2}, {"F16", 2}, {"BF16", 2},    {"U32", 4},
                                                      {"I32", 4},  {"F32", 4}, {"U64", 8}, {"I64", 8},     {"F64", 8}};
  const auto it = kSizes.find(dtype);
  return it == kSizes.end() ? 0 : it->second;
}

SafetensorsHeader parse_safetensors(std::span<const uint8_t> file, const std::string& name) {
  refuse_other_formats(file, name);
  const uint64_t length = header_length(file, name);
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + kPrefix, length);
  if (!text.starts_with('{')) throw Error(name + ": the header at offset 8 does not begin with {; it is no safetensors file");
  const Json json = parse_json(text, name + ": header");

  SafetensorsHeader header;
  for (const auto& [key, value] : json.items()) {
    if (key != "__metadata__") {
      header.tensors[key] = parse_entry(value, kPrefix + length, file.size(), name + ": tensor " + canonical(key));
      continue;
    }
    if (!value.is_object()) throw Error(name + ": __metadata__ of the header must be an object of strings");
    for (const auto& [name_of, text_of] : value.items()) {
      if (!text_of.is_string()) throw Error(name + ": member " + canonical(name_of) + " of __metadata__ must be a string");
      header.metadata[name_of] = text_of.get<std::string>();
    }
  }
  check_contiguous(header, kPrefix + length, file.size(), name);
  return header;
}

std::string safetensors_header(const std::map<std::string, TensorEntry>& tensors, const std::map<std::string, std::string>& metadata) {
  Json json = Json::object();
  if (!metadata.empty()) json["__metadata__"] = metadata;
  uint64_t at = 0;
  for (const auto& [name, entry] : tensors) {
    if (name == "__metadata__") throw Error("a tensor cannot be called __metadata__", Exit::kInternal);
    if (dtype_size(entry.dtype) == 0) throw Error("tensor \"" + name + "\" has the unknown dtype " + entry.dtype, Exit::kInternal);
    for (int64_t side : entry.shape) {
      if (side < 0) throw Error("tensor \"" + name + "\" has a negative side", Exit::kInternal);
    }
    const uint64_t end = at + byte_count(entry);
    json[name] = {{"dtype", entry.dtype}, {"shape", entry.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = canonical(json);
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string header;
  for (size_t i = 0; i < kPrefix; ++i) header += static_cast<char>(text.size() >> (8 * i) & 0xff);
  return header + text;
}

}  // namespace clb::base
