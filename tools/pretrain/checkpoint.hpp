// A training that can go on: everything the trainer holds, and the recipe it belongs to, in one safetensors file that is replaced at once.
#pragma once

#include <clb/base/error.hpp>
#include <filesystem>
#include <string_view>

#include "trainer.hpp"

namespace clb::pretrain {

void save_checkpoint(const std::filesystem::path& file, Trainer& trainer, double seconds);

struct DamagedCheckpoint : base::Error {
  using Error::Error;
};

// Brings the trainer to the state in the file; returns the seconds of training so far. DamagedCheckpoint: the trainer is as it was. Error
// when there is none, or it belongs to another recipe; it names what differs.
double load_checkpoint(const std::filesystem::path& file, Trainer& trainer);

// By the first bytes of a file: is it one of these?
bool is_checkpoint(std::string_view begin);
bool is_weights_file(std::string_view begin);

// The finished network as weights with timm's names, in the recipe's type; metadata: the recipe, its seed, the images seen.
std::string weights_file(Trainer& trainer);

}  // namespace clb::pretrain
