// The training curve: one JSON object a line.
#pragma once

#include <filesystem>

#include "trainer.hpp"

namespace clb::pretrain {

class Curve {
 public:
  // Keeps those lines of an existing file that lie before update `from`: a training that goes on from a checkpoint writes the rest anew.
  Curve(const std::filesystem::path& file, int64_t from);

  void add(const Trainer& trainer, const Trainer::Means& means, double seconds);

 private:
  std::filesystem::path file_;
};

}  // namespace clb::pretrain
