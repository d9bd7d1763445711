// [weights.ROLE]: a safetensors file with its SHA-256, or an untrained ViT of given shape.
#pragma once

#include <clb/base/run_spec.hpp>
#include <clb/plan/catalogue.hpp>
#include <filesystem>
#include <vector>

#include "toml.hpp"

namespace clb::plan {

// In file order; empty when the experiment has no [weights.*]. A file must exist and have the digest that the experiment gives; when it
// gives none the Error prints the digest to write down. missing: gets the sentence of a file that is not there, which is an Error where it
// is nullptr.
std::vector<base::WeightsSpec> read_weights(const Node& root, const std::filesystem::path& experiment_folder, Catalogue& catalogue,
                                            std::vector<std::string>* missing);

}  // namespace clb::plan
