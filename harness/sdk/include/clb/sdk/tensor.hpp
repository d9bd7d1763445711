// Tensors across the ABI: LibTorch <-> DLPack 1.x. Ownership goes with the pointer (abi.h, rule 3).
#pragma once

#include <ATen/DLConvertor.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <clb/sdk/error.hpp>
#include <utility>

namespace clb {

// The tensor's storage stays alive until the receiver calls the deleter. Shares memory, strides and byte offset included.
inline DLManagedTensorVersioned* to_dlpack(const torch::Tensor& tensor) { return at::toDLPackVersioned(tensor.detach()); }

// Takes ownership: the deleter runs once, when the last view of the returned tensor is gone. NULL gives an undefined tensor. A tensor that
// LibTorch cannot represent is released and reported.
inline torch::Tensor from_dlpack(DLManagedTensorVersioned* managed) {
  if (managed == nullptr) return {};
  if (managed->version.major != DLPACK_MAJOR_VERSION) {
    const auto major = managed->version.major;
    if (managed->deleter) managed->deleter(managed);
    throw PluginError(CLB_E_INVALID,
                      "a tensor has DLPack version " + std::to_string(major) + ", wanted " + std::to_string(DLPACK_MAJOR_VERSION));
  }
  try {
    return at::fromDLPackVersioned(managed);
  } catch (const c10::Error& e) {
    if (managed->deleter) managed->deleter(managed);
    throw PluginError(CLB_E_INVALID, std::string("a tensor cannot be read: ") + e.what_without_backtrace());
  }
}

// A tensor received and not yet looked at: released if nobody takes it.
class ReceivedTensor {
 public:
  explicit ReceivedTensor(DLManagedTensorVersioned* managed) : managed_(managed) {}
  ReceivedTensor(ReceivedTensor&& other) noexcept : managed_(std::exchange(other.managed_, nullptr)) {}
  ReceivedTensor& operator=(ReceivedTensor&&) = delete;
  ~ReceivedTensor() {
    if (managed_ != nullptr && managed_->deleter != nullptr) managed_->deleter(managed_);
  }
  torch::Tensor take() { return from_dlpack(std::exchange(managed_, nullptr)); }

 private:
  DLManagedTensorVersioned* managed_;
};

}  // namespace clb
