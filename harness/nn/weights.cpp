#include "clb/nn/weights.hpp"

#include <algorithm>
#include <array>
#include <clb/base/safetensors.hpp>
#include <clb/nn/error.hpp>
#include <utility>
#include <vector>

#include "header_entries.hpp"

namespace clb::nn {
namespace {

using DtypeName = std::pair<const char*, torch::ScalarType>;
constexpr std::array<DtypeName, 10> kDtypes{{{"F64", torch::kFloat64},
                                             {"F32", torch::kFloat32},
                                             {"F16", torch::kFloat16},
                                             {"BF16", torch::kBFloat16},
                                             {"I64", torch::kInt64},
                                             {"I32", torch::kInt32},
                                             {"I16", torch::kInt16},
                                             {"I8", torch::kInt8},
                                             {"U8", torch::kUInt8},
                                             {"BOOL", torch::kBool}}};

torch::ScalarType type_of(const std::string& dtype, const std::string& file, const std::string& tensor) {
  for (const auto& [name, type] : kDtypes) {
    if (dtype == name) return type;
  }
  throw Error(ErrorKind::kIo, file + ": tensor '" + tensor + "' has element type " + dtype +
                                  ", which this program does not read; store it as F32, F16 or BF16");
}

std::string name_of(torch::ScalarType type, const std::string& tensor) {
  for (const auto& [name, known] : kDtypes) {
    if (type == known) return name;
  }
  throw Error(ErrorKind::kInternal,
              "tensor '" + tensor + "' has element type " + c10::toString(type) + ", which a safetensors file here cannot hold");
}

// An empty tensor may claim any other sides; products of these must not overflow inside LibTorch.
void check_sides(const std::vector<int64_t>& shape, const std::string& file, const std::string& tensor) {
  double product = 1;
  for (int64_t side : shape) product *= std::max<double>(1, static_cast<double>(side));
  if (product >= 1e18) throw Error(ErrorKind::kIo, file + ": tensor '" + tensor + "' has sides whose product exceeds 1e18");
}

torch::Tensor view_or_copy(std::span<const uint8_t> bytes, const std::vector<int64_t>& shape, torch::ScalarType type,
                           const std::shared_ptr<const void>& owner) {
  const bool aligned = reinterpret_cast<uintptr_t>(bytes.data()) % c10::elementSize(type) == 0;
  // from_blob asks for a mutable pointer; nothing here writes through it.
  if (aligned && !bytes.empty())
    return torch::from_blob(
        const_cast<uint8_t*>(bytes.data()), shape, [owner](void*) {}, type);
  torch::Tensor copy = torch::empty(shape, type);
  std::copy(bytes.begin(), bytes.end(), static_cast<uint8_t*>(copy.data_ptr()));
  return copy;
}

// A C++ bool that is neither 0 nor 1 is undefined behaviour, and a foreign byte may be anything.
torch::Tensor bools(std::span<const uint8_t> bytes, const std::vector<int64_t>& shape) {
  return view_or_copy(bytes, shape, torch::kUInt8, nullptr).ne(0);
}

}  // namespace

TensorMap read_safetensors(std::span<const uint8_t> file, const std::string& name, std::shared_ptr<const void> owner) {
  TensorMap tensors;
  for (const auto& [key, entry] : base::parse_safetensors(file, name).tensors) {
    const torch::ScalarType type = type_of(entry.dtype, name, key);
    check_sides(entry.shape, name, key);
    const std::span<const uint8_t> bytes = file.subspan(entry.begin, entry.end - entry.begin);
    tensors.emplace(key, type == torch::kBool ? bools(bytes, entry.shape) : view_or_copy(bytes, entry.shape, type, owner));
  }
  return tensors;
}

Metadata read_safetensors_metadata(std::span<const uint8_t> file, const std::string& name) {
  return base::parse_safetensors(file, name).metadata;
}

std::map<std::string, base::TensorEntry> header_entries(const TensorMap& tensors) {
  std::map<std::string, base::TensorEntry> entries;
  for (const auto& [key, tensor] : tensors) {
    entries[key] = {.dtype = name_of(tensor.scalar_type(), key), .shape = tensor.sizes().vec()};
  }
  return entries;
}

std::string write_safetensors(const TensorMap& tensors, const Metadata& metadata) {
  std::string file = base::safetensors_header(header_entries(tensors), metadata);
  for (const auto& [key, tensor] : tensors) {
    const torch::Tensor flat = tensor.detach().cpu().contiguous();
    file.append(static_cast<const char*>(flat.const_data_ptr()), flat.nbytes());
  }
  return file;
}

}  // namespace clb::nn
