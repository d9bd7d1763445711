// Tensors across the ABI: LibTorch <-> DLPack 1.x. Ownership goes with the pointer (abi.h, rule 3).
#pragma once

#include <ATen/DLConvertor.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <clb/sdk/error.hpp>
#include <clb/sdk/foreign_tensor.hpp>
#include <memory>
#include <string>
#include <utility>

namespace clb {

// The tensor's storage stays alive until the receiver calls the deleter. Shares memory, strides and byte offset included.
inline DLManagedTensorVersioned* to_dlpack(const torch::Tensor& tensor) { return at::toDLPackVersioned(tensor.detach()); }

// Owns a tensor that was received: its deleter runs once. An exception of the deleter, which must not throw, ends here.
class ReceivedOwner {
 public:
  explicit ReceivedOwner(DLManagedTensorVersioned* managed) noexcept : managed_(managed) {}
  ReceivedOwner(const ReceivedOwner&) = delete;
  ReceivedOwner& operator=(const ReceivedOwner&) = delete;
  ~ReceivedOwner() {
    if (managed_ == nullptr || managed_->deleter == nullptr) return;
    try {
      managed_->deleter(managed_);
    } catch (...) {
    }
  }

 private:
  DLManagedTensorVersioned* managed_;
};

// Takes ownership: the deleter runs once, when the last view of the returned tensor is gone. NULL gives an undefined tensor. A tensor that
// LibTorch cannot represent is released and reported.
inline torch::Tensor from_dlpack(DLManagedTensorVersioned* managed) {
  if (managed == nullptr) return {};
  const auto owner = std::make_shared<ReceivedOwner>(managed);
  if (const std::string fault = detail::tensor_fault(*managed); !fault.empty()) throw PluginError(CLB_E_INVALID, "a tensor " + fault);
  const DLTensor& t = managed->dl_tensor;
  const auto sides = static_cast<size_t>(t.ndim);
  const torch::Device device = t.device.device_type == kDLCUDA
                                   ? torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(t.device.device_id))
                                   : torch::Device(torch::kCPU);
  try {
    auto maker = at::for_blob(static_cast<char*>(t.data) + t.byte_offset, {t.shape, sides});
    if (t.strides != nullptr) maker.strides(at::IntArrayRef(t.strides, sides));
    return maker.deleter([owner](void*) {})
        .options(torch::dtype(at::toScalarType(t.dtype)).device(device))
        .target_device(device)
        .make_tensor();
  } catch (const c10::Error& e) {
    throw PluginError(CLB_E_INVALID, std::string("a tensor cannot be read: ") + e.what_without_backtrace());
  }
}

// A tensor received and not yet looked at: released if nobody takes it.
class ReceivedTensor {
 public:
  explicit ReceivedTensor(DLManagedTensorVersioned* managed) : managed_(managed) {}
  ReceivedTensor(ReceivedTensor&& other) noexcept : managed_(std::exchange(other.managed_, nullptr)) {}
  ReceivedTensor& operator=(ReceivedTensor&&) = delete;
  ~ReceivedTensor() { const ReceivedOwner owner(managed_); }
  torch::Tensor take() { return from_dlpack(std::exchange(managed_, nullptr)); }

 private:
  DLManagedTensorVersioned* managed_;
};

}  // namespace clb
