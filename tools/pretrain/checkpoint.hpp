// A training that can go on: everything the trainer holds, and the recipe it belongs to, in one safetensors file that is replaced at once.
#pragma once

#include <clb/base/error.hpp>
#include <filesystem>
#include <string_view>

#include "learner.hpp"

namespace clb::pretrain {

void save_checkpoint(const std::filesystem::path& file, Learner& learner, double seconds);

struct DamagedCheckpoint : base::Error {
  using Error::Error;
};

// Brings the learner to the state in the file; returns the seconds of training so far. DamagedCheckpoint: the learner is as it was. Error
// when there is none, or it belongs to another recipe; it names what differs.
double load_checkpoint(const std::filesystem::path& file, Learner& learner);

// By the first bytes of a file: is it one of these?
bool is_checkpoint(std::string_view begin);
bool is_weights_file(std::string_view begin);

// The finished network as weights in the recipe's type; metadata: the recipe, its seed, the images seen.
std::string weights_file(Learner& learner);

}  // namespace clb::pretrain
