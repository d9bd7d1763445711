// The same method in another process: with another environment, working directory, home and addresses, and later.
#pragma once

#include "checks.hpp"

namespace clb::conformance {

// What a checkpoint keeps between two tasks: the method's state and the exemplars that the host has.
struct Saved {
  std::string state;
  std::vector<int64_t> memory;
};
inline Saved saved(Rig& rig) { return {rig.state(), rig.memory()}; }

// What the other process is to do.
struct Errand {
  int64_t after = -1;       // the task after which the state was saved; -1: there is none, learn all tasks
  bool learn = false;       // learn the next task first
  uint64_t step = 1 << 20;  // bytes that one read of the state delivers
  std::vector<int64_t> memory = {};

  base::Json to_json() const { return {{"after", after}, {"learn", learn}, {"step", step}, {"memory", memory}}; }
  static Errand from_json(const base::Json& j) { return {j.at("after"), j.at("learn"), j.at("step"), j.at("memory")}; }
};

struct Result {
  torch::Tensor logits;
  std::string state;
};

// Failure when the process fails or leaves files behind. shape: of the logits.
Result elsewhere(const Subject& subject, const Saved& saved, Errand errand, at::IntArrayRef shape);

}  // namespace clb::conformance
