// The images of a run as the networks of its roles want them, augmented and as they are evaluated.
#pragma once

#include <clb/data/images.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace clb::data {

class Views {
 public:
  Views(Samples& samples, const base::RunSpec& run, torch::Device device, torch::ScalarType dtype);

  // "" and a role without transforms of its own: as the transforms of method (augmented) and protocol say. [any]
  const Images& at(const std::string& role, bool augmented) const;

 private:
  const Images& made_by(const base::TransformRecipe& recipe, Samples& samples, torch::Device device, torch::ScalarType dtype);

  struct Pair {
    const Images *augmented, *evaluated;
  };
  std::vector<std::unique_ptr<Images>> images_;  // one of each recipe
  std::map<std::string, Pair> by_role_;
};

}  // namespace clb::data
