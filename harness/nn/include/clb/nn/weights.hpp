// Weight files: safetensors to and from named tensors. The bytes come from outside, so every offset is checked before use.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

namespace clb::nn {

using TensorMap = std::map<std::string, torch::Tensor>;
using Metadata = std::map<std::string, std::string>;

// The tensors of a safetensors file that lies in memory (F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL), on the CPU. `name` opens the
// sentence of the base::Error that a damaged file or another element type causes.
// A tensor whose bytes are aligned for its type is a view of `file` and keeps `owner` alive; a view of a read-only mapping must not be
// written to. The others are copies.
TensorMap read_safetensors(std::span<const uint8_t> file, const std::string& name, std::shared_ptr<const void> owner = nullptr);

// The strings of the file's `__metadata__`.
Metadata read_safetensors_metadata(std::span<const uint8_t> file, const std::string& name);

// The file's bytes: tensors in the order of their names, C-contiguous, without gaps. Equal maps give equal bytes.
std::string write_safetensors(const TensorMap& tensors, const Metadata& metadata = {});

}  // namespace clb::nn
