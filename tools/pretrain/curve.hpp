// The training curve: one JSON object a line.
#pragma once

#include <filesystem>
#include <string_view>

#include "learner.hpp"

namespace clb::pretrain {

class Curve {
 public:
  // Keeps those lines of an existing file that lie before update `from`: a training that goes on from a checkpoint writes the rest anew.
  Curve(const std::filesystem::path& file, int64_t from);

  static bool is_own(std::string_view begin);  // by the first line of a file

  void add(const Learner& learner, const Learner::Means& means, double seconds);

 private:
  std::filesystem::path file_;
};

}  // namespace clb::pretrain
