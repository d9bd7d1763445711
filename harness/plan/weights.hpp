// [weights.ROLE]: a safetensors file with its SHA-256, or an untrained ViT of given shape.
#pragma once

#include <clb/base/network_format.hpp>
#include <clb/base/run_spec.hpp>
#include <clb/plan/catalogue.hpp>
#include <filesystem>
#include <optional>
#include <vector>

#include "toml.hpp"

namespace clb::plan {

struct WeightsEntry {
  base::WeightsSpec spec;
  std::optional<base::VitShape> shape;  // nothing: the file is not there
  Place place;
};

// In file order; empty when the experiment has no [weights.*]. A file must exist, hold a network that can be loaded and have the digest
// that the experiment gives; when it gives none the Error prints the digest to write down. missing: gets the sentence of a file that is not
// there, which is an Error where it is nullptr.
std::vector<WeightsEntry> read_weights(const Node& root, const std::filesystem::path& experiment_folder, Catalogue& catalogue,
                                       std::vector<std::string>* missing);

}  // namespace clb::plan
