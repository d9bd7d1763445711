// Is a DLPack tensor that came across the ABI one that LibTorch can be asked to look at? LibTorch believes what it is told, and ends the
// process over a negative stride.
#pragma once

#include <ATen/DLConvertor.h>

#include <cstdint>
#include <string>

namespace clb::detail {

__extension__ typedef __int128 Wide;  // products of two int64 do not overflow

inline std::string shape_text(const DLTensor& t) {
  std::string text;
  for (int32_t k = 0; k < t.ndim; ++k) text += (k == 0 ? "[" : ", ") + std::to_string(t.shape[k]);
  return t.ndim == 0 ? "[]" : text + "]";
}

// Of the sides, the strides and what they reach; `size` is that of an element in bytes.
inline std::string extent_fault(const DLTensor& t, int64_t size) {
  constexpr Wide kMost = Wide{1} << 47;  // what a process can address
  Wide count = 1, reach = 1;             // elements; elements from the first to the last in memory
  bool empty = false;
  for (int32_t k = 0; k < t.ndim; ++k) {
    if (t.shape[k] < 0) return "has the negative side " + std::to_string(t.shape[k]);
    if (t.strides != nullptr && t.strides[k] < 0) return "has the negative stride " + std::to_string(t.strides[k]);
    empty = empty || t.shape[k] == 0;
  }
  if (empty) return "";
  for (int32_t k = 0; k < t.ndim; ++k) {
    count *= t.shape[k];
    if (t.strides != nullptr) reach += static_cast<Wide>(t.shape[k] - 1) * t.strides[k];
    if (count * size > kMost || reach * size > kMost) return "is larger than memory: " + shape_text(t);
  }
  if (t.data == nullptr) return "has no memory behind its shape " + shape_text(t);
  if (t.byte_offset > static_cast<uint64_t>(kMost)) return "has the byte offset " + std::to_string(t.byte_offset);
  if ((reinterpret_cast<uintptr_t>(t.data) + t.byte_offset) % static_cast<uint64_t>(size) != 0) return "is not aligned to its elements";
  return "";
}

// What is wrong, as the end of a sentence that begins with "a tensor"; "" when nothing is. Nothing is read but the description.
inline std::string tensor_fault(const DLManagedTensorVersioned& managed) {
  if (managed.version.major != DLPACK_MAJOR_VERSION) {
    return "has DLPack version " + std::to_string(managed.version.major) + ", wanted " + std::to_string(DLPACK_MAJOR_VERSION);
  }
  const DLTensor& t = managed.dl_tensor;
  constexpr int32_t kMostSides = 64;
  if (t.ndim < 0 || t.ndim > kMostSides) return "has " + std::to_string(t.ndim) + " sides, wanted 0 to " + std::to_string(kMostSides);
  if (t.ndim > 0 && t.shape == nullptr) return "has " + std::to_string(t.ndim) + " sides and no shape";
  const bool here = t.device.device_type == kDLCPU || (t.device.device_type == kDLCUDA && at::globalContext().hasCUDA());
  if (!here || t.device.device_id < 0 || t.device.device_id > INT8_MAX) {
    return "lies on device " + std::to_string(t.device.device_id) + " of DLPack type " + std::to_string(t.device.device_type) +
           ", which is not here";
  }
  if (t.dtype.lanes != 1) return "has elements of " + std::to_string(t.dtype.lanes) + " lanes, wanted 1";
  try {
    return extent_fault(t, static_cast<int64_t>(c10::elementSize(at::toScalarType(t.dtype))));
  } catch (const c10::Error&) {
    return "has elements of type code " + std::to_string(t.dtype.code) + " with " + std::to_string(t.dtype.bits) +
           " bits, which LibTorch does not have";
  }
}

}  // namespace clb::detail
