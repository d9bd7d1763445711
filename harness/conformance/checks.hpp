// The checks of `clbench validate`: each looks at one property that every plugin must have, or that it claims.
#pragma once

#include <string>
#include <vector>

#include "rig.hpp"

namespace clb::conformance {

// Thrown by a check that does not hold: one sentence.
struct Failure {
  std::string text;
};

struct Check {
  const char* name;
  const char* about;
  bool leak;  // a method that does not pass may know of the test what it should not, or keep of the past what it should not
  const char* (*skip)(const Subject&);         // why it does not apply, nullptr when it does; may be null
  std::string (*run)(const Subject& subject);  // throws Failure, or whatever the method throws; returns a remark, "" for none
};

const std::vector<Check>& method_checks();
const std::vector<Check>& dataset_checks();

// Is `got` what `want` is, up to 1e-4 of the largest logit, and the argmax the same unless the two best are that close? Rows as in `want`.
void expect_same_predictions(const torch::Tensor& want, const torch::Tensor& got, const std::string& when);

// One file per family.
std::string descriptor(const Subject& subject);  // descriptor.cpp
std::string life_cycle(const Subject& subject);  // life.cpp
std::string one_image(const Subject& subject);
std::string last_batch_of_one(const Subject& subject);
std::string one_task(const Subject& subject);
std::string quiet(const Subject& subject);
std::string cancel(const Subject& subject);
std::string bf16(const Subject& subject);
std::string resume(const Subject& subject);  // state.cpp
std::string damaged_state(const Subject& subject);
std::string evaluation_is_pure(const Subject& subject);
std::string evaluate_saved(const Subject& subject);
std::string state_growth(const Subject& subject);
std::string hidden_images(const Subject& subject);
std::string bitwise(const Subject& subject);
std::string batch_invariance(const Subject& subject);  // predictions.cpp
std::string some_columns(const Subject& subject);
std::string task_blindness(const Subject& subject);
std::string label_permutation(const Subject& subject);
std::string sample_order(const Subject& subject);
std::string outside(const Subject& subject);  // outside.cpp
std::string leftovers(const Subject& subject);

std::string dataset_descriptor(const Subject& subject);  // dataset.cpp
std::string dataset_index(const Subject& subject);
std::string dataset_read(const Subject& subject);
std::string dataset_threads(const Subject& subject);
std::string dataset_missing(const Subject& subject);

// The other process of elsewhere.hpp: does what the file "errand" in `folder` says, and writes the logits.
void run_errand(const Subject& subject, const std::string& folder);

}  // namespace clb::conformance
